"""Queues for several replicas, and their nodes, with one fault each in what they limit: some seed must tell."""

from collections.abc import Sequence
from typing import Any

import pytest

from inngest_fast.domain.jobs import Job
from tests.sim.conviction import Break, convicts
from tests.sim.queue_node import QueueNode
from tests.sim.replica_world import ReplicaWorld
from tests.sim.shared_queue import Record, SharedQueue

pytestmark = pytest.mark.timeout(300)

_SEEDS = 3_000


def followers_later(patch: pytest.MonkeyPatch) -> None:
    """A job is over before what comes of it is there: its run leaves meanwhile."""
    done = QueueNode.done

    def apart(self: QueueNode, job_id: str, followed_by: Sequence[Job] = ()) -> None:
        done(self, job_id)
        for job in followed_by:
            self.add(job)

    patch.setattr(QueueNode, "done", apart)


def no_settling(patch: pytest.MonkeyPatch) -> None:
    """The queue that was flushed does not wait until it is full again."""
    patch.setattr(SharedQueue, "_settling", False)


def limits_forgotten(patch: pytest.MonkeyPatch) -> None:
    """A node does not tell a queue that was flushed what binds its functions."""
    restore = QueueNode._restore

    def forgetful(self: QueueNode) -> None:
        functions, self._functions = self._functions, {}
        restore(self)
        self._functions = functions

    patch.setattr(QueueNode, "_restore", forgetful)


def payments_forgotten(patch: pytest.MonkeyPatch) -> None:
    """A node does not tell a queue that was flushed what its jobs have paid."""
    restore = QueueNode._restore

    def forgetful(self: QueueNode) -> None:
        tell, self.restore_throttles = self.restore_throttles, lambda arrivals: None  # type: ignore[method-assign]
        restore(self)
        self.restore_throttles = tell  # type: ignore[method-assign]

    patch.setattr(QueueNode, "_restore", forgetful)


def clocks_of_their_own(patch: pytest.MonkeyPatch) -> None:
    """A node that is behind takes back what others have paid."""
    patch.setattr(SharedQueue, "_at", lambda self, now: now)


def places_of_the_dead(patch: pytest.MonkeyPatch) -> None:
    """A lease that ends frees the job, and not its places."""
    put_back = SharedQueue._put_back

    def kept(self: SharedQueue, record: Record, *arguments: Any) -> None:
        put, self._order.put = self._order.put, lambda job, now: None  # type: ignore[method-assign]
        put_back(self, record, *arguments)
        self._order.put = put  # type: ignore[method-assign]

    patch.setattr(SharedQueue, "_put_back", kept)


@pytest.mark.parametrize(
    "fault",
    [
        followers_later,
        no_settling,
        limits_forgotten,
        payments_forgotten,
        clocks_of_their_own,
        places_of_the_dead,
    ],
)
def test_a_wrong_queue_is_found(fault: Break, monkeypatch: pytest.MonkeyPatch) -> None:
    fault(monkeypatch)
    assert convicts(_SEEDS, world_type=ReplicaWorld, controlled=True)
