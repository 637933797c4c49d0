"""One event, or what has waited, and one function as it stood: the stages in their order (flow-control §1)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from inngest_fast.domain.events import Event
from inngest_fast.domain.flow import FlowRow
from inngest_fast.domain.functions import Batch
from inngest_fast.domain.runs import RunStatus, SkipReason
from inngest_fast.domain.transitions import Committed
from inngest_fast.engine.flow.batch import read as read_batch
from inngest_fast.engine.flow.debounce import read as read_debounce
from inngest_fast.engine.flow.keys import row_key, value_of
from tests.sim.controls import Data, Key, above, key_of, value
from tests.sim.observed import Seen
from tests.sim.standing import Standing
from tests.sim.when import When

if TYPE_CHECKING:
    from tests.sim.flow_model import FlowModel

NOTHING = ""


class NotSoError(Exception):
    """What was seen is not what had to be."""


@dataclass
class Case:
    """One function as it stood, and what was seen of it: the stages in their order.

    Raises NotSoError, with nothing changed.
    """

    model: "FlowModel"
    slug: str
    standing: Standing
    data: Data
    seen: Seen
    committed: Committed
    when: When
    effects: list[Callable[[], object]] = field(default_factory=list)

    def event(self, event: Event, key: str, *, tick: bool) -> str:
        """The run that it has now, "" for none."""
        batch = self.standing.controls.batch
        if batch is not None and not tick and above(batch.condition, self.data):
            became = self._batched(batch, event)
        else:
            self._is(not self.seen.appended, "it is of no batch")
            became = self._fresh(event, key)
        return self._so(became)

    def waited(self) -> str:
        """As `event`, of a debounce or batch that fired."""
        return self._so(self._start(""))

    def _so(self, became: str) -> str:
        for effect in self.effects:
            effect()
        return became

    def _batched(self, batch: Batch, event: Event) -> str:
        batches, seen = self.model.batches, self.seen
        self._is(not seen.runs, "it is batched")
        if batches.known(self.slug, event):
            self._is(not seen.appended, "it is in a batch already")
            self._count("batched already")
            return NOTHING
        self._is(len(seen.appended) == 1, "it was not batched")
        key = key_of(self.slug, batch.key, self.data)
        appended, open = seen.appended[0], batches.open(key)
        known = batches.filling.get(appended.batch_id)
        self._is(appended.batch_id == open or not open, "the open batch is", open)
        self._is((known is not None) == bool(open), "the batch is full, or another's")
        place = len(known.events) if known is not None else 0
        self._is(appended.position == place, "its place is", place)
        self._is(("batch" in seen.rows) == (place + 1 < batch.size), "the batch has room for", batch.size)
        if known is None and (row := seen.rows.get("batch")) is not None:
            self._about(row, batch.key, event)
            timeout = batch.timeout_ms
            self._in_time(read_batch(row).due, (self.when.first + timeout, self.when.last + timeout))
        self._does(partial(batches.append, batch, key, appended.batch_id, event, self.when))
        self._count("batched")
        return NOTHING

    def _fresh(self, event: Event, key: str) -> str:
        debounces, debounce = self.model.debounces, self.standing.controls.debounce
        at = key_of(self.slug, debounce.key, self.data) if debounce is not None else ("",)
        ignored = debounce is not None and debounces.ignores(at, event)
        if not self._passes(key, silent=ignored):
            self._count("rate limited")
            return NOTHING
        if debounce is None:
            return self._start(key)
        self._is(not self.seen.runs, "it is debounced")
        self._is("debounce" in self.seen.rows or ignored, "it was not debounced")
        after = debounces.after(debounce, at, event, self.when)
        if not ignored:
            row = self.seen.rows["debounce"]
            self._about(row, debounce.key, event)
            state = read_debounce(row)
            self._is((state.event_id, state.ts) == (after.last, after.ts), "the last one is", after)
            self._in_time(state.due, after.due)
        self._does(partial(debounces.open.__setitem__, at, after))
        self._count("gave way in a debounce" if ignored else "debounced")
        return NOTHING

    def _passes(self, key: str, *, silent: bool) -> bool:
        """The rate limit. `silent`: nothing is seen of what passes."""
        rates, limit, seen = self.model.rates, self.standing.controls.rate_limit, self.seen
        if limit is None or (limit.key and value(limit.key, self.data) is False):
            self._is("rate" not in seen.rows, "nothing limits its rate")
            return True
        at = key_of(self.slug, limit.key, self.data)
        on = bool(seen.runs or "debounce" in seen.rows)
        if "rate" in seen.rows:  # what is refused leaves one where the clock went back, or the rate is new
            became = {"paid"} if on else {"refused", "paid"} if silent else {"refused"}
        else:
            became = {"free"} if on else {"refused", "free"} if silent else {"refused"}
        may = rates.may(limit, at, key, self.when)
        self._is(became & may, "at its rate it may have been", may)
        became &= may
        if "paid" in became:
            self._does(partial(rates.paid, limit, at, key, self.when))
        elif "rate" in seen.rows:
            self._does(partial(rates.refused, limit, at, self.when))
        return bool(became & {"paid", "free"})

    def _start(self, key: str) -> str:
        model, seen = self.model, self.seen
        self._is(len(seen.runs) == 1, "it had to start a run")
        run = seen.runs[0]
        self._is(run.key == key, "its key is", key)
        at, hold = self._singleton()
        skip, holder = SkipReason.NONE, ""
        if hold and self._mode == "skip":
            skip, holder = SkipReason.SINGLETON, hold
        elif self.standing.paused:
            skip = SkipReason.FUNCTION_PAUSED
        spared = key and hold and model.made[hold].key == key  # the same event again
        displaced = [hold] if hold and self._mode == "cancel" and not spared else []
        self._is(seen.cancels == displaced, "it displaces", displaced)
        self._does(partial(model.displace, displaced, self.when))
        self._is((run.skip_reason, run.skipped_for) == (skip, holder), "it had to be", skip, holder)
        self._is((run.status is RunStatus.SKIPPED) == bool(skip), "its status is", run.status)
        taken = model.keys.get((self.slug, key), "") if key else ""
        if taken:
            self._is(self.committed.refused_runs.get(run.id) == taken, "its key is that of", taken)
            self._count("refused")
            return taken
        self._is(run.id not in self.committed.refused_runs, "its key was free")
        self._does(partial(model.created, run, self, None if skip else at))
        if skip:
            self._count(f"skipped {skip}")
        return run.id

    @property
    def _mode(self) -> str:
        singleton = self.standing.controls.singleton
        return singleton.mode if singleton is not None else ""

    def _singleton(self) -> tuple[Key | None, str]:
        """Its key, and the run that holds it."""
        singleton = self.standing.controls.singleton
        if singleton is None or (singleton.key and value(singleton.key, self.data) is False):
            return None, ""
        at = key_of(self.slug, singleton.key, self.data)
        return at, self.model.holders.get(at, "")

    def _count(self, what: str) -> None:
        def count() -> None:
            self.model.seen[what] += 1

        self._does(count)

    def _does(self, effect: Callable[[], object]) -> None:
        self.effects.append(effect)

    def _about(self, row: FlowRow, key: str, event: Event) -> None:
        """Whether a row is of this key: by its name, of which nothing else is asked."""
        kind, function_id, *_ = row.key.split(":")
        of = value_of(key, event.wire, 0) if key else ""
        self._is(row.key == row_key(kind, function_id, key, of), "its key is", key)

    def _in_time(self, due: int, wanted: tuple[int, int]) -> None:
        self._is(not self.when.known or wanted[0] <= due <= wanted[1], "its time is", wanted, "not", due)

    def _is(self, truth: object, *what: object) -> None:
        if not truth:
            raise NotSoError(" ".join(map(str, what)))
