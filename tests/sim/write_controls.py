"""Random flow control for functions."""

from collections.abc import Callable
from dataclasses import replace
from random import Random

from msgspec import structs

from inngest_fast.domain.functions import (
    Batch,
    ConcurrencyLimit,
    Debounce,
    RateLimit,
    Singleton,
    Throttle,
)
from tests.sim.controls import Controls
from tests.sim.programs import Program

N, K, P = "event.data.n", "event.data.k", "event.data.p"
_KEYS = ("", N, K)
_SHARED = ("env", "account")


def write_controls(random: Random, program: Program) -> Controls:
    """Some of what a function may have together."""
    controls = Controls()
    for _ in range(random.choice((1, 1, 2, 3))):
        name, write = random.choice(_WRITERS)
        controls = replace(controls, **{name: write(random)})  # type: ignore[arg-type]
    if controls.batch is not None:
        if program.cancel or random.random() < 0.5:
            return replace(controls, batch=None)
        return replace(controls, debounce=None, singleton=None, priority="")
    return controls


def other_controls(random: Random, program: Program) -> Controls:
    """Those that a function has later: others, or the same with other numbers."""
    if random.random() < 0.4:
        return write_controls(random, program)
    controls = program.controls
    if controls.batch is None and random.random() < 0.5:
        controls = replace(controls, concurrency=_concurrency(random))
    if controls.throttle is not None:
        controls = replace(controls, throttle=structs.replace(_throttle(random), key=controls.throttle.key))
    if controls.debounce is not None:
        controls = replace(controls, debounce=structs.replace(_debounce(random), key=controls.debounce.key))
    if controls.batch is not None:
        controls = replace(controls, batch=structs.replace(_batch(random), key=controls.batch.key))
    return controls


def _concurrency(random: Random) -> tuple[ConcurrencyLimit, ...]:
    limits = []
    for _ in range(random.choice((0, 1, 1, 2))):
        key = random.choice(_KEYS)
        scope = random.choice(_SHARED) if key and random.random() < 0.5 else "fn"
        limits.append(ConcurrencyLimit(random.choice((1, 1, 2, 3)), key, scope))  # type: ignore[arg-type]
    if not limits or random.random() < 0.4:
        key = random.choice(_KEYS)
        scope = random.choice(_SHARED) if key and random.random() < 0.5 else "fn"
        limits.append(ConcurrencyLimit(random.choice((1, 1, 2)), key, scope, "fn"))  # type: ignore[arg-type]
    return tuple(limits)


def _throttle(random: Random) -> Throttle:
    return Throttle(
        random.choice((1, 1, 2)), random.choice((1, 2, 4)), random.choice((0, 0, 1)), random.choice(("", N))
    )


def _rate_limit(random: Random) -> RateLimit:
    return RateLimit(random.choice((1, 2, 10, 20)), random.choice((3, 10, 60)), random.choice(_KEYS))


def _debounce(random: Random) -> Debounce:
    return Debounce(random.choice((1, 2, 5)), random.choice(_KEYS), random.choice((None, 1, 3, 8)))


def _batch(random: Random) -> Batch:
    condition = random.choice(("", "", f"{N} > 0"))
    return Batch(
        random.choice((2, 2, 3, 5)), random.choice((1_000, 4_000, 10_000)), random.choice(_KEYS), condition
    )


def _singleton(random: Random) -> Singleton:
    return Singleton(random.choice(("skip", "cancel")), random.choice(_KEYS))  # type: ignore[arg-type]


_WRITERS: tuple[tuple[str, Callable[[Random], object]], ...] = (
    ("concurrency", _concurrency),
    ("concurrency", _concurrency),
    ("throttle", _throttle),
    ("rate_limit", _rate_limit),
    ("debounce", _debounce),
    ("batch", _batch),
    ("singleton", _singleton),
    ("priority", lambda random: P),
    ("idempotency", lambda random: N),
)
