"""Opcodes: what an app asks for in its answer to a call (sdk-protocol §4)."""

import enum

import msgspec


class Opcode(enum.StrEnum):
    """Wire names; case does not count when they are read."""

    NONE = "None"
    STEP = "Step"
    STEP_RUN = "StepRun"
    STEP_ERROR = "StepError"
    STEP_PLANNED = "StepPlanned"
    SLEEP = "Sleep"
    WAIT_FOR_EVENT = "WaitForEvent"
    INVOKE_FUNCTION = "InvokeFunction"
    AI_GATEWAY = "AIGateway"
    GATEWAY = "Gateway"
    WAIT_FOR_SIGNAL = "WaitForSignal"
    RUN_COMPLETE = "RunComplete"
    STEP_FAILED = "StepFailed"
    SYNC_RUN_COMPLETE = "SyncRunComplete"
    DISCOVERY_REQUEST = "DiscoveryRequest"
    DEFER_ADD = "DeferAdd"
    DEFER_ABORT = "DeferAbort"


_LAZY = frozenset((Opcode.DEFER_ADD, Opcode.DEFER_ABORT))
_PLANS = frozenset(
    (
        Opcode.AI_GATEWAY,
        Opcode.GATEWAY,
        Opcode.INVOKE_FUNCTION,
        Opcode.SLEEP,
        Opcode.STEP_PLANNED,
        Opcode.WAIT_FOR_EVENT,
        Opcode.WAIT_FOR_SIGNAL,
    )
)


class Op(msgspec.Struct, frozen=True):
    """One op. JSON members are canonical bytes; None where absent or null."""

    op: Opcode
    id: str
    name: str = ""
    display_name: str = ""
    data: bytes | None = None
    error: bytes | None = None  # an object
    parallel_mode: str = ""
    timeout: str = ""
    expression: str = ""  # `opts.if`
    event: str = ""
    signal: str = ""
    conflict: str = ""
    function_id: str = ""
    payload: bytes | None = None
    duration: str = ""
    url: str = ""  # of a request that the server makes for the app, and the rest of it:
    method: str = ""
    headers: bytes | None = None  # an object
    body: bytes | None = None
    auth_key: str = ""
    publish: bytes | None = None  # an object
    format: str = ""
    fn_slug: str = ""  # of a defer
    input: bytes | None = None  # of a defer
    meta: bytes | None = None  # of a defer
    target_id: str = ""  # the hashed id of the defer to abort
    userland_id: str = ""
    metadata: bytes | None = None  # an array
    began_at: int = 0  # unix ms, as the app says; 0 if it does not

    @property
    def lazy(self) -> bool:
        """Rides along with any answer, and does not count as one of its ops."""
        return self.op in _LAZY

    @property
    def plans(self) -> bool:
        """Asks for something that ends later."""
        return self.op in _PLANS
