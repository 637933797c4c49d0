"""How rows become events again; what else a row holds is in `domain.stored_form`."""

from typing import Any

from inngest_fast.domain.events import Event

EVENT_COLUMNS = "id, name, external_id, ts, received_at, wire, repeatable, correlation_id, target"


def read_event(row: tuple[Any, ...]) -> Event:
    """An event from its `EVENT_COLUMNS`."""
    id, name, external_id, ts, received_at, wire, repeatable, correlation_id, target = row
    return Event(id, name, external_id, ts, received_at, wire, bool(repeatable), correlation_id, target)
