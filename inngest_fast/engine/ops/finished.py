"""Step, StepRun, StepFailed: a step that has its memo (sdk-protocol §4.2)."""

from inngest_fast.domain.ops import Op, Opcode
from inngest_fast.domain.runs import StepStatus
from inngest_fast.engine import limits
from inngest_fast.engine.lifecycle.draft import Draft
from inngest_fast.engine.lifecycle.errors import RunFatalError
from inngest_fast.engine.ops.report import reported
from inngest_fast.engine.trace.metadata import annotate

_DATA_NULL = b'{"data":null}'


def finish_step(draft: Draft, op: Op, started_at: int) -> None:
    """Stores the memo of an op that carries a result or a final error; a repeated one changes nothing."""
    step = reported(draft, op, StepStatus.COMPLETED, started_at=started_at)
    failed = op.op is Opcode.STEP_FAILED or op.op is Opcode.STEP_ERROR
    fresh = draft.memoize(step, memo_of(op), StepStatus.FAILED if failed else StepStatus.COMPLETED)
    if fresh:
        annotate(draft, op)
        check_limits(draft)


def memo_of(op: Op) -> bytes:
    """What such an op gives its step (sdk-protocol §2.2)."""
    if op.op is Opcode.STEP_FAILED or op.op is Opcode.STEP_ERROR:
        return b'{"error":' + error_of(op) + b"}"
    if op.op is Opcode.STEP:
        return op.data if op.data is not None else b"null"
    return _DATA_NULL if op.data is None else b'{"data":' + op.data + b"}"


def check_limits(draft: Draft) -> None:
    """Raises RunFatalError when the run has outgrown its steps or its state."""
    run, most = draft.run, limits.max_steps(draft.function)
    largest = limits.max_state_size(draft.function)
    if len(run.stack) > most:
        raise overflow(most)
    if run.state_size > largest:
        raise RunFatalError(
            "InngestErrStateOverflowed",
            f"The function run exceeded the state size limit of {largest} bytes.",
        )


def overflow(most: int) -> RunFatalError:
    return RunFatalError(
        "InngestErrFunctionOverflowed",
        f"The function run exceeded the step limit of {most} steps.",
        error="function has too many steps",
    )


def error_of(op: Op) -> bytes:
    return op.error or b'{"message":"Function execution error","name":"Error"}'
