"""Limits that a test of an app sets lower (http-api §3.1)."""

import pytest
from engine_builders import APP_ID, EDGE, NOW, answer, done, function, op, ops, plain, run
from msgspec.structs import replace

from inngest_fast.domain.apps import App
from inngest_fast.domain.runs import RunStatus
from inngest_fast.engine.registration.changes import put


@pytest.mark.parametrize(
    ("limits", "name", "message"),
    [
        (
            {"max_steps": 2},
            "InngestErrFunctionOverflowed",
            "The function run exceeded the step limit of 2 steps.",
        ),
        (
            {"max_state_size": 40},
            "InngestErrStateOverflowed",
            "The function run exceeded the state size limit of 40 bytes.",
        ),
    ],
)
def test_a_run_that_outgrows_them_fails_at_once(limits, name, message):
    before = run([done("a", 0), done("b", 1)], state_size=30)
    found = ops(op("StepRun", "c", data=b'"0123456789"'))
    assert answer(before, EDGE, found).run.status is RunStatus.RUNNING
    decided = answer(before, EDGE, found, function=replace(function(), **limits))
    assert decided.run.status is RunStatus.FAILED
    error = plain(decided.run.error)
    assert (error["name"], error["message"]) == (name, message)


def test_a_sync_keeps_them():
    known = replace(function(), max_steps=2, max_state_size=40)
    app = App(APP_ID, "shop", "http://localhost:3000/api/inngest", 1, 1)
    [synced] = put(app, known.config, known, NOW)
    assert (synced.function.max_steps, synced.function.max_state_size) == (2, 40)
