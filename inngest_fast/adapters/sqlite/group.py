"""Group commit: many transitions in one database transaction, none of them split (design §3.2)."""

import sqlite3
from collections.abc import Sequence

from inngest_fast.adapters.sqlite import statements as sql
from inngest_fast.adapters.sqlite.apply import Applier, LateDropError
from inngest_fast.adapters.sqlite.connection import concerns_one_transition
from inngest_fast.domain.transitions import Committed, Transition

_BETWEEN_SWEEPS = 256  # keys taken, or rows put
_PER_SWEEP = 1_024


class GroupCommit:
    """Commits groups on one connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._applier = Applier(connection)

    def commit(self, group: Sequence[tuple[Transition, int]]) -> list[Committed | Exception]:
        """What became of each transition, given with the time of its commit call.

        Raises sqlite3.Error when the database failed: then nothing of the group is in it.

        A failing fence is mostly found before its transition writes anything. When one is not, or a
        transition cannot be written, the group starts anew with a savepoint before each.
        """
        execute = self._connection.execute
        apply = self._applier.apply
        try:
            execute(sql.BEGIN)
            done: list[Committed | Exception]
            try:
                done = [apply(transition, now) for transition, now in group]
            except Exception as error:
                if not isinstance(error, LateDropError) and not concerns_one_transition(error):
                    raise
                execute(sql.ROLLBACK)
                execute(sql.BEGIN)
                done = [self._apply_apart(transition, now) for transition, now in group]
            applier = self._applier
            if applier.keys_taken >= _BETWEEN_SWEEPS:
                applier.sweep_keys(group[-1][1], _PER_SWEEP)
            if applier.flow.rows_put >= _BETWEEN_SWEEPS:
                applier.flow.sweep(group[-1][1], _PER_SWEEP)
            execute(sql.COMMIT)
        except BaseException:
            if self._connection.in_transaction:
                execute(sql.ROLLBACK)
            raise
        return done

    def _apply_apart(self, transition: Transition, now: int) -> Committed | Exception:
        execute = self._connection.execute
        execute(sql.SAVE)
        try:
            return self._applier.apply(transition, now)
        except LateDropError as drop:
            execute(sql.UNDO)
            return Committed(drop.reason)
        except Exception as error:
            if not concerns_one_transition(error):
                raise
            execute(sql.UNDO)
            return error
        finally:
            if self._connection.in_transaction:
                execute(sql.RELEASE)
