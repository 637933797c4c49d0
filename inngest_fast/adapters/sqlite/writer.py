"""The thread that writes: takes what was handed in, commits it as a group, and tells the loop."""

import asyncio
import logging
import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

from inngest_fast.adapters.sqlite.database import Database
from inngest_fast.adapters.sqlite.group import GroupCommit
from inngest_fast.adapters.sqlite.outcomes import Outcomes
from inngest_fast.domain.errors import StoreError
from inngest_fast.domain.transitions import Committed, Transition

MAX_GROUP: Final = 512

_log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")
_Handed = tuple[Transition, int, "asyncio.Future[Committed]"]
_Asked = tuple[Callable[..., Any], Any, Any, "asyncio.Future[Any]"]


class Writer:
    """Owns the write connection. Its methods belong to the event loop, what it does to its thread.

    It serves reads as well, between groups: those of a database that has this one connection only.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._handed: deque[_Handed] = deque()
        self._asked: deque[_Asked] = deque()
        # Free: there is something to look at. The loop alone frees it, the thread alone takes it.
        self._gate = threading.Lock()
        self._gate.acquire()
        self._waking = False
        self._closing = False
        self._closed: asyncio.Future[None] | None = None
        self._dead: BaseException | None = None
        self._failure = ""
        self.backlog = 0
        self.on_group: Callable[[int], None] = lambda _: None

    async def open(self) -> None:
        """Raises StoreError when the database cannot be written."""
        self._loop = asyncio.get_running_loop()
        self._outcomes = Outcomes(self._loop)
        closed = self._closed = self._loop.create_future()
        opened: asyncio.Future[None] = self._loop.create_future()
        threading.Thread(target=self._main, args=(opened, closed), name="sqlite-writer", daemon=True).start()
        await opened

    async def close(self) -> None:
        """Returns once everything handed in is decided and the file is let go."""
        if self._closed is None:
            return  # it never was open
        self._closing = True
        self._wake()
        await asyncio.shield(self._closed)

    def commit(self, transition: Transition, now: int) -> "asyncio.Future[Committed]":
        future = self._loop.create_future()
        if self._refused(future):
            return future
        self.backlog += 1
        self._handed.append((transition, now, future))
        self._wake_soon()
        return future

    def read(
        self, query: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> "asyncio.Future[T]":
        future: asyncio.Future[T] = self._loop.create_future()
        if not self._refused(future):
            self._asked.append((query, args, kwargs, future))
            self._wake_soon()
        return future

    def _refused(self, future: "asyncio.Future[Any]") -> bool:
        if self._dead is not None:
            future.set_exception(self._database.error(self._dead))
        elif self._closing:
            future.set_exception(StoreError(f'the database "{self._database.path}" is closed'))
        else:
            return False
        return True

    def _wake_soon(self) -> None:
        """Once for all that this turn of the loop hands in: it makes one group."""
        if not self._waking:
            self._waking = True
            self._loop.call_soon(self._wake)

    def _wake(self) -> None:
        self._waking = False
        if self._gate.locked():
            self._gate.release()

    def _decided(self, n: int) -> None:
        self.backlog -= n
        self.on_group(n)

    # On the thread

    def _main(self, opened: "asyncio.Future[None]", closed: "asyncio.Future[None]") -> None:
        try:
            self._connection = self._database.open()
        except BaseException as error:
            self._outcomes.tell([(opened, error), (closed, None)])
            return
        self._outcomes.tell([(opened, None)])
        died: BaseException | None = None
        try:
            self._serve()
        except BaseException as error:
            died = error
            _log.critical("the store's writer died", exc_info=error)
        finally:
            self._dead = died or StoreError(f'the database "{self._database.path}" is closed')
            try:
                self._database.close(self._connection)
            finally:
                self._outcomes.call(self._finish, closed)

    def _finish(self, closed: "asyncio.Future[None]") -> None:
        """On the loop, once the thread is done: nothing it was given stays open."""
        error = self._database.error(self._dead or RuntimeError("the writer ended"))
        futures: list[asyncio.Future[Any]] = [future for _, _, future in self._handed]
        futures += [future for _, _, _, future in self._asked]
        for future in futures:
            if not future.done():
                future.set_exception(error)
        self.backlog = 0
        self._handed.clear()
        self._asked.clear()
        if not closed.done():
            closed.set_result(None)

    def _serve(self) -> None:
        groups: GroupCommit | None = GroupCommit(self._connection)
        handed, asked = self._handed, self._asked
        while True:
            self._gate.acquire()
            while handed or asked:
                if handed:
                    groups = self._commit_group(groups)
                if asked:
                    self._answer()
            if self._closing:
                return

    def _commit_group(self, groups: GroupCommit | None) -> GroupCommit | None:
        """Commits one group; returns what commits the next, None when the connection is no longer trusted."""
        take = self._handed.popleft
        taken = [take() for _ in range(min(len(self._handed), MAX_GROUP))]
        results: list[Any]
        try:
            if groups is None:
                self._connection = self._database.reopen(self._connection)
                groups = GroupCommit(self._connection)
            results = groups.commit([(transition, now) for transition, now, _ in taken])
        except (sqlite3.Error, StoreError) as error:
            failure = self._database.error(error)
            self._log_failure(str(failure))
            results = [type(failure)(str(failure)) for _ in taken]  # raised apart, each with its traceback
            groups = None
        except BaseException as error:
            self._outcomes.tell([(future, self._database.error(error)) for _, _, future in taken])
            raise
        else:
            self._log_failure("")
        futures = [future for _, _, future in taken]
        outcomes = [
            self._database.error(result)
            if isinstance(result, Exception) and not isinstance(result, StoreError)
            else result
            for result in results
        ]
        self._outcomes.tell(list(zip(futures, outcomes, strict=True)), self._decided)
        return groups

    def _log_failure(self, failure: str) -> None:
        """Says once that the database fails, and once that it works again."""
        if failure != self._failure:
            self._failure = failure
            if failure:
                _log.error("the store fails: %s", failure)
            else:
                _log.warning('the store works again: "%s"', self._database.path)

    def _answer(self) -> None:
        answers: list[tuple[asyncio.Future[Any], Any]] = []
        take = self._asked.popleft
        for _ in range(len(self._asked)):
            query, args, kwargs, future = take()
            try:
                answers.append((future, query(self._connection, *args, **kwargs)))
            except BaseException as error:  # a query must not end the writer
                answers.append((future, self._database.error(error, "read the database")))
        self._outcomes.tell(answers)
