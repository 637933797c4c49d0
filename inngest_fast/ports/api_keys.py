"""The store's API keys. They are few, and change by an operator's hand: not through transitions."""

from collections.abc import Mapping
from typing import Protocol

from inngest_fast.domain.api_keys import ApiKey


class ApiKeys(Protocol):
    """Every change is durable on return. Every method raises StoreError."""

    async def put(self, key: ApiKey) -> None:
        """Stores a new key; one of that id that is there already stays as it is."""
        ...

    async def all(self) -> list[ApiKey]:
        """By id, which is by age; those that open nothing any more too."""
        ...

    async def live(self, now_ms: int) -> list[ApiKey]:
        """Those that open something at that time, in the same order."""
        ...

    async def revoke(self, id: str, at_ms: int) -> bool:
        """Whether there is a key of that id; one that is revoked already stays as it is."""
        ...

    async def used(self, uses: Mapping[str, int]) -> None:
        """Notes when each of these keys, by id, was last used; an earlier time changes nothing."""
        ...
