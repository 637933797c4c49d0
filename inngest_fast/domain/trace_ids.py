"""Ids of traces and spans (connect-realtime §3.3)."""

import binascii

from inngest_fast._native.traceids import derive
from inngest_fast.domain.ids import ulid_bytes


def span_id(seed: str) -> str:
    """16 hex digits; of a finished step by its hash, of a failed attempt by `<hash>:<attempt>`."""
    return binascii.hexlify(derive(seed.encode())[1]).decode()


def step_span_id(run_id: str, id: str, *, shared: bool) -> str:
    """The span of a step, by its hash; `shared` with other runs is a trace whose steps may have that hash."""
    return span_id(f"{run_id}:{id}" if shared else id)


def run_ids(run_id: str) -> tuple[str, str]:
    """A run's trace id, 32 hex digits, and the id of its root span. ValueError for what is no ULID."""
    trace, span = derive(ulid_bytes(run_id))
    return binascii.hexlify(trace).decode(), binascii.hexlify(span).decode()
