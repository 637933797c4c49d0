"""What limits a run: concurrency keys, throttle keys, priority (flow-control §4.2, §5.1, §5.6, §2.6)."""

import pytest
from engine_builders import NOW, Counting, answer, event, function, job, queued, result, run
from msgspec.structs import replace

from inngest_fast.domain.flow import NO_FLOW, FunctionLimits, RunFlow, ThrottleRate, rule_of
from inngest_fast.domain.functions import ConcurrencyLimit, Throttle
from inngest_fast.domain.ids import ENVIRONMENT
from inngest_fast.domain.jobs import Job, JobKind
from inngest_fast.domain.transitions import DropRow, ExtendRow
from inngest_fast.engine.flow.concurrency import expression_of, limits_of
from inngest_fast.engine.flow.throttle import arrivals
from inngest_fast.engine.lifecycle.draft import run_job
from inngest_fast.engine.lifecycle.schedule import schedule_run

MINUTE = 60_000


def start(data="{}", id="f1", **config):
    fn = replace(function(**config), id=id)
    return schedule_run(fn, [event("order/paid", data.encode())], NOW, Counting())


def counters(data, limit, id="f1"):
    return start(data, id, concurrency=(limit,)).jobs[0].counters


KEYED = ConcurrencyLimit(3, key="event.data.user")


def test_without_limits_nothing_is_frozen():
    created = start()
    assert created.run.flow == NO_FLOW
    assert (created.jobs[0].counters, created.jobs[0].run_counter, created.jobs[0].throttle) == ((), "", "")


def test_equal_values_share_a_counter():
    a, again, b = (counters(f'{{"user":"{user}"}}', KEYED) for user in "aab")
    assert a == again != b
    assert len(a) == 1
    assert len({rule_of(counter) for counter in (*a, *b)}) == 1


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ('"1"', "1", False),
        ("1", "1.0", True),
        ("null", "false", False),
        ('{"a":1}', '{"a":1}', True),
        ("[1,2]", "[2,1]", False),
    ],
)
def test_values_are_told_apart_by_type(one, other, same):
    found = [counters(f'{{"user":{value}}}', KEYED) for value in (one, other)]
    assert (found[0] == found[1]) is same


def test_what_is_missing_or_fails_is_the_value_false():
    failing = ConcurrencyLimit(3, key="event.data.user - 1")
    assert counters("{}", KEYED) == counters('{"user":false}', KEYED)
    assert counters('{"user":"x"}', failing) == counters('{"user":"y"}', failing)


def test_functions_share_counters_only_where_the_scope_says_so():
    data = '{"user":"a"}'
    assert counters(data, KEYED, "f1") != counters(data, KEYED, "f2")
    for scope in ("env", "account"):
        limit = replace(KEYED, scope=scope)
        assert counters(data, limit, "f1") == counters(data, limit, "f2")
        reworded = replace(limit, key="event.data.user ")
        assert counters(data, limit, "f1") != counters(data, reworded, "f2")


def test_scopes_are_apart():
    found = {counters('{"user":"a"}', replace(KEYED, scope=scope)) for scope in ("fn", "env", "account")}
    assert len(found) == 3


def test_limits_are_looked_up_by_rule():
    fn = function(
        concurrency=(
            ConcurrencyLimit(7),
            KEYED,
            ConcurrencyLimit(2, kind="fn", key="event.data.team"),
        ),
        throttle=Throttle(limit=3, period_s=60, burst=2, key="event.data.user"),
    )
    created = schedule_run(fn, [event(data=b'{"user":"a","team":"t"}')], NOW, Counting())
    limits = limits_of(fn)
    flow = created.run.flow
    assert limits.calls == 7
    assert limits.rules == {flow.keys[0].rule: 3, flow.run.rule: 2}
    assert limits.throttle == ThrottleRate(flow.throttle.rule, emission=20_000, cap=5)
    assert not limits.paused
    assert limits_of(replace(fn, paused_at=1)).paused
    assert (flow.keys[0].shown, flow.run.shown, flow.throttle.shown) == ("a", "t", "a")
    for name, expression in ((flow.keys[0].rule, "event.data.user"), (flow.run.rule, "event.data.team")):
        assert expression_of(fn, name) == expression
    assert expression_of(fn, "gone") == ""


def test_no_limits():
    assert limits_of(function()) == FunctionLimits()


def test_the_same_limit_twice_is_one():
    fn = function(concurrency=(KEYED, replace(KEYED, limit=2)))
    created = schedule_run(fn, [event(data=b'{"user":"a"}')], NOW, Counting())
    assert len(created.jobs[0].counters) == 1
    assert limits_of(fn).rules == {created.run.flow.keys[0].rule: 2}


def test_live_runs_without_a_key_are_counted_by_function():
    fn = function(concurrency=(ConcurrencyLimit(1, kind="fn"),))
    one, two = (
        schedule_run(each, [event()], NOW, Counting()).jobs[0].run_counter
        for each in (fn, replace(fn, id="f2"))
    )
    assert one != two
    assert limits_of(fn).rules == {rule_of(one): 1}


def test_a_long_value_is_cut_for_people_only():
    a, b = (start(f'{{"user":"{"x" * 5_000}{end}"}}', concurrency=(KEYED,)).run.flow.keys[0] for end in "ab")
    assert a.shown == b.shown == "x" * 100
    assert a.counter != b.counter


FLOW = start(
    '{"user":"a"}',
    concurrency=(KEYED, ConcurrencyLimit(1, kind="fn")),
    throttle=Throttle(limit=1, period_s=60),
).run.flow


@pytest.mark.parametrize(
    ("kind", "counted", "throttled"),
    [
        (JobKind.START, True, True),
        (JobKind.EDGE, True, False),
        (JobKind.PLAN, True, False),
        (JobKind.SLEEP, False, False),
        (JobKind.WAIT_TIMEOUT, False, False),
        (JobKind.START_TIMEOUT, False, False),
    ],
)
def test_what_is_limited_of_a_run(kind, counted, throttled):
    made = run_job(run(flow=FLOW), kind, "x", NOW, NOW)
    assert bool(made.counters) is counted
    assert bool(made.throttle) is throttled
    assert made.run_counter == FLOW.run.counter


@pytest.mark.parametrize(
    ("kind", "attempt", "entering", "under_way"),
    [
        (JobKind.START, 0, True, False),
        (JobKind.START, 1, False, True),
        (JobKind.EDGE, 0, False, True),
        (JobKind.SLEEP, 0, False, True),
        (JobKind.FINISH_TIMEOUT, 0, False, True),
        (JobKind.START_TIMEOUT, 0, False, False),
        (JobKind.CANCEL, 0, False, False),
    ],
)
def test_who_has_a_place_among_live_runs(kind, attempt, entering, under_way):
    made = Job("j", kind, "a", "f", 0, 0, attempt=attempt)
    assert (made.entering, made.under_way) == (entering, under_way)


def paying(attempt=0):
    return job(JobKind.START, throttle="t:/x", arrival=NOW + 5, attempt=attempt)


def test_what_a_start_paid_is_kept_with_its_outcome():
    decided = answer(queued(flow=FLOW), paying(), result())
    assert decided.of(ExtendRow) == [ExtendRow("throttle:t:/x", NOW + 5)]


def test_arrivals_are_read_back():
    from inngest_fast.domain.flow import FlowRow

    assert arrivals([FlowRow("throttle:t:ab/c:d", until=7)]) == {"t:ab/c:d": 7}


@pytest.mark.parametrize(("wait_ms", "pays"), [(5 * MINUTE, False), (5 * MINUTE + 1, True)])
def test_a_start_that_is_tried_again_soon_does_not_pay_again(wait_ms, pays):
    from engine_builders import failure

    decided = answer(queued(flow=FLOW), paying(), failure(retry_at=NOW + wait_ms))
    assert bool(decided.moved.throttle) is pays
    assert decided.moved.arrival == 0


def test_the_end_of_a_run_frees_its_singleton():
    decided = answer(run(flow=RunFlow(singleton="singleton:f")), job(), result())
    assert decided.of(DropRow) == [DropRow("singleton:f", run().id)]


@pytest.mark.parametrize(
    ("expression", "data", "seconds"),
    [
        ("120", "{}", 120),
        ("event.data.vip ? 120 : 0", '{"vip":true}', 120),
        ("event.data.vip ? 120 : 0", "{}", 0),
        ("event.data.p", '{"p":5}', 5),
        ("event.data.p", '{"p":5.5}', 0),
        ("event.data.p", '{"p":true}', 0),
        ("event.data.p", '{"p":"5"}', 0),
        ("event.data.p", "{}", 0),
        ("event.data.p - 1", '{"p":"x"}', 0),
        ("-600", "{}", -600),
        ("99999", "{}", 43_200),
        ("-99999", "{}", -43_200),
        ("event.data.p", '{"p":1e300}', 43_200),
    ],
)
def test_priority(expression, data, seconds):
    created = start(data, priority=expression)
    assert created.run.score == NOW - seconds * 1_000
    assert created.jobs[0].score == created.run.score
    assert created.jobs[0].due == NOW, "nobody waits for a low priority on an idle server"


def test_env_counters_know_their_environment():
    a = counters('{"user":"a"}', replace(KEYED, scope="env"))
    assert ENVIRONMENT not in a[0], "it is short, whatever it is about"
    assert len(a[0]) <= 28
