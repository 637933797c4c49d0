"""The leases of this process, extended for as long as it works on them."""

import asyncio
import logging
from collections.abc import Iterable

from inngest_fast.adapters.redis.errors import RedisRefusedError, RedisUnavailableError
from inngest_fast.adapters.redis.link import Link

_AT_ONCE = 1_000  # a longer list would keep the server busy in one piece

_log = logging.getLogger(__name__)


class HeldLeases:
    """Extended at a third of their time. A node that stops doing so loses them, and others take over."""

    def __init__(self, link: Link, node_id: str, lease_ms: int) -> None:
        self._link = link
        self._node_id = node_id
        self._lease_ms = lease_ms
        self._ids: set[str] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._extending: set[asyncio.Task[None]] = set()
        self.lost = 0

    def __len__(self) -> int:
        return len(self._ids)

    def __contains__(self, job_id: str) -> bool:
        return job_id in self._ids

    def add(self, ids: Iterable[str]) -> None:
        self._ids.update(ids)
        self._set_timer()

    def discard(self, job_id: str) -> None:
        self._ids.discard(job_id)

    def stop(self) -> None:
        """Extends no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for task in self._extending:
            task.cancel()
        self._ids.clear()

    def _set_timer(self) -> None:
        if self._timer is None and self._ids:
            self._timer = asyncio.get_running_loop().call_later(self._lease_ms / 3_000, self._due)

    def _due(self) -> None:
        self._timer = None
        if not self._ids:
            return
        task = asyncio.get_running_loop().create_task(self._extend(list(self._ids)))
        self._extending.add(task)
        task.add_done_callback(self._extending.discard)
        self._set_timer()

    async def _extend(self, ids: list[str]) -> None:
        for start in range(0, len(ids), _AT_ONCE):
            some = ids[start : start + _AT_ONCE]
            try:
                gone = await self._link.ask("extend", self._node_id, self._lease_ms, *some, replay=False)
            except (RedisUnavailableError, RedisRefusedError) as error:
                _log.debug("could not extend leases", extra={"error": str(error)})
                return
            for job_id in map(bytes.decode, gone):
                if job_id in self._ids:  # it may have ended meanwhile
                    self._ids.discard(job_id)
                    self.lost += 1
                    _log.warning("a lease ran out while its job was at work", extra={"job": job_id})
