"""The task that writes: takes what was handed in, commits it as a group, and tells its callers."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

import psycopg

from inngest_fast.adapters.postgres.database import (
    Database,
    answering,
    concerns_one_transition,
    worth_repeating,
)
from inngest_fast.adapters.postgres.fate import Signature, was_committed
from inngest_fast.adapters.postgres.group import Decided, DoubtfulError, GroupCommit, UnansweredError
from inngest_fast.adapters.postgres.link import Link
from inngest_fast.adapters.postgres.load import Connection
from inngest_fast.adapters.postgres.lookups import KnownPaths
from inngest_fast.adapters.postgres.statements import Statements
from inngest_fast.domain.errors import StoreError
from inngest_fast.domain.transitions import Committed, Transition
from inngest_fast.ports.wait_search import Entry

MAX_GROUP: Final = 512

_TRIES: Final = 10  # of a group that other writers were in the way of
_DAYS_REMEMBERED: Final = 7  # writers that are gone
_LOST: Final = 2  # connections that a group may use up: the first may have been dead for long
_SECONDS_TO_SETTLE: Final = 10.0  # once the store is closing

_log = logging.getLogger(__name__)

_Handed = tuple[Transition, int, "asyncio.Future[Committed]"]


class Writer:
    """Owns the connection that writes."""

    def __init__(
        self,
        database: Database,
        schema: str,
        entry: Entry,
        known: KnownPaths,
        *,
        lifetime: float,
        on_group: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._database = database
        self._known = known
        self._on_group = on_group
        self._last: Connection | None = None  # that a group went to
        self._link = Link(database, lifetime)
        self._sql = Statements(schema)
        self._groups = GroupCommit(self._sql, entry, known)
        self._handed: deque[_Handed] = deque()
        self._wake = asyncio.Event()
        self._closing = False
        self._task: asyncio.Task[None] | None = None
        self._failure = ""
        self.backlog = 0

    @property
    def connected(self) -> bool:
        return self._link.connected

    async def open(self) -> None:
        """Raises psycopg.Error without a connection."""
        connection = await self._link.connection()
        await connection.execute(self._sql.forget_writers, (_DAYS_REMEMBERED,))
        self._link.worked()
        self._task = asyncio.create_task(self._serve(), name="postgres-writer")

    async def close(self) -> None:
        """Returns once everything handed in is decided and the connection is closed."""
        self._closing = True
        self._link.hurry()
        self._wake.set()
        if self._task is not None:
            await asyncio.wait([self._task])

    def commit(self, transition: Transition, now: int) -> "asyncio.Future[Committed]":
        future: asyncio.Future[Committed] = asyncio.get_running_loop().create_future()
        if self._closing or self._task is None or self._task.done():
            future.set_exception(StoreError(f"the store at {self._database.place} is closed"))
            return future
        self.backlog += 1
        self._handed.append((transition, now, future))
        self._wake.set()
        return future

    async def _serve(self) -> None:
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                while self._handed:
                    group = [self._handed.popleft() for _ in range(min(len(self._handed), MAX_GROUP))]
                    try:
                        outcomes = await self._decide(group)
                    except BaseException:
                        self._handed.extendleft(reversed(group))
                        raise
                    self._tell(group, outcomes)
                    self._on_group(len(group))
                if self._closing:
                    return
        finally:
            self._closing = True
            error = f"the store at {self._database.place} is closed"
            self._tell(self._handed, [StoreError(error) for _ in self._handed])
            self._handed.clear()
            await self._link.close()

    def _tell(self, group: Sequence[_Handed], outcomes: Decided) -> None:
        self.backlog -= len(group)
        for (_, _, future), outcome in zip(group, outcomes, strict=True):
            if future.done():
                continue
            if isinstance(outcome, StoreError):
                future.set_exception(outcome)
            else:
                future.set_result(outcome)

    async def _decide(self, group: Sequence[_Handed]) -> Decided:
        try:
            decided = await self._commit(group)
        except Exception as error:
            if concerns_one_transition(error) and not isinstance(error, StoreError):
                if len(group) > 1:
                    return [(await self._decide([one]))[0] for one in group]
            else:
                self._log_failure(str(self._database.error(error)))
            # Raised apart, each with its traceback.
            return [StoreError(str(self._database.error(error))) for _ in group]
        self._log_failure("")
        return decided

    async def _commit(self, group: Sequence[_Handed]) -> Decided:
        """Commits the group whole; after an error nothing of it is in the database."""
        transitions = [(transition, now) for transition, now, _ in group]
        tries = lost = 0
        while True:
            connection = await self._link.connection()
            if connection is not self._last:
                self._known.forget()  # another database may have taken over, which was behind
                self._last = connection
            try:
                with answering(connection):
                    decided = await self._groups.commit(connection, transitions, careful=tries > 0)
            except UnansweredError as unanswered:
                if await self._settle(unanswered.signature):
                    return unanswered.decided
                error: Exception = unanswered
            except Exception as raised:
                error = raised
            else:
                self._link.worked()
                return decided
            if connection.closed:
                self._link.failed()
                lost += 1
                if lost >= _LOST:
                    raise self._database.error(error)
            elif tries < _TRIES and (isinstance(error, DoubtfulError) or worth_repeating(error)):
                tries += 1
            else:
                raise error

    async def _settle(self, signature: Signature) -> bool:
        """Whether the group was committed. Its callers wait for the truth, as long as there is hope."""
        loop = asyncio.get_running_loop()
        last = 0.0
        while True:
            reason = "the store was closed first"
            try:
                connection = await self._link.connection()
                with answering(connection):
                    committed = await was_committed(connection, self._sql, signature)
                if committed is not None:
                    self._link.worked()
                    return committed
            except psycopg.Error as error:
                reason = str(self._database.error(error, "read"))
                self._log_failure(reason)
            self._link.failed()
            if self._closing:
                last = last or loop.time() + _SECONDS_TO_SETTLE
                if loop.time() > last:
                    raise StoreError(f"it is unknown whether a commit took place: {reason}")
                await asyncio.sleep(0.1)
            else:
                await self._link.pause()

    def _log_failure(self, failure: str) -> None:
        """Says once that the database fails, and once that it works again."""
        if bool(failure) != bool(self._failure):
            if failure:
                _log.error("the store fails: %s", failure)
            else:
                _log.warning("the store works again: %s", self._database.place)
        self._failure = failure
