"""Waits: runs, or single steps of theirs, that an event will resume or cancel."""

import enum

import msgspec


class WaitKind(enum.StrEnum):
    EVENT = "event"
    INVOKE = "invoke"
    SIGNAL = "signal"
    CANCEL = "cancel"


class Wait(msgspec.Struct, frozen=True):
    """One wait. Whoever deletes its row resumes the run; nobody else does.

    For EVENT and CANCEL `event` is the exact name, `expression` the residue over `async`
    (flow-control §2.9), empty for any. For INVOKE `key` is the correlation id, for SIGNAL the signal.
    """

    id: int
    kind: WaitKind
    run_id: str
    step_id: str
    app_id: str
    function_id: str
    created_at: int
    expires_at: int
    event: str = ""
    expression: str = ""
    key: str = ""
    score: int = 0  # of the job that resumes the run
