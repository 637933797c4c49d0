"""InvokeFunction (sdk-protocol §8.1)."""

import msgspec

from inngest_fast._native.canonical import canonicalize
from inngest_fast.domain.events import INVOKED, Event, wire_form
from inngest_fast.domain.ops import Op
from inngest_fast.domain.traces import InvokeInfo
from inngest_fast.domain.transitions import PutEvent
from inngest_fast.domain.waits import WaitKind
from inngest_fast.engine import limits
from inngest_fast.engine.lifecycle.draft import Draft
from inngest_fast.engine.lifecycle.errors import AttemptError
from inngest_fast.engine.ops.waiting import expiry, wait_for


class _Payload(msgspec.Struct):
    data: dict[str, msgspec.Raw] | None = None
    user: dict[str, msgspec.Raw] | None = None
    v: str | None = None
    id: str | None = None
    ts: int | None = None


_decoder = msgspec.json.Decoder(_Payload)


def invoke(draft: Draft, op: Op, *, parallel: bool) -> None:
    """Publishes the event that starts the other function, and waits for its end."""
    if not op.function_id:
        raise AttemptError(f"step {op.display_name!r} invokes a function without naming it")
    try:
        payload = _decoder.decode(op.payload) if op.payload else _Payload()
    except msgspec.ValidationError as error:
        raise AttemptError(f"step {op.display_name!r} has no usable payload: {error}") from None
    run, now = draft.run, draft.now
    expires = expiry(op, now, limits.DEFAULT_WAIT)
    correlation_id = f"{run.id}.{op.id}"
    id = draft.entropy.ulid(now)
    info = InvokeInfo(op.function_id, id, expires)
    wait_for(draft, op, WaitKind.INVOKE, expires, parallel=parallel, key=correlation_id, info=info)
    meta = {
        "correlation_id": correlation_id,
        "expire": expires,
        "fn_id": op.function_id,
        "name": op.display_name,
        "source_app_id": run.app_id,
        "source_fn_id": run.function_id,
        "source_fn_v": draft.function.version,
    }
    data = {**(payload.data or {}), "_inngest": meta}
    external_id = payload.id or id
    ts = payload.ts or now
    draft.act(
        PutEvent(
            Event(
                id=id,
                name=INVOKED,
                external_id=external_id,
                ts=ts,
                received_at=now,
                wire=wire_form(
                    name=INVOKED,
                    id=external_id,
                    ts=ts,
                    data=_canonical(data),
                    user=_canonical(payload.user or {}),
                    v=payload.v or "",
                ),
                repeatable=bool(payload.id),
                correlation_id=correlation_id,
                target=op.function_id,
            )
        )
    )


def _canonical(value: object) -> bytes:
    return canonicalize(msgspec.json.encode(value))
