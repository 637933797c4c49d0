"""Waiting for runs to end."""

import asyncio

from inngest_fast.domain.errors import OverloadedError
from inngest_fast.domain.runs import Run
from inngest_fast.ports.store import Store

MAX_WAITING = 10_000
LOOK_EVERY_S = 2.0  # for what ends on another server


class RunEnds:
    """Woken by the commit that ends a run here; one that ends elsewhere is seen a little later."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: dict[str, list[asyncio.Event]] = {}
        self._count = 0

    def tell(self, run_id: str) -> None:
        """A run has ended, durably."""
        for event in self._waiting.get(run_id, ()):
            event.set()

    async def wait(self, run_id: str, timeout: float) -> Run | None:
        """The run as it is when it has ended, or after so many seconds; None if there is none.

        Raises OverloadedError when too many wait, and StoreError.
        """
        if self._count >= MAX_WAITING:
            raise OverloadedError("too many requests wait for runs to end; try again shortly")
        deadline = asyncio.get_running_loop().time() + timeout
        ended = asyncio.Event()
        self._waiting.setdefault(run_id, []).append(ended)
        self._count += 1
        try:
            while True:
                run = await self._store.run(run_id)
                left = deadline - asyncio.get_running_loop().time()
                if run is None or run.status.ended or left <= 0:
                    return run
                try:
                    async with asyncio.timeout(min(left, LOOK_EVERY_S)):
                        await ended.wait()
                except TimeoutError:
                    pass
                ended.clear()
        finally:
            self._count -= 1
            waiting = self._waiting[run_id]
            waiting.remove(ended)
            if not waiting:
                del self._waiting[run_id]
