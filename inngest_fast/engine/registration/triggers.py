"""What starts a function: events and crons (flow-control §0)."""

from inngest_fast.domain.durations import MILLISECOND, MINUTE, SECOND
from inngest_fast.domain.functions import Trigger
from inngest_fast.engine.registration.expressions import checked
from inngest_fast.engine.registration.fields import Fields
from inngest_fast.engine.schedule.cron import InvalidScheduleError, Schedule

_MAX_TRIGGERS = 10
_MAX_NAME = 255
_MIN_JITTER = SECOND
_MAX_JITTER = 5 * MINUTE


def read_triggers(function: Fields) -> tuple[Trigger, ...]:
    entries = function.objects("triggers")
    if len(entries) > _MAX_TRIGGERS:
        function.problems.add(f"This function exceeds the max number of triggers: {_MAX_TRIGGERS}")
        return ()
    triggers: list[Trigger] = []
    for entry in entries:
        trigger = _read_trigger(entry)
        if trigger is None:
            continue
        if any(_same(trigger, earlier) for earlier in triggers):
            entry.problems.add(f"{entry.path}: duplicate trigger '{trigger.event or trigger.cron}'")
        triggers.append(trigger)
    return tuple(triggers)


def _same(one: Trigger, other: Trigger) -> bool:
    return one == other or bool(one.cron and one.cron == other.cron)


def _read_trigger(entry: Fields) -> Trigger | None:
    known = len(entry.problems.texts)
    event, cron = entry.text("event"), entry.text("cron")
    if len(entry.problems.texts) > known:
        return None
    if bool(event) == bool(cron):
        entry.problems.add(f"{entry.path}: a trigger has either an event or a cron, got {_both(event)}")
        return None
    return _read_cron(entry, cron) if cron else _read_event(entry, event)


def _both(event: str) -> str:
    return "both" if event else "neither"


def _read_event(entry: Fields, event: str) -> Trigger:
    expression = entry.text("expression")
    if len(event) > _MAX_NAME:
        entry.refuse("event", f"at most {_MAX_NAME} characters, got {len(event)}", "event_name_invalid")
    reason = checked(expression)
    if reason:
        entry.problems.add(f"{entry.path}: invalid trigger expression on '{event}': {reason}")
    return Trigger(event=event, expression=expression)


def _read_cron(entry: Fields, cron: str) -> Trigger:
    if len(cron) > _MAX_NAME:
        entry.refuse("cron", f"at most {_MAX_NAME} characters, got {len(cron)}", "schedule_invalid")
    else:
        try:
            Schedule.parse(cron)
        except InvalidScheduleError as error:
            entry.problems.add(f"{entry.path}: {error}", error.code)
    jitter = entry.duration("jitter") or 0
    if jitter and not _MIN_JITTER <= jitter <= _MAX_JITTER:
        entry.refuse("jitter", f"from 1s to 5m, got '{entry.text('jitter')}'")
    return Trigger(cron=cron, jitter_ms=jitter // MILLISECOND)
