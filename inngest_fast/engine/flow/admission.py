"""What becomes of an event and a function that it matches, stage by stage (flow-control §1)."""

from collections.abc import Mapping, Sequence

import msgspec

from inngest_fast.domain.apps import Function
from inngest_fast.domain.events import Event
from inngest_fast.domain.flow import FlowRow
from inngest_fast.domain.ids import Entropy
from inngest_fast.domain.runs import SkipReason
from inngest_fast.domain.transitions import Action, AddJob, Admit, ConsumeWait, CreateRun, PutEvent
from inngest_fast.domain.waits import Wait
from inngest_fast.engine.flow.batch import BatchAppend, batch_append
from inngest_fast.engine.flow.debounce import DebouncePush, debounce_push
from inngest_fast.engine.flow.keys import NoValueError
from inngest_fast.engine.flow.rate_limit import RateCheck, rate_check
from inngest_fast.engine.flow.refusal import refusal
from inngest_fast.engine.flow.singleton import SingletonLock, gives_way, singleton_lock
from inngest_fast.engine.lifecycle.schedule import key_of, locked, schedule_run, skipped
from inngest_fast.engine.routing.meeting import resumption

RATE_LIMITED = "invoked function is rate limited"
SKIPPED_PAUSED = "invoked function is paused"
SKIPPED_SINGLETON = "invoked function was skipped: another run of its singleton is live"


class Invoker(msgspec.Struct, frozen=True):
    """Who waits for what an invocation comes to."""

    invocation: Event
    wait: Wait
    event_id: str  # of the event that tells it of a refusal

    def refuse(self, message: str, now: int) -> list[Action]:
        event = refusal(self.invocation, self.wait.key, message, self.event_id, now)
        return [PutEvent(event, route=False), ConsumeWait(self.wait.id, resumption(self.wait, event, now))]


class Start(msgspec.Struct, frozen=True):
    """The stages from the rate limit to the run. domain.transitions.Admission."""

    create: CreateRun | None  # None: it is debounced, and no run starts now
    now: int
    paused: bool = False
    rate: RateCheck | None = None
    debounce: DebouncePush | None = None
    singleton: SingletonLock | None = None
    invokers: tuple[Invoker, ...] = ()

    @property
    def keys(self) -> Sequence[str]:
        keys = list(self.rate.keys) if self.rate is not None else []
        if self.debounce is not None:
            keys.append(self.debounce.key)
        if self.singleton is not None:
            keys.append(self.singleton.key)
        return keys

    @property
    def possible(self) -> Sequence[Action]:
        refused = self._refuse("")
        return [self.create, *refused] if self.create is not None else refused

    @property
    def undecided(self) -> bool:
        """Whether it rests on anything but the event."""
        return self.rate is not None or self.debounce is not None or self.singleton is not None

    def decide(self, rows: Mapping[str, FlowRow]) -> Sequence[Action]:
        actions: list[Action] = []
        if self.rate is not None:
            passes, writes = self.rate.take(rows)
            actions += writes
            if not passes:
                return [*actions, *self._refuse(RATE_LIMITED)]
        if self.debounce is not None:
            return [*actions, *self.debounce.push(rows)]
        create, lock = self.create, self.singleton
        if create is None:
            return actions
        if lock is not None:
            held = rows.get(lock.key)
            if held is not None and lock.mode == "skip":
                return [
                    *actions,
                    skipped(create, SkipReason.SINGLETON, held.holder),
                    *self._refuse(SKIPPED_SINGLETON),
                ]
            # An event that comes again must not end the run that it started, to be refused in the next stage.
            if held is not None and not (create.run.key and held.body == create.run.key.encode()):
                actions.append(AddJob(gives_way(held.holder, create.run, self.now)))
        if self.paused:
            return [
                *actions,
                skipped(create, SkipReason.FUNCTION_PAUSED),
                *self._refuse(SKIPPED_PAUSED),
            ]
        if lock is not None:
            create = locked(create, lock.key)
            create = msgspec.structs.replace(create, rows=(lock.taken_by(create.run),))
        return [*actions, create]

    def _refuse(self, message: str) -> list[Action]:
        return [action for invoker in self.invokers for action in invoker.refuse(message, self.now)]


class Append(msgspec.Struct, frozen=True):
    """The stage of batching. domain.transitions.Admission."""

    batch: BatchAppend

    @property
    def keys(self) -> Sequence[str]:
        return self.batch.keys

    @property
    def possible(self) -> Sequence[Action]:
        return ()

    def decide(self, rows: Mapping[str, FlowRow]) -> Sequence[Action]:
        return self.batch.append(rows)


def admit(
    function: Function, event: Event, now: int, entropy: Entropy, invokers: Sequence[Invoker] = ()
) -> Sequence[Action]:
    """What is to be committed with an event that a function's triggers match, or that invokes it."""
    try:
        batch = batch_append(function, event, now, entropy)
    except NoValueError:
        return ()
    if batch is not None:
        return (Admit(Append(batch)),)
    return begin(function, [event], now, entropy, key=key_of(event), invokers=invokers, fresh=True)


def begin(
    function: Function,
    events: Sequence[Event],
    now: int,
    entropy: Entropy,
    *,
    key: str = "",
    cron: str = "",
    batch_id: str = "",
    correlated: Sequence[str] = (),
    invokers: Sequence[Invoker] = (),
    fresh: bool = False,
) -> Sequence[Action]:
    """The stages behind batching. What has waited already, as a batch or a debounce, is not `fresh`: neither
    rate limit nor debounce apply to it.
    """
    start = start_of(
        function,
        events,
        now,
        entropy,
        key=key,
        cron=cron,
        batch_id=batch_id,
        correlated=correlated,
        invokers=invokers,
        fresh=fresh,
    )
    if start is None:
        return ()
    return (Admit(start),) if start.undecided else start.decide({})


def start_of(
    function: Function,
    events: Sequence[Event],
    now: int,
    entropy: Entropy,
    *,
    key: str = "",
    cron: str = "",
    batch_id: str = "",
    correlated: Sequence[str] = (),
    invokers: Sequence[Invoker] = (),
    fresh: bool = False,
) -> Start | None:
    """As `begin`, not decided yet; None if a key fails on the event, which then starts nothing."""
    first = events[0]
    config = function.config
    debounce = debounce_push(function, first, now, entropy) if fresh else None
    create: CreateRun | None = None
    if debounce is None:
        create = schedule_run(
            function, events, now, entropy, cron=cron, key=key, batch_id=batch_id, correlated=correlated
        )
    rate: RateCheck | None = None
    if fresh and config.rate_limit is not None:
        try:
            rate = rate_check(function, first.wire, now, key)
        except NoValueError:
            return None
    return Start(
        create=create,
        now=now,
        paused=bool(function.paused_at),
        rate=rate,
        debounce=debounce,
        singleton=singleton_lock(function, first.wire, now) if debounce is None else None,
        invokers=tuple(invokers),
    )


def may_refuse(function: Function) -> bool:
    """Whether an invocation of it may start nothing, so that its invoker is to be told."""
    config = function.config
    return config.rate_limit is not None or config.singleton is not None or bool(function.paused_at)
