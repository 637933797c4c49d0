"""Batches as they must be (flow-control §5.4)."""

from dataclasses import dataclass, field

from inngest_fast.domain.events import Event
from inngest_fast.domain.functions import Batch
from tests.sim.controls import Key
from tests.sim.when import When


@dataclass
class Filling:
    """`due` at the earliest and at the latest, unix ms; a full one at once."""

    key: Key
    due: tuple[int, int]
    full_at: int = 0
    events: list[str] = field(default_factory=list)
    invokers: list[str] = field(default_factory=list)


class Batches:
    def __init__(self) -> None:
        self.filling: dict[str, Filling] = {}  # by id
        self._open: dict[Key, str] = {}
        self._appended: set[tuple[str, str]] = set()

    def known(self, slug: str, event: Event) -> bool:
        """Whether this very event is in a batch already, or was."""
        return event.repeatable and (slug, event.id) in self._appended

    def open(self, key: Key) -> str:
        """The id of the batch that the next event joins; "" if it is to open one."""
        return self._open.get(key, "")

    def append(self, config: Batch, key: Key, batch_id: str, event: Event, when: When) -> None:
        batch = self.filling.get(batch_id)
        if batch is None:
            due = (when.first + config.timeout_ms, when.last + config.timeout_ms)
            batch = self.filling[batch_id] = Filling(key, due)
            self._open[key] = batch_id
        batch.events.append(event.id)
        if event.correlation_id:
            batch.invokers.append(event.correlation_id)
        self._appended.add((key[0], event.id))
        if len(batch.events) >= config.size:
            batch.full_at = when.last
            del self._open[key]

    def fired(self, batch_id: str) -> Filling | None:
        batch = self.filling.pop(batch_id, None)
        if batch is not None and self._open.get(batch.key) == batch_id:
            del self._open[batch.key]
        return batch
