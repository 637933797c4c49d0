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
    url: str | None = None
    method: str | None = None
    headers: msgspec.Raw = _absent
    body: msgspec.Raw = _absent
    auth_key: str | None = None
    format: str | None = None
    publish: msgspec.Raw = _absent
    fn_slug: str | None = None
    meta: msgspec.Raw = _absent
    target_hashed_id: str | None = None


class _Userland(msgspec.Struct):
    id: str | None = None


class _Timing(msgspec.Struct):
    a: float  # unix ns


class _Op(msgspec.Struct):
    op: str
    id: str | None = None
    name: str | None = None
    display_name: str | None = msgspec.field(name="displayName", default=None)
    opts: _Opts | None = None
    userland: _Userland | None = None
    metadata: msgspec.Raw = _absent
    timing: msgspec.Raw = _absent
    data: msgspec.Raw = _absent
    error: msgspec.Raw = _absent


_one = msgspec.json.Decoder(_Op)
_timing = msgspec.json.Decoder(_Timing)
_many = msgspec.json.Decoder(list[_Op])
_opcodes = {opcode.value.lower(): opcode for opcode in Opcode}
_no_opts = _Opts()
_ENDS = (Opcode.RUN_COMPLETE, Opcode.SYNC_RUN_COMPLETE)


class UnreadableOpsError(ValueError):
    """An answer that cannot be taken; the text is what the user sees."""


class StepTooLargeError(UnreadableOpsError):
    """The input or output of a step is above its limit (§9)."""


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
    if not id and opcode not in (Opcode.NONE, Opcode.DISCOVERY_REQUEST, *_ENDS):
        raise UnreadableOpsError(f"error validating generator opcode {opcode.value}: it has no id")
    opts = found.opts or _no_opts
    if len(bytes(opts.input)) > limits.MAX_STEP_SIZE:
        raise StepTooLargeError(
            f"error validating generator opcode {id}: step input size is greater than the limit"
        )
    data = bytes(found.data)
    if len(data) > limits.MAX_STEP_SIZE:
        raise StepTooLargeError(
            f"error validating generator opcode {id}: step output size is greater than the limit"
        )
    name = found.name or ""
    deferred = opcode is Opcode.DEFER_ADD
    return Op(
        op=opcode,
        id=id,
        name=name,
        display_name=found.display_name or name or id,
        data=_present(found.data),
        error=step_error(bytes(found.error)),
        parallel_mode=opts.parallel_mode or "",
        timeout=opts.timeout or "",
        expression=opts.expression or "",
        event=opts.event or "",
        signal=opts.signal or "",
        conflict=opts.conflict or "",
        function_id=opts.function_id or "",
        payload=_present(opts.payload),
        duration=opts.duration or "",
        url=opts.url or "",
        method=opts.method or "",
        headers=_present(opts.headers),
        body=_present(opts.body),
        auth_key=opts.auth_key or "",
        format=opts.format or "",
        publish=_present(opts.publish),
        fn_slug=opts.fn_slug or "",
        input=_present(opts.input) if deferred else None,
        meta=_present(opts.meta),
        target_id=opts.target_hashed_id or "",
        userland_id=(found.userland.id or "") if deferred and found.userland is not None else "",
        metadata=_present(found.metadata),
        began_at=_began_at(bytes(found.timing)),
    )


def _began_at(timing: bytes) -> int:
    """Unix ms; 0 for what is no time."""
    if not timing or timing == b"null":
        return 0
    try:
        return max(0, int(_timing.decode(timing).a / 1e6))
    except (msgspec.DecodeError, OverflowError):
        return 0


def _present(raw: msgspec.Raw) -> bytes | None:
    value = bytes(raw)
    return None if value in (b"", b"null") else value
