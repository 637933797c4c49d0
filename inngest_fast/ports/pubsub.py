"""What the servers that share a store tell each other at once. What is lost is found out by looking."""

from collections.abc import Callable
from typing import Literal, Protocol

Topic = Literal["apps", "run"]


class PubSub(Protocol):
    """Messages of one server to the others: `apps` when apps or functions changed, `run` with the id of a run
    that was changed from outside. None comes back to its sender.
    """

    def publish(self, topic: Topic, message: str = "") -> None:
        """Told to whoever is connected now; it is never kept, and raises nothing."""
        ...

    def subscribe(self, topic: Topic, receive: Callable[[str], None]) -> None:
        """`receive` is called on the loop with each message, and with "" after a time when some may have been
        lost.
        """
        ...
