"""Runs that are sent for together, many events in a request, and end whenever they may."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from bench.app import App
from bench.hold import Hold
from bench.sender import Connection
from bench.stage import Stage


class Backlog:
    """Runs of one function, one for each event; `how` is what an event has by its place among them."""

    def __init__(
        self,
        stage: Stage,
        event: str,
        count: int,
        how: Callable[[int], Mapping[str, Any]] = lambda _: {},
    ) -> None:
        self.numbers = stage.numbers(count)
        self._stage = stage
        self._event = event
        self._how = how
        self._ends: list[asyncio.Future[None]] = []

    @property
    def left(self) -> int:
        """Runs that have not ended."""
        return sum(not end.done() for end in self._ends)

    @property
    def over(self) -> bool:
        return all(end.done() for end in reversed(self._ends))  # the first that has not is found at once

    async def send(self) -> None:
        """All of them, one request at a time on each connection. On return the server has accepted them."""
        stage, size = self._stage, self._stage.options.batch
        places = range(len(self.numbers))
        batches = iter([places[i : i + size] for i in places[::size]])

        async def work(connection: Connection) -> None:
            for batch in batches:
                numbers = self.numbers[batch.start : batch.stop]
                events = [stage.event(self._event, self.numbers[i], **self._how(i)) for i in batch]
                self._ends += [stage.journal.send(n) for n in numbers]
                await stage.post(connection, b"[" + b",".join(events) + b"]", numbers)

        await asyncio.gather(*(work(connection) for connection in stage.sender.connections))

    async def ended(self) -> int:
        """Waits for the ends of all, for as long as some come within `patience`. How many never came."""
        left = [end for end in self._ends if not end.done()]
        while left:
            await asyncio.wait(left, timeout=self._stage.options.patience)
            before, left = len(left), [end for end in left if not end.done()]
            if len(left) == before:
                break
        return len(self.numbers) - len(self._ends) + len(left)


async def piled_up(stage: Stage, app: App, function: str, backlog: Backlog) -> Hold:
    """Sends a backlog while the app keeps every answer back, so that no run of it ends, and all but those of
    the calls that the server makes at once are queued, and due. With the hold's opening work may begin.
    """
    hold = app.holds.setdefault(function, Hold())
    hold.close()
    await backlog.send()
    await stage.quiet(stage.options.patience)
    if not hold.kept:
        raise SystemExit("bench: the server did not begin to work on what it accepted")
    return hold
