"""What the end of a request does to its run."""

import pytest
from engine_builders import NOW, RUN_ID, done, function, job, plain, pure, run, step

from inngest_fast.domain.jobs import JobKind
from inngest_fast.domain.ops import Opcode
from inngest_fast.domain.runs import RunStatus, StepStatus
from inngest_fast.domain.transitions import PutTrace
from inngest_fast.engine.gateway.outcome import Outcome
from inngest_fast.engine.lifecycle.fetched import Fetched, decide
from inngest_fast.engine.trace.metadata import Target, fold

MEMO = b'{"data":{"body":"","headers":{},"status_code":200,"url":"u"}}'
OK = Outcome(MEMO, status=200)
ERROR = b'{"error":{"message":"no","name":"GatewayError"}}'
FAILED = Outcome(ERROR, failed=True)
STARTED = NOW - 40


def gateway(**fields):
    return job(JobKind.GATEWAY, "g", id="g-gateway", **fields)


def running(*steps, **fields):
    return run([step("g", StepStatus.PLANNED, Opcode.GATEWAY), *steps], **fields)


def fetched(run, outcome, *, function=function(), **fields):  # noqa: B008 it is never changed
    call = Fetched(gateway(**fields), outcome, STARTED, NOW)
    return pure(decide, run, function, call)


def test_a_response_is_the_memo_and_the_app_is_called_again():
    decided = fetched(running(), OK)
    assert decided.steps["g"].memo == MEMO
    assert decided.steps["g"].status is StepStatus.COMPLETED
    assert (decided.steps["g"].attempts, decided.steps["g"].started_at) == (1, STARTED)
    assert decided.added == [("edge", "g", 0)]
    assert decided.transition.job == gateway()


def test_a_group_goes_on_once_all_of_it_is_done():
    waiting = running(step("s", StepStatus.SLEEPING, Opcode.SLEEP), pending=("g", "s"), group="K")
    assert fetched(waiting, OK).added == []
    assert fetched(running(done("s", 0), pending=("g",), group="K"), OK).added == [("edge", "K-discover", 0)]


def test_a_failure_is_tried_again():
    decided = fetched(running(), FAILED)
    assert decided.moved.attempt == 1
    assert decided.moved.due == NOW + 15_000
    assert decided.steps["g"].reserved
    assert decided.steps["g"].attempts == 1
    [row] = decided.of(PutTrace)
    assert row.key.startswith("a:g-gateway:000000:g")


def test_a_server_may_say_when():
    later = Outcome(ERROR, failed=True, retry_at=NOW + 90_000)
    assert fetched(running(), later).moved.due == NOW + 90_000


@pytest.mark.parametrize(
    ("outcome", "attempt", "retries"),
    [(FAILED, 4, 4), (FAILED, 0, 0), (Outcome(ERROR, failed=True, final=True), 0, 4)],
)
def test_the_last_failure_is_the_memo(outcome, attempt, retries):
    decided = fetched(running(), outcome, function=function(retries=retries), attempt=attempt)
    assert decided.steps["g"].memo == ERROR
    assert decided.steps["g"].status is StepStatus.FAILED
    assert decided.added == [("edge", "g-failure", 0)]
    assert decided.run.status is RunStatus.RUNNING


@pytest.mark.parametrize(
    "over",
    [
        run(status=RunStatus.CANCELLED),
        run([done("g", 0)]),
        run(),
    ],
)
def test_what_comes_too_late_changes_nothing(over):
    assert fetched(over, OK).actions == []


def test_what_a_model_tells_is_noted_on_its_step():
    usage = {"response_model": "gpt-4o", "input_tokens": 1_000_000}
    decided = fetched(running(), Outcome(MEMO, usage=usage))
    [row] = decided.of(PutTrace)
    assert row.run_id == RUN_ID
    [noted] = fold([(row.key, row.body)])[Target("g")]
    assert (noted.kind, noted.scope) == ("inngest.ai", "step")
    assert noted.values == {**usage, "estimated_cost": 2.5}
    assert decided.run.metadata_size == len(row.body)


def test_a_run_that_outgrows_its_state_fails():
    decided = fetched(running(state_size=32 * 1024 * 1024), OK)
    assert decided.run.status is RunStatus.FAILED
    assert plain(decided.run.error)["name"] == "InngestErrStateOverflowed"
