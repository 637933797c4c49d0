"""The end of a run and the events that tell of it, to the byte (sdk-protocol §5)."""

import pytest
from engine_builders import (
    EDGE,
    NOW,
    RUN_ID,
    SLUG,
    TRIGGER,
    Counting,
    answer,
    failure,
    function,
    plain,
    pure,
    result,
    run,
)

from inngest_fast.domain.events import wire_form
from inngest_fast.domain.ids import ulid_time
from inngest_fast.domain.runs import RunStatus, next_version
from inngest_fast.engine.lifecycle import due

FINISHED, FAILED, CANCELLED = (f"inngest/function.{word}" for word in ("finished", "failed", "cancelled"))
THROWN = b'{"message":"bad step","name":"TypeError","stack":"at x"}'
ERROR = b'{"error":"NonRetriableError","message":"bad step","name":"TypeError","stack":"at x"}'


def end(status, before, output=b'"ok"'):
    if status is RunStatus.COMPLETED:
        return answer(before, EDGE, result(output))
    if status is RunStatus.FAILED:
        return answer(before, EDGE, failure(error=ERROR, output=output, no_retry=True))
    return pure(due.cancel, before, function(), NOW)


def test_a_failed_run_tells_of_itself_in_these_bytes():
    decided = end(RunStatus.FAILED, run(), THROWN)
    first_id = Counting().ulid(NOW)
    data = (
        b'{"_inngest":{"status":"Failed"},"error":' + ERROR + b',"event":' + TRIGGER + b',"events":[' + TRIGGER
        + b'],"function_id":"shop-bill","result":' + THROWN + b',"run_id":"' + RUN_ID.encode() + b'"}'
    )  # fmt: skip
    assert [e.wire for e in decided.events] == [
        b'{"data":%s,"id":"%s","name":"inngest/function.finished","ts":%d,"user":{}}'
        % (data, first_id.encode(), NOW),
        b'{"data":%s,"id":"%s","name":"inngest/function.failed","ts":%d,"user":{}}'
        % (data, RUN_ID.encode(), NOW),
    ]


@pytest.mark.parametrize(
    ("status", "output", "names", "word", "members"),
    [
        (RunStatus.COMPLETED, b'{"x":[1]}', [FINISHED], "Completed", {"result": {"x": [1]}}),
        (RunStatus.COMPLETED, b"null", [FINISHED], "Completed", {"result": None}),
        (RunStatus.COMPLETED, None, [FINISHED], "Completed", {}),
        (
            RunStatus.FAILED,
            THROWN,
            [FINISHED, FAILED],
            "Failed",
            {"error": plain(ERROR), "result": plain(THROWN)},
        ),
        (RunStatus.FAILED, None, [FINISHED, FAILED], "Failed", {"error": plain(ERROR)}),
        (RunStatus.CANCELLED, None, [FINISHED, CANCELLED], "Cancelled", {}),
    ],
)
@pytest.mark.parametrize("correlation", ["", "01PARENT.abc"])
def test_what_the_events_of_an_end_carry(status, output, names, word, members, correlation):
    decided = end(status, run(correlation_id=correlation), output)
    events = decided.events
    assert [e.name for e in events] == names
    for event in events:
        wire = plain(event.wire)
        assert wire["data"] == {
            "function_id": SLUG,
            "run_id": RUN_ID,
            "event": plain(TRIGGER),
            "events": [plain(TRIGGER)],
            "_inngest": {"status": word},
            **({"correlation_id": correlation} if correlation else {}),
            **members,
        }
        assert (wire["ts"], event.ts, event.received_at) == (NOW, NOW, NOW)
        assert type(wire["ts"]) is int
        assert wire["id"] == event.external_id
        assert "meta" not in wire
        assert not event.repeatable
        assert not event.target
    assert ulid_time(events[0].external_id) == NOW
    assert [e.external_id for e in events[1:]] == [RUN_ID] * (len(events) - 1)
    assert len({e.id for e in events}) == len(events)
    assert [e.correlation_id for e in events] == [correlation] + [""] * (len(events) - 1)


@pytest.mark.parametrize("status", [RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELLED])
@pytest.mark.parametrize(
    ("trigger", "silent"),
    [
        (FINISHED, True),
        (FAILED, True),
        (CANCELLED, False),
        ("inngest/function.invoked", False),
        ("inngest/scheduled.timer", False),
        ("inngest/function.failed.not", False),
    ],
)
def test_the_end_of_a_run_on_an_end_is_silent(status, trigger, silent):
    """A function on function.finished would start itself for ever."""
    wire = wire_form(name=trigger, id="e", ts=1, data=b"{}")
    decided = end(status, run(events=(wire,)))
    assert decided.run.status is status
    assert (decided.events == []) is silent


@pytest.mark.parametrize("status", [RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELLED])
def test_sessions_of_the_trigger_go_on(status):
    meta = b'{"sessions":{"s":"1"}}'
    wire = wire_form(name="a", id="e", ts=1, data=b"{}", meta=meta)
    for event in end(status, run(events=(wire,))).events:
        assert plain(event.wire)["meta"] == plain(meta)


def test_all_events_of_a_run_are_told():
    other = wire_form(name="order/paid", id="evt-2", ts=2, data=b"{}")
    data = plain(end(RunStatus.COMPLETED, run(events=(TRIGGER, other))).events[0].wire)["data"]
    assert data["event"] == plain(TRIGGER)
    assert data["events"] == [plain(TRIGGER), plain(other)]


@pytest.mark.parametrize("status", [RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELLED])
def test_an_ended_run_waits_for_nothing(status):
    decided = end(status, run(pending=("a", "b"), branched=True))
    assert decided.kinds[0] == "EndRun"
    assert decided.run.pending == ()
    assert decided.run.ended_at == NOW
    assert decided.run.branched
    assert decided.run.version == next_version(run().version, 0)
