"""Holding on to a decision while the store cannot take it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from inngest_fast.domain.errors import StoreError
from inngest_fast.domain.ids import Entropy
from inngest_fast.domain.jobs import Job
from inngest_fast.domain.transitions import Transition
from inngest_fast.runtime.committer import Committer

_FIRST_S = 0.05
_LONGEST_S = 5.0

_log = logging.getLogger(__name__)
_T = TypeVar("_T")


async def until_stored(act: Callable[[], Awaitable[_T]], entropy: Entropy) -> _T:
    """Does `act` again, ever later, for as long as it raises StoreError; what it holds is kept."""
    delay = _FIRST_S
    while True:
        try:
            return await act()
        except StoreError as error:
            _log.warning("the store cannot be written, trying again", extra={"error": str(error)})
        await asyncio.sleep(delay * (0.5 + entropy.below(1_000) / 1_000))
        delay = min(delay * 2, _LONGEST_S)


async def consume(job: Job, committer: Committer, entropy: Entropy) -> None:
    """Ends a job that nothing is to be done for."""
    await until_stored(lambda: committer.commit(Transition([], job)), entropy)
