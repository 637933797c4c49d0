"""The numbers under which waits are found: the same for a wait and for an event that may meet it.

A number stands for an event name, a path and the value there. Two that happen to be equal do no harm: an
event is then looked at against a wait that it does not meet.
"""

from collections.abc import Sequence
from hashlib import blake2b
from typing import Final, NamedTuple

import msgspec

from inngest_fast.ports.wait_index import Key

Path = tuple[str, ...]

# Event names are put together in buckets, and a bucket has few paths: what is remembered of paths for ever
# is bounded, whatever names and expressions apps make up.
BUCKETS: Final = 1 << 16
PATHS_PER_BUCKET: Final = 64
LONGEST_PATH: Final = 1_024  # as text

_encode: Final = msgspec.msgpack.Encoder().encode
_encode_path: Final = msgspec.json.Encoder().encode
_decode_path: Final = msgspec.json.Decoder(Path).decode


def of_name(event: str) -> int | None:
    """The number of the waits that every event of the name is looked at against."""
    return _number((event,))


def of_value(event: str, path: Path, value: object) -> int | None:
    """Numbers are equal by value, and nothing is equal to what is of another kind."""
    kind = type(value)
    if kind is float or kind is int:
        try:
            value = float(value) + 0.0  # type: ignore[arg-type]  # and -0.0 is 0.0
        except OverflowError:
            return None
    return _number((event, path, value))


def _number(of: tuple[object, ...]) -> int | None:
    """None for text that no wait can hold: it has half of a surrogate pair."""
    try:
        digest = blake2b(_encode(of), digest_size=8).digest()
    except UnicodeEncodeError:
        return None
    return int.from_bytes(digest, signed=True) or 1  # 0 stands for none


def bucket_of(number: int | None) -> int:
    """Of an event name, given by its number."""
    return (number or 0) % BUCKETS


class PathRow(NamedTuple):
    """A path that waits for events of a bucket's names ask about."""

    bucket: int
    number: int  # of both
    path: str


def path_row(bucket: int, path: Path) -> PathRow:
    text = _encode_path(path)
    digest = blake2b(b"%d %b" % (bucket, text), digest_size=8).digest()
    return PathRow(bucket, int.from_bytes(digest, signed=True), text.decode())


class KnownPaths:
    """What this process knows to be in the table of paths. Nothing is ever deleted there."""

    def __init__(self, most: int = 4_096) -> None:
        self._most = most  # buckets
        self._buckets: dict[int, dict[Path, int]] = {}  # the longest unused first

    def __len__(self) -> int:
        return len(self._buckets)

    def of(self, bucket: int) -> dict[Path, int]:
        """Paths, with the numbers of their rows."""
        paths = self._buckets.pop(bucket, None)
        if paths is None:
            return {}
        self._buckets[bucket] = paths
        return paths

    def learn(self, bucket: int, number: int, path: str | bytes) -> None:
        paths = self.of(bucket) or self._buckets.setdefault(bucket, {})
        paths[_decode_path(path)] = number

    def forget(self) -> None:
        self._buckets.clear()

    def trim(self, in_use: int = 0) -> None:
        """Forgets what was not used for long, but not the last `in_use` buckets."""
        excess = len(self._buckets) - max(self._most, in_use)
        if excess > 0:
            for bucket in list(self._buckets)[:excess]:
                del self._buckets[bucket]


class Place:
    """Where a wait is to be found."""

    __slots__ = ("_event", "_keys", "_name", "bucket", "paths")

    def __init__(self, entry: tuple[str, Sequence[Key | None]]) -> None:
        self._event, keys = entry
        self._name = of_name(self._event)
        self._keys = [key for key in keys if key is not None]
        if len(self._keys) < len(keys):
            self._keys = []
        elif not keys:
            self._name = None  # nothing meets it
        self.bucket = bucket_of(self._name)
        self.paths = dict.fromkeys(key[0] for key in self._keys)

    def numbers(self) -> list[int]:
        """Under which it is found by its values; by its name, where values do not matter."""
        if not self._keys:
            return self.by_name()
        found = (of_value(self._event, *key) for key in self._keys)
        return list(dict.fromkeys(number for number in found if number is not None))

    def by_name(self) -> list[int]:
        """Under which every event of the name is looked at against it."""
        return [] if self._name is None else [self._name]
