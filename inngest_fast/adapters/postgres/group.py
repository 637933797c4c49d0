"""Group commit: many transitions in one database transaction, none of them split (design §3.2)."""

import secrets
from collections.abc import Iterable, Sequence
from typing import Final

import psycopg

from inngest_fast.adapters.postgres.apply import Applier
from inngest_fast.adapters.postgres.fate import Signature
from inngest_fast.adapters.postgres.footprint import Footprint
from inngest_fast.adapters.postgres.load import Connection, load
from inngest_fast.adapters.postgres.lookups import KnownPaths, PathRow
from inngest_fast.adapters.postgres.save import save
from inngest_fast.adapters.postgres.statements import Statements
from inngest_fast.domain.errors import StoreError
from inngest_fast.domain.transitions import Committed, Transition
from inngest_fast.ports.wait_search import Entry

Group = Sequence[tuple[Transition, int]]
Decided = list[Committed | StoreError]

_BETWEEN_SWEEPS: Final = 256  # keys taken, or rows put
_PER_SWEEP: Final = 1_024


class DoubtfulError(Exception):
    """Why a transition failed can only be told by a careful try."""


class UnansweredError(Exception):
    """The connection was lost after COMMIT may have been sent: only the database knows what became of it."""

    def __init__(self, signature: Signature, decided: Decided) -> None:
        super().__init__("the connection was lost during a commit")
        self.signature = signature
        self.decided = decided  # if it was committed


class GroupCommit:
    """Commits groups, on whatever connection there is."""

    def __init__(self, sql: Statements, entry: Entry, known: KnownPaths) -> None:
        self._sql = sql
        self._entry = entry
        self._known = known
        self._keys_taken = 0
        self._rows_put = 0
        self._writer = secrets.token_hex(8)
        self._number = 0  # of the last group; a try that failed has used up its own

    async def commit(self, connection: Connection, group: Group, *, careful: bool) -> Decided:
        """What became of each transition, given with the time of its commit call.

        Raises UnansweredError, or another error after which nothing of the group is in the database;
        UniqueViolation if another writer was faster, and it or DoubtfulError if something was there that
        only `careful` finds.
        """
        self._number += 1
        transaction_id = ""
        decided: Decided = []
        committing = False
        try:
            async with connection.pipeline() as pipeline:
                footprint = Footprint(
                    (transition for transition, _ in group),
                    entry=self._entry,
                    known=self._known,
                    careful=careful,
                )
                live, transaction_id = await load(
                    connection, pipeline, self._sql, footprint, self._writer, self._number
                )
                applier = Applier(live, footprint, self._known)
                decided = [applier.apply(transition, now) for transition, now in group]
                if applier.doubtful and not careful:
                    raise DoubtfulError
                await save(connection, self._sql, live)
                keys_taken = self._keys_taken + len(live.keys.to_insert())
                if keys_taken >= _BETWEEN_SWEEPS:
                    await connection.execute(self._sql.sweep_keys, (group[-1][1], _PER_SWEEP))
                rows_put = self._rows_put + len(live.flow.rows.to_insert())
                if rows_put >= _BETWEEN_SWEEPS:
                    await connection.execute(self._sql.sweep_flow_rows, (group[-1][1], _PER_SWEEP))
                committing = True
                ended = await connection.execute(self._sql.commit)
            if ended.statusmessage != "COMMIT":
                raise psycopg.OperationalError(f"the database answered a commit with {ended.statusmessage}")
        except BaseException as error:
            if not connection.closed:
                await self._rollback(connection)
            if connection.closed and committing:
                signature = Signature(self._writer, self._number, transaction_id)
                raise UnansweredError(signature, decided) from error
            raise
        self._keys_taken = keys_taken % _BETWEEN_SWEEPS
        self._rows_put = rows_put % _BETWEEN_SWEEPS
        if live.paths.rows:
            self._learn(live.paths.rows.values())
        return decided

    def _learn(self, paths: Iterable[PathRow]) -> None:
        """Only once they are committed: until then they may vanish again."""
        for path in paths:
            self._known.learn(*path)
        self._known.trim()

    async def _rollback(self, connection: Connection) -> None:
        """Leaves the connection fit for the next group, or closed."""
        try:
            # Not as a statement of ours: this also forgets those that an aborted pipeline did not prepare.
            await connection.rollback()
        except psycopg.Error:
            await connection.close()
