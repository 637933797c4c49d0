"""What the fields of one document are resolved with, and how much they may do."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from graphql import FieldNode, FragmentSpreadNode, GraphQLError, SelectionSetNode
from graphql import GraphQLResolveInfo as _Info

from inngest_fast.api.graphql.batching import Batch
from inngest_fast.api.services import Services
from inngest_fast.domain.apps import App, Function
from inngest_fast.domain.events import Event
from inngest_fast.domain.runs import Run
from inngest_fast.ports.store import EventQuery, RunQuery
from inngest_fast.runtime.run_search import RunSearch

MAX_RESOLVED: Final = 50_000  # fields, a third of a second: 999 events with their runs are 15,000
MAX_READS: Final = 500  # of the store
_TOGETHER: Final = 250  # events whose runs are one read
_RUNS_OF: Final = 4_000  # runs that one such read brings at most

Info: TypeAlias = "_Info[Asked]"
Resolver = Callable[..., Any]
Resolvers = Mapping[str, Mapping[str, Resolver]]


class Asked:
    """The context of one execution. `stopped` says which bound ended it, if one did."""

    def __init__(self, services: Services, search: RunSearch) -> None:
        self.services = services
        self.catalog = services.catalog
        self.store = services.store
        self.search = search
        self.stopped = ""
        self._fields = MAX_RESOLVED
        self._reads = MAX_READS
        self.forget()

    def forget(self) -> None:
        """What was read counts no more: something is going to be changed."""
        self.events: Batch[str, Event | None] = Batch(self._events, None)
        self.runs_of: Batch[str, Sequence[Run]] = Batch(self._runs_of, ())
        self.runs: Batch[str, Run | None] = Batch(self._runs, None)
        self._of_app: dict[str, list[Function]] | None = None

    def resolves(self) -> bool:
        """Counts one field. Whether it is to be resolved: else it is over."""
        self._fields -= 1
        if self._fields < 0 and not self.stopped:
            self.stopped = f"the query has a result of more than {MAX_RESOLVED} fields"
        return not self.stopped

    def reading(self, reads: int = 1) -> None:
        """Counts what goes to the store. Raises GraphQLError when it is over."""
        self._reads -= reads
        if self._reads < 0 and not self.stopped:
            self.stopped = f"the query needs more than {MAX_READS} reads of the store"
        if self.stopped:
            raise GraphQLError(self.stopped)

    def functions_of(self, app_id: str) -> Sequence[Function]:
        """The live functions of an app."""
        if self._of_app is None:
            self._of_app = {}
            for function in self.catalog.functions():
                self._of_app.setdefault(function.app_id, []).append(function)
        return self._of_app.get(app_id, ())

    def app_of(self, app_id: str, name: str) -> App:
        """The app; of one that was taken out what is known of it."""
        found = self.catalog.app(app_id)
        return found or App(id=app_id, name=name, url="", created_at=0, updated_at=0)

    async def _events(self, ids: Sequence[str]) -> Mapping[str, Event]:
        self.reading()
        found = await self.store.events(EventQuery(limit=len(ids), ids=tuple(ids)))
        return {event.id: event for event in found}

    async def _runs_of(self, ids: Sequence[str]) -> Mapping[str, Sequence[Run]]:
        found: dict[str, list[Run]] = {id: [] for id in ids}
        for start in range(0, len(ids), _TOGETHER):
            self.reading()
            some = tuple(ids[start : start + _TOGETHER])
            for run in await self.store.runs(RunQuery(limit=_RUNS_OF, event_ids=some, ascending=True)):
                for id in run.event_ids:
                    if id in found:
                        found[id].append(run)
        return found

    async def _runs(self, ids: Sequence[str]) -> Mapping[str, Run]:
        self.reading(len(ids))
        found = await asyncio.gather(*map(self.store.run, ids))  # at once: stores put such reads together
        return {run.id: run for run in found if run is not None}


def selects(info: Info, name: str) -> bool:
    """Whether a field of that name is asked for anywhere below this one."""
    below: list[SelectionSetNode | None] = [node.selection_set for node in info.field_nodes]
    spread: set[str] = set()
    while below:
        found = below.pop()
        for node in found.selections if found is not None else ():
            if isinstance(node, FragmentSpreadNode):
                fragment = node.name.value
                if fragment not in spread:
                    spread.add(fragment)
                    below.append(info.fragments[fragment].selection_set)
                continue
            if isinstance(node, FieldNode) and node.name.value == name:
                return True
            below.append(getattr(node, "selection_set", None))
    return False


def known(value: int) -> int | None:
    """A time, or None for 0, which stands for "not yet"."""
    return value or None


def text(value: bytes | None) -> str | None:
    return None if value is None else value.decode()


def failed(message: str) -> GraphQLError:
    """The error of one field, whose text callers see."""
    return GraphQLError(message)
