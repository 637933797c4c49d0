"""The start of a run: its row, its first jobs, its cancelOn waits (flow-control §1, §6.1)."""

from inngest_fast.domain.apps import Function
from inngest_fast.domain.durations import parse_timeout
from inngest_fast.domain.errors import InvalidDurationError
from inngest_fast.domain.events import Event
from inngest_fast.domain.ids import Entropy
from inngest_fast.domain.jobs import Job, JobKind
from inngest_fast.domain.runs import Run
from inngest_fast.domain.transitions import CreateRun
from inngest_fast.domain.waits import Wait, WaitKind
from inngest_fast.engine import limits
from inngest_fast.engine.expressions import NEVER, InvalidExpressionError, residue
from inngest_fast.engine.lifecycle.draft import queue_score


def schedule_run(
    function: Function,
    event: Event,
    now: int,
    entropy: Entropy,
    *,
    cron: str = "",
    key: str = "",
) -> CreateRun:
    """A new run of a function on one event. It may first be called at the event's `ts` if that is ahead.

    `key` makes it unique for 24 h; by default the sender's event id if one can come again.
    """
    config = function.config
    due = max(now, event.ts)
    run = Run(
        id=entropy.ulid(now),
        app_id=function.app_id,
        function_id=function.id,
        slug=function.slug,
        event_ids=(event.id,),
        events=(event.wire,),
        queued_at=now,
        function_version=function.version,
        due_at=due,
        state_size=len(event.wire),
        score=now,
        cron=cron,
        correlation_id=event.correlation_id,
        key=key or (event.external_id if event.repeatable else ""),
    )
    jobs = [_job(run, JobKind.START, "start", due, now)]
    if config.timeouts.start_ms is not None:
        jobs.append(_job(run, JobKind.START_TIMEOUT, "start-timeout", now + config.timeouts.start_ms, now))
    waits = tuple(_cancel_waits(function, run, event, now, entropy)) if config.cancel else ()
    run.branched = len(jobs) > 1 or bool(waits)
    return CreateRun(run, tuple(jobs), waits, now + limits.KEY_LIFE if run.key else 0)


def _job(run: Run, kind: JobKind, id: str, due: int, now: int) -> Job:
    return Job(
        id=f"{run.id}:{id}",
        kind=kind,
        app_id=run.app_id,
        function_id=run.function_id,
        due=due,
        score=queue_score(run, due, now),
        run_id=run.id,
    )


def _cancel_waits(function: Function, run: Run, event: Event, now: int, entropy: Entropy) -> list[Wait]:
    waits = []
    for entry in function.config.cancel:
        try:
            left = residue(entry.expression, event.wire, now)
            expires = parse_timeout(entry.timeout, now) if entry.timeout else now + limits.DEFAULT_WAIT
        except (InvalidExpressionError, InvalidDurationError):
            continue  # refused at sync; one stored before a stricter version came cannot be met
        if left == NEVER or expires <= now:
            continue
        waits.append(
            Wait(
                id=entropy.wait_id(now),
                kind=WaitKind.CANCEL,
                run_id=run.id,
                step_id="",
                app_id=run.app_id,
                function_id=run.function_id,
                created_at=now,
                expires_at=expires,
                event=entry.event,
                expression=left,
                score=run.score,
            )
        )
    return waits
