"""Bulk cancellations: which runs of a function are to be cancelled (flow-control §6.3)."""

import msgspec


class Cancellation(msgspec.Struct, frozen=True):
    """Runs of the function that were queued from `started_after` to `started_before`, both inclusive.

    With an `expression`, those whose first event it is true for. Done once it has a `done_at`. Unix ms.
    """

    id: str  # ULID
    app_id: str
    function_id: str
    started_after: int
    started_before: int
    expression: str = ""
    created_at: int = 0
    done_at: int = 0
    cancelled: int = 0  # runs that it has cancelled so far
