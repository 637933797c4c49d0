"""What must be true where several processes write to one store."""

import json
from collections.abc import Mapping
from typing import Any

from inngest_fast.domain.events import INVOKED, Event
from inngest_fast.domain.jobs import Job
from inngest_fast.domain.runs import Run
from inngest_fast.domain.transitions import AddWait, Committed, CreateRun, Transition
from tests.fixtures.model_store import Snapshot
from tests.sim.model import NEVER, Model
from tests.sim.programs import Program


class ReplicaModel(Model):
    """A wait counts for an event that arrives, anywhere, after it was committed; a function for one that arrives
    after its registration was answered.
    """

    def __init__(self, programs: Mapping[str, Program], clock_error: int) -> None:
        super().__init__(programs, clock_error)
        self.tables: Snapshot = {}
        self.registered: dict[str, int] = {}  # the step at which that was answered, of those that are late
        self.live_since: dict[tuple[str, int, int], float] = {}  # jobs, as they were
        self._consumed: dict[tuple[str, int, int], int] = {}  # jobs, as they were, and when
        self._known_to: dict[tuple[str, int, int], int] = {}  # memos of its run when a job became live

    def handed_in(self, transition: Transition, step: int) -> None:
        """Other processes know nothing of it yet."""

    def committed(self, transition: Transition, committed: Committed, step: int, time: float) -> None:
        """After a transition was decided."""
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

    def _event(self, event: Event, transition: Transition, ends: list[Run]) -> None:
        if event.name == INVOKED and event.target in self._late():
            return  # whether it is known depends on who is asked, and when
        super()._event(event, transition, ends)

    def _late(self) -> list[str]:
        return [slug for slug, program in self._programs.items() if program.late]

    def acknowledged(self, event: Event, started: list[str], tables: Snapshot) -> None:
        must = self.must
        n = json.loads(event.wire)["data"].get("n", -1)
        arrived = self.arrived[event.id]
        wanted = 0
        for slug, program in self._programs.items():
            if program.event != event.name or n <= program.above:
                continue
            runs = self.by_event[slug, event.id]
            if event.repeatable:
                runs = self.by_key[slug, event.external_id]
            if program.late and not (runs and runs[0] in started):
                known = self.registered.get(slug, NEVER) < arrived
                must(not known, "the event", event, "did not start", slug, "which was registered")
                continue
            wanted += 1
            must(len(runs) == 1, "the event", event, "started", runs, "of", slug)
            must(runs[0] in tables["runs"], "the run", runs[0], "is not durable")
            must(runs[0] in started, "the run", runs[0], "was not named: ", started)
        must(len(started) == wanted, "the event", event, "started", started, "not", wanted)
        if not event.repeatable:
            must(event.id in tables["events"], "the event", event, "is not durable")

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
