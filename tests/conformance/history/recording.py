"""What real servers did, written down in an order in which it can be judged."""

import asyncio
import copy
import json
from collections import deque
from collections.abc import Callable, Mapping
from contextvars import Context
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from inngest_fast.adapters.postgres import PostgresStore
from inngest_fast.domain.errors import StoreError
from inngest_fast.domain.events import Accepted, Event
from inngest_fast.domain.transitions import AddWait, Committed, CreateRun, EndRun, Transition
from inngest_fast.ports.clock import Clock


@dataclass(frozen=True)
class Arrived:
    """An event came to a server."""

    event: Event


@dataclass(frozen=True)
class Acknowledged:
    event: Event
    did: Accepted


@dataclass(frozen=True)
class Decided:
    """A transition as it was handed in, and what the store said to it; `now` is the store's clock then."""

    transition: Transition
    committed: Committed
    now: int


@dataclass(frozen=True)
class Called:
    """A request left for an app; `between`: while the store had a transition that was not yet decided."""

    request: Mapping[str, Any]
    between: bool


@dataclass(frozen=True)
class MayFail:
    """The app gave an answer after which the run may fail."""

    run_id: str


Entry = Arrived | Acknowledged | Decided | Called | MayFail


@dataclass
class History:
    """Entries in order, and what can be waited for."""

    entries: list[Entry] = field(default_factory=list)
    commits: int = 0
    run_of: dict[int, str] = field(default_factory=dict)  # by the `n` of its event
    waited: set[str] = field(default_factory=set)  # runs that had a wait of a step
    live: set[str] = field(default_factory=set)
    _awaited: list[tuple[Callable[[], object], asyncio.Future[None]]] = field(default_factory=list)

    def add(self, entry: Entry) -> None:
        self.entries.append(entry)
        if isinstance(entry, Decided):
            self._decided(entry)
        for come_true, future in self._awaited:
            if not future.done() and come_true():
                future.set_result(None)
        self._awaited = [awaited for awaited in self._awaited if not awaited[1].done()]

    async def until(self, come_true: Callable[[], object]) -> None:
        """Returns after the entry with which a condition holds."""
        if not come_true():
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._awaited.append((come_true, future))
            await future

    def _decided(self, entry: Decided) -> None:
        self.commits += 1
        if not entry.committed.applied:
            return
        for action in (*entry.transition.actions, *entry.committed.admitted):
            if isinstance(action, CreateRun) and action.run.id not in entry.committed.refused_runs:
                self.run_of[json.loads(action.run.events[0])["data"].get("n")] = action.run.id
                self.live.add(action.run.id)
            elif isinstance(action, AddWait):
                self.waited.add(action.wait.run_id)
            elif isinstance(action, EndRun):
                self.live.discard(action.run.id)


class Line:
    """Before the stores of all servers: one transition is handed in when the one before it, of whichever
    server, was decided.

    So the order of the history is that in which the database decided, without asking it. The decisions of
    the servers race as ever: each is made on what its server knew before it came into line. What this leaves
    to others: groups of several transitions, and groups of two servers at once.
    """

    def __init__(self, history: History, clock: Clock) -> None:
        self.history = history
        self._clock = clock
        self._line: deque[tuple[RecordingStore, Transition, asyncio.Future[Committed]]] = deque()
        self.deciding: asyncio.Future[Committed] | None = None

    def hand_in(self, store: "RecordingStore", transition: Transition) -> asyncio.Future[Committed]:
        future: asyncio.Future[Committed] = asyncio.get_running_loop().create_future()
        self._line.append((store, transition, future))
        self._next()
        return future

    def leave(self, store: "RecordingStore") -> None:
        """What it handed in is not decided, or it does not hear of it."""
        for owner, _, future in self._line:
            if owner is store:
                future.cancel()
        self._line = deque(waiting for waiting in self._line if waiting[0] is not store)

    def _next(self) -> None:
        if self.deciding is not None or not self._line:
            return
        store, transition, future = self._line.popleft()
        store.heard = future
        as_handed_in, now = copy.deepcopy(transition), self._clock.now_ms()
        try:
            self.deciding = store.real.commit(transition)
        except StoreError as error:
            future.set_exception(error)
            self._next()
            return
        self.deciding.add_done_callback(partial(self._decided, future, as_handed_in, now))

    def _decided(
        self,
        future: asyncio.Future[Committed],
        transition: Transition,
        now: int,
        decided: asyncio.Future[Committed],
    ) -> None:
        self.deciding = None
        error = decided.exception()
        if error is None:
            self.history.add(Decided(transition, copy.deepcopy(decided.result()), now))
        if future.done():
            pass
        elif error is not None:
            future.set_exception(error)
        else:
            future.set_result(decided.result())
        self._next()


class RecordingStore:
    """A real store whose transitions go through the line, and into the history once they are decided."""

    def __init__(self, real: PostgresStore, line: Line, context: Context) -> None:
        """`context` is that of the tasks that keep its connections."""
        self.real = real
        self.heard: asyncio.Future[Committed] | None = (
            None  # whoever hears of the last one that was handed in
        )
        self._line = line
        self._context = context
        self._dead = False
        self._waiting: set[asyncio.Future[Committed]] = set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    @property
    def backlog(self) -> int:
        return len(self._waiting)

    async def open(self) -> None:
        await asyncio.get_running_loop().create_task(self.real.open(), context=self._context)

    def commit(self, transition: Transition) -> asyncio.Future[Committed]:
        if self._dead:
            future: asyncio.Future[Committed] = asyncio.get_running_loop().create_future()
            future.cancel()
            return future
        future = self._line.hand_in(self, transition)
        self._waiting.add(future)
        future.add_done_callback(self._waiting.discard)
        return future

    async def die(self) -> None:
        """Nothing more is handed in; the one that the database may have at this moment is decided, unheard."""
        self._dead = True
        self._line.leave(self)
        if self.heard is not None:
            self.heard.cancel()
        if self._line.deciding is not None:
            await asyncio.wait((self._line.deciding,))

    async def close(self) -> None:
        if self._waiting:
            await asyncio.wait(self._waiting)
        await self.real.close()
