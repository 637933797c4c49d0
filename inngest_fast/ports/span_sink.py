"""Where spans of ended runs go."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from inngest_fast.domain.otlp import ExportedSpan


class SinkBusyError(Exception):
    """The spans were not taken, and may be sent again: in `retry_after` seconds, if that is known."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class SinkRefusedError(Exception):
    """The spans were not taken, and will not be."""


class Taken(msgspec.Struct, frozen=True):
    """Of the spans that were sent, `rejected` were no good; `message` says why, if anything does."""

    rejected: int = 0
    message: str = ""


class SpanSink(Protocol):
    async def send(self, spans: Sequence[ExportedSpan]) -> Taken:
        """Sends a batch, once. Raises SinkBusyError, SinkRefusedError."""
        ...

    async def close(self) -> None:
        """Ends every connection; what is being sent fails."""
        ...
