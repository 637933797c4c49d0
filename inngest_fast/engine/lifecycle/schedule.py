"""The start of a run: its row, its first jobs, its cancelOn waits (flow-control §1, §6.1)."""

from collections.abc import Sequence

from msgspec.structs import replace

from inngest_fast.domain.apps import Function
from inngest_fast.domain.durations import parse_timeout
from inngest_fast.domain.errors import InvalidDurationError
from inngest_fast.domain.events import Event
from inngest_fast.domain.flow import NO_FLOW, RunFlow
from inngest_fast.domain.ids import Entropy
from inngest_fast.domain.jobs import Job, JobKind
from inngest_fast.domain.runs import Run, RunStatus, SkipReason
from inngest_fast.domain.transitions import CreateRun
from inngest_fast.domain.waits import Wait, WaitKind
from inngest_fast.engine import limits
from inngest_fast.engine.expressions import NEVER, InvalidExpressionError, residue
from inngest_fast.engine.flow.concurrency import run_key, step_keys
from inngest_fast.engine.flow.priority import factor
from inngest_fast.engine.flow.throttle import throttle_key
from inngest_fast.engine.lifecycle.debugging import debug_ids
from inngest_fast.engine.lifecycle.deferred import parent_of
from inngest_fast.engine.lifecycle.draft import queue_score, run_job


def schedule_run(
    function: Function,
    events: Sequence[Event],
    now: int,
    entropy: Entropy,
    *,
    cron: str = "",
    key: str = "",
    batch_id: str = "",
    correlated: Sequence[str] = (),
) -> CreateRun:
    """A new run of a function on these events. It may first be called at the `ts` of the first if that is
    ahead; a batch (with its `batch_id`) begins at once, and neither waits for a cancelOn nor times out early.

    `key` makes it unique for 24 h. What limits it is evaluated here, from the first event, and frozen.
    `correlated` are invokers that it ends for beside those of the events.
    """
    config = function.config
    first = events[0]
    due = now if batch_id else max(now, first.ts)
    invokers = [event.correlation_id for event in events if event.correlation_id]
    invokers += [id for id in correlated if id not in invokers]
    run = Run(
        id=entropy.ulid(now),
        app_id=function.app_id,
        function_id=function.id,
        slug=function.slug,
        event_ids=tuple(event.id for event in events),
        events=tuple(event.wire for event in events),
        queued_at=now,
        function_version=function.version,
        due_at=due,
        state_size=sum(len(event.wire) for event in events),
        score=now - factor(config.priority, first.wire, now) * 1_000,
        cron=cron,
        correlation_id=invokers[0] if invokers else "",
        correlated=tuple(invokers[1:]),
        key=key,
        flow=_flow(function, first.wire, now),
        batch_id=batch_id,
        deferred_by=parent_of(first),
        caller=first.caller,
    )
    run.debug_session_id, run.debug_run_id = debug_ids(first)
    jobs = [_job(run, JobKind.START, "start", due, now)]
    if config.timeouts.start_ms is not None and not batch_id:
        jobs.append(_job(run, JobKind.START_TIMEOUT, "start-timeout", now + config.timeouts.start_ms, now))
    waits: tuple[Wait, ...] = ()
    if config.cancel and not batch_id:
        waits = tuple(_cancel_waits(function, run, first, now, entropy))
    run.branched = len(jobs) > 1 or bool(waits)
    if not run.key:
        return CreateRun(run, tuple(jobs), waits)
    joins = tuple(_join(run, invoker, now) for invoker in invokers)
    return CreateRun(run, tuple(jobs), waits, now + limits.KEY_LIFE, if_taken=joins)


def key_of(event: Event) -> str:
    """The idempotency key that an event gives the runs it starts: its id if it can come again, else none."""
    return event.external_id if event.repeatable else ""


def skipped(create: CreateRun, reason: SkipReason, holder: str = "") -> CreateRun:
    """The same run, recorded and not done; `holder` is the run in whose favour."""
    run = create.run.working_copy()
    run.status = RunStatus.SKIPPED
    run.ended_at = run.queued_at
    run.skip_reason = reason
    run.skipped_for = holder
    run.branched = False
    return CreateRun(run, (), (), create.key_until)


def locked(create: CreateRun, singleton: str) -> CreateRun:
    """The same run, holding a singleton until it ends."""
    run = create.run.working_copy()
    run.flow = replace(run.flow, singleton=singleton)
    return replace(create, run=run)


def _flow(function: Function, event: bytes, now: int) -> RunFlow:
    config = function.config
    if not config.concurrency and config.throttle is None:
        return NO_FLOW
    return RunFlow(
        keys=step_keys(function, event, now),
        run=run_key(function, event, now),
        throttle=throttle_key(function, event, now),
    )


def _job(run: Run, kind: JobKind, id: str, due: int, now: int) -> Job:
    return run_job(run, kind, id, due, queue_score(run, due, now))


def _join(run: Run, invoker: str, now: int) -> Job:
    """Has an invoker told of the run that has this one's key."""
    return Job(
        id=f"{invoker}:join",
        kind=JobKind.JOIN,
        app_id=run.app_id,
        function_id=run.function_id,
        due=now,
        score=now,
        step_id=invoker,
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
