"""Traces of runs as decisions leave them: both trees, over whole stories (http-api §6.5)."""

import json

import msgspec
import pytest
from msgspec.structs import replace

from inngest_fast.domain.jobs import JobKind
from inngest_fast.domain.runs import RunStatus
from inngest_fast.domain.traces import ATTEMPTS, Attempt, InvokeInfo, Response
from inngest_fast.domain.transitions import AddJob, DropJob, EndRun, MoveJob, PutStep, PutTrace, UpdateRun
from inngest_fast.engine.lifecycle import due as due_jobs
from inngest_fast.engine.trace import legacy, output, preview
from inngest_fast.engine.trace.known import Known, read_output_id
from tests.unit.engine.engine_builders import (
    NOW,
    QUEUED_AT,
    RUN_ID,
    SLUG,
    START,
    TRIGGER,
    Counting,
    answer,
    failure,
    fall_due,
    function,
    op,
    ops,
    queued,
    result,
)

FUNCTION = function(retries=1)
ANSWERED = Response(206, {"X-Inngest-Sdk": "test"})


class Story:
    """A run, moved by answers and by its own jobs; keeps what a store would."""

    def __init__(self):
        self.run = queued()
        self.jobs = {START.id: START}
        self.rows = {}
        self.now = NOW

    def _take(self, decided):
        for action in decided.actions:
            match action:
                case UpdateRun(run) | EndRun(run):
                    self.run = run
                case PutStep(_, step):
                    self.run.steps[step.id] = step
                case PutTrace(_, key, body):
                    self.rows[key] = body
                case AddJob(job) | MoveJob(job):
                    self.jobs[job.id] = job
                case DropJob(id):
                    self.jobs.pop(id, None)
        return self

    def _next(self, kinds):
        job = min((job for job in self.jobs.values() if job.kind in kinds), key=lambda job: job.due)
        self.now = max(self.now + 100, job.due + 7)
        del self.jobs[job.id]
        return job

    def answers(self, what):
        """The next call is answered so, 40 ms after it began."""
        job = self._next((JobKind.START, JobKind.EDGE, JobKind.PLAN))
        return self._take(answer(self.run, job, what, function=FUNCTION, now=self.now, response=ANSWERED))

    def falls_due(self, *kinds, **fields):
        job = self._next(kinds)
        return self._take(fall_due(self.run, replace(job, **fields), function=FUNCTION, now=self.now))

    def met(self, step_id, payload, event_id):
        waiting = next(job for job in self.jobs.values() if job.kind is JobKind.WAIT_TIMEOUT)
        job = replace(
            waiting,
            id=f"{RUN_ID}:{step_id}-event",
            kind=JobKind.RESUME,
            payload=payload,
            event_id=event_id,
            due=self.now,
        )
        self.jobs[job.id] = job
        return self.falls_due(JobKind.RESUME)

    def cancelled(self):
        draft = due_jobs.cancel(self.run, FUNCTION, self.now + 1, Counting())
        self.run = draft.actions[0].run
        self.jobs.clear()
        return self

    @property
    def known(self):
        read = msgspec.msgpack.Decoder(Attempt).decode
        attempts = [read(body) for key, body in self.rows.items() if key.startswith(ATTEMPTS)]
        return Known(self.run, attempts, list(self.jobs.values()), max_attempts=2, children={"EV": "CHILD"})

    def put_out(self, output_id):
        place = read_output_id(output_id)
        if place.attempt:
            read = msgspec.msgpack.Decoder(Attempt).decode
            return output.of_attempt(read(self.rows[place.attempt]))
        if place.step:
            return output.of_step(self.run.steps[place.step])
        return output.of_run(self.run)


def outline(span):
    """Name, status and children, as text or a pair."""
    here = f"{span.name} {span.status}"
    if not span.children:
        return here
    return here, [outline(child) for child in span.children]


def both(story):
    return outline(preview.tree(story.known)), outline(legacy.tree(story.known))


def step_run(id, data=b'"made"'):
    return op("StepRun", id, data=data)


BOOM = failure()


def test_a_run_without_steps():
    story = Story().answers(result(b'{"a":1}'))
    newer, older = both(story)
    assert newer == ("Run COMPLETED", ["Finalization COMPLETED"])
    assert older == (f"{SLUG} COMPLETED", ["function success COMPLETED"])
    root = preview.tree(story.known)
    found = story.put_out(root.output_id)
    assert json.loads(found.input) == [json.loads(TRIGGER)]
    assert found.data == b'{"a":1}'
    assert (root.queued_at, root.started_at, root.ended_at) == (QUEUED_AT, story.now - 40, story.now)
    last = root.children[0]
    assert (last.type, last.step_id, last.output_id, last.children) == ("FINALIZATION", "", "", [])
    assert last.response == ANSWERED
    assert last.duration == 40
    tree = legacy.tree(story.known)
    assert story.put_out(tree.output_id) == found
    assert tree.children[0].parent_id == tree.id == root.id


def test_before_its_first_call():
    newer, older = both(Story())
    assert (newer, older) == ("Run QUEUED", f"{SLUG} QUEUED")
    assert legacy.tree(Story().known).output_id == ""


def test_a_step_and_the_end():
    story = Story().answers(ops(step_run("a"))).answers(result())
    newer, older = both(story)
    assert newer == ("Run COMPLETED", ["a COMPLETED", "Finalization COMPLETED"])
    assert older == (f"{SLUG} COMPLETED", ["a COMPLETED", "function success COMPLETED"])
    step = preview.tree(story.known).children[0]
    assert (step.op, step.type, step.step_id, step.attempts) == ("RUN", "RUN", "a", 0)
    assert step.response == ANSWERED
    assert step.duration == 40
    assert story.put_out(step.output_id).data == b'"made"'
    assert [each.kind for each in step.metadata] == ["inngest.timing"]


def test_a_step_that_was_just_done_and_nothing_after_it_yet():
    _, older = both(Story().answers(ops(step_run("a"))))
    assert older == (f"{SLUG} RUNNING", ["a COMPLETED", "Queued step QUEUED"])


def test_a_step_that_failed_once():
    story = Story().answers(ops(op("StepError", "a", error=b'{"message":"no","name":"E"}')))
    newer, older = both(story)
    children = ["Attempt 0 FAILED", "Attempt 1 QUEUED"]
    assert newer == ("Run RUNNING", [("a RUNNING", children)])
    assert older == (f"{SLUG} RUNNING", [("a RUNNING", children)])
    story.answers(ops(step_run("a"))).answers(result())
    newer, older = both(story)
    children = ["Attempt 0 FAILED", "Attempt 1 COMPLETED"]
    assert newer == ("Run COMPLETED", [("a COMPLETED", children), "Finalization COMPLETED"])
    assert older == (f"{SLUG} COMPLETED", [("a COMPLETED", children), "function success COMPLETED"])
    node = legacy.tree(story.known).children[0]
    assert node.id == "steprun-start"
    assert node.attempts == 1
    assert {child.parent_id for child in node.children} == {legacy.tree(story.known).id}
    failed = json.loads(story.put_out(node.children[0].output_id).error)
    assert failed == {"message": "no", "name": "E", "stack": None, "cause": None}
    assert story.put_out(node.output_id) == story.put_out(node.children[1].output_id)
    span = preview.tree(story.known).children[0]
    assert [child.parent_id for child in span.children] == [span.id] * 2
    assert [child.attempts for child in span.children] == [0, 1]
    assert span.attempts == 1


def test_a_step_that_failed_for_good_and_was_caught():
    story = Story()
    for _ in range(2):
        story.answers(ops(op("StepError", "a", error=b'{"name":"E"}')))
    story.answers(result())
    newer, older = both(story)
    children = ["Attempt 0 FAILED", "Attempt 1 FAILED"]
    assert newer == ("Run COMPLETED", [("a FAILED", children), "Finalization COMPLETED"])
    assert older == (f"{SLUG} COMPLETED", [("a FAILED", children), "function success COMPLETED"])
    node = legacy.tree(story.known).children[0]
    assert node.attempts == 2  # all that there may be
    without_message = json.loads(story.put_out(node.output_id).error)
    assert without_message["stack"] == '{"name":"E"}'


@pytest.mark.parametrize(
    ("answers", "name", "attempts", "children"),
    [
        ([BOOM, BOOM], "execute", 2, ["Attempt 0 FAILED", "Attempt 1 FAILED"]),
        ([BOOM, failure(no_retry=True)], "execute", 2, ["Attempt 0 FAILED", "Attempt 1 FAILED"]),
        ([failure(no_retry=True)], "function error", 0, ["Attempt 0 FAILED"]),
    ],
)
def test_a_function_that_failed(answers, name, attempts, children):
    story = Story()
    for each in answers:
        story.answers(each)
    newer, older = both(story)
    assert older == (f"{SLUG} FAILED", [(f"{name} FAILED", children)])
    assert legacy.tree(story.known).children[0].attempts == attempts
    last = ("Finalization FAILED", children) if len(children) > 1 else "Finalization FAILED"
    assert newer == ("Run FAILED", [last])
    root = preview.tree(story.known)
    assert json.loads(story.put_out(root.output_id).error)["message"] == "boom"


def test_a_function_that_failed_once():
    story = Story().answers(BOOM)
    newer, older = both(story)
    children = ["Attempt 0 FAILED", "Attempt 1 QUEUED"]
    assert older == (f"{SLUG} RUNNING", [("execute RUNNING", children)])
    assert newer == ("Run RUNNING", [("Finalization RUNNING", children)])
    story.answers(result())
    newer, older = both(story)
    children = ["Attempt 0 FAILED", "Attempt 1 COMPLETED"]
    assert older == (f"{SLUG} COMPLETED", [("function success COMPLETED", children)])
    assert newer == ("Run COMPLETED", [("Finalization COMPLETED", children)])


def test_a_sleep_after_a_failed_call():
    story = Story().answers(BOOM).answers(ops(op("Sleep", "nap", duration="10s")))
    newer, older = both(story)
    assert newer == ("Run RUNNING", [("nap WAITING", ["Attempt 0 FAILED", "Attempt 1 WAITING"])])
    assert older == (f"{SLUG} RUNNING", [("nap RUNNING", ["Attempt 0 FAILED", "Attempt 1 RUNNING"])])
    asleep_at = story.now
    story.falls_due(JobKind.SLEEP).answers(result())
    newer, older = both(story)
    assert older[1][0] == ("nap COMPLETED", ["Attempt 0 FAILED", "Attempt 1 COMPLETED"])
    span = preview.tree(story.known).children[0]
    assert span.info.until == asleep_at + 10_000
    assert span.output_id == ""
    assert older[1][1] == "function success COMPLETED"


def wait_op():
    return op("WaitForEvent", "w", event="shop/ship", timeout="60s", expression="async.data.a == 1")


def test_a_wait_that_is_met():
    story = Story().answers(ops(wait_op()))
    newer, older = both(story)
    assert newer == ("Run RUNNING", ["w WAITING"])
    assert older == (f"{SLUG} RUNNING", ["w WAITING"])
    span = preview.tree(story.known).children[0]
    assert (span.info.event, span.info.expression) == ("shop/ship", "async.data.a == 1")
    assert (span.info.timed_out, span.info.found_event_id, span.ended_at) == (None, "", 0)
    assert span.info.timeout == story.now + 60_000
    story.met("w", b'{"name":"shop/ship"}', "01FOUND")
    span = legacy.tree(story.known).children[0]
    assert (span.status, span.info.found_event_id, span.info.timed_out) == ("COMPLETED", "01FOUND", False)
    assert story.put_out(span.output_id).data == b'{"name":"shop/ship"}'


def test_a_wait_that_expires():
    story = Story().answers(ops(wait_op())).falls_due(JobKind.WAIT_TIMEOUT)
    for tree in (preview, legacy):
        span = tree.tree(story.known).children[0]
        assert (span.status, span.info.timed_out, span.output_id) == ("COMPLETED", True, "")


def test_a_wait_of_a_cancelled_run():
    story = Story().answers(ops(wait_op())).cancelled()
    for tree in (preview, legacy):
        root = tree.tree(story.known)
        assert (root.status, root.children[0].status) == ("CANCELLED", "CANCELLED")
        assert root.children[0].ended_at == root.ended_at
        assert len(root.children) == 1


def invocation(story):
    return story.answers(ops(op("InvokeFunction", "i", function_id="shop-child", timeout="60s")))


def test_an_invocation():
    story = invocation(Story())
    step = story.run.steps["i"]
    story.run.steps["i"] = replace(step, info=replace(step.info, event_id="EV"))
    span = preview.tree(story.known).children[0]
    timeout = story.now + 60_000
    assert span.status == "RUNNING"
    assert span.info == InvokeInfo("shop-child", "EV", timeout, run_id="CHILD")
    story.met("i", b'{"data":7}', "01BACK")
    span = legacy.tree(story.known).children[0]
    assert span.status == "COMPLETED"
    assert span.info == InvokeInfo("shop-child", "EV", timeout, "01BACK", "CHILD", timed_out=False)
    assert story.put_out(span.output_id).data == b"7"


@pytest.mark.parametrize("tree", [preview, legacy])
def test_an_invocation_that_fails_or_is_late(tree):
    failed = invocation(Story()).met("i", b'{"error":{"message":"no"}}', "01BACK")
    span = tree.tree(failed.known).children[0]
    assert (span.status, span.info.timed_out) == ("FAILED", False)
    late = invocation(Story()).falls_due(JobKind.WAIT_TIMEOUT)
    span = tree.tree(late.known).children[0]
    assert (span.status, span.info.timed_out) == ("FAILED", True)
    assert json.loads(late.put_out(span.output_id).error)["name"] == "InngestInvokeTimeoutError"


def test_parallel_steps_have_each_a_group():
    story = Story().answers(ops(op("StepPlanned", "a"), op("StepPlanned", "b")))
    assert both(story)[0] == "Run RUNNING"
    story.answers(ops(step_run("a")))
    story.answers(ops(step_run("b"))).answers(result())
    newer, older = both(story)
    assert newer == ("Run COMPLETED", ["a COMPLETED", "b COMPLETED", "Finalization COMPLETED"])
    assert older[1] == ["a COMPLETED", "b COMPLETED", "function success COMPLETED"]
    spans = preview.tree(story.known).children
    assert len({span.group_id for span in spans}) == 3
    assert len({span.id for span in spans}) == 3


def test_a_skipped_run_says_why():
    story = Story()
    story.run.status, story.run.skipped_for = RunStatus.SKIPPED, "01OTHER"
    root = preview.tree(replace_jobs(story))
    assert (root.status, root.skipped_for, root.children) == ("SKIPPED", "01OTHER", [])


def replace_jobs(story):
    story.jobs.clear()
    return story.known


@pytest.mark.parametrize("text", ["", "!", "e30", "bm90IGpzb24="])
def test_what_is_no_output_id(text):
    with pytest.raises(ValueError, match="error parsing span identifier"):
        read_output_id(text)
