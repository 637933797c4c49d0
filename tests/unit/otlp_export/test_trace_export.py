"""Exports in the background: bounded, repeated, counted; on a clock of their own."""

import asyncio

import pytest

from inngest_fast.domain.errors import StoreError
from inngest_fast.domain.otlp import Sampler
from inngest_fast.domain.runs import Run, RunStatus
from inngest_fast.domain.trace_context import TraceContext
from inngest_fast.domain.trace_ids import run_ids, span_id
from inngest_fast.domain.traces import Span, SpanStatus, UserlandSpan
from inngest_fast.engine.trace.exported import ended, exported
from inngest_fast.ports.span_sink import SinkBusyError, SinkRefusedError, Taken
from inngest_fast.runtime.counters import Counters
from inngest_fast.runtime.trace_export import BATCH, MAX_WAITING, TRIES, TraceExport
from tests.fixtures.virtual_loop import VirtualLoop

ALL = Sampler(1 << 64, parent_based=True)
RUN_ID = "01M83V3VHB3Y6YYE5HMY6P2T7Q"
HASH = "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8"
USERLAND = UserlandSpan("mine", "INTERNAL", "", {}, "", "", {})


def run(number=0, **more):
    id = RUN_ID[:-4] + f"{number:04}"
    return Run(id, "app", "function", "shop-pay", (), (), queued_at=1, status=RunStatus.COMPLETED, **more)


def tree(run_id, status=SpanStatus.COMPLETED):
    root_id = run_ids(run_id)[1]
    step = span_id(HASH)
    attempt = Span(span_id(f"{HASH}:0"), "Attempt 0", SpanStatus.FAILED, 20, 21, 22, parent_id=step)
    mine = Span("aaaaaaaaaaaaaaaa", "mine", status, 20, 21, 22, parent_id=step, userland=USERLAND)
    return Span(
        root_id,
        "Run",
        status,
        10,
        15,
        50,
        is_root=True,
        children=[
            Span(
                step,
                "pay",
                status,
                20,
                21,
                40,
                parent_id=root_id,
                step_id=HASH,
                op="RUN",
                children=[attempt, mine],
            ),
            Span("cccccccccccccccc", "Finalization", status, 41, parent_id=root_id, type="FINALIZATION"),
        ],
    )


class Trees:
    def __init__(self):
        self.fails = False

    async def tree(self, run_id, *, preview=True):
        if self.fails:
            raise StoreError("down")
        return tree(run_id)


class Sink:
    """Does what it is told to, one after the other; then takes everything."""

    def __init__(self, *outcomes):
        self.outcomes = list(outcomes)
        self.batches = []
        self.at = []
        self.closed = False

    async def send(self, spans):
        self.at.append(asyncio.get_running_loop().time())
        outcome = self.outcomes.pop(0) if self.outcomes else Taken()
        if isinstance(outcome, Exception):
            raise outcome
        self.batches.append(list(spans))
        return outcome

    async def close(self):
        self.closed = True


class Even:
    def below(self, bound):
        return bound // 2


class World:
    def __init__(self, *outcomes, sampler=ALL):
        self.sink, self.trees, self.counters = Sink(*outcomes), Trees(), Counters()
        self.export = TraceExport(self.trees, self.sink, sampler, Even(), self.counters)

    @property
    def counts(self):
        return self.counters.read()


def play(main):
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)


# Spans of a tree


def test_a_tree_is_exported_under_the_ids_that_calls_name():
    found = exported(ended(run()), tree(run().id))
    trace, root = run_ids(run().id)
    assert {span.trace_id for span in found} == {trace}
    assert [(span.name, span.parent_id) for span in found] == [
        ("shop-pay", ""),
        ("pay", root),
        ("Attempt 0", span_id(HASH)),
        ("Finalization", root),
    ]
    assert found[1].span_id == span_id(HASH)
    assert [span.status for span in found] == [0, 0, 2, 0]


def test_what_has_no_end_of_its_own_ends_with_the_run():
    root, _, _, last = exported(ended(run()), tree(run().id))
    assert (root.start, root.end) == (10_000_000, 50_000_000)
    assert (last.start, last.end) == (41_000_000, 50_000_000)


def test_an_error_is_that_of_the_root():
    about = ended(run(error=b'{"name":"E","message":"it broke","stack":"x"}'))
    root = exported(about, tree(run().id, SpanStatus.FAILED))[0]
    assert (root.status, root.message) == (2, "it broke")
    assert ended(run(error=b"null")).message == ""


def test_runs_in_one_trace_share_no_span():
    caller = TraceContext("a" * 32, "b" * 16, state="x=1")
    found = [span for n in (1, 2) for span in exported(ended(run(n, caller=caller)), tree(run(n).id))]
    assert {(span.trace_id, span.trace_state) for span in found} == {("a" * 32, "x=1")}
    ids = {span.span_id for span in found}
    assert len(ids) == len(found)
    assert [span.parent_id for span in found if span.parent_id not in ids] == ["b" * 16] * 2


# Which ones


@pytest.mark.parametrize(
    ("below", "parent_based", "caller", "taken"),
    [
        (1 << 64, True, None, True),
        (0, True, None, False),
        (0, True, True, True),
        (1 << 64, True, False, False),
        (1 << 64, False, False, True),
        (0, False, True, False),
    ],
)
def test_what_is_sampled(below, parent_based, caller, taken):
    context = None if caller is None else TraceContext("a" * 32, "b" * 16, sampled=caller)
    assert Sampler(below, parent_based).takes("f" * 32, context) is taken


def test_a_ratio_is_of_traces():
    sampler = Sampler(round(0.25 * 2**64), parent_based=True)
    taken = sum(sampler.takes(run_ids(run(n).id)[0], None) for n in range(4_000))
    assert 900 < taken < 1_100


# In the background


def test_runs_go_in_batches():
    async def main():
        world = World()
        world.export.start()
        for number in range(300):
            world.export.take(run(number))
        await asyncio.sleep(1)
        assert [len(batch) for batch in world.sink.batches] == [BATCH, BATCH, 1_200 - 2 * BATCH]
        assert world.counts == {"spans_exported": 1_200}
        await asyncio.sleep(100)
        world.export.take(run(300))
        await asyncio.sleep(1)
        assert len(world.sink.batches) == 4
        await world.export.drain(5)
        assert world.sink.closed

    play(main())


def test_a_busy_collector_is_tried_again_ever_later():
    async def main():
        world = World(SinkBusyError("503"), SinkBusyError("503"), SinkBusyError("429", retry_after=11.0))
        world.export.start()
        world.export.take(run())
        await asyncio.sleep(60)
        pauses = [later - earlier for earlier, later in zip(world.sink.at, world.sink.at[1:], strict=False)]
        assert pauses == pytest.approx([1, 2, 11])
        assert world.counts == {"spans_exported": 4}
        await world.export.drain(5)

    play(main())


def test_a_batch_is_given_up_in_the_end_and_the_next_one_goes():
    async def main():
        world = World(*(SinkBusyError("no") for _ in range(TRIES)))
        world.export.start()
        world.export.take(run())
        await asyncio.sleep(600)
        assert len(world.sink.at) == TRIES
        world.export.take(run(1))
        await asyncio.sleep(1)
        assert world.counts == {"spans_dropped": 4, "spans_exported": 4}
        await world.export.drain(5)

    play(main())


def test_what_is_refused_is_not_sent_again():
    async def main():
        world = World(SinkRefusedError("400"), Taken(rejected=1, message="no"))
        world.export.start()
        for number in range(2):
            world.export.take(run(number))
            await asyncio.sleep(1)
        assert len(world.sink.at) == 2
        assert world.counts == {"spans_rejected": 5, "spans_exported": 3}
        await world.export.drain(5)

    play(main())


def test_too_many_are_dropped_and_counted_and_never_waited_for():
    async def main():
        world = World()
        for number in range(MAX_WAITING + 5):
            world.export.take(run(number % 10_000))
        assert world.counts == {"trace_runs_dropped": 5}
        world.export.start()
        await asyncio.sleep(1)
        assert world.counts["spans_exported"] == 4 * MAX_WAITING
        await world.export.drain(5)

    play(main())


def test_a_trace_that_cannot_be_read_is_dropped():
    async def main():
        world = World()
        world.export.start()
        world.trees.fails = True
        world.export.take(run())
        await asyncio.sleep(1)
        world.trees.fails = False
        world.export.take(run(1))
        await asyncio.sleep(1)
        assert world.counts == {"trace_runs_dropped": 1, "spans_exported": 4}
        await world.export.drain(5)

    play(main())


def test_what_waits_goes_when_the_server_stops():
    async def main():
        world = World(SinkBusyError("503"))
        world.export.start()
        world.export.take(run())
        began = asyncio.get_running_loop().time()
        await asyncio.sleep(0)
        await world.export.drain(5)
        assert asyncio.get_running_loop().time() - began < 1
        assert world.counts == {"spans_exported": 4}
        world.export.take(run(1))
        assert world.counts["trace_runs_dropped"] == 1

    play(main())


def test_a_dead_collector_does_not_hold_up_the_end():
    async def main():
        world = World(*(SinkBusyError("no") for _ in range(100)))
        world.export.start()
        for number in range(600):
            world.export.take(run(number))
        await asyncio.sleep(0.1)
        began = asyncio.get_running_loop().time()
        await world.export.drain(3)
        assert asyncio.get_running_loop().time() - began <= 3
        assert world.sink.closed
        counts = world.counts
        assert counts["spans_dropped"] + 4 * counts["trace_runs_dropped"] == 4 * 600

    play(main())
