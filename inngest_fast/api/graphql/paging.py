"""Cursors and pages of lists (http-api §6.4). A cursor that cannot be read is none."""

import base64
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

import msgspec

from inngest_fast.api import run_cursors
from inngest_fast.api.graphql.request import Info, Resolver, Resolvers
from inngest_fast.domain.ids import is_ulid
from inngest_fast.domain.runs import Run
from inngest_fast.ports.store import RunTime

T = TypeVar("T")


class Page(msgspec.Struct, Generic[T]):
    """A part of a list. `end` is its cursor where that is not the one of its last item."""

    items: Sequence[T]
    cursor: Callable[[T], str]
    more: bool
    total: Callable[[Info], Any]  # asked only if somebody wants to know
    before: bool = False
    end: str | None = None

    @property
    def edges(self) -> list[dict[str, Any]]:
        return [{"node": item, "cursor": self.cursor(item)} for item in self.items]

    @property
    def info(self) -> dict[str, Any]:
        items = self.items
        return {
            "hasNextPage": self.more,
            "hasPreviousPage": self.before,
            "startCursor": self.cursor(items[0]) if items else None,
            "endCursor": self.end or (self.cursor(items[-1]) if items else None),
        }


def size(first: int, most: int) -> int:
    """How many items a page has that `first` asks for."""
    return first if 1 <= first <= most else 40


class _EventCursor(msgspec.Struct):
    ID: str


_event_cursor = msgspec.json.Decoder(_EventCursor)


def event_cursor(id: str) -> str:
    return _written(msgspec.json.encode(_EventCursor(id)))


def read_event_cursor(text: str | None) -> str:
    """The id of the event that it names, "" if it is none."""
    try:
        found = _event_cursor.decode(_read(text))
    except ValueError:
        return ""
    return found.ID if is_ulid(found.ID) else ""


def run_cursor(run: Run, order: RunTime) -> str:
    return _written(run_cursors.written(run, order))


def read_run_cursor(text: str | None, order: RunTime) -> tuple[int, str] | None:
    """The place that it names in that order, None if there is none."""
    try:
        return run_cursors.read(_read(text), order)
    except ValueError:
        return None


def _written(cursor: bytes) -> str:
    return base64.b64encode(cursor).decode()


def _read(text: str | None) -> bytes:
    """Raises ValueError."""
    return base64.b64decode((text or "").encode(), validate=True)


_CONNECTION: Mapping[str, Resolver] = {
    "edges": lambda page, _: page.edges,
    "pageInfo": lambda page, _: page.info,
    "totalCount": lambda page, info, **_: page.total(info),
}
RESOLVERS: Resolvers = {
    "RunsV2Connection": _CONNECTION,
    "EventsConnection": _CONNECTION,
    "WorkerConnectionsConnection": _CONNECTION,
}
