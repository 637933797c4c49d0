"""The tables of flow control: rows that decisions rest on, events of open batches, bulk cancellations."""

import sqlite3
from collections.abc import Sequence

from inngest_fast.adapters.sqlite import statements as sql
from inngest_fast.domain.flow import FlowRow
from inngest_fast.domain.stored_form import encode_cancellation, read_until, stored_until
from inngest_fast.domain.transitions import (
    AppendEvent,
    DropBatch,
    DropCancellation,
    DropRow,
    ExtendRow,
    PutCancellation,
    PutRow,
)


class FlowTables:
    """Reads and writes them within the transaction that the caller has open."""

    def __init__(self, cursor: sqlite3.Cursor) -> None:
        self._execute = cursor.execute
        self.rows_put = 0

    def rows(self, keys: Sequence[str], now: int) -> dict[str, FlowRow]:
        """Those that say something now."""
        found = {}
        for key in keys:
            row = self._execute(sql.FLOW_ROW, (key, now)).fetchone()
            if row is not None:
                until, holder, body = row
                found[key] = FlowRow(key, read_until(until), holder, body)
        return found

    def put(self, row: FlowRow) -> None:
        self._execute(sql.PUT_FLOW_ROW, (row.key, stored_until(row.until), row.holder, row.body))
        self.rows_put += 1

    def put_row(self, action: PutRow) -> None:
        self.put(action.row)

    def extend_row(self, action: ExtendRow, now: int) -> None:
        self._execute(sql.EXTEND_FLOW_ROW, (action.key, stored_until(action.until), now, now))
        self.rows_put += 1

    def drop_row(self, action: DropRow) -> None:
        self._execute(sql.DROP_FLOW_ROW, (action.key, action.holder))

    def sweep(self, now: int, limit: int) -> None:
        """Deletes some rows that have ended."""
        self._execute(sql.SWEEP_FLOW_ROWS, (now, limit))
        self.rows_put = 0

    def append_event(self, action: AppendEvent) -> None:
        self._execute(sql.APPEND_EVENT, (action.batch_id, action.position, action.event_id))

    def drop_batch(self, action: DropBatch) -> None:
        self._execute(sql.DROP_BATCH, (action.batch_id,))

    def put_cancellation(self, action: PutCancellation) -> None:
        cancellation = action.cancellation
        self._execute(sql.PUT_CANCELLATION, (cancellation.id, encode_cancellation(cancellation)))

    def drop_cancellation(self, action: DropCancellation) -> None:
        self._execute(sql.DROP_CANCELLATION, (action.id,))
