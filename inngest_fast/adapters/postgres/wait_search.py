"""ports.wait_search.WaitSearch: what is asked for together is found together, by numbers in an index."""

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Final

from inngest_fast.adapters.postgres.lookups import KnownPaths, bucket_of, of_name, of_value
from inngest_fast.adapters.postgres.queries import Queries
from inngest_fast.adapters.postgres.reader import Reader
from inngest_fast.domain.errors import StoreError
from inngest_fast.domain.stored_form import decode_wait
from inngest_fast.domain.waits import Wait
from inngest_fast.ports.wait_search import Found, Lookup

_TOGETHER: Final = 256

_id = attrgetter("id")


class _Ask:
    """One call of `find`: what it asks for, by the paths that are known."""

    __slots__ = ("asked", "buckets", "future", "numbers")

    def __init__(self, asked: Sequence[tuple[str, Lookup]], future: "asyncio.Future[Found]") -> None:
        self.asked = asked
        self.future = future
        self.buckets: set[int] = set()
        self.numbers: list[int] = []

    def prepare(self, known: KnownPaths) -> bool:
        """False once nobody waits for the answer."""
        if self.future.done():
            return False
        numbers = self.numbers = []
        try:
            for event, lookup in self.asked:
                name = of_name(event)
                if name is None:
                    continue
                numbers.append(name)
                bucket = bucket_of(name)
                self.buckets.add(bucket)
                for path in known.of(bucket):
                    number = of_value(event, path, lookup(path))
                    if number is not None:
                        numbers.append(number)
        except Exception as error:
            self.future.set_exception(error)
            return False
        return True

    def answer(self, waits: dict[int, list[Wait]], apps_version: int) -> None:
        if self.future.done():
            return
        found = [waits[number] for number in self.numbers if number in waits]
        if len(found) < 2:
            mine = found[0][:] if found else []
        else:
            mine = list({wait.id: wait for each in found for wait in each}.values())
        mine.sort(key=_id)
        self.future.set_result(Found(mine, apps_version))


class WaitSearch:
    """Asks one statement at a time: those who come meanwhile are answered by the next."""

    def __init__(self, reader: Reader, queries: Queries, known: KnownPaths) -> None:
        self._reader = reader
        self._queries = queries
        self._known = known
        self._asks: deque[_Ask] = deque()
        self._task: asyncio.Task[None] | None = None

    async def close(self) -> None:
        """Answers what was asked."""
        while self._task is not None:
            await asyncio.wait([self._task])

    async def find(self, asked: Sequence[tuple[str, Lookup]]) -> Found:
        """Raises StoreError, and what a lookup raises."""
        future: asyncio.Future[Found] = asyncio.get_running_loop().create_future()
        self._asks.append(_Ask(asked, future))
        if self._task is None:
            # It starts once all that runs in this turn of the loop has asked.
            self._task = asyncio.create_task(self._serve(), name="postgres-wait-search")
        return await future

    async def _serve(self) -> None:
        try:
            while self._asks:
                taken = [self._asks.popleft() for _ in range(min(len(self._asks), _TOGETHER))]
                try:
                    again = await self._answer([ask for ask in taken if ask.prepare(self._known)])
                except StoreError as error:
                    # It took its time to fail: those who came meanwhile would wait as long for the same.
                    _fail([*taken, *self._asks], str(error))
                    self._asks.clear()
                    continue
                except Exception as error:
                    _fail(taken, f"cannot find waits: {error}")
                    continue
                except BaseException:
                    _fail(taken, "the search for waits was broken off")
                    raise
                self._asks.extendleft(reversed(again))
        finally:
            _fail(self._asks, "the search for waits was broken off")
            self._asks.clear()
            self._task = None

    async def _answer(self, asks: list[_Ask]) -> list[_Ask]:
        """Those of the asks that a path concerns which was not known: they are to be asked once more."""
        if not asks:
            return []
        known = self._known
        buckets = set().union(*(ask.buckets for ask in asks))
        paths = [number for bucket in buckets for number in known.of(bucket).values()]
        numbers = _array({number for ask in asks for number in ask.numbers})
        values = (_array(buckets), _array(paths), numbers, numbers)
        apps_version = 0
        waits: dict[int, list[Wait]] = {}
        incomplete: set[int] = set()
        for number, bucket, data in await self._reader.rows(self._queries.find, values):
            if bucket is None:
                waits.setdefault(number, []).append(decode_wait(data))
            elif data is None:
                apps_version = number
            else:
                known.learn(bucket, number, data)
                incomplete.add(bucket)
        if incomplete:
            known.trim(len(buckets))
        again = []
        for ask in asks:
            if incomplete and not incomplete.isdisjoint(ask.buckets):
                again.append(ask)
            else:
                ask.answer(waits, apps_version)
        return again


def _fail(asks: Iterable[_Ask], failure: str) -> None:
    for ask in asks:
        if not ask.future.done():
            ask.future.set_exception(StoreError(failure))  # each its own: they are raised apart


def _array(numbers: Iterable[int]) -> str:
    """As text: that takes a fraction of the time of a list's binary form."""
    return f"{{{','.join(map(str, numbers))}}}"
