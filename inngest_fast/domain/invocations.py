"""What became of a function that was invoked from outside (http-api §5.2)."""

import enum

import msgspec


class InvokeOutcome(enum.StrEnum):
    STARTED = "started"  # a run is queued
    DUPLICATE = "duplicate"  # a run started under the same idempotency key within 24 h
    SKIPPED = "skipped"  # a run is recorded, and not done: paused, or the singleton of another
    RATE_LIMITED = "rate_limited"
    DEBOUNCED = "debounced"  # a run may yet start
    BATCHED = "batched"  # a run will start, with others' events
    NOTHING = "nothing"  # a key of the function has no value for this event


class Invoked(msgspec.Struct, frozen=True):
    """`run_id` is there for the first three outcomes: of a DUPLICATE it is the earlier run's."""

    outcome: InvokeOutcome
    event_id: str
    run_id: str = ""
