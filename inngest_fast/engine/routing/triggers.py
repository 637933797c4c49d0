"""Which functions an event starts (flow-control §2)."""

from collections.abc import Iterator

from inngest_fast._native import expr
from inngest_fast._native.match import TriggerIndex
from inngest_fast.domain.apps import Function
from inngest_fast.domain.events import Event
from inngest_fast.domain.functions import Trigger
from inngest_fast.engine.expressions import InvalidExpressionError, over_event


class Triggers:
    """The event triggers of all live functions."""

    def __init__(self) -> None:
        self._index = TriggerIndex()
        self._functions: dict[str, Function] = {}

    def put(self, function: Function) -> None:
        """Takes a function's triggers in, in place of earlier ones of it; an archived one has none."""
        self.remove(function.id)
        if not function.live:
            return
        self._functions[function.id] = function
        for pattern in _patterns(function):
            self._index.insert(pattern, function.id)

    def remove(self, function_id: str) -> None:
        old = self._functions.pop(function_id, None)
        if old is not None:
            for pattern in _patterns(old):
                self._index.remove(pattern, function_id)

    def starts(self, event: Event, now: int) -> list[Function]:
        """The functions that this event starts, each once: those with a trigger that matches."""
        found = []
        for id in self._index.match(event.name):
            function = self._functions[id]
            if any(_matches(trigger, event, now) for trigger in function.config.triggers):
                found.append(function)
        return found


def _patterns(function: Function) -> Iterator[str]:
    return (trigger.event for trigger in function.config.triggers if trigger.event)


def _matches(trigger: Trigger, event: Event, now: int) -> bool:
    pattern = trigger.event
    if not pattern or not _name_matches(pattern, event.name):
        return False
    if not trigger.expression:
        return True
    try:
        return over_event(trigger.expression).matches(event.wire, now_ms=now)
    except (InvalidExpressionError, expr.EvaluationError):
        return False


def _name_matches(pattern: str, name: str) -> bool:
    if pattern == name:
        return True
    return pattern.endswith(("/*", ".*")) and name.startswith(pattern[:-1])
