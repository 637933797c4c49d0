"""Notes on runs from outside: who may note what, and how much (http-api §§4.4, 4.5)."""

import asyncio
import hashlib

import pytest
from msgspec.structs import replace

from inngest_fast.adapters.system.entropy import SystemEntropy
from inngest_fast.domain.apps import Function
from inngest_fast.domain.errors import AnnotationRefusedError, StoreError
from inngest_fast.domain.functions import FunctionConfig
from inngest_fast.domain.ids import ulid
from inngest_fast.domain.runs import Run, RunStatus, Step, StepStatus
from inngest_fast.domain.transitions import CreateRun, PutStep, Transition
from inngest_fast.engine.otlp import Received
from inngest_fast.engine.trace.metadata import Entry, Place, Target, fold
from inngest_fast.runtime import annotations
from inngest_fast.runtime.annotations import Annotations
from tests.fixtures.model_store import ModelStore

NOW = 1_795_425_252_000
RUN_ID = ulid(NOW, b"0123456789")
OTHER_ID = ulid(NOW, b"9876543210")
HASHED = hashlib.sha1(b"pay", usedforsecurity=False).hexdigest()
FUNCTION = Function(
    id="fn",
    app_id="app",
    app_name="shop",
    slug="shop-bill",
    version=1,
    config=FunctionConfig(slug="shop-bill", name="Bill", url="http://localhost:3000/api"),
    created_at=1,
    updated_at=1,
)
ENTRY = Entry("userland.note", {"a": 1})


class Clock:
    def now_ms(self):
        return NOW


class Committer:
    def __init__(self, store):
        self.store = store
        self.failing = False

    async def commit(self, transition):
        if self.failing:
            raise StoreError("disk full")
        return await self.store.commit(transition)


class Upkeep:
    functions = {"fn": FUNCTION, "old": replace(FUNCTION, id="old", archived_at=2)}  # noqa: RUF012

    async def function(self, id):
        return self.functions.get(id)


class Noted:
    """Annotations over one run in a store."""

    def __init__(self, **fields):
        run = Run(RUN_ID, "app", "fn", "shop-bill", ("e",), (b"{}",), NOW, **fields)
        self.store = ModelStore(Clock())
        self.store.commit(Transition([CreateRun(run, ())]))
        step = Step("custom", "StepRun", "custom", StepStatus.PLANNED, NOW)
        self.store.commit(Transition([PutStep(RUN_ID, step)]))
        self.committer = Committer(self.store)
        entropy = SystemEntropy()
        self.annotations = Annotations(self.store, Upkeep(), self.committer, Clock(), entropy)

    async def add(self, *entries, run_id=RUN_ID, **place):
        await self.annotations.add_metadata(run_id, Place(**place), entries or (ENTRY,))

    async def targets(self):
        return {target for target in fold(await self.store.trace_rows(RUN_ID)) if target != Target()}


@pytest.fixture
def run():
    """Runs a coroutine."""
    return asyncio.run


@pytest.mark.parametrize(
    ("place", "target"),
    [
        ({"step_id": "pay"}, Target(HASHED)),
        ({"step_id": HASHED}, Target(HASHED)),
        ({"step_id": "custom"}, Target("custom")),
        ({"step_id": "pay", "step_index": 0, "step_attempt": 2}, Target(HASHED, 2)),
        (
            {"step_id": "pay", "step_index": 1},
            Target(hashlib.sha1(b"pay:1", usedforsecurity=False).hexdigest()),
        ),
        ({"span_id": "ab"}, Target(span_id="ab")),
        ({"span_id": "ab", "step_attempt": 1}, Target(span_id="ab")),
    ],
)
def test_a_step_may_be_named_as_the_app_does(run, place, target):
    async def main():
        noted = Noted()
        await noted.add(**place)
        assert await noted.targets() == {target}

    run(main())


@pytest.mark.parametrize("status", [RunStatus.RUNNING, RunStatus.COMPLETED])
def test_the_run_itself_stays_as_it_is(run, status):
    async def main():
        noted = Noted(status=status, ended_at=NOW if status.ended else 0)
        before = await noted.store.run(RUN_ID)
        await noted.add(ENTRY, Entry("inngest.score", {"q": {"value": 1}}))
        assert await noted.store.run(RUN_ID) == before
        found = fold(await noted.store.trace_rows(RUN_ID))[Target()]
        assert [(m.kind, m.scope, m.values) for m in found[:2]] == [
            ("userland.note", "run", {"a": 1}),
            ("inngest.score", "run", {"q": {"value": 1}}),
        ]

    run(main())


@pytest.mark.parametrize(
    ("entries", "place", "code", "message"),
    [
        ((), {"step_index": 0}, "invalid", "Invalid metadata target"),
        ((), {"step_attempt": 0}, "invalid", "Invalid metadata target"),
        ((Entry("inngest.timing", {}),), {}, "invalid", "Invalid metadata"),
        ((ENTRY, Entry("mine", {})), {}, "invalid", "Invalid metadata"),
        ((Entry("userland.a", {}, "put"),), {}, "invalid", "Invalid metadata"),
        ((ENTRY, Entry("userland.a", {"x": "x" * 65_536})), {}, "too_large", None),
        (tuple(Entry("userland.a", {"x": "x" * 60_000}) for _ in range(18)), {}, "too_large", None),
    ],
)
def test_all_of_it_is_noted_or_nothing(run, entries, place, code, message):
    async def main():
        noted = Noted()
        with pytest.raises(AnnotationRefusedError) as caught:
            await noted.add(*entries, **place)
        assert caught.value.code == code
        assert message in (None, str(caught.value))
        assert await noted.store.trace_rows(RUN_ID) == []

    run(main())


def test_a_run_has_room_for_so_much(run):
    async def main():
        noted = Noted()
        large = Entry("userland.a", {"x": "x" * 60_000})
        for _ in range(17):
            await noted.add(large)
        with pytest.raises(AnnotationRefusedError):
            await noted.add(large)
        await noted.add(ENTRY)

    run(main())


def test_a_run_that_is_not_known(run):
    async def main():
        with pytest.raises(AnnotationRefusedError) as caught:
            await Noted().add(run_id=OTHER_ID)
        assert caught.value.code == "unknown"

    run(main())


def span(n, run_id=RUN_ID, function_id="fn", **attributes):
    given = {"inngest.traceref": "r", "sdk.run.id": run_id, "sys.function.id": function_id, **attributes}
    return Received("a" * 32, f"{n:016x}", "n", NOW, NOW, attributes=given)


def test_spans_that_belong_nowhere_are_rejected(run):
    async def main():
        noted = Noted()
        spans = [span(1), span(2, OTHER_ID), span(3, function_id="old"), span(4, function_id="gone")]
        spans.append(replace(span(5), attributes={}))
        assert await noted.annotations.add_spans(spans) == 4
        assert [key for key, _ in await noted.store.trace_rows(RUN_ID)] == ["u:" + "0" * 15 + "1"]

    run(main())


def test_a_span_that_comes_again_takes_no_more_room(run, monkeypatch):
    async def main():
        monkeypatch.setattr(annotations, "MAX_SPANS", 3)
        noted = Noted()
        assert await noted.annotations.add_spans([span(n) for n in range(3)]) == 0
        assert await noted.annotations.add_spans([span(n) for n in range(5)]) == 2
        again = Annotations(noted.store, Upkeep(), noted.committer, Clock(), SystemEntropy())
        assert await again.add_spans([span(2), span(9)]) == 1
        assert len(await noted.store.trace_rows(RUN_ID)) == 3

    run(main())


def test_a_run_keeps_so_many_bytes_of_spans(run, monkeypatch):
    async def main():
        monkeypatch.setattr(annotations, "MAX_SPAN_BYTES", 1_000)
        noted = Noted()
        assert await noted.annotations.add_spans([span(n, text="x" * 400) for n in range(3)]) == 2
        assert await noted.annotations.add_spans([span(7)]) == 0

    run(main())


def test_what_was_not_stored_takes_no_room(run, monkeypatch):
    async def main():
        monkeypatch.setattr(annotations, "MAX_SPANS", 1)
        noted = Noted()
        noted.committer.failing = True
        with pytest.raises(StoreError):
            await noted.annotations.add_spans([span(1)])
        noted.committer.failing = False
        assert await noted.annotations.add_spans([span(2)]) == 0

    run(main())
