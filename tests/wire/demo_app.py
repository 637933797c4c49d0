"""The app of the reference's examples, on the Python SDK. Usage: demo_app.py PORT; INNGEST_DEV names the server."""

import asyncio
import datetime as dt
import logging
import os
import sys

import fastapi
import inngest
import inngest.fast_api
import uvicorn

client = inngest.Inngest(
    app_id="demo", logger=logging.getLogger("app"), is_production="INNGEST_DEV" not in os.environ
)


class BoomError(inngest.NonRetriableError):
    pass


@client.create_function(
    fn_id="order-flow",
    name="Order flow",
    trigger=inngest.TriggerEvent(event="shop/order.placed"),
    concurrency=[inngest.Concurrency(limit=5)],
    retries=2,
)
async def order_flow(ctx: inngest.Context) -> object:
    async def charge() -> object:
        return {"charged": ctx.event.data["amount"]}

    async def mail() -> object:
        return {"sent": True}

    charged = await ctx.step.run("charge", charge)
    await ctx.step.run("mail", mail)
    return charged


@client.create_function(
    fn_id="always-fails",
    name="Always fails",
    trigger=inngest.TriggerEvent(event="shop/fail"),
    retries=1,
)
async def always_fails(ctx: inngest.Context) -> None:
    raise BoomError("kaboom")


@client.create_function(
    fn_id="waits", name="Waits", trigger=inngest.TriggerEvent(event="shop/wait"), retries=0
)
async def waits(ctx: inngest.Context) -> None:
    async def before() -> object:
        return 1

    await ctx.step.run("before", before)
    await ctx.step.sleep("long", dt.timedelta(hours=1))


@client.create_function(
    fn_id="child", name="Child", trigger=inngest.TriggerEvent(event="shop/child"), retries=0
)
async def child(ctx: inngest.Context) -> object:
    return {"got": {k: v for k, v in ctx.event.data.items() if k != "_inngest"}}


@client.create_function(
    fn_id="calls", name="Calls", trigger=inngest.TriggerEvent(event="shop/call"), retries=0
)
async def calls(ctx: inngest.Context) -> object:
    return await ctx.step.invoke("call", function=child, data={"n": ctx.event.data["n"]})


@client.create_function(
    fn_id="nightly", name="Nightly", trigger=inngest.TriggerCron(cron="0 0 1 1 *"), retries=0
)
async def nightly(ctx: inngest.Context) -> str:
    return "done"


async def main() -> None:
    app = fastapi.FastAPI()
    functions = [order_flow, always_fails, waits, child, calls, nightly]
    inngest.fast_api.serve(app, client, functions, serve_origin=f"http://127.0.0.1:{sys.argv[1]}")
    config = uvicorn.Config(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
    await uvicorn.Server(config).serve()


asyncio.run(main())
