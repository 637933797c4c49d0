"""A run done again, whole or from a step (http-api §5.2, §6.6; sdk-protocol §2.2)."""

from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import pytest
from engine_builders import (
    EDGE,
    ERROR,
    FUNCTION_ID,
    NOW,
    RUN_ID,
    START,
    answer,
    done,
    function,
    op,
    ops,
    run,
    step,
)
from engine_builders import Counting as Entropy
from flow_builders import Door, statuses
from msgspec.structs import replace

from inngest_fast.domain.errors import RerunRefusedError
from inngest_fast.domain.flow import FlowRow
from inngest_fast.domain.functions import Batch, ConcurrencyLimit, Debounce, RateLimit, Singleton, Throttle
from inngest_fast.domain.runs import RunStatus, SkipReason, StepStatus
from inngest_fast.domain.transitions import AddJob, Admit, CreateRun, PutStep
from inngest_fast.engine.call.request import call_request, steps_json
from inngest_fast.engine.lifecycle.rerun import Origin, rerun

STEPS = [done("a", 0), replace(done("b", 1), name="charge"), done("c", 2), step("d", StepStatus.RETRYING)]
ENDED = run(STEPS, status=RunStatus.COMPLETED, ended_at=NOW - 100, output=b'"ok"')


@dataclass
class Begun:
    create: CreateRun
    steps: list
    others: list

    @property
    def run(self):
        return self.create.run


def begin(origin=ENDED, fn=None, rows=None, **asked):
    """What is committed for a rerun, given the rows that there are."""
    fn = fn or function()
    transition, id = rerun(Origin(origin, **asked), fn, NOW, Entropy())
    assert (transition.job, transition.wait_id) == (None, 0)
    actions = []
    for action in transition.actions:
        decided = action.admission.decide(rows or {}) if isinstance(action, Admit) else [action]
        actions += decided
    [create] = [action for action in actions if isinstance(action, CreateRun)]
    assert create.run.id == id != origin.id
    steps = [action for action in actions if isinstance(action, PutStep)]
    assert {each.run_id for each in steps} <= {id}
    others = [each for each in actions if each is not create and each not in steps]
    return Begun(create, [each.step for each in steps], others)


def test_the_events_run_again():
    new = begin()
    assert (new.run.events, new.run.event_ids) == (ENDED.events, ENDED.event_ids)
    assert new.run.original_run_id == RUN_ID
    assert (new.run.status, new.run.queued_at, new.run.key) == (RunStatus.QUEUED, NOW, "")
    assert [job.kind.value for job in new.create.jobs] == ["start"]
    assert (new.run.stack, new.steps, new.run.output) == ((), [], None)


def test_whoever_invoked_the_run_is_not_told_again():
    new = begin(run(correlation_id="r.s", correlated=("q.s",)))
    assert (new.run.correlation_id, new.run.correlated) == ("", ())


def test_a_cron_run_and_a_batch_stay_what_they_were():
    assert begin(run(cron="* * * * *")).run.cron == "* * * * *"
    events = (ENDED.events[0], ENDED.events[0].replace(b"evt-1", b"evt-2"))
    batch = begin(run(events=events, event_ids=("01A", "01B"), batch_id="01BATCH"))
    assert (batch.run.batch_id, batch.run.events, batch.run.event_ids) == ("01BATCH", events, ("01A", "01B"))


@pytest.mark.parametrize(
    ("from_step", "stack"),
    [("a", ()), ("b", ("a",)), ("charge", ("a",)), ("c", ("a", "b")), ("d", ("a", "b", "c"))],
)
def test_what_came_before_a_step_is_taken_over(from_step, stack):
    new = begin(from_step=from_step)
    assert new.run.stack == stack
    assert [each.id for each in new.steps] == list(stack)
    assert new.run.steps == {each.id: each for each in new.steps}
    assert [each.memo for each in new.steps] == [ENDED.steps[id].memo for id in stack]
    assert new.run.state_size == sum(map(len, (*ENDED.events, *(each.memo for each in new.steps))))


def test_an_id_goes_before_a_name():
    named = run([replace(done("a", 0), name="b"), done("b", 1)])
    assert begin(named, from_step="b").run.stack == ("a",)


def test_the_step_gets_other_arguments_until_it_has_run():
    new = begin(from_step="b", input=b'[ {"n": 1} ]').run
    assert steps_json(new) == b'{"a":{"data":"a"},"b":{"input":[{"n":1}]}}'
    assert new.stack == ("a",)
    running = replace_run(new, id=RUN_ID, status=RunStatus.RUNNING, request_version=2)
    after = answer(running, EDGE, ops(op("StepRun", "b", data=b"2"))).run
    assert steps_json(after) == b'{"a":{"data":"a"},"b":{"data":2}}'
    assert after.from_input is None


def replace_run(run, **fields):
    changed = run.working_copy()
    for name, value in fields.items():
        setattr(changed, name, value)
    return changed


@pytest.mark.parametrize("input", [b"{}", b'"a"', b"[", b"", b"[1] [2]", b"null"])
def test_input_that_is_no_array_is_refused(input):
    with pytest.raises(RerunRefusedError, match="^input is not a valid JSON array$") as refused:
        begin(from_step="b", input=input)
    assert refused.value.code == "input_invalid"


def test_input_above_the_limit_is_refused():
    with pytest.raises(RerunRefusedError) as refused:
        begin(from_step="b", input=b'["' + b"x" * (4 * 1024 * 1024) + b'"]')
    assert refused.value.code == "too_large"


def test_only_steps_that_the_app_runs_take_input():
    slept = run([replace(done("a", 0), op="Sleep")])
    assert begin(slept, from_step="a").run.stack == ()
    with pytest.raises(RerunRefusedError) as refused:
        begin(slept, from_step="a", input=b"[1]")
    assert refused.value.code == "no_input"


def called_for(run, **fields):
    url = call_request(run, function(), replace(START, **fields)).url
    return parse_qs(urlsplit(url).query)["stepId"]


def test_the_step_is_asked_for_until_it_has_run():
    new = replace_run(begin(from_step="b", input=b"[1]").run, id=RUN_ID)
    assert called_for(new) == ["b"]
    assert called_for(new, attempt=1) == ["step"], "the app may not have found it"
    running = replace_run(new, status=RunStatus.RUNNING, request_version=2)
    failed = answer(running, START, ops(op("StepError", "b", error=ERROR))).run
    assert called_for(failed, attempt=1) == ["b"]
    over = answer(running, START, ops(op("StepRun", "b", data=b"2"))).run
    assert called_for(over) == ["step"]
    assert called_for(begin(from_step="b").run) == ["step"]


def test_an_unknown_step_is_refused():
    with pytest.raises(RerunRefusedError, match="^Step not found in original run$") as refused:
        begin(from_step="nobody")
    assert refused.value.code == "step_unknown"


def test_an_archived_function_runs_nothing_again():
    with pytest.raises(RerunRefusedError, match="^Function not found$"):
        begin(fn=replace(function(), archived_at=1))


def test_what_holds_back_or_drops_events_does_not_apply():
    fn = function(rate_limit=RateLimit(1, 60), debounce=Debounce(60), batch=Batch(10, 60_000), retries=0)
    new = begin(fn=fn)
    assert (new.run.status, new.others) == (RunStatus.QUEUED, [])


def test_what_limits_starts_applies():
    fn = function(
        concurrency=(ConcurrencyLimit(1, "event.data.id"), ConcurrencyLimit(1, kind="fn")),
        throttle=Throttle(1, 60),
        priority="event.data.total",
    )
    new = begin(fn=fn)
    [start] = new.create.jobs
    assert start.throttle
    assert start.run_counter
    assert start.counters
    assert new.run.score == NOW - 7_000


def singleton_row(fn):
    door = Door(fn)
    [first] = door.send('{"id":"o1"}')
    [row] = first.rows
    return FlowRow(row.key, holder="01LIVE", body=b"")


def test_the_live_run_of_a_singleton_is_kept_and_the_rerun_is_skipped():
    fn = function(singleton=Singleton("skip"))
    row = singleton_row(fn)
    new = begin(fn=fn, rows={row.key: row}, from_step="c", input=b"[1]")
    assert statuses([new.create]) == ["skipped"]
    assert (new.run.skip_reason, new.run.skipped_for) == (SkipReason.SINGLETON, "01LIVE")
    assert (new.steps, new.run.stack, new.run.from_input) == ([], (), None)
    assert new.run.original_run_id == RUN_ID


def test_the_rerun_takes_the_place_of_the_live_run_of_a_singleton():
    fn = function(singleton=Singleton("cancel"))
    row = singleton_row(fn)
    new = begin(fn=fn, rows={row.key: row}, from_step="c")
    [cancel] = [each.job for each in new.others if isinstance(each, AddJob)]
    assert (cancel.run_id, cancel.function_id) == ("01LIVE", FUNCTION_ID)
    assert new.run.flow.singleton == row.key
    assert [each.id for each in new.steps] == ["a", "b"]


def test_a_paused_function_skips_reruns():
    new = begin(fn=replace(function(), paused_at=1))
    assert new.run.skip_reason is SkipReason.FUNCTION_PAUSED
