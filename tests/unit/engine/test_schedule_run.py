"""The start of a run (flow-control §§1, 2.4, 5.7, 5.8, 6.1)."""

import json

import pytest
from engine_builders import APP_ID, FUNCTION_ID, NOW, SLUG, Counting, event, function
from msgspec.structs import replace

from inngest_fast.domain.functions import CancelOn, Timeouts
from inngest_fast.domain.ids import ulid_time
from inngest_fast.domain.jobs import JobKind
from inngest_fast.domain.runs import RunStatus
from inngest_fast.domain.waits import WaitKind
from inngest_fast.engine.lifecycle.schedule import key_of, schedule_run
from inngest_fast.engine.routing.meeting import meets

DAY = 86_400_000
PAID = event("order/paid", b'{"id":"o1"}', id="01PAID", external_id="mine")


def start(fn=None, on=PAID, **options):
    options.setdefault("key", key_of(on))
    created = schedule_run(fn or function(), [on], NOW, Counting(), **options)
    assert created == schedule_run(fn or function(), [on], NOW, Counting(), **options)
    return created


def test_a_run_is_queued_with_its_first_job():
    created = start()
    run, (job,) = created.run, created.jobs
    assert run.status is RunStatus.QUEUED
    assert (run.app_id, run.function_id, run.slug, run.function_version) == (APP_ID, FUNCTION_ID, SLUG, 3)
    assert (run.event_ids, run.events) == (("01PAID",), (PAID.wire,))
    assert (run.queued_at, run.started_at, run.ended_at, run.version) == (NOW, 0, 0, 0)
    assert (run.request_version, run.force_plan, run.branched) == (-1, False, False)
    assert run.state_size == len(PAID.wire)
    assert ulid_time(run.id) == NOW
    assert (job.kind, job.run_id, job.due, job.attempt, job.generation) == (
        JobKind.START,
        run.id,
        NOW,
        0,
        1,
    )
    assert (job.app_id, job.function_id, job.score) == (APP_ID, FUNCTION_ID, NOW)
    assert created.waits == ()


@pytest.mark.parametrize(
    ("ts", "due", "score"),
    [
        (NOW - DAY, NOW, NOW),
        (NOW, NOW, NOW),
        (NOW + 2_000, NOW + 2_000, NOW),
        (NOW + 2_001, NOW + 2_001, NOW + 2_001),
        (NOW + 9 * DAY, NOW + 9 * DAY, NOW + 9 * DAY),
    ],
)
def test_an_event_of_the_future_starts_its_run_then(ts, due, score):
    created = start(on=replace(PAID, ts=ts))
    assert created.jobs[0].due == due
    assert created.jobs[0].score == score
    assert created.run.due_at == due
    assert created.run.queued_at == NOW


def test_a_start_timeout_counts_from_the_receipt():
    created = start(function(timeouts=Timeouts(start_ms=9_000, finish_ms=1)), replace(PAID, ts=NOW + DAY))
    assert [(j.kind, j.due) for j in created.jobs] == [
        (JobKind.START, NOW + DAY),
        (JobKind.START_TIMEOUT, NOW + 9_000),
    ]
    assert created.run.branched
    assert len({j.id for j in created.jobs}) == 2


@pytest.mark.parametrize(
    ("repeatable", "given", "key"),
    [(False, "", ""), (True, "", "mine"), (False, "k", "k"), (True, "k", "k")],
)
def test_the_key_of_a_run(repeatable, given, key):
    on = replace(PAID, repeatable=repeatable)
    created = start(on=on, key=given) if given else start(on=on)
    assert created.run.key == key
    assert created.key_until == (NOW + DAY if key else 0)


def test_an_invoked_run_knows_who_waits_for_it():
    assert start(on=replace(PAID, correlation_id="01P.s")).run.correlation_id == "01P.s"
    assert start(cron="* * * * *").run.cron == "* * * * *"


@pytest.mark.parametrize(
    ("entry", "expires", "expression"),
    [
        (CancelOn("order/void"), 365 * DAY, ""),
        (CancelOn("order/void", timeout="1h"), 3_600_000, ""),
        (CancelOn("order/void", timeout="2026-11-23T09:14:22Z"), 10_000, ""),
        (CancelOn("order/void", 'event.data.id == "o1"'), 365 * DAY, ""),
        (CancelOn("order/void", 'event.data.id == "o2"'), None, None),
        (CancelOn("order/void", timeout="2020-01-01T00:00:00Z"), None, None),
        (CancelOn("order/void", timeout="0s"), None, None),
        (CancelOn("order/void", timeout="soon"), None, None),
        (CancelOn("order/void", "event.data ="), None, None),
    ],
)
def test_a_cancelling_event_is_waited_for(entry, expires, expression):
    created = start(function(cancel=(entry,)))
    if expires is None:
        assert created.waits == ()
        assert not created.run.branched
        return
    (wait,) = created.waits
    assert (wait.kind, wait.event, wait.expression) == (WaitKind.CANCEL, "order/void", expression)
    assert (wait.run_id, wait.step_id, wait.created_at) == (created.run.id, "", NOW)
    assert wait.expires_at == NOW + expires
    assert created.run.branched


def test_what_a_cancelling_event_must_be_is_taken_from_the_starting_one():
    created = start(function(cancel=(CancelOn("order/void", "event.data.id == async.data.id"),)))
    (wait,) = created.waits
    assert meets(wait, event("order/void", b'{"id":"o1"}'), NOW)
    assert not meets(wait, event("order/void", b'{"id":"o2"}'), NOW)


def test_each_entry_has_a_wait_of_its_own():
    created = start(function(cancel=tuple(CancelOn(f"e{i}") for i in range(5))))
    assert [w.event for w in created.waits] == ["e0", "e1", "e2", "e3", "e4"]
    assert len({w.id for w in created.waits}) == 5


@pytest.mark.parametrize(
    ("marks", "target", "ids"),
    [
        ({"debug_session_id": "01S", "debug_run_id": "01R"}, "f", ("01S", "01R")),
        ({"debug_run_id": "01R"}, "f", ("", "01R")),
        ({"debug_run_id": "01R"}, "", ("", "")),
        ({"debug_run_id": 1}, "f", ("", "")),
        ({}, "f", ("", "")),
    ],
)
def test_a_run_knows_whose_debugging_it_is_of(marks, target, ids):
    data = json.dumps({"_inngest": {"fn_id": "f", **marks}}).encode()
    invocation = event("inngest/function.invoked", data, target=target)
    run = schedule_run(function(), [invocation], NOW, Counting()).run
    assert (run.debug_session_id, run.debug_run_id) == ids
