"""The end-to-end app on the Python SDK. Usage: python_app.py PORT; INNGEST_DEV names the server."""

import asyncio
import logging
import os
import sys
from datetime import timedelta

import fastapi
import inngest
import inngest.fast_api
import uvicorn

client = inngest.Inngest(
    app_id="py", logger=logging.getLogger("app"), is_production="INNGEST_DEV" not in os.environ
)
marks: list[dict[str, object]] = []


def mark(what: str, **more: object) -> None:
    marks.append({"what": what, **more})


def on(name: str, **more):
    return inngest.TriggerEvent(event=f"py/{name}", **more)


@client.create_function(fn_id="sequential", trigger=on("sequential"), retries=0)
async def sequential(ctx: inngest.Context) -> str:
    async def part(text: str) -> str:
        mark("sequential", part=text)
        return text

    a = await ctx.step.run("a", lambda: part("a"))
    b = await ctx.step.run("b", lambda: part(a + "b"))
    return await ctx.step.run("c", lambda: part(b + "c"))


@client.create_function(fn_id="parallel", trigger=on("parallel"), retries=0)
async def parallel(ctx: inngest.Context) -> list[object]:
    async def part(text: str) -> str:
        mark("parallel", part=text)
        return text

    found = await ctx.group.parallel(
        (
            lambda: ctx.step.run("a", lambda: part("a")),
            lambda: ctx.step.run("b", lambda: part("b")),
            lambda: ctx.step.run("c", lambda: part("c")),
        )
    )
    return list(found)


@client.create_function(fn_id="adding", trigger=on("adding"), retries=0)
async def adding(ctx: inngest.Context) -> object:
    async def first() -> int:
        mark("adding", part="first")
        return 1

    async def add(a: int, b: int) -> int:
        mark("adding", part="add")
        return a + b

    async def last(total: int) -> object:
        mark("adding", part="last")
        return {"sum": total}

    one = await ctx.step.run("first", first)
    total = await ctx.step.run("add", add, one, 2)
    return await ctx.step.run("last", last, total)


@client.create_function(fn_id="sleeping", trigger=on("sleeping"), retries=0)
async def sleeping(ctx: inngest.Context) -> str:
    mark("sleeping", stage="before")
    await ctx.step.sleep("nap", timedelta(seconds=1))
    return "awake"


@client.create_function(fn_id="waiting", trigger=on("waiting"), retries=0)
async def waiting(ctx: inngest.Context) -> object:
    found = await ctx.step.wait_for_event(
        "wait",
        event="py/go",
        if_exp="event.data.key == async.data.key",
        timeout=timedelta(seconds=ctx.event.data["timeout"]),
    )
    return None if found is None else found.data


@client.create_function(fn_id="child", trigger=on("child"), retries=0)
async def child(ctx: inngest.Context) -> object:
    if ctx.event.data.get("fail"):
        raise inngest.NonRetriableError("the child failed")
    return {"doubled": ctx.event.data["n"] * 2}


@client.create_function(fn_id="invoking", trigger=on("invoking"), retries=0)
async def invoking(ctx: inngest.Context) -> object:
    try:
        return await ctx.step.invoke("call", function=child, data=dict(ctx.event.data))
    except inngest.StepError as error:
        return {"error": error.message}


@client.create_function(fn_id="sending", trigger=on("sending"), retries=0)
async def sending(ctx: inngest.Context) -> object:
    return await ctx.step.send_event("send", inngest.Event(name="py/sent", data={"from": ctx.run_id}))


@client.create_function(fn_id="receiving", trigger=on("sent"), retries=0)
async def receiving(ctx: inngest.Context) -> object:
    return ctx.event.data["from"]


@client.create_function(fn_id="retrying", trigger=on("retrying"), retries=3)
async def retrying(ctx: inngest.Context) -> str:
    async def flaky() -> str:
        mark("retrying", attempt=ctx.attempt)
        if ctx.attempt < 2:
            raise inngest.RetryAfterError("not yet", retry_after=1_000)
        return f"attempt {ctx.attempt}"

    return await ctx.step.run("flaky", flaky)


@client.create_function(fn_id="catching", trigger=on("catching"), retries=0)
async def catching(ctx: inngest.Context) -> str:
    async def broken() -> str:
        raise ValueError("broken step")

    try:
        await ctx.step.run("broken", broken)
    except inngest.StepError as error:
        return f"caught {error.message}"
    return "not reached"


async def on_failure(ctx: inngest.Context) -> object:
    mark("on_failure", error=ctx.event.data["error"]["message"], run_id=ctx.event.data["run_id"])
    return "handled"


@client.create_function(fn_id="failing", trigger=on("failing"), retries=0, on_failure=on_failure)
async def failing(ctx: inngest.Context) -> None:
    raise ValueError("it is broken")


@client.create_function(
    fn_id="cancellable",
    trigger=on("cancellable"),
    retries=0,
    cancel=[inngest.Cancel(event="py/cancel", if_exp="event.data.key == async.data.key")],
)
async def cancellable(ctx: inngest.Context) -> str:
    await ctx.step.sleep("long", timedelta(hours=1))
    return "not reached"


@client.create_function(fn_id="ticking", trigger=inngest.TriggerCron(cron="* * * * *"), retries=0)
async def ticking(ctx: inngest.Context) -> str:
    mark("ticking", at=ctx.event.id)
    return "tick"


async def main() -> None:
    app = fastapi.FastAPI()
    app.get("/marks")(lambda: marks)
    functions = [
        sequential,
        adding,
        parallel,
        sleeping,
        waiting,
        child,
        invoking,
        sending,
        receiving,
        retrying,
        catching,
        failing,
        cancellable,
        ticking,
    ]
    inngest.fast_api.serve(app, client, functions)
    config = uvicorn.Config(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
    await uvicorn.Server(config).serve()


asyncio.run(main())
