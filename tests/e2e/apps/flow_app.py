"""The flow-control app on the Python SDK: functions as they are written in JSON, with the options' names of
the TypeScript SDK. Usage: flow_app.py PORT FUNCTIONS; INNGEST_DEV names the server.

`GET /calls` tells what was done when, by the wall clock, unix ms. `POST /functions` is a new deployment;
`POST /release` lets a function's calls go that are held.
"""

import asyncio
import functools
import json
import logging
import os
import sys
import time
from datetime import timedelta
from pathlib import Path

import fastapi
import inngest
import inngest.fast_api
import uvicorn

UNITS = {"s": "seconds", "m": "minutes", "h": "hours"}

client = inngest.Inngest(
    app_id="py", logger=logging.getLogger("app"), is_production="INNGEST_DEV" not in os.environ
)
calls: list[dict[str, object]] = []
functions: dict[str, inngest.Function] = {}
held: dict[str, asyncio.Event] = {}


def duration(text):
    return None if text is None else timedelta(**{UNITS[text[-1]]: int(text[:-1])})


def limits(given):
    """A number, a limit, or a list of limits."""
    several = given if isinstance(given, list) else [given]
    return [inngest.Concurrency(**(one if isinstance(one, dict) else {"limit": one})) for one in several]


def timed(kind):
    """An option that has durations under these names."""

    def make(given):
        times = {name: duration(given.get(name)) for name in ("period", "timeout", "start", "finish")}
        return kind(**given | {name: time for name, time in times.items() if time is not None})

    return make


def batch(given):
    return inngest.Batch(
        max_size=given["maxSize"],
        timeout=duration(given["timeout"]),
        key=given.get("key"),
        if_exp=given.get("if"),
    )


def cancels(given):
    return [inngest.Cancel(event=one["event"], if_exp=one.get("if")) for one in given]


OPTIONS = {
    "concurrency": ("concurrency", limits),
    "throttle": ("throttle", timed(inngest.Throttle)),
    "rateLimit": ("rate_limit", timed(inngest.RateLimit)),
    "debounce": ("debounce", timed(inngest.Debounce)),
    "batchEvents": ("batch_events", batch),
    "singleton": ("singleton", lambda given: inngest.Singleton(**given)),
    "priority": ("priority", lambda given: inngest.Priority(**given)),
    "timeouts": ("timeouts", timed(inngest.Timeouts)),
    "cancelOn": ("cancel", cancels),
    "idempotency": ("idempotency", str),
}


async def work(function, step, ctx, until):
    """What it returns are the numbers of the events."""
    numbers = [event.data.get("n") for event in ctx.events]
    done = {
        "function": function,
        "step": step,
        "run": ctx.run_id,
        "attempt": ctx.attempt,
        "n": numbers,
        "begun": time.time() * 1_000,
        "ended": None,
    }
    calls.append(done)
    await until
    done["ended"] = time.time() * 1_000
    return numbers


def release_of(function):
    return held.setdefault(function, asyncio.Event())


async def act(function, ctx, kind, name, more):
    if kind == "work":
        return await ctx.step.run(name, lambda: work(function, name, ctx, asyncio.sleep(more)))
    if kind == "parallel":
        each = [functools.partial(act, function, ctx, "work", step, more) for step in name]
        return await ctx.group.parallel(tuple(each))
    if kind == "call":
        return await work(function, "", ctx, asyncio.sleep(more))
    if kind == "hold":
        return await work(function, "", ctx, release_of(function).wait())
    if kind == "sleep":
        return await ctx.step.sleep(name, timedelta(seconds=more))
    if kind == "invoke":
        return await ctx.step.invoke(name, function=functions[more], data=dict(ctx.event.data))
    raise inngest.NonRetriableError(name)


def made(given):
    id = given["id"]
    options = {OPTIONS[name][0]: OPTIONS[name][1](value) for name, value in given["options"].items()}

    async def failed(ctx: inngest.Context) -> None:
        await work(f"{id}-failure", ctx.event.data["error"]["message"], ctx, asyncio.sleep(0))

    if given["onFailure"]:
        options["on_failure"] = failed
    trigger = inngest.TriggerEvent(event=given["event"], expression=given["if"] or None)

    @client.create_function(fn_id=id, trigger=trigger, retries=0, **options)
    async def handler(ctx: inngest.Context) -> object:
        found = None
        for step in given["body"]:
            found = await act(id, ctx, *step)
        return found

    return handler


def deployed(given):
    functions.clear()
    functions.update({one["id"]: made(one) for one in given})
    app = fastapi.FastAPI()
    inngest.fast_api.serve(app, client, list(functions.values()))
    return app


async def main(port: int, given: list[object]) -> None:
    serving = deployed(given)
    own = fastapi.FastAPI()

    @own.get("/calls")
    async def tell() -> list[dict[str, object]]:
        return calls

    @own.post("/functions")
    async def deploy(request: fastapi.Request) -> None:
        nonlocal serving
        serving = deployed(await request.json())

    @own.post("/release")
    async def release(request: fastapi.Request) -> None:
        release_of(await request.json()).set()

    async def app(scope, receive, send):
        ours = scope["type"] == "http" and scope["path"] in ("/calls", "/functions", "/release")
        await (own if ours else serving)(scope, receive, send)

    config = uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning")
    await uvicorn.Server(config).serve()


asyncio.run(main(int(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text())))
