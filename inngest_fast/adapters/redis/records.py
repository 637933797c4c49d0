"""Jobs as the scripts take them (`job_at` in arguments.lua), and what they keep of one for who leases it."""

import msgspec
from msgspec.structs import astuple, replace

from inngest_fast.adapters.redis.connection import Argument
from inngest_fast.domain.flow import FunctionLimits
from inngest_fast.domain.jobs import Job

# What the scripts ask a job for. They keep it apart, and so need not unpack the rest.
_FLOW = Job.__struct_fields__.index("counters")
_NO_ROLE, _ENTERS, _UNDER_WAY = range(3)  # see gates.lua


# Without names, to be small. New fields of a job are a new layout.
class _Row(Job, frozen=True, array_like=True):
    pass


class _Flow(msgspec.Struct, frozen=True, array_like=True):
    counters: tuple[str, ...]
    throttle: str
    run_counter: str
    role: int  # to the live runs of that counter
    run_id: str


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Row).decode
_decode_flow = msgspec.msgpack.Decoder(_Flow).decode
_encode_sorted = msgspec.msgpack.Encoder(order="sorted").encode


def encode(job: Job) -> bytes:
    """All of it but its flow, what it paid, and whether it is doubtful."""
    return _encode(astuple(job)[:_FLOW])


def decode(kept: bytes) -> Job:
    return Job(*astuple(_decode(kept)))


def with_flow(job: Job, flow: bytes, arrival: int) -> Job:
    """A decoded job with the flow that was kept apart."""
    kept = _decode_flow(flow)
    return replace(
        job,
        counters=kept.counters,
        throttle=kept.throttle,
        run_counter=kept.run_counter,
        arrival=arrival,
    )


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
        _flow(job),
    )


def _flow(job: Job) -> bytes:
    if not (job.counters or job.throttle or job.run_counter):
        return b""
    role, run_id = _NO_ROLE, ""
    if job.run_counter and (job.entering or job.under_way):
        role, run_id = _ENTERS if job.entering else _UNDER_WAY, job.run_id
    return _encode(_Flow(job.counters, job.throttle, job.run_counter, role, run_id))


def described_limits(limits: FunctionLimits) -> tuple[Argument, Argument]:
    """For the script limit_function: packed, "" if there are none, and how many calls, "" for any number."""
    throttle = limits.throttle
    if limits == FunctionLimits():
        return b"", ""
    packed = _encode_sorted(
        (
            limits.calls,
            limits.paused,
            throttle.rule if throttle is not None else "",
            throttle.emission if throttle is not None else 0,
            throttle.cap if throttle is not None else 0,
            limits.rules,
        )
    )
    return packed, 0 if limits.paused else limits.calls or ""


def identity(job: Job | None) -> tuple[int, ...]:
    """Of two jobs of one id the one with the higher identity is the later one. () is unknown."""
    return () if job is None else (job.since, job.attempt)
