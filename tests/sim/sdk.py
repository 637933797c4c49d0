"""What an SDK does with a call (sdk-protocol §§2–4): reads the request's bytes, runs the function, answers."""

import base64
import hashlib
import json
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

from inngest_fast.ports.app_client import AppResponse
from tests.sim.programs import (
    All,
    Body,
    Fetch,
    Invoke,
    Outcome,
    Program,
    Race,
    Run,
    Send,
    Sleep,
    Step,
    WaitEvent,
    WaitSignal,
    interpret,
    step_id,
)

Op = dict[str, Any]


class Bodies(Protocol):
    """What the user's code reaches outside itself."""

    def executed(self, run_id: str, step: Step) -> int:
        """Notes that a step's body runs; how often it ran before."""
        ...

    async def send(self, run_id: str, step: Send) -> list[str]:
        """Posts an event to the server. Raises OSError when that is not acknowledged."""
        ...

    async def checkpoint(self, ctx: dict[str, Any], ops: list[Op]) -> int:
        """Reports steps to the server. The status that it answers with; 503 if it does not."""
        ...


async def answer(program: Program, url: str, body: bytes, bodies: Bodies) -> AppResponse:
    """One call, from the request as it came over the wire."""
    request = json.loads(body)
    ctx = request["ctx"]
    target = parse_qs(urlsplit(url).query)["stepId"][0]
    memos, stack = request["steps"], ctx["stack"]["stack"]
    assert sorted(memos) == sorted(stack), "the stack is not what the memos are"
    call = _Call(program, ctx, bodies)
    if program.checkpoints and target == "step" and not ctx["disable_immediate_execution"]:
        return await call.checkpointed(dict(memos), list(stack))
    outcome = interpret(program.body, memos, stack, ctx["attempt"])
    if outcome.done and not (program.keeps_losers and outcome.open):
        return call.ended(outcome)
    if outcome.thrown is not None:
        return call.thrown(outcome.thrown.final, str(outcome.thrown))
    if target != "step":
        for step in outcome.open:
            if step_id(step.id) == target:
                return await call.executed(step)
        return call.failed(500, {"error": f"Could not find step {target!r}"}, no_retry=False)
    if len(outcome.open) == 1 and not ctx["disable_immediate_execution"] and _has_body(outcome.open[0]):
        return await call.executed(outcome.open[0])
    racing = races(program.body)
    return call.ops([_planned(step, race=step.id in racing) for step in outcome.open])


class _Call:
    def __init__(self, program: Program, ctx: dict[str, Any], bodies: Bodies) -> None:
        self._program = program
        self._run_id = ctx["run_id"]
        self._ctx = ctx
        self._last = ctx["attempt"] + 1 >= ctx["max_attempts"]
        self._bodies = bodies

    async def checkpointed(self, memos: dict[str, Any], stack: list[str]) -> AppResponse:
        """Runs one step after the other, reporting each, for as long as there is one alone."""
        program = self._program
        while True:
            outcome = interpret(program.body, memos, stack, self._ctx["attempt"])
            if outcome.done and not (program.keeps_losers and outcome.open):
                return self.ended(outcome)
            if outcome.thrown is not None:
                return self.thrown(outcome.thrown.final, str(outcome.thrown))
            if len(outcome.open) != 1 or not _has_body(outcome.open[0]):
                racing = races(program.body)
                return self.ops([_planned(step, race=step.id in racing) for step in outcome.open])
            response = await self.executed(outcome.open[0])
            (op,) = json.loads(response.body)
            if op["op"] != "StepRun":
                return response
            status = await self._bodies.checkpoint(self._ctx, [op])
            if status == 409:
                return self.failed(400, {"name": "StaleDispatchError", "message": "409"}, no_retry=True)
            if status != 200:
                return response
            memos[op["id"]] = {"data": op["data"]}
            stack.append(op["id"])

    def ended(self, outcome: Outcome) -> AppResponse:
        if self._program.run_complete:
            return self.ops([{"op": "RunComplete", "id": step_id("complete"), "data": outcome.output}])
        return self._response(200, outcome.output)

    def thrown(self, final: bool, message: str) -> AppResponse:
        error = {"name": "Error", "message": message, "stack": message, "__serialized": True}
        return self.failed(400 if final else 500, error, no_retry=final)

    def failed(self, status: int, error: object, *, no_retry: bool) -> AppResponse:
        return self._response(status, error, {"x-inngest-no-retry": "true" if no_retry else "false"})

    def ops(self, ops: list[Op], headers: dict[str, str] | None = None) -> AppResponse:
        return self._response(206, ops, headers)

    async def executed(self, step: Step) -> AppResponse:
        """Runs a step's body and reports it; a step without one is planned as ever."""
        if not isinstance(step, Run | Send):
            return self.ops([_planned(step, race=False)])
        op: Op = {"id": step_id(step.id), "name": step.id, "displayName": step.id, "opts": {}}
        before = self._bodies.executed(self._run_id, step)
        if isinstance(step, Send):
            op["opts"] = {"type": "step.sendEvent"}
            try:
                op["data"] = {"ids": await self._bodies.send(self._run_id, step)}
            except OSError as error:
                return self._step_error(op, str(error), final=False)
        elif before < step.fails:
            return self._step_error(op, f"failure {before}", final=step.final)
        else:
            op["data"] = {"step": step.id, "execution": before}
        return self.ops([{"op": "StepRun", **op}])

    def _step_error(self, op: Op, message: str, *, final: bool) -> AppResponse:
        error = {"name": "StepError", "message": message, "stack": message}
        last = final or self._last
        headers = {
            "x-inngest-no-retry": "true" if last and (final or self._program.version == 2) else "false"
        }
        return self.ops([{"op": "StepFailed" if last else "StepError", **op, "error": error}], headers)

    def _response(self, status: int, body: object, headers: dict[str, str] | None = None) -> AppResponse:
        version = self._program.version
        own = {"x-inngest-sdk": f"js:v{version + 2}.0.0", "x-inngest-req-version": str(version)}
        return AppResponse(status, {**own, **(headers or {})}, json.dumps(body).encode())


def _has_body(step: Step) -> bool:
    return isinstance(step, Run | Send)


def _planned(step: Step, *, race: bool) -> Op:
    op: Op = {"id": step_id(step.id), "displayName": step.id, "data": None}
    opts: dict[str, Any] = {"parallelMode": "race"} if race else {}
    if isinstance(step, Sleep):
        op |= {"op": "Sleep", "name": f"{step.seconds}s"}
    elif isinstance(step, Fetch):
        op |= {"op": "Gateway"}
        opts |= {"url": f"http://elsewhere.test/{step.id}", "method": "GET", "headers": {}}
    elif isinstance(step, WaitEvent):
        op |= {"op": "WaitForEvent", "name": step.event}
        opts["timeout"] = f"{step.timeout}s"
        if step.match:
            opts["if"] = "event.data.n == async.data.n"
    elif isinstance(step, WaitSignal):
        op |= {"op": "WaitForSignal", "name": step.signal}
        opts |= {"signal": step.signal, "timeout": f"{step.timeout}s", "conflict": "replace"}
    elif isinstance(step, Invoke):
        op |= {"op": "InvokeFunction"}
        opts |= {"function_id": step.target, "payload": {"data": {"n": 7}}, "timeout": f"{step.timeout}s"}
    else:
        op |= {"op": "StepPlanned", "name": step.id}
    op["opts"] = opts
    return op


_known_races: dict[int, tuple[Body, frozenset[str]]] = {}


def races(body: Body) -> frozenset[str]:
    """The names of the steps that are in a race."""
    known = _known_races.get(id(body))
    if known is not None and known[0] is body:
        return known[1]
    found: set[str] = set()
    _findraces(body, within=False, found=found)
    if len(_known_races) > 1_000:
        _known_races.clear()
    _known_races[id(body)] = (body, frozenset(found))
    return frozenset(found)


def _findraces(body: Body, *, within: bool, found: set[str]) -> None:
    for statement in body:
        if isinstance(statement, All | Race):
            for branch in statement.branches:
                _findraces(branch, within=within or isinstance(statement, Race), found=found)
        elif within and hasattr(statement, "id"):
            found.add(statement.id)


def event_seed(ms: int, text: str) -> str:
    """The header that makes a repeated request the same request (sdk-protocol §8.4)."""
    return f"{ms},{base64.b64encode(hashlib.sha1(text.encode()).digest()[:10]).decode()}"
