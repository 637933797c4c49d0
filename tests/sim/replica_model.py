"""What must be true where several processes write to one store."""

from collections.abc import Callable, Mapping
from typing import Any

from inngest_fast.domain.jobs import Job
from inngest_fast.domain.transitions import AddWait, Committed, CreateRun, Transition
from tests.fixtures.model_store import Snapshot
from tests.sim.model import NEVER, Model
from tests.sim.programs import Program

_STALE_S = 30.0  # for which what waited may start by a function's old config


class ReplicaModel(Model):
    """A wait and a function count for an event that arrives, anywhere, after they were committed."""

    def __init__(
        self,
        programs: Mapping[str, Program],
        clock_error: int,
        time: Callable[[], float],
        *,
        clocks_known: bool = True,
    ) -> None:
        super().__init__(programs, clock_error, time, clocks_known=clocks_known)
        self.flow.stale_s = _STALE_S
        self.tables: Snapshot = {}
        self.live_since: dict[tuple[str, int, int], float] = {}  # jobs, as they were
        self._consumed: dict[tuple[str, int, int], int] = {}  # jobs, as they were, and when
        self._known_to: dict[tuple[str, int, int], int] = {}  # memos of its run when a job became live

    def handed_in(self, transition: Transition, step: int) -> None:
        """Other processes know nothing of it yet."""

    def committed(self, transition: Transition, committed: Committed, step: int, time: float) -> None:
        """After a transition was decided."""
        self.flow.standings.applied(time)  # every event brings the version of the functions
        if committed.reason:
            return
        if transition.job is not None:
            self._consumed[as_it_was(transition.job)] = step
        for job in committed.jobs:
            self.live_since[as_it_was(job)] = time
            if job.run_id:
                self._known_to[as_it_was(job)] = len(self.runs[job.run_id].memos)
        for action in transition.actions:
            if type(action) is AddWait:
                self.wait_since.setdefault(action.wait.id, step)
            elif type(action) is CreateRun:
                for wait in action.waits:
                    self.wait_since.setdefault(wait.id, step)

    def called(self, request: Mapping[str, Any], job_id: str) -> None:
        """What it tells is durable; if its job still is, nothing is missing that was so when it was made."""
        live = self.tables["jobs"].get(job_id)
        at_attempt = live is not None and live.attempt == request["ctx"]["attempt"]
        self.memos_at[job_id] = self._known_to.get(as_it_was(live), 0) if at_attempt else 0
        super().called(request, job_id)

    def over_before(self, job: Job, step: int) -> bool:
        """Whether a job was over, as it is here, before that step."""
        return self._consumed.get(as_it_was(job), NEVER) < step


def as_it_was(job: Job) -> tuple[str, int, int]:
    return job.id, job.attempt, job.since
