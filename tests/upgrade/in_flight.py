"""Runs in flight, each kept up by something else, and how they come to their ends under a later version."""

from typing import Any

from tests.fixtures.server_process import ServerProcess
from tests.fixtures.stub_app import Call, StubApp, http, ops, ran, result
from tests.fixtures.waiting import eventually

FUNCTIONS = ("napping", "waiting", "signalled", "invoking", "parallel", "retrying", "cancelled", "held")
_LONG = "364d"  # the most is a year: then these are to be recorded again


class InFlightApp(StubApp):
    """Every function does one step, and then stops in a way of its own until the server is another one.

    `napping` sleeps, `waiting` waits for an event, `signalled` for a signal, `invoking` for a run that sleeps,
    `parallel` has one of two steps done, `retrying` failed, `cancelled` sleeps and has a cancelOn, `held` has
    not been called yet.
    """

    upgraded = False

    def __post_init__(self) -> None:
        super().__post_init__()
        self.executed: list[tuple[str, str]] = []
        for id in (*FUNCTIONS, "child"):
            config: dict[str, Any] = {}
            if id == "cancelled":
                config["cancel"] = [{"event": "stub/stop", "if": "event.data.n == async.data.n"}]
            self.function(id, self._told(id), retries=4, **config)

    def _told(self, id: str) -> Any:
        def answer(call: Call) -> bytes:
            body = call.json()
            known, target = body["steps"], call.query.get("stepId", "step")
            if id == "child":
                return ops(_sleep("nap", "1m")) if "nap" not in known else result("child")
            if id == "parallel" and "first" in known:
                return self._parallel(known, target)
            if "first" not in known:
                return self._run(id, "first")
            if id == "retrying":
                return (
                    self._run(id, "again") if self.upgraded and "again" not in known else self._retry(known)
                )
            if "second" not in known:
                return ops(_STOPS[id])
            return result(sorted(known))

        return answer

    def _run(self, function: str, step: str) -> bytes:
        self.executed.append((function, step))
        return ops(ran(step, step))

    def _retry(self, known: dict[str, Any]) -> bytes:
        if "again" in known:
            return result(sorted(known))
        return http('{"name":"Error","message":"not yet","stack":""}', 500, retry_after="60")

    def _parallel(self, known: dict[str, Any], target: str) -> bytes:
        if target == "left":
            return self._run("parallel", "left")
        if target == "right":
            return self._run("parallel", "right") if self.upgraded else http("{}", 500, retry_after="60")
        if "left" in known and "right" in known:
            return result(sorted(known))
        return ops(
            *({"op": "StepPlanned", "id": id, "name": id, "displayName": id} for id in ("left", "right"))
        )


def _sleep(id: str, duration: str) -> dict[str, Any]:
    return {"op": "Sleep", "id": id, "name": duration, "displayName": id}


_STOPS: dict[str, dict[str, Any]] = {
    "napping": _sleep("second", "1m"),
    "held": _sleep("second", "1s"),
    "cancelled": _sleep("second", _LONG),
    "waiting": {
        "op": "WaitForEvent",
        "id": "second",
        "name": "stub/go",
        "displayName": "second",
        "opts": {"timeout": _LONG, "if": "event.data.n == async.data.n"},
    },
    "signalled": {
        "op": "WaitForSignal",
        "id": "second",
        "name": "second",
        "displayName": "second",
        "opts": {"timeout": _LONG, "signal": "go", "conflict": "fail"},
    },
    "invoking": {
        "op": "InvokeFunction",
        "id": "second",
        "displayName": "second",
        "opts": {"function_id": "stub-child", "payload": {"data": {}}, "timeout": _LONG},
    },
}


def put_in_flight(server: ServerProcess, app: InFlightApp) -> None:
    """Starts a run of every function and waits until it is as far as it goes."""
    assert app.sync().status == 200
    server.send(*({"name": app.event(id), "data": {"n": 7}} for id in FUNCTIONS if id != "held"))

    def settled() -> bool:
        runs = [server.run(run["id"]) for run in server.runs()]
        done = {run["function_slug"].removeprefix("stub-"): len(run["steps"]) for run in runs}
        wanted = {"parallel": 3, "retrying": 1, "child": 1}
        return all(done.get(id, 0) >= wanted.get(id, 2) for id in (*FUNCTIONS, "child") if id != "held")

    eventually(settled, within=30, what="every run in flight")
    app.stop()
    server.send({"name": app.event("held"), "data": {"n": 7}})


def bring_to_their_ends(server: ServerProcess, app: InFlightApp) -> dict[str, str]:
    """Registers the app with the later server and gives the runs what they wait for; their statuses."""
    app.upgraded = True
    assert app.sync().status == 200
    server.send({"name": "stub/go", "data": {"n": 7}}, {"name": "stub/stop", "data": {"n": 7}})
    assert server.call("POST", "/v1/signals", {"signal": "go", "data": 1}).status == 200

    def ended() -> bool:
        return all(run["ended_at"] for run in server.runs())

    eventually(ended, within=30, what="the ends of all runs")
    return {run["function_slug"].removeprefix("stub-"): run["status"] for run in server.runs()}
