"""Functions invoked from outside (http-api §2.3)."""

import msgspec

from inngest_fast._native.canonical import CanonicalError, canonicalize
from inngest_fast.domain.errors import InvalidEventError
from inngest_fast.domain.events import INVOKED, Event, wire_form
from inngest_fast.domain.ids import Entropy, Seed
from inngest_fast.engine.intake.events import MAX_EVENT
from inngest_fast.engine.intake.fields import read_fields

_entries = msgspec.json.Decoder(dict[str, msgspec.Raw])


def read_invocation(
    body: bytes, *, slug: str, now_ms: int, entropy: Entropy, seed: Seed | None = None
) -> Event:
    """The `inngest/function.invoked` event for the function of that slug, which need not exist.

    Raises InvalidEventError with the wire text.
    """
    try:
        whole = canonicalize(body)
    except CanonicalError:
        raise InvalidEventError("Unable to read post data request") from None
    if whole[:1] != b"{" or len(body) > MAX_EVENT:
        raise InvalidEventError("Invalid invocation event")
    try:
        sent = read_fields(whole)
    except InvalidEventError:
        raise InvalidEventError("Invalid invocation event") from None
    id = entropy.ulid(now_ms) if seed is None else seed.id(0)
    external_id = sent.id or id
    ts = sent.ts or now_ms
    data = {**_entries.decode(sent.data), "_inngest": {"fn_id": slug}}
    return Event(
        id=id,
        name=INVOKED,
        external_id=external_id,
        ts=ts,
        received_at=now_ms,
        wire=wire_form(
            name=INVOKED,
            id=external_id,
            ts=ts,
            data=canonicalize(msgspec.json.encode(data)),
            user=sent.user,
            v=sent.v,
            meta=sent.meta,
        ),
        repeatable=seed is not None or bool(sent.id),
        target=slug,
    )
