"""A run that is run again from a step is one commit (http-api §5.2)."""

import pytest
from msgspec.structs import replace

from inngest_fast.adapters.system.entropy import SystemEntropy
from inngest_fast.domain.functions import Singleton
from inngest_fast.domain.runs import RunStatus
from inngest_fast.domain.transitions import PutStep
from inngest_fast.engine.lifecycle.rerun import Origin, rerun
from tests.conformance.store.making import NOW, event_id, function, run_id, started, step


@pytest.mark.parametrize("singleton", [None, Singleton("cancel")])
async def test_the_new_run_has_what_came_before(store, singleton):
    steps = [step(n, seq=n - 1) for n in (1, 2, 3)]
    stack = tuple(each.id for each in steps)
    await store.commit(started(1, *(PutStep(run_id(1), each) for each in steps), stack=stack))
    origin = await store.run(run_id(1))
    known = function(1)
    known = replace(known, config=replace(known.config, singleton=singleton))
    transition, new_id = rerun(Origin(origin, stack[2], b"[1]"), known, NOW, SystemEntropy())
    committed = await store.commit(transition)
    assert [job.id for job in committed.jobs] == [f"{new_id}:start"]
    new = await store.run(new_id)
    assert (new.status, new.original_run_id, new.from_step) == (RunStatus.QUEUED, run_id(1), stack[2])
    assert (new.stack, new.from_input) == (stack[:2], b"[1]")
    assert list(new.steps.values()) == [replace(each, wait_id=0) for each in steps[:2]]
    assert (new.event_ids, new.events) == ((event_id(1),), origin.events)
    assert bool(new.flow.singleton) is (singleton is not None)
