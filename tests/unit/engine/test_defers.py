"""Runs that a run asks for and that start once it has ended (sdk-protocol §4.6)."""

import json

import pytest
from engine_builders import (
    APP_ID,
    EDGE,
    FUNCTION_ID,
    NOW,
    RUN_ID,
    START,
    Counting,
    answer,
    event,
    failure,
    function,
    op,
    ops,
    plain,
    pure,
    result,
    run,
)

from inngest_fast.domain.defers import KEY_PREFIX, DeferMark, DeferStatus, deferred, event_id
from inngest_fast.domain.events import parts
from inngest_fast.domain.ids import ulid_time
from inngest_fast.domain.jobs import JobKind
from inngest_fast.domain.runs import RunStatus
from inngest_fast.domain.transitions import AddJob, PutEvent, PutTrace
from inngest_fast.engine.call.request import call_request
from inngest_fast.engine.lifecycle import due
from inngest_fast.engine.lifecycle.deferred import start
from inngest_fast.engine.lifecycle.schedule import schedule_run

MIB = 1024 * 1024
D = "d" * 40
E = "e" * 40


def add(id=D, **fields):
    return op("DeferAdd", id, **{"fn_slug": "shop-later", "input": b'{"n":1}', "userland_id": "u", **fields})


def abort(id=D):
    return op("DeferAbort", "x" * 40, target_id=id, fn_slug="shop-later")


def marks(decided):
    return [(mark.id, mark.status.value) for mark in decided.run.defers]


def noted(*ops_, before=(), **fields):
    return answer(run(defers=before, **fields), EDGE, ops(op("StepRun", "a"), *ops_))


def bodies(decided):
    return [(row.key, row.body) for row in decided.of(PutTrace) if row.key.startswith(KEY_PREFIX)]


def test_a_defer_is_noted_and_starts_nothing_yet():
    decided = noted(add())
    assert marks(decided) == [(D, "SCHEDULED")]
    [(mark, body)] = deferred(decided.run.defers, bodies(decided))
    assert (mark.id, body.fn_slug, body.userland_id, body.input) == (D, "shop-later", "u", b'{"n":1}')
    assert decided.events == []
    assert decided.added == [("edge", "a", 0)]


def test_a_defer_that_is_known_stays_as_it_is():
    known = (DeferMark(D, DeferStatus.ABORTED, 7),)
    decided = noted(add(), before=known)
    assert decided.run.defers == known
    assert bodies(decided) == []


def test_an_abort_counts_for_what_is_scheduled():
    before = (DeferMark(D, DeferStatus.SCHEDULED, 7), DeferMark(E, DeferStatus.REJECTED))
    assert marks(noted(abort(), abort(E), abort("unknown"), before=before)) == [
        (D, "ABORTED"),
        (E, "REJECTED"),
    ]
    assert marks(noted(add(), abort())) == [(D, "ABORTED")]


@pytest.mark.parametrize(
    ("before", "found"),
    [
        ((), add(input=b'{"a":"' + b"x" * (4 * MIB) + b'"}')),
        ((), add(meta=b'{"a":"' + b"x" * (32 * 1024) + b'"}')),
        ((), add(fn_slug="")),
        ((), add(input=b"[1]")),
        ((DeferMark(E, DeferStatus.SCHEDULED, 4 * MIB - 3),), add()),
        (tuple(DeferMark(f"{n}", DeferStatus.SCHEDULED, 2) for n in range(20)), add()),
    ],
)
def test_a_defer_over_a_limit_is_rejected_and_the_run_goes_on(before, found):
    decided = noted(found, before=before)
    assert marks(decided)[-1] == (D, "REJECTED")
    assert decided.run.status is RunStatus.RUNNING
    assert len(bodies(decided)[0][1]) < 200


def test_no_more_than_so_many_are_noted_at_all():
    decided = noted(*[add(f"{n:040}") for n in range(200)])
    assert len(decided.run.defers) == 100
    assert len(bodies(decided)) == 100


def test_an_answer_with_defers_alone_asks_again():
    decided = answer(run(), EDGE, ops(add()))
    assert marks(decided) == [(D, "SCHEDULED")]
    assert [kind for kind, _, _ in decided.added] == ["edge"]


def test_the_app_is_told_what_it_has_deferred():
    known = (DeferMark(E, DeferStatus.ABORTED), DeferMark(D, DeferStatus.SCHEDULED))
    body = plain(call_request(run(defers=known), function(), EDGE).body)
    assert body["defers"] == {D: {"abortable": True}, E: {"abortable": False}}
    assert plain(call_request(run(), function(), START).body)["defers"] == {}


ONE = (DeferMark(D, DeferStatus.SCHEDULED, 7),)


def ending(how, **fields):
    before = run(defers=ONE, **fields)
    if how == "complete":
        return answer(before, EDGE, result())
    if how == "reported":
        return answer(run(**fields), EDGE, ops(add(), op("RunComplete", "c", data=b"1")))
    if how == "failed":
        return answer(before, EDGE, failure(no_retry=True))
    return pure(due.cancel, before, function(), NOW)


@pytest.mark.parametrize("how", ["complete", "reported", "failed", "cancelled"])
def test_however_a_run_ends_it_leaves_a_job_that_starts_what_it_deferred(how):
    decided = ending(how)
    assert decided.ended
    [job] = [a.job for a in decided.of(AddJob)]
    assert (job.kind, job.run_id, job.payload) == (JobKind.DEFERS, "", RUN_ID.encode())
    assert (job.function_id, job.app_id, job.due) == (FUNCTION_ID, APP_ID, NOW)


@pytest.mark.parametrize("state", [DeferStatus.ABORTED, DeferStatus.REJECTED])
def test_a_run_without_a_defer_that_counts_leaves_none(state):
    before = run(defers=(DeferMark(D, state),))
    assert answer(before, EDGE, result()).of(AddJob) == []


def started(meta=b""):
    asked = noted(add(meta=meta), add(E), abort(E))
    over = asked.run
    over.ended_at = NOW
    noted_ones = deferred(over.defers, bodies(asked))
    job = answer(over, EDGE, result()).of(AddJob)[0].job
    return start(over, function(), noted_ones, job, NOW + 5)


def test_each_starts_with_an_event_of_its_own():
    transition = started()
    assert transition.job.kind is JobKind.DEFERS
    [put] = transition.actions
    assert isinstance(put, PutEvent)
    assert put.route
    event = put.event
    assert event.name == "inngest/deferred.schedule"
    assert event.id == event.external_id == event_id(RUN_ID, NOW, D)
    assert ulid_time(event.id) == NOW
    assert plain(bytes(parts(event.wire).data)) == {
        "n": 1,
        "_inngest": {
            "fn_slug": "shop-later",
            "parent_app_id": APP_ID,
            "parent_defer_span": "",
            "parent_fn_id": FUNCTION_ID,
            "parent_fn_slug": "shop-bill",
            "parent_run_id": RUN_ID,
        },
    }


def test_sessions_go_along():
    [put] = started(meta=b'{"sessions":{"user":"u1"}}').actions
    assert json.loads(bytes(parts(put.event.wire).meta)) == {"sessions": {"user": "u1"}}
    [put] = started(meta=b'{"sessions":[]}').actions
    assert bytes(parts(put.event.wire).meta) == b"null"


def test_a_deferred_run_knows_who_asked_for_it():
    [put] = started().actions
    assert scheduled(put.event).deferred_by == RUN_ID
    assert scheduled(event()).deferred_by == ""
    forged = event(name="inngest/deferred.schedule", data=b'{"_inngest":{"parent_run_id":"mine"}}')
    assert scheduled(forged).deferred_by == ""


def scheduled(event):
    return schedule_run(function(), [event], NOW, Counting()).run
