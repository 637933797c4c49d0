"""Crons: their jobs, and what a tick does (flow-control §3)."""

import hashlib
from functools import lru_cache

import msgspec

from inngest_fast._native.canonical import canonicalize
from inngest_fast.domain.apps import Function
from inngest_fast.domain.durations import format_rfc3339
from inngest_fast.domain.events import TIMER, Event, wire_form
from inngest_fast.domain.functions import Trigger
from inngest_fast.domain.ids import Entropy
from inngest_fast.domain.jobs import Job, JobKind
from inngest_fast.domain.transitions import Action, MoveJob, PutEvent, Transition
from inngest_fast.engine.flow.admission import begin
from inngest_fast.engine.schedule.cron import Schedule
from inngest_fast.engine.schedule.misfire import jitter_ms, plan


class TickPayload(msgspec.Struct, frozen=True):
    """Of a CRON job: the expression, and the tick that it stands for, unix ms."""

    cron: str
    tick: int
    jitter_ms: int = 0


class Fired(msgspec.Struct, frozen=True):
    """What a due CRON job does. `missed` ticks before `tick` are not run; `at_least`: counting stopped."""

    transition: Transition
    tick: int | None = None
    missed: int = 0
    at_least: bool = False


def cron_job_id(function_id: str, expression: str) -> str:
    """The constant id of the one job that a cron expression of a function has."""
    return f"cron:{function_id}:{hashlib.blake2b(expression.encode(), digest_size=8).hexdigest()}"


def arm(function: Function, trigger: Trigger, now: int) -> Job | None:
    """The job for the first tick after `now`; None if there is none within reach."""
    tick = _schedule(trigger.cron).next_after(now)
    return None if tick is None else _job(function, trigger, tick, 0)


def payload(job: Job) -> TickPayload:
    return msgspec.json.decode(job.payload, type=TickPayload)


def fire(function: Function, job: Job, now: int, entropy: Entropy) -> Fired:
    """The latest tick that is due starts one run, in one transition with the job of the next tick.

    The chain ends when the function is archived or no longer has the expression.
    """
    mark = payload(job)
    trigger = next((t for t in function.config.triggers if t.cron == mark.cron), None)
    if not function.live or trigger is None:
        return Fired(Transition([], job))
    ticks = plan(_schedule(mark.cron), mark.tick - 1, now - mark.jitter_ms)
    actions: list[Action] = []
    if ticks.next is not None:
        actions.append(MoveJob(_job(function, trigger, ticks.next, job.attempt + 1, now)))
    if ticks.run is None:
        return Fired(Transition(actions, job))
    event = _event(mark.cron, ticks.run, mark.jitter_ms, now, entropy)
    started = begin(
        function, [event], now, entropy, cron=mark.cron, key=f"cron {event.external_id}", fresh=True
    )
    transition = Transition([PutEvent(event), *started, *actions], job)
    return Fired(transition, ticks.run, ticks.missed, ticks.at_least)


def _job(function: Function, trigger: Trigger, tick: int, attempt: int, not_before: int = 0) -> Job:
    jitter = jitter_ms(function.id, trigger.cron, tick, trigger.jitter_ms)
    if jitter:
        # The tick before may have been held back longer: this one was not missed meanwhile.
        jitter = max(jitter, not_before - tick)
    return Job(
        id=cron_job_id(function.id, trigger.cron),
        kind=JobKind.CRON,
        app_id=function.app_id,
        function_id=function.id,
        due=tick + jitter,
        score=tick + jitter,
        attempt=attempt,
        payload=msgspec.json.encode(TickPayload(trigger.cron, tick, jitter)),
    )


def _event(cron: str, tick: int, jitter: int, now: int, entropy: Entropy) -> Event:
    id = format_rfc3339(tick)
    data = {"cron": cron, "fireAt": format_rfc3339(tick + jitter), "scheduledAt": id}
    return Event(
        id=entropy.ulid(now),
        name=TIMER,
        external_id=id,
        ts=now,
        received_at=now,
        wire=wire_form(name=TIMER, id=id, ts=now, data=canonicalize(msgspec.json.encode(data))),
    )


@lru_cache(maxsize=1024)
def _schedule(expression: str) -> Schedule:
    return Schedule.parse(expression)
