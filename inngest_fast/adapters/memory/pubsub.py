"""ports.pubsub.PubSub of a server that is alone."""

from collections.abc import Callable

from inngest_fast.ports.pubsub import Topic


class LocalPubSub:
    """Nobody else is there to be told, or to tell."""

    def publish(self, topic: Topic, message: str = "") -> None:
        pass

    def subscribe(self, topic: Topic, receive: Callable[[str], None]) -> None:
        pass
