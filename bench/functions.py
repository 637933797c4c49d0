"""The functions of the app: what each answers to a call (sdk-protocol §§2-4)."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import msgspec

SDK: Final = "bench:v1.0.0"
WAITED_FOR: Final = "bench/go"
WAITED_IF: Final = "event.data.n == async.data.n"
STEPS: Final = 3
PARALLEL: Final = 10


class Context(msgspec.Struct):
    run_id: str
    attempt: int = 0


class Data(msgspec.Struct):
    n: int


class Event(msgspec.Struct):
    data: Data


class Call(msgspec.Struct):
    """What the app reads of a call request."""

    ctx: Context
    event: Event
    steps: dict[str, msgspec.Raw]


class Answer(msgspec.Struct):
    status: int
    body: bytes
    last: bool = False


Function = Callable[[Call, str], Answer]

RESULT = Answer(200, b'{"ok":true}', last=True)


def noop(_call: Call, _step_id: str) -> Answer:
    return RESULT


def steps3(call: Call, _step_id: str) -> Answer:
    """Steps one after the other, each done in the call that finds it."""
    done = len(call.steps)
    return RESULT if done == STEPS else _SEQUENTIAL[done]


def par10(call: Call, step_id: str) -> Answer:
    """All steps planned at once; then a call for each, and one for the end."""
    if step_id != "step":
        return _BRANCHES[step_id]
    missing = [plan for id, plan in _PLANS.items() if id not in call.steps]
    if not missing:
        return RESULT
    return Answer(206, b"[" + b",".join(missing) + b"]")


def wait(call: Call, _step_id: str) -> Answer:
    """Waits for the event that carries the number of its own."""
    return RESULT if call.steps else _WAIT


def _id(name: str) -> str:
    return hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()


def _op(op: str, name: str, **more: Any) -> bytes:
    fields = {"op": op, "id": _id(name), "name": name, "displayName": name, "userland": {"id": name}}
    return msgspec.json.encode({**fields, "opts": {}, **more})


def ran(name: str) -> Answer:
    """A step of that name, done."""
    return Answer(206, b"[" + _op("StepRun", name, data={"step": name, "text": "x" * 64}) + b"]")


_SEQUENTIAL = [ran(f"s{i}") for i in range(STEPS)]
_PARALLEL = [f"p{i}" for i in range(PARALLEL)]
_PLANS = {_id(name): _op("StepPlanned", name) for name in _PARALLEL}
_BRANCHES = {_id(name): ran(name) for name in _PARALLEL}
_WAIT = Answer(
    206,
    b"["
    + _op(
        "WaitForEvent",
        WAITED_FOR,
        opts={"timeout": "1h", "if": WAITED_IF},
    )
    + b"]",
)

FUNCTIONS: Final[dict[str, Function]] = {"noop": noop, "steps3": steps3, "par10": par10, "wait": wait}


def registration(
    app: str, url: str, functions: Iterable[str], flow: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """The body of `POST /fn/register` for an app at `url`; `flow` is what of flow control functions have.

    A function is started by the event `{app}/{function}`.
    """
    return {
        "url": url,
        "deployType": "ping",
        "sdk": SDK,
        "v": "0.1",
        "framework": "bench",
        "appName": app,
        "functions": [{**_function(app, name, url), **flow.get(name, {})} for name in functions],
    }


def _function(app: str, name: str, url: str) -> dict[str, Any]:
    runtime = {"type": "http", "url": f"{url}?fnId={app}-{name}&stepId=step"}
    step = {"id": "step", "name": "step", "retries": {"attempts": 3}, "runtime": runtime}
    return {
        "id": f"{app}-{name}",
        "name": name,
        "triggers": [{"event": f"{app}/{name}"}],
        "steps": {"step": step},
    }
