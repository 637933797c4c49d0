"""The form in which stores keep domain structs.

What no query asks for is one msgpack map a row: fields by name, those at their default left out. So a
field can be added, with a default, or moved without a migration.
"""

from operator import attrgetter
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from inngest_fast.domain.apps import App, Function
from inngest_fast.domain.cancellations import Cancellation
from inngest_fast.domain.jobs import Job
from inngest_fast.domain.runs import Run, Step
from inngest_fast.domain.waits import Wait


def _body_of(kind: type[msgspec.Struct], without: frozenset[str]) -> tuple[Any, Any]:
    """A twin of a struct that leaves out defaults, and what reads its values off the struct."""
    fields: list[Any] = []
    for field in msgspec.structs.fields(kind):
        if field.name in without:
            continue
        if field.required:
            fields.append((field.name, field.type))
        elif field.default is not msgspec.NODEFAULT:
            fields.append((field.name, field.type, field.default))
        else:
            factory = msgspec.field(default_factory=field.default_factory)
            fields.append((field.name, field.type, factory))
    twin = msgspec.defstruct(f"{kind.__name__}Body", fields, omit_defaults=True, gc=False)
    return twin, attrgetter(*(name for name, *_ in fields))


_encode = msgspec.msgpack.Encoder().encode
_RunBody, _run_values = _body_of(Run, frozenset(("events", "steps")))
_StepBody, _step_values = _body_of(Step, frozenset())
_WaitBody, _wait_values = _body_of(Wait, frozenset())
_AppBody, _app_values = _body_of(App, frozenset())
_FunctionBody, _function_values = _body_of(Function, frozenset())
_CancellationBody, _cancellation_values = _body_of(Cancellation, frozenset())

encode_wires = _encode

_NEVER: Final = 2**63 - 1  # in place of 0: so times compare as they are meant


def stored_until(until: int) -> int:
    """The end of a flow row, as a column: it has ended once this is not above the time."""
    return until or _NEVER


def read_until(stored: int) -> int:
    return 0 if stored == _NEVER else stored


def encode_job(job: Job) -> bytes:
    if job.arrival or job.doubtful:
        job = replace(job, arrival=0, doubtful=False)
    return _encode(job)


def encode_run(run: Run) -> bytes:
    """The run's own row: all but its events and steps."""
    return _encode(_RunBody(*_run_values(run)))


def encode_step(step: Step) -> bytes:
    return _encode(_StepBody(*_step_values(step)))


def encode_wait(wait: Wait) -> bytes:
    return _encode(_WaitBody(*_wait_values(wait)))


def encode_app(app: App) -> bytes:
    return _encode(_AppBody(*_app_values(app)))


def encode_function(function: Function) -> bytes:
    return _encode(_FunctionBody(*_function_values(function)))


def encode_cancellation(cancellation: Cancellation) -> bytes:
    return _encode(_CancellationBody(*_cancellation_values(cancellation)))


_run_names = tuple(field.name for field in msgspec.structs.fields(_RunBody))
_decode_run_body = msgspec.msgpack.Decoder(_RunBody).decode
decode_step = msgspec.msgpack.Decoder(Step).decode
decode_job = msgspec.msgpack.Decoder(Job).decode
decode_wait = msgspec.msgpack.Decoder(Wait).decode
decode_app = msgspec.msgpack.Decoder(App).decode
decode_function = msgspec.msgpack.Decoder(Function).decode
decode_cancellation = msgspec.msgpack.Decoder(Cancellation).decode
decode_wires = msgspec.msgpack.Decoder(tuple[bytes, ...]).decode


def decode_run(body: bytes) -> Run:
    """A run without events and steps."""
    stored = _decode_run_body(body)
    return Run(events=(), steps={}, **dict(zip(_run_names, _run_values(stored), strict=True)))
