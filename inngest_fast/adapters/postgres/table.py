"""Rows of one table in memory, as each transition of a group leaves them."""

from collections.abc import Hashable
from typing import Any, Final, Generic, Protocol, TypeVar


class _Ordered(Hashable, Protocol):
    def __lt__(self, other: Any, /) -> bool: ...


K = TypeVar("K", bound=_Ordered)
V = TypeVar("V")

Undo = list[tuple[dict[Any, Any], Any, Any]]
_ABSENT: Final = object()


def roll_back(undo: Undo) -> None:
    """Undoes what was done to the tables that share it since it was empty."""
    for rows, key, old in reversed(undo):
        if old is _ABSENT:
            rows.pop(key, None)
        else:
            rows[key] = old
    undo.clear()


class Table(Generic[K, V]):
    """Rows by key. `before` holds those that are in the database, `rows` what is to be there."""

    def __init__(self, undo: Undo) -> None:
        self.before: dict[K, V] = {}
        self.rows: dict[K, V] = {}
        self._undo = undo

    def load(self, key: K, row: V) -> None:
        self.before[key] = row
        self.rows[key] = row

    def put(self, key: K, row: V) -> None:
        self._undo.append((self.rows, key, self.rows.get(key, _ABSENT)))
        self.rows[key] = row

    def drop(self, key: K) -> bool:
        """Whether it was there."""
        row = self.rows.pop(key, _ABSENT)
        if row is _ABSENT:
            return False
        self._undo.append((self.rows, key, row))
        return True

    def to_delete(self) -> list[K]:
        """What is to be deleted before `to_insert` is inserted, in order of the keys."""
        rows = self.rows
        gone = [key for key, row in self.before.items() if rows.get(key) is not row]
        gone.sort()
        return gone

    def gone(self) -> list[K]:
        """What is to be deleted, in order of the keys, where rows are put in place of others."""
        rows = self.rows
        return sorted(key for key in self.before if key not in rows)

    def to_insert(self) -> list[V]:
        """In order of the keys, so that two writers never wait for each other in a ring."""
        before = self.before
        new = [key for key, row in self.rows.items() if before.get(key) is not row]
        new.sort()
        return [self.rows[key] for key in new]
