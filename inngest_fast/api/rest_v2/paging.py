"""Pages of lists, and the cursors that the next ones begin with; opaque to clients."""

import base64
from collections.abc import Callable, Sequence
from typing import TypeVar

from inngest_fast.api import run_cursors
from inngest_fast.api.operations.v2_fields import DEFAULT_PAGE
from inngest_fast.api.rest_v2.input import Values, bad
from inngest_fast.domain.runs import Run
from inngest_fast.ports.store import RunTime

T = TypeVar("T")


def cut(items: Sequence[T], id_of: Callable[[T], str], values: Values) -> tuple[list[T], int, str]:
    """The page of these items that was asked for, its limit, and the cursor of the next one."""
    limit: int = values.get("limit", DEFAULT_PAGE)
    after: str = values.get("cursor", "")
    rest = [item for item in sorted(items, key=id_of) if id_of(item) > after]
    found = rest[:limit]
    return found, limit, id_of(found[-1]) if len(rest) > limit else ""


def run_cursor(run: Run, order: RunTime) -> str:
    """The place after this run."""
    return base64.urlsafe_b64encode(run_cursors.written(run, order)).decode()


def read_run_cursor(text: str, order: RunTime) -> tuple[int, str]:
    """Time and id of the run that it comes after. Raises RefusedError."""
    try:
        place = run_cursors.read(base64.b64decode(text.encode(), b"-_", validate=True), order)
    except ValueError:
        raise bad("cursor is none that this server gave", "invalid_field_format") from None
    if place is None:
        raise bad("cursor is none of a list in this order", "invalid_field_format")
    return place
