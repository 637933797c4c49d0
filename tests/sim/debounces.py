"""Debounces as they must be (flow-control §5.3)."""

from dataclasses import dataclass, replace

from inngest_fast.domain.events import Event
from inngest_fast.domain.functions import Debounce
from tests.sim.controls import Key
from tests.sim.when import When


@dataclass(frozen=True)
class Open:
    """Due and deadline are between bounds: [at the earliest, at the latest], unix ms."""

    last: str  # the event that is to start the run
    ts: int
    due: tuple[int, int]
    deadline: tuple[int, int] | None
    events: tuple[str, ...]  # all of them
    invokers: tuple[str, ...]


class Debounces:
    def __init__(self) -> None:
        self.open: dict[Key, Open] = {}

    def ignores(self, key: Key, event: Event) -> bool:
        known = self.open.get(key)
        return known is not None and known.ts > event.ts

    def after(self, config: Debounce, key: Key, event: Event, when: When) -> Open:
        """What is there once an event came."""
        known = self.open.get(key)
        invokers = (event.correlation_id,) if event.correlation_id else ()
        if known is None:
            deadline = _later(when, config.timeout_s) if config.timeout_s is not None else None
            known = Open(event.id, event.ts, (0, 0), deadline, (), ())
        known = replace(known, events=(*known.events, event.id), invokers=(*known.invokers, *invokers))
        if known.ts > event.ts:
            return known
        due, deadline = _later(when, config.period_s), known.deadline
        if deadline is not None:
            due = min(due[0], deadline[0]), min(due[1], deadline[1])
        return replace(known, last=event.id, ts=event.ts, due=due)

    def fired(self, slug: str, event_id: str) -> Open | None:
        """That which this event was the last of; it is over."""
        for key, known in self.open.items():
            if key[0] == slug and known.last == event_id:
                return self.open.pop(key)
        return None


def _later(when: When, seconds: int) -> tuple[int, int]:
    return when.first + seconds * 1_000, when.last + seconds * 1_000
