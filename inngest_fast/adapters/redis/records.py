"""A job as the scripts take it (`job_at` in shared.lua), and what they keep of it for who leases it."""

import msgspec
from msgspec.structs import astuple

from inngest_fast.adapters.redis.connection import Argument
from inngest_fast.domain.jobs import Job

# Without names, to be small. New fields of a job are put behind these, with a default.
_KEPT = Job.__struct_fields__.index("doubtful")


class _Row(Job, frozen=True, array_like=True):
    pass


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Row).decode


def encode(job: Job) -> bytes:
    """All of it but whether it is doubtful."""
    return _encode(astuple(job)[:_KEPT])


def decode(kept: bytes) -> Job:
    return Job(*astuple(_decode(kept)))


def described(job: Job) -> tuple[Argument, ...]:
    return (
        job.id,
        job.partition,
        job.group,
        job.due,
        job.score,
        job.since,
        job.attempt,
        encode(job),
    )


def identity(job: Job | None) -> tuple[int, ...]:
    """Of two jobs of one id the one with the higher identity is the later one. () is unknown."""
    return () if job is None else (job.since, job.attempt)
