"""What each consumer of http-api §10.1 asks for, and what is answered, as a Markdown table.

`python -m tests.wire.consumers` starts the servers and the app by itself. It ends with 1 if an answer is not
the one that the consumer needs.
"""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.fixtures.http import Reply, call
from tests.fixtures.server_process import SIGNING_KEY, ServerProcess
from tests.wire.conftest import demo_app
from tests.wire.normal import normal
from tests.wire.scene import Scene

Check = Callable[[Reply], bool]
_SHOWN = 72
_SPANS = "{ name stepType attempts outputID status childrenSpans { name stepType status outputID } }"
_FROM = '{ from: "2020-01-01T00:00:00Z" }'


@dataclass
class Ask:
    """One request; `needed` is what the consumer relies on."""

    method: str
    path: str
    needed: Check
    send: Any = None
    shown: str = ""
    headers: dict[str, str] = field(default_factory=dict)


def status(*wanted: int) -> Check:
    return lambda reply: reply.status in wanted


def has(*path: str | int) -> Check:
    """A 200 whose JSON has something there."""

    def check(reply: Reply) -> bool:
        value = reply.json() if reply.status == 200 else None
        for step in path:
            try:
                value = value[step]  # type: ignore[index]
            except (LookupError, TypeError):
                return False
        return value is not None

    return check


def not_json(reply: Reply) -> bool:
    try:
        reply.json()
    except ValueError:
        return True
    return False


def graphql(selection: str, *path: str | int) -> Ask:
    """`path` is below `data`."""
    mutation = selection.startswith("mutation")
    text = selection if mutation else "{ " + selection + " }"
    shown = selection.partition("{")[0].strip() if not mutation else selection[:40]
    name = shown.partition("(")[0]
    return Ask("POST", "/v0/gql", has("data", *path), {"query": text}, f"`{name}`")


def rows(scene: Scene) -> Iterator[tuple[str, Sequence[Ask]]]:
    """The consumers of §10.1, each with its requests."""
    event_id, run_id = scene.repeated
    failed_event, failed = scene.failed
    _, sleeping = scene.sleeping
    seed = {"x-inngest-event-id-seed": "1795425252211,AAECAwQFBgcICQ=="}
    function = scene.function_id("demo-waits")
    checkpoint = f"/v1/checkpoint/{sleeping}/async"
    yield (
        "SDK runtime",
        (
            Ask("POST", "/e/key", has("ids", 0), [{"name": "shop/none"}], headers=seed),
            Ask("POST", "/fn/register", status(400), {}),
            Ask("GET", f"/v0/runs/{sleeping}/actions", status(200)),
            Ask("GET", f"/v0/runs/{sleeping}/batch", has(0, "name")),
            Ask("GET", "/dev", has("functions", 0, "steps", 0, "uri")),
        ),
    )
    yield (
        "SDK features",
        (
            Ask("POST", "/v1/signals", status(404), {"signal": "order-77", "data": 1}),
            Ask("POST", "/v1/realtime/token", status(200, 201), []),
            Ask("POST", checkpoint, status(400, 404, 409), {}),
            Ask("POST", "/v1/http/runs", status(400), {}),
            Ask("POST", "/v1/traces/userland", status(200), {"resourceSpans": []}),
            Ask(
                "POST",
                f"/v1/runs/{run_id}/metadata",
                status(200),
                {"target": {}, "metadata": [{"kind": "userland.note", "op": "merge", "values": {"a": 1}}]},
            ),
            Ask("POST", "/v0/connect/start", status(200, 400), {}),
            Ask("POST", "/v0/connect/flush", status(200, 400), {}),
        ),
    )
    yield (
        "py suite",
        (
            graphql(f'run(runID: "{run_id}") {{ trace {{ childrenSpans {{ name outputID }} }} }}', "run"),
            graphql(f'event(query: {{ eventId: "{event_id}" }}) {{ functionRuns {{ id }} }}', "event"),
            graphql(f'run(runID: "{run_id}") {{ output status }}', "run", "output"),
            graphql(f'runTrigger(runID: "{run_id}") {{ payloads }}', "runTrigger", "payloads", 0),
            Ask("GET", "/v1/events?name=shop/order.placed", has("data", 0, "internal_id")),
            Ask("GET", "/v0/connect/envs/dev/conns", status(200)),
        ),
    )
    yield (
        "JS suites",
        (
            graphql(f'run(runID: "{failed}") {{ trace(preview: true) {_SPANS} }}', "run", "trace"),
            graphql(
                "stream(query: { limit: 999, includeInternalEvents: false })"
                " { id trigger type createdAt runs { id function { name } } }",
                "stream",
                0,
            ),
            graphql("events(query: {}) { id name }", "events", 0),
            graphql(f'eventV2(id: "{failed_event}") {{ idempotencyKey name raw }}', "eventV2", "raw"),
        ),
    )
    yield (
        "Go e2e",
        (
            graphql("functions { id name app { name } }", "functions", 0, "app"),
            graphql(
                f"eventsV2(filter: {_FROM}) {{ edges {{ node {{ name raw }} }} }}", "eventsV2", "edges", 0
            ),
            graphql(
                f"runs(preview: true, orderBy: [], filter: {_FROM})"
                " { edges { node { id status } } pageInfo { hasNextPage } totalCount(preview: true) }",
                "runs",
                "totalCount",
            ),
            graphql(
                f'functionRun(query: {{ functionRunId: "{run_id}" }}) {{ output status }}',
                "functionRun",
                "output",
            ),
            Ask("GET", "/test", status(200)),
            Ask("GET", f"/test/queue/function-queue-size?fnId={function}", has("count")),
            Ask("POST", f"/fn/step-limit?functionId={function}&limit=9", status(200)),
            Ask("DELETE", f"/fn/step-limit?functionId={function}", status(200)),
            Ask("POST", f"/fn/state-size-limit?functionId={function}&limit=9999", status(200)),
            Ask("DELETE", f"/fn/state-size-limit?functionId={function}", status(200)),
            Ask("DELETE", "/fn/remove?url=http://localhost:1/x", status(404)),
            Ask("DELETE", f"/v1/runs/{run_id}", status(200)),
            Ask(
                "POST",
                "/api/v2/apps/demo/functions/child/invoke",
                has("data", "runId"),
                {"data": {"n": 1}},
            ),
        ),
    )
    yield (
        "UI",
        (
            graphql("apps { id name url functionCount connected }", "apps", 0),
            graphql(f'runTrace(runID: "{run_id}") {_SPANS}', "runTrace", "name"),
            graphql(f'mutation {{ rerun(runID: "{run_id}") }}', "rerun"),
            graphql('mutation { invokeFunction(functionSlug: "demo-child", data: {}) }', "invokeFunction"),
            Ask("POST", "/invoke/demo-child", has("id"), {"data": {}}),
            Ask("POST", "/v0/telemetry", status(200), {}),
        ),
    )
    yield (
        "Automation",
        (
            Ask("GET", f"/v1/events/{event_id}", has("data", "internal_id")),
            Ask("GET", f"/v1/events/{event_id}/runs", has("data", 0, "run_id")),
            Ask("GET", f"/v1/runs/{run_id}", has("data", "output")),
            Ask("GET", "/api/v2/runs", has("data", 0, "id")),
            Ask("GET", f"/api/v2/runs/{run_id}?includeOutput=true", has("data", "output")),
            Ask("GET", f"/api/v2/runs/{run_id}/trace", has("data", "rootSpan")),
            Ask("POST", f"/api/v2/runs/{run_id}/rerun", has("data", "runId"), {}),
            Ask("GET", "/health", status(200)),
            Ask(
                "GET", "/metrics", lambda reply: reply.status == 200 and b"inngest_queue_depth" in reply.body
            ),
        ),
    )


def in_production(server: ServerProcess) -> Sequence[tuple[Ask, Reply]]:
    """What the JS SDK must not take for a dev server."""
    asked = []
    for headers in ({}, {"Authorization": f"Bearer {SIGNING_KEY}"}):
        ask = Ask("GET", "/dev", not_json, shown="`start`, " + ("with the key" if headers else "without"))
        asked.append((ask, call("GET", server.url + "/dev", headers=headers)))
    return asked


@dataclass
class Line:
    consumer: str
    ask: Ask
    reply: Reply

    @property
    def good(self) -> bool:
        return self.ask.needed(self.reply)

    @property
    def markdown(self) -> str:
        ask = self.ask
        request = f"`{ask.method} {normal(ask.path)}` {ask.shown}".strip()
        try:
            body = json.dumps(normal(self.reply.json()))
        except ValueError:
            body = self.reply.body.decode(errors="replace").partition("\n")[0]
        body = body[:_SHOWN].replace("|", "\\|").replace("`", "'") + ("…" if len(body) > _SHOWN else "")
        verdict = "yes" if self.good else "**no**"
        return f"| {self.consumer} | {request} | {self.reply.status} `{body}` | {verdict} |"


@contextmanager
def _scene() -> Iterator[Scene]:
    server = ServerProcess("dev", "--no-discovery", "--no-poll", environment={"TEST_MODE": "true"}).start()
    try:
        app = demo_app(server)
        try:
            yield Scene(server, app)
        finally:
            app.stop()
    finally:
        server.stop()


def lines(scene: Scene) -> list[Line]:
    """Every row asked, in order."""
    return [
        Line(consumer, ask, scene.call(ask.method, ask.path, ask.send, headers=ask.headers))
        for consumer, asks in rows(scene)
        for ask in asks
    ]


def main() -> int:
    production = ServerProcess("start").start()
    try:
        found = [Line("SDK runtime", ask, reply) for ask, reply in in_production(production)]
    finally:
        production.stop()
    with _scene() as scene:
        found += lines(scene)
    print("| Consumer | Request | Answer | As needed |\n|---|---|---|---|")  # noqa: T201 what it is for
    for line in found:
        print(line.markdown)  # noqa: T201 what it is for
    return 0 if all(line.good for line in found) else 1


if __name__ == "__main__":
    sys.exit(main())
