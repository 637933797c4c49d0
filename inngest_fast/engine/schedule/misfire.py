"""What a schedule owes after its ticks were not served in time, and how far a tick is spread."""

import hashlib
from typing import Protocol

import msgspec

MISSED_CAP = 1_000
_MIN_JITTER_MS = 1_000


class Ticking(Protocol):
    """What `plan` needs of a schedule."""

    def next_after(self, ms: int) -> int | None:
        """The first tick strictly after `ms`, or None."""


class Ticks(msgspec.Struct, frozen=True):
    """`run` is the tick to run now, if one is due; `missed` older ones are not run; `next` is still to come.

    With `at_least`, counting stopped at MISSED_CAP and more may have been missed.
    """

    run: int | None
    missed: int
    next: int | None
    at_least: bool = False


def plan(schedule: Ticking, last_tick_ms: int, now_ms: int) -> Ticks:
    """Runs the latest of the ticks after `last_tick_ms` up to `now_ms` and counts the rest (§10.13).

    A clock that went back does not run a tick twice: nothing up to `last_tick_ms` comes again.
    """
    tick = schedule.next_after(last_tick_ms)
    if tick is None or tick > now_ms:
        return Ticks(run=None, missed=0, next=tick)
    missed = 0
    while missed < MISSED_CAP:
        following = schedule.next_after(tick)
        if following is None or following > now_ms:
            return Ticks(run=tick, missed=missed, next=following)
        missed += 1
        tick = following
    latest = _latest(schedule, tick, now_ms)
    return Ticks(run=latest, missed=missed, next=schedule.next_after(latest), at_least=True)


def _latest(schedule: Ticking, tick: int, now_ms: int) -> int:
    """The last tick up to `now_ms`, given an earlier or equal one: bisected, since there may be millions."""
    beyond = now_ms
    while beyond > tick:
        middle = (tick + beyond) // 2
        following = schedule.next_after(middle)
        if following is not None and following <= now_ms:
            tick = following
        else:
            beyond = middle
    return tick


def jitter_ms(function_id: str, expression: str, tick_ms: int, range_ms: int) -> int:
    """How long after a tick its run starts: from 1 s up to, not including, `range_ms`; 0 without a range.

    The same tick of the same function always gets the same jitter (flow-control §3).
    """
    if range_ms <= 0:
        return 0
    if range_ms <= _MIN_JITTER_MS:
        return _MIN_JITTER_MS
    digest = hashlib.blake2b(f"{function_id}\0{expression}\0{tick_ms}".encode(), digest_size=8).digest()
    return _MIN_JITTER_MS + int.from_bytes(digest, "big") % (range_ms - _MIN_JITTER_MS)
