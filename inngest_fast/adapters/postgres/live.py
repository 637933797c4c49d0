"""What a group of transitions builds on: the rows that it may touch, in memory, as each leaves them."""

from collections import defaultdict
from typing import NamedTuple

from inngest_fast.adapters.postgres.flow import FlowTables
from inngest_fast.adapters.postgres.lookups import LONGEST_PATH, PATHS_PER_BUCKET, PathRow
from inngest_fast.adapters.postgres.rows import JobRow, RunRow, WaitRow
from inngest_fast.adapters.postgres.table import Table, Undo, roll_back
from inngest_fast.domain.events import Event


class KeyRow(NamedTuple):
    function_id: str
    digest: bytes
    run_id: str
    until: int


class StepRow(NamedTuple):
    run_id: str
    step_id: str
    body: bytes


class TraceRow(NamedTuple):
    run_id: str
    key: str
    body: bytes


class PlainRow(NamedTuple):
    """An app (`app_id` empty) or a function."""

    id: str
    app_id: str
    body: bytes


class Live:
    """The tables. Between `begin` and `rollback` nothing is lost."""

    def __init__(self) -> None:
        undo = self._undo = Undo()
        self.events: Table[str, Event] = Table(undo)
        self.runs: Table[str, RunRow] = Table(undo)
        self.batched: Table[tuple[str, str], tuple[str, str]] = Table(undo)
        self.steps: Table[tuple[str, str], StepRow] = Table(undo)
        self.traces: Table[tuple[str, str], TraceRow] = Table(undo)
        self.jobs: Table[str, JobRow] = Table(undo)
        self.waits: Table[int, WaitRow] = Table(undo)
        self.paths: Table[tuple[int, int], PathRow] = Table(undo)
        self.keys: Table[tuple[str, bytes], KeyRow] = Table(undo)
        self.apps: Table[str, PlainRow | None] = Table(undo)  # None: to be removed
        self.functions: Table[str, PlainRow] = Table(undo)
        self.flow = FlowTables(undo)
        # Every id that was ever under that key: what is live, the tables say.
        self._jobs_of_run: defaultdict[str, set[str]] = defaultdict(set)
        self._waits_of_run: defaultdict[str, set[int]] = defaultdict(set)
        self._waits_of_step: defaultdict[tuple[str, str], set[int]] = defaultdict(set)
        self._waits_of_signal: defaultdict[str, set[int]] = defaultdict(set)

    def begin(self) -> None:
        self._undo.clear()

    def rollback(self) -> None:
        """Undoes what was done since `begin`."""
        roll_back(self._undo)

    def load_job(self, row: JobRow) -> None:
        self.jobs.load(row.id, row)
        self._jobs_of_run[row.run_id].add(row.id)

    def load_wait(self, row: WaitRow) -> None:
        if row.id not in self.waits.before:
            self.waits.load(row.id, row)
            self._index(row)

    def put_job(self, row: JobRow) -> None:
        self.jobs.put(row.id, row)
        self._jobs_of_run[row.run_id].add(row.id)

    def put_wait(self, row: WaitRow) -> None:
        self.waits.put(row.id, row)
        self._index(row)

    def take_path(self, row: PathRow) -> bool:
        """Whether waits can be found by the path."""
        rows = self.paths.rows
        key = (row.bucket, row.number)
        there = rows.get(key)
        if there is not None:
            return there == row
        if (
            len(row.path) > LONGEST_PATH
            or sum(bucket == row.bucket for bucket, _ in rows) >= PATHS_PER_BUCKET
        ):
            return False
        self.paths.put(key, row)
        return True

    def _index(self, row: WaitRow) -> None:
        self._waits_of_run[row.run_id].add(row.id)
        self._waits_of_step[row.run_id, row.step_id].add(row.id)
        if row.kind == "signal":
            self._waits_of_signal[row.key].add(row.id)

    def jobs_of_run(self, run_id: str) -> list[str]:
        rows = self.jobs.rows
        found = [id for id in self._jobs_of_run[run_id] if id in rows and rows[id].run_id == run_id]
        return sorted(found)

    def waits_of_run(self, run_id: str) -> list[int]:
        rows = self.waits.rows
        found = [id for id in self._waits_of_run[run_id] if id in rows and rows[id].run_id == run_id]
        return sorted(found)

    def waits_for(self, run_id: str, step_id: str) -> bool:
        rows = self.waits.rows
        return any(
            rows[id].run_id == run_id and rows[id].step_id == step_id
            for id in self._waits_of_step[run_id, step_id]
            if id in rows
        )

    def signal_taken(self, key: str, run_id: str) -> bool:
        """Whether a run other than that one waits for the signal."""
        rows = self.waits.rows
        return any(
            rows[id].kind == "signal" and rows[id].key == key and rows[id].run_id != run_id
            for id in self._waits_of_signal[key]
            if id in rows
        )
