"""The rows of this store. Their bodies are in `domain.stored_form`."""

import hashlib
from collections.abc import Sequence
from typing import Any, NamedTuple

from inngest_fast.domain.events import Event
from inngest_fast.domain.jobs import Job
from inngest_fast.domain.stored_form import encode_job, encode_wait
from inngest_fast.domain.waits import Wait


class JobRow(NamedTuple):
    id: str
    run_id: str
    attempt: int
    due: int = 0
    body: bytes = b""


class WaitRow(NamedTuple):
    id: int
    kind: str
    run_id: str
    step_id: str
    key: str
    several: bool = False  # it is found under more than one number
    body: bytes = b""
    lookup: int = 0  # the first of them; 0: it is found by nobody
    others: tuple[int, ...] = ()


class RunRow(NamedTuple):
    """`wires` is empty where the events table holds them."""

    id: str
    status: int
    version: int
    body: bytes = b""
    function_id: str = ""
    event_id: str = ""
    queued_at: int = 0
    wires: bytes = b""
    started_at: int = 0
    ended_at: int = 0


def storable(text: str) -> str:
    """Text as the database can hold it, which knows no NUL. Order and equality stay."""
    if "\0" in text or "\1" in text:
        return text.replace("\1", "\1\2").replace("\0", "\1\1")
    return text


def readable(text: str) -> str:
    """What `storable` was given."""
    return text.replace("\1\1", "\0").replace("\1\2", "\1") if "\1" in text else text


def key_digest(key: str) -> bytes:
    """Stands for an idempotency key, of any length, in an index."""
    return hashlib.sha256(key.encode()).digest()


def job_row(job: Job) -> JobRow:
    return JobRow(job.id, job.run_id, job.attempt, job.due, encode_job(job))


def wait_row(wait: Wait, numbers: Sequence[int]) -> WaitRow:
    """A wait that is found under these numbers."""
    return WaitRow(
        wait.id,
        wait.kind.value,
        wait.run_id,
        wait.step_id,
        wait.key,
        len(numbers) > 1,
        encode_wait(wait),
        numbers[0] if numbers else 0,
        tuple(numbers[1:]),
    )


EVENT_COLUMNS = "id, name, external_id, ts, received_at, wire, repeatable, correlation_id, target"


def read_event(row: tuple[Any, ...]) -> Event:
    """An event from its `EVENT_COLUMNS`."""
    id, name, external_id, ts, received_at, wire, repeatable, correlation_id, target = row
    return Event(
        readable(id),
        readable(name),
        readable(external_id),
        ts,
        received_at,
        wire,
        repeatable,
        readable(correlation_id),
        readable(target),
    )
