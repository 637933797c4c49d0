"""What goes wrong between this process and Redis."""

from inngest_fast.domain.errors import InngestFastError


class RedisUnavailableError(InngestFastError):
    """Redis cannot be reached, or does not answer. Changes are kept and sent later; questions fail."""

    code = "queue_unavailable"


class RedisRefusedError(InngestFastError):
    """Redis answered a command with an error; the message is Redis' own."""

    code = "queue_refused"
