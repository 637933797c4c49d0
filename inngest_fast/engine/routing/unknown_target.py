"""The answer to an invocation of a function that there is not (sdk-protocol §8.1)."""

import msgspec

from inngest_fast.domain.events import FINISHED, Event, wire_form
from inngest_fast.domain.ids import Entropy
from inngest_fast.engine.lifecycle.errors import error_object


def not_found(invocation: Event, now: int, entropy: Entropy) -> Event:
    """A `function.finished` with an error, which wakes whoever invoked it."""
    message = f"could not find function with ID: {invocation.target}"
    data = b"".join(
        (
            b'{"_inngest":{"status":"Failed"},"correlation_id":',
            msgspec.json.encode(invocation.correlation_id),
            b',"error":',
            error_object("Error", message, message),
            b',"event":',
            invocation.wire,
            b',"events":[',
            invocation.wire,
            b'],"function_id":',
            msgspec.json.encode(invocation.target),
            b',"run_id":""}',
        )
    )
    id = entropy.ulid(now)
    return Event(
        id=id,
        name=FINISHED,
        external_id=id,
        ts=now,
        received_at=now,
        wire=wire_form(name=FINISHED, id=id, ts=now, data=data),
        correlation_id=invocation.correlation_id,
    )
