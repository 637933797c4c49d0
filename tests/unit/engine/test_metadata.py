"""What is noted on runs, steps and spans, and what that comes to (connect-realtime §3.5)."""

import json

import pytest
from engine_builders import EDGE, NOW, answer, done, op, ops, plan, run, step

from inngest_fast.domain.runs import StepStatus
from inngest_fast.domain.traces import Metadata
from inngest_fast.domain.transitions import PutTrace
from inngest_fast.engine.trace.metadata import Note, Target, fold, is_settable, row

KIB = 1024


def notes(decided):
    return [(a.key, a.body) for a in decided.of(PutTrace) if a.key.startswith("m:")]


def entry(kind="userland.note", op="merge", scope="step", **values):
    return {"kind": kind, "op": op, "scope": scope, "values": values or {"a": 1}}


def reported(*entries, before=None, **fields):
    metadata = json.dumps(list(entries)).encode()
    found = op("StepRun", "s", data=b"1", metadata=metadata)
    return answer(before or run(**fields), EDGE, ops(found))


def folded(*changes, at=NOW):
    rows = [row(Note(kind, op, values, at + n), f"{n}") for n, (op, kind, values) in enumerate(changes)]
    return [m for m in fold(rows).get(Target(), []) if m.kind != "inngest.usage"]


def test_the_metadata_of_a_step_is_noted_with_it():
    decided = reported(entry(words=3), entry("inngest.ai", "set", input_tokens=4))
    assert fold(notes(decided))[Target("s")] == [
        Metadata("step", "userland.note", {"words": 3}, NOW),
        Metadata("step", "inngest.ai", {"input_tokens": 4}, NOW),
    ]


def test_the_scope_says_what_it_is_on():
    decided = reported(
        entry(scope="run"), entry("userland.b", scope="step_attempt"), entry("userland.c", scope="?")
    )
    found = fold(notes(decided))
    assert [m.kind for m in found[Target()]] == ["userland.note", "inngest.usage"]
    assert [m.kind for m in found[Target("s", 0)]] == ["userland.b"]
    assert [m.kind for m in found[Target("s")]] == ["userland.c"]


def test_an_attempt_that_failed_may_have_some_too():
    found = op("StepError", "s", error=b'{"message":"x"}', metadata=json.dumps([entry()]).encode())
    planned = run([step("s", StepStatus.PLANNED)])
    assert Target("s") in fold(notes(answer(planned, plan("s"), ops(found))))


def test_a_step_that_is_done_already_takes_no_more():
    assert notes(reported(entry(), before=run([done("s", 0)]))) == []


@pytest.mark.parametrize(
    "metadata",
    [
        [entry("inngest.timing")],
        [entry("")],
        [entry("other.kind")],
        [entry("userland." + "x" * 120)],
        [entry(op="replace")],
        [{"kind": "userland.a"}],
        [{"kind": "userland.a", "values": [1]}],
        [entry(text="x" * (64 * KIB))],
        "none",
        [7],
    ],
)
def test_what_cannot_be_noted_does_no_harm(metadata):
    found = op("StepRun", "s", data=b"1", metadata=json.dumps(metadata).encode())
    decided = answer(run(), EDGE, ops(found))
    assert notes(decided) == []
    assert decided.steps["s"].memo == b'{"data":1}'


def test_a_run_has_room_for_so_much():
    assert len(notes(reported(entry(), metadata_size=1024 * KIB - 200))) == 1
    assert notes(reported(entry(), metadata_size=1024 * KIB - 10)) == []


@pytest.mark.parametrize(
    ("changes", "values"),
    [
        ([("merge", {"a": 1}), ("merge", {"b": 2})], {"a": 1, "b": 2}),
        ([("merge", {"a": 1}), ("set", {"b": 2})], {"b": 2}),
        ([("merge", {"a": 1, "b": 2}), ("delete", {"a": None})], {"b": 2}),
        ([("merge", {"a": 1}), ("delete", {"a": None})], None),
        ([("merge", {"a": 1}), ("delete", {})], None),
        ([("delete", {"a": 1})], None),
        ([("add", {"a": 1}), ("add", {"a": 2.5, "b": 1})], {"a": 3.5, "b": 1}),
        ([("merge", {"a": "x", "b": True}), ("add", {"a": 1, "b": 1})], {"a": 1, "b": 1}),
        ([("delete", {}), ("merge", {"a": 1})], {"a": 1}),
    ],
)
def test_changes_add_up(changes, values):
    found = folded(*[(op, "userland.k", change) for op, change in changes])
    assert found == ([Metadata("run", "userland.k", values, NOW + len(changes) - 1)] if values else [])


def test_kinds_and_targets_are_apart():
    on_run, on_step = (
        Note("userland.a", "merge", {"x": 1}, NOW),
        Note("userland.a", "merge", {"x": 2}, NOW, "step", "s"),
    )
    on_span = Note("userland.a", "merge", {"x": 3}, NOW, "extended_trace", span_id="ab")
    found = fold([row(on_run, "1"), row(on_step, "2"), row(on_span, "3"), ("a:x", b"\xc1"), ("u:x", b"\xc1")])
    assert {target: [m.values for m in noted][:1] for target, noted in found.items()} == {
        Target(): [{"x": 1}],
        Target("s"): [{"x": 2}],
        Target(span_id="ab"): [{"x": 3}],
    }


def test_what_all_of_it_takes_is_noted_on_the_run():
    rows = [row(Note("userland.a", "merge", {"x": 1}, NOW, "step", "s"), "1")]
    [usage] = fold(rows)[Target()]
    assert (usage.kind, usage.values) == ("inngest.usage", {"metadata_bytes": len(rows[0][1])})
    assert fold([]) == {}


def test_cost_is_estimated_where_it_is_not_told():
    told = {"request_model": "gpt-4o", "input_tokens": 1_000_000, "estimated_cost": 7}
    assert folded(("set", "inngest.ai", told))[0].values == told
    del told["estimated_cost"]
    assert folded(("set", "inngest.ai", told))[0].values == {**told, "estimated_cost": 2.5}
    assert folded(("set", "userland.ai", told))[0].values == told


@pytest.mark.parametrize(
    ("values", "settable"),
    [
        ({"quality": {"value": 0.5}}, True),
        ({"ok": {"value": True}, "n": {"value": 3}}, True),
        ({"quality": 0.5}, False),
        ({"quality": {"value": "high"}}, False),
        ({"": {"value": 1}}, False),
        ({"x" * 129: {"value": 1}}, False),
        ({"a'b": {"value": 1}}, False),
        ({"a\nb": {"value": 1}}, False),
    ],
)
def test_scores_are_numbers_by_name(values, settable):
    assert is_settable("inngest.score", values) is settable
