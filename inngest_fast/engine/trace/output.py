"""What spans of a trace put out (http-api §6.5)."""

import msgspec

from inngest_fast.domain.ops import Opcode
from inngest_fast.domain.runs import Run, Step
from inngest_fast.domain.traces import Attempt, SpanOutput

_WRAPPED = frozenset(
    (
        Opcode.STEP_RUN.value,
        Opcode.STEP_ERROR.value,
        Opcode.STEP_FAILED.value,
        Opcode.STEP_PLANNED.value,
        Opcode.INVOKE_FUNCTION.value,
        Opcode.WAIT_FOR_SIGNAL.value,
        Opcode.AI_GATEWAY.value,
        Opcode.GATEWAY.value,
    )
)


class _Memo(msgspec.Struct):
    data: msgspec.Raw = msgspec.Raw(b"")
    error: msgspec.Raw = msgspec.Raw(b"")
    input: msgspec.Raw = msgspec.Raw(b"")


_read_memo = msgspec.json.Decoder(_Memo)
_read_object = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ABSENT = (b"", b"null")


def of_run(run: Run) -> SpanOutput:
    """`input` is the array of its events."""
    found = SpanOutput(input=b"[" + b",".join(run.events) + b"]")
    if run.error is not None:
        found.error = error_object(run.error)
    else:
        found.data = run.output
    return found


def of_step(step: Step) -> SpanOutput:
    """Of one that has its memo; else all is None."""
    memo = step.memo
    if memo is None:
        return SpanOutput()
    if step.op not in _WRAPPED:
        return SpanOutput(data=memo)
    try:
        read = _read_memo.decode(memo)
    except msgspec.DecodeError:
        return SpanOutput(data=memo)
    given = bytes(read.input) or None
    if bytes(read.error) not in _ABSENT:
        return SpanOutput(input=given, error=error_object(bytes(read.error)))
    return SpanOutput(input=given, data=bytes(read.data) or memo)


def of_attempt(attempt: Attempt) -> SpanOutput:
    if attempt.error is not None:
        return SpanOutput(error=error_object(attempt.error))
    return SpanOutput(data=attempt.output)


def error_object(error: bytes) -> bytes:
    """With `message`, `name`, `stack` and `cause`; one without a message is all in its stack."""
    try:
        fields = _read_object.decode(error)
    except msgspec.DecodeError:
        fields = {}
    absent = msgspec.Raw(b"null")
    shown = {name: fields.get(name, absent) for name in ("message", "name", "stack", "cause")}
    if bytes(shown["message"]) in (*_ABSENT, b'""'):
        shown["message"] = msgspec.Raw(b'""')
        shown["stack"] = msgspec.Raw(msgspec.json.encode(error.decode("utf-8", "replace")))
    return msgspec.json.encode(shown)
