"""ports.pubsub.PubSub, over the connection of the queue."""

from collections.abc import Callable
from functools import partial
from typing import get_args

from inngest_fast.adapters.redis.link import Link
from inngest_fast.ports.pubsub import Topic


class RedisPubSub:
    """A channel for each topic: `{prefix}:topic:apps`. A message is `node text`: its sender passes it over.

    Subscribe before the queue is opened, or after: the connection listens to all topics.
    """

    def __init__(self, link: Link, base: str, node_id: str) -> None:
        self._link = link
        self._channels: dict[Topic, str] = {topic: f"{base}:topic:{topic}" for topic in get_args(Topic)}
        self._sender = f"{node_id} ".encode()
        self._subscribers: dict[Topic, list[Callable[[str], None]]] = {topic: [] for topic in self._channels}
        for topic, channel in self._channels.items():
            link.listen(channel, partial(self._received, topic))
        link.after_loss(self._missed)

    def publish(self, topic: Topic, message: str = "") -> None:
        self._link.publish(self._channels[topic], self._sender + message.encode())

    def subscribe(self, topic: Topic, receive: Callable[[str], None]) -> None:
        self._subscribers[topic].append(receive)

    def _received(self, topic: Topic, message: bytes) -> None:
        if not message.startswith(self._sender):
            self._tell(topic, message.partition(b" ")[2].decode())

    def _missed(self) -> None:
        for topic in self._subscribers:
            self._tell(topic, "")

    def _tell(self, topic: Topic, message: str) -> None:
        for receive in self._subscribers[topic]:
            receive(message)
