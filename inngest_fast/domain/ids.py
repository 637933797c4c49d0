"""Identifiers: ULIDs for runs and events, ordered integers for waits, and where randomness comes from."""

import base64
import binascii
from typing import Final, Protocol

ENVIRONMENT: Final = "00000000-0000-4000-b000-000000000000"
ACCOUNT: Final = "00000000-0000-4000-a000-000000000000"
ZERO_UUID: Final = "00000000-0000-0000-0000-000000000000"

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = [a + b for a in _ALPHABET for b in _ALPHABET]
_VALUES = {c: i for i, c in enumerate(_ALPHABET)}
# To the digits that `int` knows; what is none of ours becomes what is none of its.
_TO_BASE_32 = dict.fromkeys(range(128), "*") | str.maketrans(_ALPHABET, "0123456789ABCDEFGHIJKLMNOPQRSTUV")
_MAX_MS = (1 << 48) - 1


class Entropy(Protocol):
    """Randomness as an input, so that a seed reproduces everything."""

    def ulid(self, now_ms: int) -> str:
        """A new ULID of that millisecond, above every earlier one from here in the same millisecond."""
        ...

    def wait_id(self, now_ms: int) -> int:
        """A new positive 63-bit integer; later ones are larger."""
        ...

    def below(self, bound: int) -> int:
        """A uniform integer in [0, bound)."""
        ...


def ulid(ms: int, entropy: bytes) -> str:
    """The ULID of a unix time in ms and ten bytes."""
    n = ms << 80 | int.from_bytes(entropy, "big")
    pairs = _PAIRS
    return (
        pairs[n >> 120]
        + pairs[n >> 110 & 1023]
        + pairs[n >> 100 & 1023]
        + pairs[n >> 90 & 1023]
        + pairs[n >> 80 & 1023]
        + pairs[n >> 70 & 1023]
        + pairs[n >> 60 & 1023]
        + pairs[n >> 50 & 1023]
        + pairs[n >> 40 & 1023]
        + pairs[n >> 30 & 1023]
        + pairs[n >> 20 & 1023]
        + pairs[n >> 10 & 1023]
        + pairs[n & 1023]
    )


def first_ulid(ms: int) -> str:
    """The lowest ULID of that millisecond; of one before 1970 that of 1970."""
    return ulid(min(max(ms, 0), _MAX_MS), bytes(10))


def ulid_time(text: str) -> int:
    """The unix time in ms of a ULID. ValueError when it is none."""
    if len(text) != 26 or text[0] > "7":
        raise ValueError(f"not a ULID: {text[:64]!r}")
    ms = 0
    try:
        for c in text[:10]:
            ms = ms << 5 | _VALUES[c]
        for c in text[10:]:
            _VALUES[c]
    except KeyError:
        raise ValueError(f"not a ULID: {text!r}") from None
    return ms


def ulid_bytes(text: str) -> bytes:
    """The 16 bytes of a ULID. ValueError when it is none."""
    if len(text) != 26 or text[0] > "7" or not text.isascii():
        raise ValueError(f"not a ULID: {text[:64]!r}")
    return int(text.translate(_TO_BASE_32), 32).to_bytes(16, "big")


def is_ulid(text: str) -> bool:
    """Whether this is a ULID in upper-case Crockford base 32."""
    try:
        ulid_time(text)
    except ValueError:
        return False
    return True


class Seed:
    """The `x-inngest-event-id-seed` header (http-api §2.2): ids that a resent request repeats."""

    __slots__ = ("_entropy", "_ms")

    def __init__(self, ms: int, entropy: bytes) -> None:
        self._ms = ms
        self._entropy = entropy

    @classmethod
    def read(cls, header: str) -> "Seed | None":
        """The seed in `<unix ms>,<base64 of 10 bytes>`; None when malformed, which is not an error."""
        ms, comma, text = header.partition(",")
        try:
            when = int(ms)
            entropy = base64.b64decode(text, validate=True)
        except (ValueError, binascii.Error):
            return None
        if not comma or len(entropy) != 10 or not 0 < when <= _MAX_MS:
            return None
        return cls(when, entropy)

    def id(self, index: int) -> str:
        """The id of the event at this 0-based place in its request."""
        tail = int.from_bytes(self._entropy[6:], "big") + index + 1 & 0xFFFFFFFF
        return ulid(self._ms, self._entropy[:6] + tail.to_bytes(4, "big"))
