"""A function's config as the store keeps it: checked, normalised, defaults left out.

Engine code reads these structs only; what SDKs send is read by `engine.registration`.
"""

from typing import Literal
from uuid import UUID, uuid5

import msgspec

DEFAULT_RETRIES = 4
MAX_RETRIES = 20

_APP_NAMESPACE = UUID("5d0b9f6c-3c1e-5f0a-9f57-2a8f0c2c7e11")
_FUNCTION_NAMESPACE = UUID("c1a7a2de-64f8-5b0e-8d3b-91d4e7b05f42")


class Trigger(msgspec.Struct, frozen=True, omit_defaults=True):
    """Either an event name with an optional expression, or a cron expression with an optional jitter."""

    event: str = ""
    expression: str = ""
    cron: str = ""
    jitter_ms: int = 0


class CancelOn(msgspec.Struct, frozen=True, omit_defaults=True):
    """An event that cancels runs (flow-control §6.1). `timeout` is a duration, an RFC 3339 time, or ""."""

    event: str
    expression: str = ""
    timeout: str = ""


class Timeouts(msgspec.Struct, frozen=True, omit_defaults=True):
    """Longest wait for the first execution, and longest time from there to the end (flow-control §5.8)."""

    start_ms: int | None = None
    finish_ms: int | None = None


class ConcurrencyLimit(msgspec.Struct, frozen=True, omit_defaults=True):
    """At most `limit` executing jobs (`step`) or live runs (`fn`) per value of `key` (flow-control §4)."""

    limit: int
    key: str = ""
    scope: Literal["fn", "env", "account"] = "fn"
    kind: Literal["step", "fn"] = "step"


class Throttle(msgspec.Struct, frozen=True, omit_defaults=True):
    """Delays starts (flow-control §5.1). `limit` and `period_s` are at least 1, `burst` at least 0."""

    limit: int
    period_s: int
    burst: int = 0
    key: str = ""


class RateLimit(msgspec.Struct, frozen=True, omit_defaults=True):
    """Drops starts (flow-control §5.2). `limit` at least 1, `period_s` from 1 to 86,400."""

    limit: int
    period_s: int
    key: str = ""


class Debounce(msgspec.Struct, frozen=True, omit_defaults=True):
    """Starts once events have stopped for `period_s`, at most `timeout_s` after the first (§5.3)."""

    period_s: int
    key: str = ""
    timeout_s: int | None = None


class Batch(msgspec.Struct, frozen=True, omit_defaults=True):
    """Starts with up to `size` events, at most `timeout_ms` after the first (flow-control §5.4)."""

    size: int
    timeout_ms: int
    key: str = ""
    condition: str = ""


class Singleton(msgspec.Struct, frozen=True, omit_defaults=True):
    """One live run per value of `key`; the mode says which of two gives way (flow-control §5.5)."""

    mode: Literal["skip", "cancel"]
    key: str = ""


class Checkpoint(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the SDK says about its checkpointing; for display only. 0 where it says nothing."""

    batch_steps: int = 0
    batch_interval_ms: int = 0
    max_runtime_ms: int = 0


class FunctionConfig(msgspec.Struct, frozen=True, omit_defaults=True):
    """A function as it was last synced. `url` is the normalised runtime URL that calls go to."""

    slug: str
    name: str
    url: str
    step_id: str = "step"
    step_name: str = "step"
    retries: int = DEFAULT_RETRIES  # retries, not attempts; 0 to MAX_RETRIES
    triggers: tuple[Trigger, ...] = ()  # none: started by invoke only
    cancel: tuple[CancelOn, ...] = ()
    timeouts: Timeouts = Timeouts()
    priority: str = ""
    concurrency: tuple[ConcurrencyLimit, ...] = ()
    throttle: Throttle | None = None
    rate_limit: RateLimit | None = None
    debounce: Debounce | None = None
    batch: Batch | None = None
    singleton: Singleton | None = None
    checkpoint: Checkpoint | None = None
    # A durable endpoint (sdk-protocol §7.2), and how the bodies of its requests are written in its events.
    endpoint: Literal["", "text", "base64"] = ""


def app_id(name: str) -> str:
    """The id of the app called `name`; the same name gives the same id on every server (§1.5)."""
    return str(uuid5(_APP_NAMESPACE, name))


def function_id(app_name: str, slug: str) -> str:
    """The id of an app's function; it outlives re-syncs and URL changes (sdk-protocol §1.5)."""
    return str(uuid5(_FUNCTION_NAMESPACE, f"{app_id(app_name)}/{slug}"))
