"""A run done again: whole, or from one of its steps on (http-api §5.2, §6.6; flow-control §1)."""

from collections.abc import Mapping, Sequence

import msgspec
from msgspec.structs import replace

from inngest_fast._native.canonical import CanonicalError, canonicalize
from inngest_fast.domain.apps import Function
from inngest_fast.domain.errors import RerunRefusedError
from inngest_fast.domain.events import Event, parts
from inngest_fast.domain.flow import FlowRow
from inngest_fast.domain.ids import Entropy
from inngest_fast.domain.ops import Opcode
from inngest_fast.domain.runs import Run, Step
from inngest_fast.domain.transitions import Action, Admit, CreateRun, PutStep, Transition
from inngest_fast.engine import limits
from inngest_fast.engine.flow.admission import Start, start_of

# SDKs wait for ever for the others when these come with an input.
_RUN_BY_THE_APP = frozenset(
    (Opcode.STEP, Opcode.STEP_RUN, Opcode.STEP_PLANNED, Opcode.STEP_ERROR, Opcode.STEP_FAILED)
)
_NO_ARRAY = "input is not a valid JSON array"


class Origin(msgspec.Struct, frozen=True):
    """What is run again. `input` replaces the arguments of the step `from_step`."""

    run: Run
    from_step: str = ""  # hashed id or name
    input: bytes | None = None
    debug_session_id: str = ""
    debug_run_id: str = ""


class Restart(msgspec.Struct, frozen=True):
    """A start with steps that are done already. domain.transitions.Admission."""

    start: Start
    steps: tuple[Step, ...]

    @property
    def keys(self) -> Sequence[str]:
        return self.start.keys

    @property
    def possible(self) -> Sequence[Action]:
        return self.start.possible

    def decide(self, rows: Mapping[str, FlowRow]) -> Sequence[Action]:
        actions: list[Action] = []
        for each in self.start.decide(rows):
            if not isinstance(each, CreateRun):
                actions.append(each)
            elif each.run.status.ended:
                actions.append(_blank(each))
            else:
                actions += (each, *(PutStep(each.run.id, step) for step in self.steps))
        return actions


def rerun(origin: Origin, function: Function, now: int, entropy: Entropy) -> tuple[Transition, str]:
    """The transition that starts the new run, and its id. Raises RerunRefusedError.

    Concurrency, throttle, priority, a singleton and a pause of the function apply as to any start; what would
    hold back or drop an event does not: rate limit, debounce and batching.
    """
    done, from_step = _before(origin.run, origin.from_step)
    input = None
    if from_step and origin.input is not None:
        if origin.run.steps[from_step].op not in _RUN_BY_THE_APP:
            raise RerunRefusedError("only the input of a step that the app runs can be changed", "no_input")
        input = _checked(origin.input)
    if not function.live:
        raise RerunRefusedError("Function not found", "function_unknown")
    run = origin.run
    start = start_of(function, _events(run, now), now, entropy, cron=run.cron, batch_id=run.batch_id)
    assert start is not None  # only a rate limit comes to nothing
    assert start.create is not None
    start = replace(start, create=_continued(start.create, origin, done, from_step, input))
    restart = Restart(start, done)
    actions: Sequence[Action] = (Admit(restart),) if start.undecided else restart.decide({})
    return Transition(list(actions)), start.create.run.id  # type: ignore[union-attr]


def _continued(
    create: CreateRun, origin: Origin, done: tuple[Step, ...], from_step: str, input: bytes | None
) -> CreateRun:
    """The same run, further on."""
    run = create.run.working_copy()
    run.original_run_id = origin.run.id
    run.from_step = from_step
    run.from_input = input
    run.debug_session_id = origin.debug_session_id
    run.debug_run_id = origin.debug_run_id
    run.steps = {step.id: step for step in done}
    run.stack = tuple(step.id for step in done)
    run.state_size += sum(len(step.memo or b"") for step in done) + len(input or b"")
    return replace(create, run=run)


def _blank(create: CreateRun) -> CreateRun:
    """A skipped run has done nothing."""
    run = create.run.working_copy()
    run.steps, run.stack, run.from_input = {}, (), None
    return replace(create, run=run)


def _before(run: Run, step: str) -> tuple[tuple[Step, ...], str]:
    """The steps that were done before one, in order, and its id; one that is open comes after all of them."""
    if not step:
        return (), ""
    found = run.steps.get(step)
    if found is None:
        named = [each for each in run.steps.values() if each.name == step]
        if not named:
            raise RerunRefusedError("Step not found in original run", "step_unknown")
        found = min(named, key=lambda each: (each.seq < 0, each.seq, each.queued_at))
    last = len(run.stack) if found.seq < 0 else found.seq
    return tuple(replace(run.steps[id], wait_id=0) for id in run.stack[:last]), found.id


def _checked(input: bytes) -> bytes:
    if len(input) > limits.MAX_STEP_SIZE:
        raise RerunRefusedError("step input size is greater than the limit", "too_large")
    try:
        canonical = canonicalize(input)
    except CanonicalError:
        raise RerunRefusedError(_NO_ARRAY, "input_invalid") from None
    if canonical[:1] != b"[":
        raise RerunRefusedError(_NO_ARRAY, "input_invalid")
    return canonical


def _events(run: Run, now: int) -> list[Event]:
    """The run's events; whoever invoked it has had its answer, and is not told again."""
    events = []
    for id, wire in zip(run.event_ids, run.events, strict=True):
        sent = parts(wire)
        events.append(Event(id, sent.name, sent.id, sent.ts, now, wire))
    return events
