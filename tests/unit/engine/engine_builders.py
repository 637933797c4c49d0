"""Runs, functions, jobs and ops for the tables of this directory, and how decisions are asked for.

Every decision is made twice on equal input: both must be equal, and must leave the input as it was.
"""

import json
from copy import deepcopy

from inngest_fast._native.canonical import canonicalize, quote
from inngest_fast.domain.apps import Function
from inngest_fast.domain.events import Event, wire_form
from inngest_fast.domain.functions import FunctionConfig
from inngest_fast.domain.ids import ulid
from inngest_fast.domain.jobs import Job, JobKind
from inngest_fast.domain.ops import Op, Opcode
from inngest_fast.domain.runs import Run, RunStatus, Step, StepStatus
from inngest_fast.domain.transitions import EndRun, PutEvent, UpdateRun
from inngest_fast.domain.waits import Wait, WaitKind
from inngest_fast.engine.answer import Failure, Ops, Result
from inngest_fast.engine.lifecycle import answered, due

NOW = 1_795_425_252_000  # 2026-11-23T09:14:12Z
QUEUED_AT = NOW - 5_000
RUN_ID = ulid(QUEUED_AT, b"0123456789")
APP_ID = "0a0a0a0a-0000-5000-8000-000000000000"
FUNCTION_ID = "0f0f0f0f-0000-5000-8000-000000000000"
SLUG = "shop-bill"
URL = "http://localhost:3000/api/inngest?fnId=shop-bill&stepId=step"
TRIGGER = wire_form(name="order/paid", id="evt-1", ts=QUEUED_AT, data=b'{"id":"o1","total":7}')


class Counting:
    """Entropy that counts: the same calls give the same values."""

    def __init__(self, draw=0):
        self._n = 0
        self._draw = draw

    def _next(self):
        self._n += 1
        return self._n

    def ulid(self, now_ms):
        return ulid(now_ms, self._next().to_bytes(10, "big"))

    def wait_id(self, now_ms):
        return self._next()

    def below(self, bound):
        return min(self._draw, bound - 1)


def function(**config):
    settings = {"slug": SLUG, "name": "Bill", "url": URL, **config}
    return Function(
        id=FUNCTION_ID,
        app_id=APP_ID,
        app_name="shop",
        slug=SLUG,
        version=3,
        config=FunctionConfig(**settings),
        created_at=1,
        updated_at=1,
    )


def run(steps=(), **fields):
    """A running run of request version 2; those of `steps` that have a memo are its stack, in order."""
    stack = tuple(step.id for step in sorted(steps, key=lambda s: s.seq) if step.memo is not None)
    values = {
        "id": RUN_ID,
        "app_id": APP_ID,
        "function_id": FUNCTION_ID,
        "slug": SLUG,
        "event_ids": ("01EVENT",),
        "events": (TRIGGER,),
        "queued_at": QUEUED_AT,
        "status": RunStatus.RUNNING,
        "started_at": QUEUED_AT + 10,
        "version": 7,
        "request_version": 2,
        "score": QUEUED_AT,
        "state_size": len(TRIGGER),
        "steps": {step.id: step for step in steps},
        "stack": stack,
        **fields,
    }
    return Run(**values)


def queued(**fields):
    """A run that was never called."""
    return run(**{"status": RunStatus.QUEUED, "started_at": 0, "version": 0, "request_version": -1, **fields})


def step(id, status=StepStatus.PLANNED, op=Opcode.STEP_PLANNED, **fields):
    return Step(id=id, op=op, name=id, status=status, queued_at=QUEUED_AT, **fields)


def done(id, seq, memo=None, **fields):
    """A step with a memo."""
    memo = memo if memo is not None else b'{"data":' + quote(id) + b"}"
    return step(id, StepStatus.COMPLETED, Opcode.STEP_RUN, memo=memo, seq=seq, **fields)


def job(kind=JobKind.EDGE, step_id="", id=None, **fields):
    suffix = id or {
        JobKind.START: "start",
        JobKind.PLAN: f"{step_id}-plan",
        JobKind.SLEEP: f"{step_id}-sleep",
        JobKind.WAIT_TIMEOUT: f"{step_id}-timeout",
        JobKind.RESUME: f"{step_id}-event",
    }.get(kind, step_id or "before")
    values = {
        "id": f"{RUN_ID}:{suffix}",
        "kind": kind,
        "app_id": APP_ID,
        "function_id": FUNCTION_ID,
        "due": NOW - 100,
        "score": QUEUED_AT,
        "run_id": RUN_ID,
        "step_id": step_id,
        **fields,
    }
    return Job(**values)


START = job(JobKind.START)
EDGE = job(JobKind.EDGE)


def plan(id, **fields):
    """The job of a planned step."""
    return job(JobKind.PLAN, id, **fields)


def op(kind, id="", **fields):
    return Op(op=Opcode(kind), id=id, display_name=fields.pop("display_name", id), **fields)


def ops(*found, version=2, no_retry=False, retry_at=None):
    return Ops(ops=found, version=version, no_retry=no_retry, retry_at=retry_at)


def result(data=b'"ok"', version=2):
    return Result(data, version)


ERROR = b'{"error":"boom","message":"boom","name":"Error"}'


def failure(**fields):
    values = {
        "error": ERROR,
        "output": b'{"message":"boom"}',
        "code": "",
        "no_retry": False,
        "retry_at": None,
    }
    return Failure(**{**values, **fields})


def wait(id, kind=WaitKind.EVENT, step_id="w", **fields):
    values = {
        "run_id": RUN_ID,
        "app_id": APP_ID,
        "function_id": FUNCTION_ID,
        "created_at": QUEUED_AT,
        "expires_at": NOW + 60_000,
        "score": QUEUED_AT,
        **fields,
    }
    return Wait(id=id, kind=kind, step_id=step_id, **values)


def event(name="order/void", data=b"{}", id="01RECEIPT", external_id="", received_at=NOW, meta=b"", **fields):
    external_id = external_id or id
    return Event(
        id=id,
        name=name,
        external_id=external_id,
        ts=received_at,
        received_at=received_at,
        wire=wire_form(name=name, id=external_id, ts=received_at, data=data, meta=meta),
        **fields,
    )


def pure(decision, *inputs, draw=0):
    """What a decision says of its inputs and entropy."""
    before = deepcopy(inputs)
    first = decision(*inputs, Counting(draw))
    assert inputs == before, "a decision changed its input"
    assert decision(*inputs, Counting(draw)) == first, "a decision is not repeatable"
    return Decided(first)


def answer(run, job, answer, *, function=None, now=NOW, draw=0, **called):
    """What `answered.decide` makes of an answer to a call."""
    called = answered.Called(job=job, answer=answer, started_at=now - 40, now=now, **called)
    return pure(answered.decide, run, function or _FUNCTION, called, draw=draw)


def fall_due(run, job, *, function=None, now=NOW):
    """What `due.decide` makes of a job that needs no call."""
    return pure(due.decide, run, function or _FUNCTION, job, now)


_FUNCTION = function()


class Decided:
    """A transition, with its actions by what they are about. Nothing of it goes unseen: see `kinds`."""

    def __init__(self, transition):
        self.transition = transition
        self.actions = [] if transition is None else transition.actions
        runs = [a.run for a in self.actions if isinstance(a, UpdateRun | EndRun)]
        assert len(runs) <= 1, "a run is updated once in a transition"
        assert not runs or isinstance(self.actions[0], UpdateRun | EndRun)
        self.run = runs[0] if runs else None

    @property
    def kinds(self):
        return [type(action).__name__ for action in self.actions]

    def of(self, kind):
        return [action for action in self.actions if isinstance(action, kind)]

    def named(self, name):
        return [getattr(a, name) for a in self.actions if type(a).__name__ in _ABOUT[name]]

    @property
    def ended(self):
        return bool(self.of(EndRun))

    @property
    def added(self):
        """The new jobs as (kind, id within the run, due from now)."""
        return [(j.kind.value, j.id.removeprefix(RUN_ID + ":"), j.due - NOW) for j in self.named("job")]

    @property
    def moved(self):
        """The consumed job as it is put back, or None."""
        found = [a.job for a in self.actions if type(a).__name__ == "MoveJob"]
        assert len(found) <= 1, "a job is put back once"
        return found[0] if found else None

    @property
    def waits(self):
        return self.named("wait")

    @property
    def steps(self):
        return {step.id: step for step in self.named("step")}

    @property
    def events(self):
        return [a.event for a in self.of(PutEvent)]


_ABOUT = {"job": {"AddJob"}, "wait": {"AddWait"}, "step": {"PutStep"}}


def plain(data):
    """JSON bytes as Python values; they must be canonical."""
    assert canonicalize(data) == data
    return json.loads(data)
