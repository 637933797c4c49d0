"""Reads put together: what many fields of a document want is asked for at once."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Batch(Generic[K, V]):
    """Everything that is wanted until the loop comes round is one read, and stays for the request."""

    def __init__(self, read: Callable[[Sequence[K]], Awaitable[Mapping[K, V]]], missing: V) -> None:
        self._read = read
        self._missing = missing
        self._known: dict[K, asyncio.Future[V]] = {}
        self._wanted: list[K] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def get(self, key: K) -> asyncio.Future[V]:
        """The value of that key; `missing` if there is none."""
        future = self._known.get(key)
        if future is None:
            loop = asyncio.get_running_loop()
            self._known[key] = future = loop.create_future()
            if not self._wanted:
                loop.call_soon(self._begin)
            self._wanted.append(key)
        return future

    def here(self, key: K) -> V | None:
        """The value of that key if it has been read, without a word to the loop; else None."""
        future = self._known.get(key)
        return future.result() if future is not None and future.done() else None

    async def fetch(self, keys: Iterable[K]) -> None:
        """Reads these, so that they are `here`."""
        for future in [self.get(key) for key in keys]:
            await future

    def _begin(self) -> None:
        wanted, self._wanted = self._wanted, []
        task = asyncio.get_running_loop().create_task(self._answer(wanted))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, keys: Sequence[K]) -> None:
        try:
            found = await self._read(keys)
        except Exception as error:
            for key in keys:
                if not self._known[key].done():
                    self._known[key].set_exception(error)
                    self._known[key].exception()  # the asker may have been given up
            return
        for key in keys:
            if not self._known[key].done():
                self._known[key].set_result(found.get(key, self._missing))
