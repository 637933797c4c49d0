"""How long questions take: lists of very many runs, and the trace of one with very many steps."""

import asyncio
import contextlib
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from bench.app import App
from bench.functions import RESULT, Answer, Call, noop, ran
from bench.history import fill_file
from bench.measure import milliseconds
from bench.result import Result
from bench.server import Server, started
from bench.stage import Stage, staged

STEPS: Final = 1_000

_RUNS: Final = '{ runs(first: 40, orderBy: [{field: %s, direction: DESC}], filter: {from: "%s"%s}) { %s } }'
_NODES: Final = (
    "edges { cursor node { id status queuedAt startedAt endedAt function { name } app { name } } }"
)
_COUNT: Final = "pageInfo { hasNextPage endCursor } totalCount"
_SPAN: Final = "spanID name status attempts outputID queuedAt startedAt endedAt stepOp stepID"
_TRACE: Final = '{ run(runID: "%s") { status trace(preview: true) { %s childrenSpans { %s } } } }'
_LONG_AGO: Final = "2000-01-01T00:00:00Z"


def long(call: Call, _step_id: str) -> Answer:
    done = len(call.steps)
    return RESULT if done == STEPS else ran(f"s{done}")


async def play(stage: Stage) -> list[Result]:
    """Against a server of its own, on a file with `--crowd` finished runs; each question is asked `--probes`
    times, one after the other.
    """
    options = stage.options
    with tempfile.TemporaryDirectory(prefix="inngest-fast-bench-") as home:
        own = [*options.server_arguments, "--sqlite-dir", home]
        with started(options.mode, own) as server:
            async with staged(server, options) as first:
                await _made(first)
        seconds = await asyncio.to_thread(fill_file, Path(home) / "main.db", options.crowd)
        with started(options.mode, own) as server:
            async with staged(server, options) as full:
                results = [await _asked(full, server, what, text) for what, text in _questions(options.crowd)]
                results += await _traced(full, server)
    results[0].figures["fill_seconds"] = seconds
    return results


def _questions(crowd: int) -> Iterator[tuple[str, str]]:
    """What is asked, and how."""

    def runs(order: str = "QUEUED_AT", more: str = "", fields: str = _NODES) -> str:
        return _RUNS % (order, _LONG_AGO, more, fields)

    def search(text: str) -> str:
        return f", query: {msgspec.json.encode(text).decode()}"

    yield "newest 40", runs()
    yield "with how many there are", runs(fields=f"{_NODES} {_COUNT}")
    yield "that failed", runs(more=", status: [FAILED]")
    yield "that failed, and how many", runs(more=", status: [FAILED]", fields=f"{_NODES} {_COUNT}")
    yield "by their end", runs("ENDED_AT")
    yield "search that half of them meet", runs(more=search("event.data.n > 0"))
    yield (
        "search that one in 1,000 meets",
        runs(more=search(f"event.data.n >= {10**9 + crowd - crowd // 1_000}")),
    )
    yield "search that nothing meets", runs(more=search("event.data.n == -1"))


async def _made(stage: Stage) -> None:
    lost = await stage.play("bench/noop", stage.numbers(1))
    if lost:
        raise SystemExit("bench: the run to copy was not done")


async def _traced(stage: Stage, server: Server) -> list[Result]:
    """The trace of a run of very many steps."""
    async with App(stage.journal, stage.sender, "lists", {"long": long, "noop": noop}):
        lost = await stage.play("lists/long", stage.numbers(1))
    found = await _query(server, _RUNS % ("QUEUED_AT", _LONG_AGO, "", "edges { node { id } }"))
    run_id = found["runs"]["edges"][0]["node"]["id"]
    result = await _asked(stage, server, f"trace of {STEPS:,} steps", _TRACE % (run_id, _SPAN, _SPAN))
    result.counts["lost"] = lost
    return [result]


async def _asked(stage: Stage, server: Server, what: str, text: str) -> Result:
    options = stage.options
    counts = {"sent": options.probes, "crowd": options.crowd, "lost": 0}
    result = Result("lists", what, "question")
    await _query(server, text)
    took: list[float] = []
    async with stage.measured(result, options.probes):
        for _ in range(options.probes):
            begun = time.perf_counter()
            await _query(server, text)
            took.append(time.perf_counter() - begun)
    result.figures["answer_ms"] = milliseconds(took)
    result.counts |= counts
    return result


async def _query(server: Server, text: str) -> dict[str, Any]:
    """SystemExit for an answer with errors."""
    host, port = server.addresses[0]
    body = msgspec.json.encode({"query": text})
    reader, writer = await asyncio.open_connection(host, port)
    with contextlib.closing(writer):
        head = (
            f"POST /v0/gql HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {server.signing_key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        writer.write(head.encode() + body)
        answer = await reader.read()
    status, _, content = answer.partition(b"\r\n\r\n")
    if not status.startswith(b"HTTP/1.1 200"):
        raise SystemExit(f"bench: a question was refused: {status.decode()} {content[:500].decode()}")
    found: dict[str, Any] = msgspec.json.decode(content)
    if found.get("errors"):
        raise SystemExit(f"bench: a question was not answered: {found['errors']}")
    data: dict[str, Any] = found["data"]
    return data
