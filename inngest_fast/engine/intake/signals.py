"""Signals as senders post them (sdk-protocol §8.3)."""

import msgspec

from inngest_fast._native.canonical import CanonicalError, canonicalize
from inngest_fast.domain.errors import InvalidEventError


class Signal(msgspec.Struct):
    """A signal and what it carries, as canonical JSON."""

    signal: str
    data: msgspec.Raw = msgspec.Raw(b"null")


_decoder = msgspec.json.Decoder(Signal)


def read_signal(body: bytes) -> Signal:
    """The signal of a body. Raises InvalidEventError with the wire text."""
    try:
        sent = _decoder.decode(canonicalize(body))
    except (CanonicalError, msgspec.DecodeError):
        raise InvalidEventError("Invalid signal data") from None
    if not sent.signal:
        raise InvalidEventError("Invalid signal data")
    return sent
