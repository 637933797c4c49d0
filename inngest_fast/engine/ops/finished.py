"""Step, StepRun, StepFailed: a step that has its memo (sdk-protocol §4.2)."""

from inngest_fast.domain.ops import Op, Opcode
from inngest_fast.domain.runs import StepStatus
from inngest_fast.engine import limits
from inngest_fast.engine.lifecycle.draft import Draft
from inngest_fast.engine.lifecycle.errors import RunFatalError
from inngest_fast.engine.ops.report import reported

_DATA_NULL = b'{"data":null}'


def finish_step(draft: Draft, op: Op, started_at: int) -> None:
    """Stores the memo of an op that carries a result or a final error; a repeated one changes nothing."""
    step = reported(draft, op, StepStatus.COMPLETED, started_at=started_at)
    if op.op is Opcode.STEP_FAILED or op.op is Opcode.STEP_ERROR:
        fresh = draft.memoize(step, b'{"error":' + error_of(op) + b"}", StepStatus.FAILED)
    elif op.op is Opcode.STEP:
        fresh = draft.memoize(step, op.data if op.data is not None else b"null", StepStatus.COMPLETED)
    else:
        memo = _DATA_NULL if op.data is None else b'{"data":' + op.data + b"}"
        fresh = draft.memoize(step, memo, StepStatus.COMPLETED)
    if fresh:
        check_limits(draft)


def check_limits(draft: Draft) -> None:
    """Raises RunFatalError when the run has outgrown its steps or its state."""
    run = draft.run
    if len(run.stack) > limits.MAX_STEPS:
        raise overflow()
    if run.state_size > limits.MAX_STATE_SIZE:
        raise RunFatalError(
            "InngestErrStateOverflowed",
            f"The function run exceeded the state size limit of {limits.MAX_STATE_SIZE} bytes.",
        )


def overflow() -> RunFatalError:
    return RunFatalError(
        "InngestErrFunctionOverflowed",
        f"The function run exceeded the step limit of {limits.MAX_STEPS} steps.",
        error="function has too many steps",
    )


def error_of(op: Op) -> bytes:
    return op.error or b'{"message":"Function execution error","name":"Error"}'
