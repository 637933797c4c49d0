"""What processes tell each other: late, or not at all; then they are told to look, later still."""

from collections.abc import Callable
from contextvars import Context
from random import Random

from inngest_fast.ports.pubsub import Topic
from tests.sim.loop import SimLoop
from tests.sim.replica_faults import ReplicaFaults

_FOUND_OUT_S = 10.0


class Messages:
    """Between all processes that are connected."""

    def __init__(self, loop: SimLoop, random: Random, faults: ReplicaFaults) -> None:
        self.loop = loop
        self.random = random
        self.faults = faults
        self.ends: list[NodeMessages] = []

    def end(self, inside: Context) -> "NodeMessages":
        """ports.pubsub.PubSub of a process."""
        end = NodeMessages(self, inside)
        self.ends.append(end)
        return end


class NodeMessages:
    def __init__(self, messages: Messages, inside: Context) -> None:
        self._messages = messages
        self._inside = inside
        self._subscribers: dict[Topic, list[Callable[[str], None]]] = {}

    def leave(self) -> None:
        if self in self._messages.ends:
            self._messages.ends.remove(self)

    def publish(self, topic: Topic, message: str = "") -> None:
        if self not in self._messages.ends:
            return
        for other in self._messages.ends:
            if other is not self:
                other.carry(topic, message)

    def subscribe(self, topic: Topic, receive: Callable[[str], None]) -> None:
        self._subscribers.setdefault(topic, []).append(receive)

    def carry(self, topic: Topic, message: str) -> None:
        """A message is on its way here."""
        messages = self._messages
        faults = messages.faults
        if faults.happens(faults.lost_messages):
            delay, message = _FOUND_OUT_S * messages.random.random(), ""
        else:
            delay = faults.hint_way()
        messages.loop.call_later(delay, self._receive, topic, message, context=self._inside)

    def missed(self) -> None:
        """Some may have been lost."""
        for topic in self._subscribers:
            self._receive(topic, "")

    def _receive(self, topic: Topic, message: str) -> None:
        if self in self._messages.ends:
            for receive in self._subscribers.get(topic, ()):
                receive(message)
