"""Servers and queues for several replicas with one fault each: some seed must tell."""

from typing import Any

import pytest
from msgspec.structs import replace

from inngest_fast.domain.jobs import Job
from inngest_fast.domain.runs import VERSION_MARK_BITS
from inngest_fast.engine.lifecycle import draft
from inngest_fast.ports.wait_search import Found
from inngest_fast.runtime.catalog_upkeep import CatalogUpkeep
from inngest_fast.runtime.executor import Executor
from inngest_fast.runtime.live_waits import LiveWaits
from inngest_fast.runtime.reconciler import Reconciler
from inngest_fast.runtime.run_changes import RunChanges
from tests.sim.conviction import Break, convicts
from tests.sim.queue_node import QueueNode
from tests.sim.replica_world import ReplicaWorld
from tests.sim.shared_queue import SharedQueue
from tests.sim.wait_search import DiskSearch

pytestmark = pytest.mark.timeout(300)

_SEEDS = 3_000


def stale_runs(patch: pytest.MonkeyPatch) -> None:
    """Whatever is cached of a run is good enough for a job, however new that is."""
    live = RunChanges._live

    async def unchecked(self: RunChanges, run_id: str, since: int = 0) -> Any:
        return await live(self, run_id, 0)

    patch.setattr(RunChanges, "_live", unchecked)


def no_doubt(patch: pytest.MonkeyPatch) -> None:
    """Calls at once for what another server may have done."""

    async def sure(self: Executor, job: Job) -> bool:
        return True

    patch.setattr(Executor, "_still_due", sure)


def unmarked_versions(patch: pytest.MonkeyPatch) -> None:
    """Two states that two servers decided on at the same time have one version."""
    patch.setattr(
        draft, "next_version", lambda version, mark: ((version >> VERSION_MARK_BITS) + 1) << VERSION_MARK_BITS
    )


def no_catching_up(patch: pytest.MonkeyPatch) -> None:
    """Events do not tell of changed functions; the others' word and a look now and then have to do."""
    find = LiveWaits.find

    async def versionless(self: LiveWaits, asked: Any) -> Found:
        return Found((await find(self, asked)).waits, 0)

    patch.setattr(LiveWaits, "find", versionless)


def no_rebuild(patch: pytest.MonkeyPatch) -> None:
    """What the queue lost waits for the rounds of the reconciler."""

    async def nothing(self: Reconciler) -> None:
        pass

    patch.setattr(Reconciler, "rebuild", nothing)


def own_waits_only(patch: pytest.MonkeyPatch) -> None:
    """Waits of other servers are not looked for."""
    find = DiskSearch.find

    async def nothing(self: DiskSearch, asked: Any) -> Found:
        return Found([], (await find(self, asked)).apps_version)

    patch.setattr(DiskSearch, "find", nothing)


def unread_decisions(patch: pytest.MonkeyPatch) -> None:
    """A decision that changes no run, which nothing fences, is made on whatever is cached of it."""
    patch.setattr(CatalogUpkeep, "shared", False)


def endless_leases(patch: pytest.MonkeyPatch) -> None:
    """The queue leaves a dead node its jobs."""
    lease = SharedQueue.lease

    def kept(self: SharedQueue, node: str, *arguments: Any) -> Any:
        self._lease_s = 1e9
        return lease(self, node, *arguments)

    patch.setattr(SharedQueue, "lease", kept)


def doubtless_leases(patch: pytest.MonkeyPatch) -> None:
    """The queue does not say that a job was leased before."""
    lease = SharedQueue.lease

    def certain(self: SharedQueue, node: str, *arguments: Any) -> Any:
        found = lease(self, node, *arguments)
        if found is None:
            return None
        return [replace(job, doubtful=False) for job in found[0]], *found[1:]

    patch.setattr(SharedQueue, "lease", certain)


def no_restoring(patch: pytest.MonkeyPatch) -> None:
    """A node does not tell a queue that was flushed what it is at work on."""
    patch.setattr(QueueNode, "_hold", lambda self, jobs: None)


def silent_losses(patch: pytest.MonkeyPatch) -> None:
    """A node that the queue does not know any more goes on as if nothing were."""
    patch.setattr(QueueNode, "_on_unknown", lambda self: None)


@pytest.mark.parametrize(
    "fault",
    [
        stale_runs,
        no_doubt,
        unmarked_versions,
        no_catching_up,
        no_rebuild,
        own_waits_only,
        unread_decisions,
        endless_leases,
        doubtless_leases,
        no_restoring,
        silent_losses,
    ],
)
def test_a_wrong_server_or_queue_is_found(fault: Break, monkeypatch: pytest.MonkeyPatch) -> None:
    fault(monkeypatch)
    assert convicts(_SEEDS, world_type=ReplicaWorld, controlled=False)
