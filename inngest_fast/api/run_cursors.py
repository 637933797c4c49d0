"""What cursors of lists of runs say; each surface codes them in its own way (http-api §§5.4, 6.4)."""

import msgspec

from inngest_fast.domain.ids import is_ulid
from inngest_fast.domain.runs import Run
from inngest_fast.ports.store import RunTime


class _Place(msgspec.Struct):
    f: str
    v: int


class _Cursor(msgspec.Struct):
    id: str
    c: dict[str, _Place]


_decode = msgspec.json.Decoder(_Cursor).decode
_MAX_MS = 2**62


def written(run: Run, order: RunTime) -> bytes:
    """The place after this run."""
    place = _Place(order.value, getattr(run, order.value))
    return msgspec.json.encode(_Cursor(run.id, {order.value: place}))


def read(cursor: bytes, order: RunTime) -> tuple[int, str] | None:
    """Time and id of the run that it comes after; None if it is of a list in another order. Raises ValueError
    for what is no cursor.
    """
    found = _decode(cursor)
    place = found.c.get(order.value)
    if place is None or not is_ulid(found.id) or not 0 <= place.v <= _MAX_MS:
        return None
    return place.v, found.id
