"""Finding waits in a store that several servers write to."""

from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from inngest_fast.domain.waits import Wait
from inngest_fast.ports.wait_index import Key

Lookup = Callable[[tuple[str, ...]], object]

# The event name and the keys under which a wait is found: see `WaitIndex.insert`.
Entry = Callable[[Wait], tuple[str, Sequence[Key | None]]]


class Found(msgspec.Struct, frozen=True):
    """`waits` are a superset of those that are met, oldest first; `apps_version` counts the changes of apps
    and functions in the store, as of the same moment.
    """

    waits: list[Wait]
    apps_version: int


class WaitSearch(Protocol):
    async def find(self, asked: Sequence[tuple[str, Lookup]]) -> Found:
        """The committed waits that events may meet; each event by its name and its value at a path, None
        where it has none. In time independent of how many waits there are. Raises StoreError.
        """
        ...

    async def apps_version(self) -> int:
        """Raises StoreError."""
        ...
