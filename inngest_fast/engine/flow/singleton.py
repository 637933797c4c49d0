"""One live run at a time (flow-control §5.5)."""

from typing import Literal

import msgspec

from inngest_fast.domain.apps import Function
from inngest_fast.domain.flow import FlowRow
from inngest_fast.domain.jobs import Job, JobKind
from inngest_fast.domain.runs import Run
from inngest_fast.engine.flow.keys import row_key, value_or_false
from inngest_fast.engine.lifecycle.due import CancelPayload


class SingletonLock(msgspec.Struct, frozen=True):
    """The row that the one live run holds; `body` is the idempotency key that it took."""

    mode: Literal["skip", "cancel"]
    key: str

    def taken_by(self, run: Run) -> FlowRow:
        return FlowRow(self.key, holder=run.id, body=run.key.encode())


def singleton_lock(function: Function, event: bytes, now: int) -> SingletonLock | None:
    """None where the key switches it off for this event."""
    singleton = function.config.singleton
    if singleton is None:
        return None
    value: object = ""
    if singleton.key:
        value = value_or_false(singleton.key, event, now)
        if value is False:
            return None
    return SingletonLock(singleton.mode, row_key("singleton", function.id, singleton.key, value))


def gives_way(holder: str, to: Run, now: int) -> Job:
    """The job that cancels the run which held the lock. Nobody else makes its id."""
    return Job(
        id=f"{holder}:cancel-{to.id}",
        kind=JobKind.CANCEL,
        app_id=to.app_id,
        function_id=to.function_id,
        due=now,
        score=now,
        run_id=holder,
        payload=msgspec.json.encode(CancelPayload("")),
    )
