"""The answer to an invocation that starts nothing (sdk-protocol §8.1, flow-control §1)."""

import msgspec

from inngest_fast.domain.events import FINISHED, Event, wire_form
from inngest_fast.domain.ids import Entropy
from inngest_fast.engine.lifecycle.errors import error_object


def refusal(invocation: Event, correlation_id: str, message: str, id: str, now: int) -> Event:
    """A `function.finished` with an error, which wakes whoever waits for that; `id` is a new ULID."""
    data = b"".join(
        (
            b'{"_inngest":{"status":"Failed"},"correlation_id":',
            msgspec.json.encode(correlation_id),
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
    return Event(
        id=id,
        name=FINISHED,
        external_id=id,
        ts=now,
        received_at=now,
        wire=wire_form(name=FINISHED, id=id, ts=now, data=data),
        correlation_id=correlation_id,
    )


def not_found(invocation: Event, now: int, entropy: Entropy) -> Event:
    """Of a function that there is not."""
    message = f"could not find function with ID: {invocation.target}"
    return refusal(invocation, invocation.correlation_id, message, entropy.ulid(now), now)
