"""What goes wrong between this process and Redis."""

from inngest_fast.domain.errors import QueueError


class RedisUnavailableError(QueueError):
    """Redis cannot be reached, or does not answer. Changes are kept and sent later; questions fail."""

    code = "queue_unavailable"


class RedisRefusedError(QueueError):
    """Redis answered a command with an error; the message is Redis' own."""

    code = "queue_refused"
