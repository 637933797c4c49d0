"""The other workers under one port."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol


class Peers(Protocol):
    number: int  # of this worker, from 1
    count: int  # of all

    async def serve(self, answer: Callable[[], Awaitable[bytes]]) -> None:
        """From now on the others get `answer` when they ask."""
        ...

    async def ask(self) -> Mapping[int, bytes]:
        """What the others answer, by number; without those who do not, or not soon."""
        ...

    async def close(self) -> None: ...
