"""The ops of a 206 (sdk-protocol §§3, 4). Unknown members are ignored."""

import msgspec

from inngest_fast.domain.ops import Op, Opcode
from inngest_fast.engine import limits
from inngest_fast.engine.answer.error_object import step_error

_absent = msgspec.Raw(b"")


class _Opts(msgspec.Struct):
    input: msgspec.Raw = _absent
    payload: msgspec.Raw = _absent
    parallel_mode: str | None = msgspec.field(name="parallelMode", default=None)
    timeout: str | None = None
    expression: str | None = msgspec.field(name="if", default=None)
    event: str | None = None
    signal: str | None = None
    conflict: str | None = None
    function_id: str | None = None
    duration: str | None = None


class _Op(msgspec.Struct):
    op: str
    id: str | None = None
    name: str | None = None
    display_name: str | None = msgspec.field(name="displayName", default=None)
    opts: _Opts | None = None
    data: msgspec.Raw = _absent
    error: msgspec.Raw = _absent


_one = msgspec.json.Decoder(_Op)
_many = msgspec.json.Decoder(list[_Op])
_opcodes = {opcode.value.lower(): opcode for opcode in Opcode}
_no_opts = _Opts()


class UnreadableOpsError(ValueError):
    """An answer that cannot be taken; the text is what the user sees."""


def read_ops(body: bytes) -> tuple[Op, ...]:
    """The ops of a canonical JSON body: one or an array. Raises UnreadableOpsError."""
    try:
        found = _many.decode(body) if body.startswith(b"[") else [_one.decode(body)]
    except msgspec.DecodeError as error:
        raise UnreadableOpsError(f"error reading generator opcode response: {error}") from None
    return tuple(_op(op) for op in found)


def _op(found: _Op) -> Op:
    opcode = _opcodes.get(found.op.lower())
    if opcode is None:
        raise UnreadableOpsError(f"error reading generator opcode response: unknown opcode {found.op!r}")
    id = found.id or ""
    if not id and opcode not in (Opcode.NONE, Opcode.DISCOVERY_REQUEST, Opcode.RUN_COMPLETE):
        raise UnreadableOpsError(f"error validating generator opcode {opcode.value}: it has no id")
    opts = found.opts or _no_opts
    if len(bytes(opts.input)) > limits.MAX_STEP_SIZE:
        raise UnreadableOpsError(
            f"error validating generator opcode {id}: step input size is greater than the limit"
        )
    data = bytes(found.data)
    if len(data) > limits.MAX_STEP_SIZE:
        raise UnreadableOpsError(
            f"error validating generator opcode {id}: step output size is greater than the limit"
        )
    name = found.name or ""
    payload = bytes(opts.payload)
    return Op(
        op=opcode,
        id=id,
        name=name,
        display_name=found.display_name or name or id,
        data=None if data in (b"", b"null") else data,
        error=step_error(bytes(found.error)),
        parallel_mode=opts.parallel_mode or "",
        timeout=opts.timeout or "",
        expression=opts.expression or "",
        event=opts.event or "",
        signal=opts.signal or "",
        conflict=opts.conflict or "",
        function_id=opts.function_id or "",
        payload=None if payload in (b"", b"null") else payload,
        duration=opts.duration or "",
    )
