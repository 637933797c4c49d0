"""A thread that reads, on a connection of its own: it never waits for the writer, nor the writer for it."""

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

from inngest_fast.adapters.sqlite.connection import open_reader, store_error
from inngest_fast.adapters.sqlite.outcomes import Outcomes
from inngest_fast.domain.errors import StoreError

# Answers are handed over together, but none is kept back for longer.
_HELD_SECONDS: Final = 0.002

P = ParamSpec("P")
T = TypeVar("T")
_Asked = tuple[Callable[..., Any], Any, Any, "asyncio.Future[Any]"]


class Reader:
    """Starts with its first query."""

    def __init__(self, path: str, name: str) -> None:
        self._path = path
        self._name = name
        self._loop = asyncio.get_running_loop()
        self._outcomes = Outcomes(self._loop)
        self._asked: queue.SimpleQueue[_Asked | None] = queue.SimpleQueue()
        self._ended: asyncio.Future[None] | None = None
        self._closing = False
        self._connection: sqlite3.Connection | None = None  # the thread's

    def read(
        self, query: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> "asyncio.Future[T]":
        future: asyncio.Future[T] = self._loop.create_future()
        if self._closing:
            future.set_exception(StoreError(f'the database "{self._path}" is closed'))
            return future
        if self._ended is None:
            self._ended = self._loop.create_future()
            threading.Thread(target=self._main, name=self._name, daemon=True).start()
        self._asked.put((query, args, kwargs, future))
        return future

    async def close(self) -> None:
        """Answers what was asked, then lets go of the file."""
        self._closing = True
        if self._ended is not None:
            self._asked.put(None)
            await asyncio.shield(self._ended)

    # On the thread

    def _main(self) -> None:
        ended = False
        while not ended:
            asked = [self._asked.get()]
            asked += [self._asked.get_nowait() for _ in range(self._asked.qsize())]
            ended = None in asked
            self._answer([each for each in asked if each is not None])
            asked.clear()  # while it waits for the next, nothing of the last is kept
        self._disconnect()
        if self._ended is not None:
            self._outcomes.tell([(self._ended, None)])

    def _answer(self, asked: Sequence[_Asked]) -> None:
        answers: list[tuple[asyncio.Future[Any], Any]] = []
        since = monotonic()
        for query, args, kwargs, future in asked:
            try:
                if self._connection is None:
                    self._connection = open_reader(self._path)
                answers.append((future, query(self._connection, *args, **kwargs)))
            except BaseException as error:  # the thread lives as long as the store
                answers.append((future, store_error(self._path, "read the database", error)))
                self._disconnect()
            if monotonic() - since > _HELD_SECONDS:
                self._outcomes.tell(answers)
                answers = []
                since = monotonic()
        if answers:
            self._outcomes.tell(answers)

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        try:
            if connection is not None:
                connection.close()
        except sqlite3.Error:
            pass
