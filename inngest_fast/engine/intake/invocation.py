"""Functions invoked from outside (http-api §2.3)."""

from collections.abc import Mapping
from typing import Final

import msgspec

from inngest_fast._native.canonical import CanonicalError, canonicalize
from inngest_fast.domain.errors import InvalidEventError
from inngest_fast.domain.events import INVOKED, Event, wire_form
from inngest_fast.domain.ids import Entropy, Seed
from inngest_fast.engine.intake.events import MAX_EVENT
from inngest_fast.engine.intake.fields import Sent, read_fields

_NO_MARKS: Final[Mapping[str, str]] = {}
_entries = msgspec.json.Decoder(dict[str, msgspec.Raw])


def read_invocation(
    body: bytes, *, slug: str, now_ms: int, entropy: Entropy, seed: Seed | None = None
) -> Event:
    """The `inngest/function.invoked` event for the function of that slug, which need not exist.

    Raises InvalidEventError with the wire text.
    """
    return _event(_read(body), slug, _NO_MARKS, now_ms, entropy, seed)


def invocation_of(
    data: bytes,
    *,
    slug: str,
    now_ms: int,
    entropy: Entropy,
    user: bytes = b"{}",
    meta: bytes = b"",
    id: str = "",
    marks: Mapping[str, str] = _NO_MARKS,
) -> Event:
    """The same, of parts that are JSON. Those of `marks` that are not empty are noted in the event's data.

    Raises InvalidEventError with the wire text.
    """
    fields = {"data": msgspec.Raw(data), "user": msgspec.Raw(user), "id": id}
    if meta:
        fields["meta"] = msgspec.Raw(meta)
    sent = _read(msgspec.json.encode(fields))
    return _event(sent, slug, marks, now_ms, entropy, None)


def _read(body: bytes) -> Sent:
    try:
        whole = canonicalize(body)
    except CanonicalError:
        raise InvalidEventError("Unable to read post data request") from None
    if whole[:1] != b"{" or len(body) > MAX_EVENT:
        raise InvalidEventError("Invalid invocation event")
    try:
        return read_fields(whole)
    except InvalidEventError:
        raise InvalidEventError("Invalid invocation event") from None


def _event(
    sent: Sent, slug: str, marks: Mapping[str, str], now_ms: int, entropy: Entropy, seed: Seed | None
) -> Event:
    id = entropy.ulid(now_ms) if seed is None else seed.id(0)
    external_id = sent.id or id
    ts = sent.ts or now_ms
    noted = {"fn_id": slug, **{name: text for name, text in marks.items() if text}}
    data: dict[str, object] = {**_entries.decode(sent.data), "_inngest": noted}
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
