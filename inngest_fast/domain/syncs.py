"""What a registration did."""

import msgspec


class SyncReply(msgspec.Struct, frozen=True):
    """Of one app (sdk-protocol §1.4)."""

    modified: bool
    sync_id: str
    app_id: str


class FunctionProblem(msgspec.Struct, frozen=True):
    """A function that was refused; `id` is empty if it named none."""

    id: str
    error: str


class FunctionsReply(msgspec.Struct, frozen=True):
    """Of functions given one by one (api-v1); unchanged and invalid ones are skipped."""

    registered: int
    modified: int
    skipped: int
    errors: tuple[FunctionProblem, ...]


class EndpointRun(msgspec.Struct, frozen=True):
    """A run that a durable endpoint has begun (sdk-protocol §7.2)."""

    run_id: str
    function_id: str
    app_id: str
