"""Singletons (flow-control §5.5), and the order of the stages around them (§1)."""

import msgspec
import pytest
from engine_builders import NOW, event, wait
from flow_builders import Door, statuses
from msgspec.structs import replace

from inngest_fast.domain.events import FINISHED
from inngest_fast.domain.functions import RateLimit, Singleton
from inngest_fast.domain.runs import SkipReason
from inngest_fast.domain.transitions import ConsumeWait, PutEvent
from inngest_fast.domain.waits import WaitKind
from inngest_fast.engine.flow.admission import Invoker

SKIP = Singleton("skip")
CANCEL = Singleton("cancel")


def cancelled(door):
    return [job.run_id for job in door.jobs.values() if job.kind == "cancel"]


def test_fifty_events_one_run():
    door = Door(singleton=SKIP)
    created = [each for _ in range(50) for each in door.send()]
    assert statuses(created) == ["queued"] + ["skipped"] * 49
    holder = created[0].run.id
    for each in created[1:]:
        assert (each.run.skip_reason, each.run.skipped_for) == (SkipReason.SINGLETON, holder)
        assert each.jobs == each.waits == each.rows == ()
        assert each.run.ended_at == NOW


def test_the_next_may_run_once_it_has_ended():
    door = Door(singleton=SKIP)
    [first] = door.send()
    assert statuses(door.send()) == ["skipped"]
    door.end(first.run)
    assert statuses(door.send()) == ["queued"]


def test_fifty_events_the_last_run_stays():
    door = Door(singleton=CANCEL)
    created = [each for _ in range(50) for each in door.send()]
    assert statuses(created) == ["queued"] * 50
    assert cancelled(door) == [each.run.id for each in created[:-1]]
    for each in created[:-1]:
        door.end(each.run)  # a run that gave way frees nothing
    assert len(door.rows) == 1
    door.end(created[-1].run)
    assert door.rows == {}


@pytest.mark.parametrize("singleton", [SKIP, CANCEL])
def test_keys_are_apart(singleton):
    door = Door(singleton=replace(singleton, key="event.data.k"))
    assert statuses(door.send('{"k":1}') + door.send('{"k":2}')) == ["queued"] * 2
    assert cancelled(door) == []


@pytest.mark.parametrize(
    ("key", "data"),
    [("event.data.k", "{}"), ("event.data.k", '{"k":false}'), ("event.data.k - 1", '{"k":"x"}')],
    ids=["missing", "false", "fails"],
)
def test_a_false_key_switches_it_off(key, data):
    door = Door(singleton=Singleton("skip", key))
    assert statuses(door.send(data) + door.send(data)) == ["queued"] * 2
    assert door.rows == {}


def test_a_skip_takes_its_event_id():
    door = Door(singleton=SKIP)
    [first] = door.send()
    assert statuses(door.send(external_id="a", repeatable=True)) == ["skipped"]
    assert door.send(external_id="a", repeatable=True) == []
    door.end(first.run)
    assert door.send(external_id="a", repeatable=True) == [], "the id is taken for a day"


def test_a_duplicate_ends_another_run_but_never_its_own():
    door = Door(singleton=CANCEL)
    [first] = door.send(external_id="a", repeatable=True)
    assert door.send(external_id="a", repeatable=True) == []
    assert cancelled(door) == []
    [second] = door.send(external_id="b", repeatable=True)
    assert cancelled(door) == [first.run.id]
    assert door.send(external_id="a", repeatable=True) == []
    assert cancelled(door) == [first.run.id, second.run.id], "the stages go in this order"
    door.end(second.run)
    assert door.rows == {}


def test_a_paused_function_skips():
    door = Door()
    door.function = replace(door.function, paused_at=1)
    [created] = door.send()
    assert statuses([created]) == ["skipped"]
    assert created.run.skip_reason is SkipReason.FUNCTION_PAUSED


def test_a_paused_singleton_skips_for_the_singleton_first():
    door = Door(singleton=SKIP)
    door.send()
    door.function = replace(door.function, paused_at=1)
    [created] = door.send()
    assert created.run.skip_reason is SkipReason.SINGLETON


def test_a_paused_singleton_still_cancels():
    door = Door(singleton=CANCEL)
    [first] = door.send()
    door.function = replace(door.function, paused_at=1)
    [created] = door.send()
    assert created.run.skip_reason is SkipReason.FUNCTION_PAUSED
    assert cancelled(door) == [first.run.id]


def test_a_skipped_run_was_charged():
    door = Door(singleton=SKIP, rate_limit=RateLimit(limit=10, period_s=60))
    assert [statuses(door.send()) for _ in range(3)] == [["queued"], ["skipped"], []]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"rate_limit": RateLimit(limit=1, period_s=60)}, "invoked function is rate limited"),
        ({"singleton": SKIP}, "invoked function was skipped: another run of its singleton is live"),
    ],
)
def test_whoever_invoked_it_is_told(config, message):
    door = Door(**config)
    door.send()
    waits = wait(7, WaitKind.INVOKE, key="r1.s1")
    invocation = event("inngest/function.invoked", correlation_id="r1.s1", target="shop-bill")
    door.take_in(invocation, 0, [Invoker(invocation, waits, "01ANSWER")])
    [told] = [action.event for action in door.actions if isinstance(action, PutEvent)]
    [resumed] = [action for action in door.actions if isinstance(action, ConsumeWait)]
    assert (told.name, told.correlation_id) == (FINISHED, "r1.s1")
    assert resumed.wait_id == 7
    assert msgspec.json.decode(resumed.job.payload) == {
        "error": {"error": message, "message": message, "name": "Error"}
    }
