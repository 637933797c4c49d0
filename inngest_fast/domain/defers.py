"""Defers: runs that a run asks for, and that start once it has ended (sdk-protocol §4.6)."""

import enum
import hashlib
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from inngest_fast.domain.ids import ulid

SCHEDULE: Final = "inngest/deferred.schedule"
KEY_PREFIX: Final = "d:"  # of the trace rows that hold what defers carry


class DeferStatus(enum.StrEnum):
    SCHEDULED = "SCHEDULED"
    ABORTED = "ABORTED"
    REJECTED = "REJECTED"  # over a limit: only that it was asked for is kept


class DeferMark(msgspec.Struct, frozen=True):
    """What a run knows of one of its defers. `size` is that of its input and meta, in bytes."""

    id: str  # hashed
    status: DeferStatus
    size: int = 0


class DeferBody(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is kept of a defer beside its run. `input` and `meta` are JSON objects."""

    fn_slug: str
    userland_id: str = ""
    input: bytes = b"{}"
    meta: bytes = b""


class Defer(msgspec.Struct, frozen=True):
    """One defer, as those who look at runs see it."""

    id: str  # hashed
    userland_id: str
    fn_slug: str
    status: DeferStatus
    event_id: str = ""  # of the event that starts the deferred run, internal; "" until its run has ended


_decode = msgspec.msgpack.Decoder(DeferBody).decode
encode_body: Final = msgspec.msgpack.Encoder().encode


def deferred(
    marks: Sequence[DeferMark], rows: Iterable[tuple[str, bytes]]
) -> list[tuple[DeferMark, DeferBody]]:
    """A run's defers in order, given its trace rows under KEY_PREFIX."""
    bodies = {key.removeprefix(KEY_PREFIX): _decode(body) for key, body in rows}
    return [(mark, bodies[mark.id]) for mark in marks if mark.id in bodies]


def defers(
    run_id: str, ended_at: int, marks: Sequence[DeferMark], rows: Iterable[tuple[str, bytes]]
) -> list[Defer]:
    """A run's defers as they are shown."""
    return [
        Defer(
            id=mark.id,
            userland_id=body.userland_id,
            fn_slug=body.fn_slug,
            status=mark.status,
            event_id=event_id(run_id, ended_at, mark.id)
            if ended_at and mark.status is DeferStatus.SCHEDULED
            else "",
        )
        for mark, body in deferred(marks, rows)
    ]


def event_id(run_id: str, ended_at: int, defer_id: str) -> str:
    """Of the event that starts a deferred run: the same whenever it is asked for."""
    digest = hashlib.blake2b(f"{run_id}\0{defer_id}".encode(), digest_size=10).digest()
    return ulid(ended_at, digest)
