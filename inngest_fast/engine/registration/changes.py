"""What a sync changes in the store (sdk-protocol §1.5, flow-control §3)."""

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from inngest_fast.domain.apps import App, Function
from inngest_fast.domain.functions import FunctionConfig, Trigger, function_id
from inngest_fast.domain.transitions import (
    Action,
    AddJob,
    DropJob,
    PutApp,
    PutFunction,
    RemoveApp,
    Transition,
)
from inngest_fast.engine.lifecycle.tick import arm, cron_job_id


def synced(
    app: App,
    configs: Sequence[FunctionConfig],
    known: Iterable[Function],
    placeholders: Iterable[App],
    now: int,
) -> Transition:
    """An app as it just synced: its functions with higher versions, those it no longer has archived.

    `known` are the functions it ever had; `placeholders` give way to it.
    """
    old = {function.slug: function for function in known}
    actions: list[Action] = [PutApp(app)]
    actions += [RemoveApp(placeholder.id) for placeholder in placeholders]
    for config in configs:
        actions += put(app, config, old.pop(config.slug, None), now)
    for function in old.values():
        if function.live:
            actions += archived(function, now)
    return Transition(actions)


def removed(app: App, functions: Iterable[Function], now: int) -> Transition:
    """An app that is taken out."""
    actions: list[Action] = [RemoveApp(app.id)]
    for function in functions:
        actions += archived(function, now)
    return Transition(actions)


def put(app: App, config: FunctionConfig, known: Function | None, now: int) -> list[Action]:
    """A function as it is now, and its crons' jobs."""
    function = Function(
        id=function_id(app.name, config.slug),
        app_id=app.id,
        app_name=app.name,
        slug=config.slug,
        version=1 if known is None else known.version + 1,
        config=config,
        created_at=now if known is None else known.created_at,
        updated_at=now,
        paused_at=0 if known is None else known.paused_at,
        max_steps=0 if known is None else known.max_steps,
        max_state_size=0 if known is None else known.max_state_size,
    )
    before = _crons(known) if known is not None and known.live else {}
    after = _crons(function)
    actions: list[Action] = [PutFunction(function)]
    for expression, trigger in before.items():
        if after.get(expression) != trigger:
            actions.append(DropJob(cron_job_id(function.id, expression)))
    for expression, trigger in after.items():
        if before.get(expression) != trigger and (job := arm(function, trigger, now)) is not None:
            actions.append(AddJob(job))
    return actions


def archived(function: Function, now: int) -> list[Action]:
    """A function that its app no longer has; what runs of it there are go on."""
    actions: list[Action] = [PutFunction(replace(function, archived_at=now, updated_at=now))]
    actions += [DropJob(cron_job_id(function.id, expression)) for expression in _crons(function)]
    return actions


def _crons(function: Function) -> dict[str, Trigger]:
    return {trigger.cron: trigger for trigger in function.config.triggers if trigger.cron}
