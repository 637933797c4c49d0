"""The tables of flow control: rows that decisions rest on, events of open batches, bulk cancellations."""

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from msgspec.structs import replace

from inngest_fast.adapters.postgres.table import Table, Undo
from inngest_fast.domain.flow import FlowRow
from inngest_fast.domain.stored_form import encode_cancellation
from inngest_fast.domain.transitions import (
    AppendEvent,
    DropBatch,
    DropCancellation,
    DropRow,
    ExtendRow,
    PutCancellation,
    PutRow,
)


class PendingEvent(NamedTuple):
    """An event of a batch."""

    batch_id: str
    position: int
    event_id: str


class CancellationRow(NamedTuple):
    id: str
    body: bytes


class FlowTables:
    """What a group may touch of them, in memory."""

    def __init__(self, undo: Undo) -> None:
        self.rows: Table[str, FlowRow] = Table(undo)
        self.pending: Table[PendingEvent, PendingEvent] = Table(undo)
        self.emptied: Table[str, str] = Table(undo)  # batches whose events in the database are to be deleted
        self.cancellations: Table[str, CancellationRow | None] = Table(undo)  # None: to be removed
        self._pending_in: defaultdict[str, set[PendingEvent]] = defaultdict(set)  # ever, in this group

    def live(self, keys: Iterable[str], now: int) -> dict[str, FlowRow]:
        """Those of the rows that say something now."""
        rows = self.rows.rows
        return {key: rows[key] for key in keys if key in rows and _lasts(rows[key], now)}

    def put(self, row: FlowRow) -> None:
        self.rows.put(row.key, row)

    def put_row(self, action: PutRow) -> None:
        self.put(action.row)

    def extend_row(self, action: ExtendRow, now: int) -> None:
        row = self.rows.rows.get(action.key)
        if row is None or not _lasts(row, now):
            self.put(FlowRow(action.key, action.until))
        elif row.until and (row.until < action.until or not action.until):
            self.put(replace(row, until=action.until))

    def drop_row(self, action: DropRow) -> None:
        row = self.rows.rows.get(action.key)
        if row is not None and row.holder == action.holder:
            self.rows.drop(action.key)

    def append_event(self, action: AppendEvent) -> None:
        event = PendingEvent(action.batch_id, action.position, action.event_id)
        self.pending.put(event, event)
        self._pending_in[event.batch_id].add(event)

    def drop_batch(self, action: DropBatch) -> None:
        for event in self._pending_in.get(action.batch_id, ()):
            self.pending.drop(event)
        self.emptied.put(action.batch_id, action.batch_id)

    def put_cancellation(self, action: PutCancellation) -> None:
        cancellation = action.cancellation
        row = CancellationRow(cancellation.id, encode_cancellation(cancellation))
        self.cancellations.put(row.id, row)

    def drop_cancellation(self, action: DropCancellation) -> None:
        self.cancellations.put(action.id, None)


def _lasts(row: FlowRow, now: int) -> bool:
    return not row.until or row.until > now
