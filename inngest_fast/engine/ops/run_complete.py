"""RunComplete, SyncRunComplete: the app says that the run is over (sdk-protocol §4.2)."""

import msgspec

from inngest_fast.domain.ops import Op, Opcode
from inngest_fast.engine.answer.error_object import plain_error
from inngest_fast.engine.lifecycle import finish
from inngest_fast.engine.lifecycle.draft import Draft

ENDS = frozenset((Opcode.RUN_COMPLETE, Opcode.SYNC_RUN_COMPLETE))

_absent = msgspec.Raw(b"null")


class _Wrapped(msgspec.Struct):
    data: msgspec.Raw = _absent


class _Status(msgspec.Struct):
    status: int = 200


def complete_run(draft: Draft, op: Op) -> None:
    """Ends the run with what the op carries; an endpoint that answered with a 5xx has failed."""
    output = op.data if op.data is not None else b"null"
    if op.op is Opcode.SYNC_RUN_COMPLETE:
        output = _response(output)
        status = _status(output)
        if status >= 500:
            finish.fail(draft, plain_error(f"invalid status code: {status}"), output)
            return
    finish.complete(draft, output)


def _response(data: bytes) -> bytes:
    """The response of an endpoint, which is wrapped as step data is."""
    try:
        inner = bytes(msgspec.json.decode(data, type=_Wrapped).data)
    except msgspec.DecodeError:
        return data
    return data if inner == b"null" else inner


def _status(response: bytes) -> int:
    try:
        return msgspec.json.decode(response, type=_Status).status
    except msgspec.DecodeError:
        return 200
