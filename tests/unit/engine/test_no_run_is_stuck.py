"""Any app, any order of jobs: a run that has not ended has something that will move it (design §3.7)."""

from engine_builders import NOW, RUN_ID, START, Counting, failure, function, op, ops, queued, result
from hypothesis import given, settings
from hypothesis import strategies as st

from inngest_fast.domain.jobs import CALLS, JobKind
from inngest_fast.domain.runs import StepStatus
from inngest_fast.domain.transitions import (
    AddJob,
    AddWait,
    DropJob,
    EndRun,
    MoveJob,
    PutEvent,
    PutStep,
    PutTrace,
    UpdateRun,
)
from inngest_fast.engine.lifecycle import answered, before_call, due

IDS = st.sampled_from("abcd")
MODES = st.sampled_from(["", "race"])
ENDS_ITSELF = {JobKind.PLAN, JobKind.SLEEP, JobKind.WAIT_TIMEOUT, JobKind.RESUME}


def _ops_of(kinds, **fields):
    return st.builds(lambda kind, id, mode: op(kind, id, parallel_mode=mode, **fields), kinds, IDS, MODES)


OPS = (
    _ops_of(st.sampled_from(["StepRun", "StepError", "StepFailed", "StepPlanned"]))
    | _ops_of(st.just("Sleep"), name="1h")
    | _ops_of(st.just("WaitForEvent"), name="w/e", timeout="1h")
    | _ops_of(st.just("InvokeFunction"), function_id="f")
    | st.sampled_from([op("None"), op("DeferAdd", "z"), op("DiscoveryRequest"), op("Gateway", "g")])
)
ANSWERS = st.one_of(
    st.builds(
        lambda found, version, no_retry: ops(*found, version=version, no_retry=no_retry),
        st.lists(OPS, max_size=4, unique_by=lambda op: op.id),
        st.sampled_from([1, 2, 2, 2, None]),
        st.booleans(),
    ),
    st.builds(failure),
)
# Which of the live jobs is next, how it is answered, and whether an event comes before a wait's timeout.
MOVES = st.lists(st.tuples(st.integers(0, 5), ANSWERS, st.booleans()), max_size=25)


class World:
    """One run, its live jobs and waits: what a store would hold."""

    def __init__(self):
        self.run = queued()
        self.jobs = {START.id: START}
        self.waits = {}
        self.entropy = Counting()
        self.function = function(retries=2)

    def move(self, place, answer, met):
        job = sorted(self.jobs.values(), key=lambda j: j.id)[place % len(self.jobs)]
        now = max(NOW, job.due)
        if job.kind is JobKind.WAIT_TIMEOUT and met and self.take_wait(job.step_id):
            id = f"{RUN_ID}:{job.step_id}-event"
            met_job = type(job)(
                id, JobKind.RESUME, "", "", now, 0, RUN_ID, job.step_id, payload=b'{"data":1}'
            )
            self.jobs[id] = job = met_job
        if job.kind in CALLS:
            transition = before_call.obstacle(self.run, self.function, job, now, self.entropy)
            if transition is None:
                called = answered.Called(job=job, answer=answer, started_at=now, now=now)
                transition = answered.decide(self.run, self.function, called, self.entropy)
        else:
            transition = due.decide(self.run, self.function, job, now, self.entropy)
        self.commit(transition)

    def take_wait(self, step_id):
        return self.waits.pop(self.run.steps[step_id].wait_id, None) is not None

    def commit(self, transition):
        job = transition.job
        if transition.wait_id and self.waits.pop(transition.wait_id, None) is None:
            return  # an event came first
        assert self.jobs.pop(job.id) == job
        for action in transition.actions:
            match action:
                case UpdateRun(run, after) | EndRun(run, after):
                    assert after == self.run.version < run.version
                    self.check_memos(run)
                    self.run = run
                case AddJob(job):
                    self.jobs.setdefault(job.id, job)
                case MoveJob(job):
                    assert job.attempt == transition.job.attempt + 1
                    self.jobs[job.id] = job
                case DropJob(id):
                    self.jobs.pop(id, None)
                case AddWait(wait):
                    assert all(other.step_id != wait.step_id for other in self.waits.values())
                    self.waits[wait.id] = wait
                case PutStep(run_id) | PutTrace(run_id):
                    assert run_id == RUN_ID
                case PutEvent():
                    pass
                case _:
                    raise AssertionError(action)

    def check_memos(self, after):
        """What has a memo keeps it, and its place."""
        before = self.run
        assert after.stack[: len(before.stack)] == before.stack
        assert [after.steps[id].seq for id in after.stack] == list(range(len(after.stack)))
        for id in before.stack:
            assert after.steps[id].memo == before.steps[id].memo
        grown = sum(len(after.steps[id].memo) for id in after.stack[len(before.stack) :])
        assert after.state_size == before.state_size + grown
        assert {id for id, step in after.steps.items() if step.memo is not None} == set(after.stack)

    def check_that_it_moves(self):
        if self.run.status.ended:
            return
        assert self.jobs, "nothing would ever move this run"
        moved_by = {job.step_id for job in self.jobs.values() if job.kind in ENDS_ITSELF}
        for step in self.run.steps.values():
            if step.reserved:
                assert step.id in moved_by, f"{step.status} step {step.id} has no job"
            if step.status is StepStatus.WAITING:
                assert step.wait_id in self.waits
        for id in self.run.pending:
            assert self.run.steps[id].memo is None


@settings(max_examples=400, deadline=None)
@given(MOVES)
def test_a_run_moves_until_it_ends(moves):
    world = World()
    for place, answer, met in moves:
        if world.run.status.ended:
            return
        world.move(place, answer, met)
        world.check_that_it_moves()


@settings(max_examples=200, deadline=None)
@given(MOVES)
def test_a_run_comes_to_its_end_once_its_app_returns(moves):
    """From wherever the app left it: every planned step runs, then the function returns."""
    world = World()
    for place, answer, met in moves:
        if world.run.status.ended:
            return
        world.move(place, answer, met)
    for _ in range(100):
        if world.run.status.ended:
            return
        job = min(world.jobs.values(), key=lambda j: (j.due, j.id))
        finished = ops(op("StepRun", job.step_id)) if job.kind is JobKind.PLAN else result()
        place = sorted(world.jobs).index(job.id)
        world.move(place, finished, met=False)
    raise AssertionError("a hundred jobs did not bring the run to its end")
