"""Idempotency keys: one run for each within its life."""

from inngest_fast.domain.jobs import JobKind
from inngest_fast.domain.transitions import CreateRun, PutEvent, Transition
from inngest_fast.domain.waits import WaitKind
from tests.conformance.store.making import DAY, NOW, ended, event, event_id, job, run, run_id, wait


def keyed(n, key="k", function_id="fn-1", until=NOW + DAY):
    waits = (wait(n, n, kind=WaitKind.CANCEL, step_id=""),)
    return Transition(
        [
            PutEvent(event(n)),
            CreateRun(run(n, key=key, function_id=function_id), (job(n),), waits, until),
            PutEvent(event(n + 100)),
        ]
    )


async def test_second_run_is_refused_alone(store):
    assert (await store.commit(keyed(1))).refused_runs == {}
    second = await store.commit(keyed(2))
    assert second.applied
    assert second.refused_runs == {run_id(2): run_id(1)}
    assert second.jobs == []
    assert await store.run(run_id(2)) is None
    assert await store.job(job(2).id) is None
    assert await store.waits([2]) == []
    assert await store.event(event_id(2)) is not None
    assert await store.event(event_id(102)) is not None


async def test_second_run_in_the_same_transition_is_refused(store):
    both = Transition([*keyed(1).actions, *keyed(2).actions])
    committed = await store.commit(both)
    assert committed.refused_runs == {run_id(2): run_id(1)}
    assert committed.jobs == [job(1)]


async def test_keys_are_of_their_function(store):
    await store.commit(keyed(1))
    assert (await store.commit(keyed(2, function_id="fn-2"))).refused_runs == {}
    assert (await store.commit(keyed(3, key="other"))).refused_runs == {}


async def test_runs_without_key_are_never_refused(store):
    await store.commit(keyed(1, key=""))
    assert (await store.commit(keyed(2, key=""))).refused_runs == {}


async def test_end_of_the_run_does_not_free_its_key(store):
    await store.commit(keyed(1))
    await store.commit(Transition([ended(run(1, key="k"), branched=True)]))
    assert (await store.commit(keyed(2))).refused_runs == {run_id(2): run_id(1)}


async def test_expired_key_is_free(store, clock):
    await store.commit(keyed(1))
    clock.now = NOW + DAY - 1
    assert (await store.commit(keyed(2))).refused_runs == {run_id(2): run_id(1)}
    clock.now = NOW + DAY
    assert (await store.commit(keyed(3, until=NOW + 2 * DAY))).refused_runs == {}
    assert (await store.commit(keyed(4))).refused_runs == {run_id(4): run_id(3)}


async def test_dropped_transition_takes_no_key(store):
    dropped = keyed(1)
    dropped.job = job(50)
    assert (await store.commit(dropped)).reason == "job"
    assert (await store.commit(keyed(2))).refused_runs == {}


async def test_what_is_to_be_done_in_place_of_a_refused_run_learns_of_the_other(store):
    def asked(n):
        instead = job(n, "join", kind=JobKind.JOIN, run_id="")
        create = CreateRun(run(n, key="k"), (job(n),), key_until=NOW + DAY, if_taken=(instead,))
        return Transition([PutEvent(event(n)), create])

    assert (await store.commit(asked(1))).jobs == [job(1)]
    told = job(2, "join", kind=JobKind.JOIN, run_id="", payload=run_id(1).encode())
    assert (await store.commit(asked(2))).jobs == [told]
    assert await store.job(told.id) == told
    assert await store.job(job(1, "join").id) is None
