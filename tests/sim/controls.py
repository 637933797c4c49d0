"""What a function of the simulation says of flow control, and what its keys give for an event."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from inngest_fast.domain.functions import (
    Batch,
    ConcurrencyLimit,
    Debounce,
    FunctionConfig,
    RateLimit,
    Singleton,
    Throttle,
)

DAY_S = 86_400
_FACTOR = 43_200

Key = tuple[str, ...]  # whose, the expression, the value: who has the same is counted together
Data = Mapping[str, Any]


@dataclass(frozen=True)
class Controls:
    """The structs are those of the config; `idempotency` stands for a rate limit."""

    concurrency: tuple[ConcurrencyLimit, ...] = ()
    throttle: Throttle | None = None
    rate_limit: RateLimit | None = None
    debounce: Debounce | None = None
    batch: Batch | None = None
    singleton: Singleton | None = None
    priority: str = ""
    idempotency: str = ""

    @classmethod
    def of(cls, config: FunctionConfig) -> "Controls":
        return cls(
            config.concurrency,
            config.throttle,
            config.rate_limit,
            config.debounce,
            config.batch,
            config.singleton,
            config.priority,
        )

    def wire(self) -> dict[str, object]:
        """As an SDK sends it (flow-control §0)."""
        found: dict[str, object] = {}
        if self.concurrency:
            found["concurrency"] = {
                kind: [
                    {"limit": limit.limit, "scope": limit.scope, **({"key": limit.key} if limit.key else {})}
                    for limit in self.concurrency
                    if limit.kind == kind
                ]
                for kind in ("fn", "step")
            }
        if (throttle := self.throttle) is not None:
            found["throttle"] = {
                "limit": throttle.limit,
                "period": f"{throttle.period_s}s",
                "burst": throttle.burst,
                "key": throttle.key,
            }
        if (rate := self.rate_limit) is not None:
            found["rateLimit"] = {"limit": rate.limit, "period": f"{rate.period_s}s", "key": rate.key}
        if (debounce := self.debounce) is not None:
            found["debounce"] = {"period": f"{debounce.period_s}s", "key": debounce.key}
            if debounce.timeout_s is not None:
                found["debounce"] |= {"timeout": f"{debounce.timeout_s}s"}  # type: ignore[operator]
        if (batch := self.batch) is not None:
            found["batchEvents"] = {
                "maxSize": batch.size,
                "timeout": f"{batch.timeout_ms}ms",
                "key": batch.key,
                "if": batch.condition,
            }
        if (singleton := self.singleton) is not None:
            found["singleton"] = {"mode": singleton.mode, "key": singleton.key}
        if self.priority:
            found["priority"] = {"run": self.priority}
        if self.idempotency:
            found["idempotency"] = self.idempotency
        return found


def value(expression: str, data: Data) -> object:
    """Of `event.data.x`; what is not there is false."""
    return data.get(expression.removeprefix("event.data."), False)


def above(condition: str, data: Data) -> bool:
    """Whether `event.data.x > number`, or no condition."""
    if not condition:
        return True
    name, _, bound = condition.partition(" > ")
    found = value(name, data)
    return isinstance(found, int) and not isinstance(found, bool) and found > int(bound)


def key_of(owner: str, expression: str, data: Data) -> Key:
    return (owner, expression, repr(value(expression, data)) if expression else "")


def step_keys(slug: str, controls: Controls, data: Data) -> frozenset[Key]:
    """What a call of a run with such an event is counted in, beside its function."""
    return frozenset(
        key_of(slug if limit.scope == "fn" else limit.scope, limit.key, data)
        for limit in controls.concurrency
        if limit.kind == "step" and limit.key
    )


def run_key(slug: str, controls: Controls, data: Data) -> Key | None:
    """What its run is counted in."""
    for limit in controls.concurrency:
        if limit.kind == "fn":
            return key_of(slug if limit.scope == "fn" else limit.scope, limit.key, data)
    return None


def throttle_key(slug: str, controls: Controls, data: Data) -> Key | None:
    return None if controls.throttle is None else key_of(slug, controls.throttle.key, data)


def number(slug: str, controls: Controls, kind: str, key: Key) -> int | None:
    """How many a function lets into a key; None where it has no limit with it."""
    return min(
        (
            limit.limit
            for limit in controls.concurrency
            if limit.kind == kind
            and (slug if limit.scope == "fn" else limit.scope, limit.key) == key[:2]
            and (limit.key or kind == "fn")
        ),
        default=None,
    )


def calls_at_once(controls: Controls) -> int | None:
    return min(
        (limit.limit for limit in controls.concurrency if limit.kind == "step" and not limit.key),
        default=None,
    )


def factor(controls: Controls, data: Data) -> int:
    """Seconds by which a run counts as older (flow-control §5.6)."""
    found = value(controls.priority, data) if controls.priority else 0
    if isinstance(found, bool) or not isinstance(found, int | float) or found != int(found):
        return 0
    return max(-_FACTOR, min(_FACTOR, int(found)))


@dataclass
class Rate:
    """GCRA in any unit, between two bounds where the time of a decision is not known exactly."""

    emission: int
    cap: int

    def opens(self, arrival: int | None, now: int) -> int:
        """From when on one may pass."""
        start = now if arrival is None else min(max(arrival, now), now + self.emission * self.cap)
        return start + self.emission - self.emission * self.cap

    def paid(self, arrival: int | None, now: int) -> int:
        """The arrival time after one that passed."""
        start = now if arrival is None else min(max(arrival, now), now + self.emission * self.cap)
        return start + self.emission


def throttle_rate(controls: Controls) -> Rate | None:
    """In ms (flow-control §5.1)."""
    throttle = controls.throttle
    if throttle is None:
        return None
    return Rate(max(throttle.period_s * 1_000 // throttle.limit, 1), throttle.limit + throttle.burst)


def admission_rate(limit: RateLimit) -> Rate:
    """In ns (flow-control §5.2)."""
    return Rate(limit.period_s * 1_000_000_000 // limit.limit, limit.limit // 10 + 1)
