"""Writes what a group changed: one statement a table, and none for a table that it left alone."""

from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Any

from inngest_fast.adapters.postgres.flow import FlowTables
from inngest_fast.adapters.postgres.live import Live, PlainRow
from inngest_fast.adapters.postgres.load import Connection
from inngest_fast.adapters.postgres.rows import storable
from inngest_fast.adapters.postgres.statements import Statements
from inngest_fast.domain.stored_form import stored_until

_event_values = attrgetter(
    "id", "name", "external_id", "ts", "received_at", "repeatable", "correlation_id", "target", "wire"
)


async def save(connection: Connection, sql: Statements, live: Live) -> None:
    """Within the caller's transaction and pipeline. Every list is in the order of its keys."""
    execute = connection.execute
    if jobs := live.jobs.to_delete():
        await execute(sql.delete_jobs, (_storable(jobs),))
    if waits := live.waits.to_delete():
        await execute(sql.delete_waits, (waits,))
        if several := [id for id in waits if live.waits.before[id].several]:
            await execute(sql.delete_lookups, (several,))
    if keys := live.keys.to_delete():
        await execute(sql.delete_keys, _columns(keys))
    if events := live.events.to_insert():
        await execute(sql.insert_events, _columns(map(_event_values, events)))
    if runs := live.runs.to_insert():
        known = live.runs.before
        if new := [row for row in runs if row.id not in known]:
            await execute(sql.insert_runs, _columns(new))
        if changed := [(*row[:4], *row[-2:]) for row in runs if row.id in known]:
            await execute(sql.update_runs, _columns(changed))
    if batched := live.batched.to_insert():
        await execute(sql.insert_batched, _columns(batched))
    if steps := live.steps.to_insert():
        await execute(sql.put_steps, _columns(steps))
    if traces := live.traces.to_insert():
        await execute(sql.put_traces, _columns(traces))
    if new_jobs := live.jobs.to_insert():
        await execute(sql.insert_jobs, _columns(new_jobs))
    if paths := live.paths.to_insert():
        await execute(sql.put_paths, _columns(paths))
    if new_waits := live.waits.to_insert():
        await execute(sql.insert_waits, _columns([row[:-1] for row in new_waits]))
        if lookups := [(row.id, number) for row in new_waits for number in row.others]:
            await execute(sql.insert_lookups, _columns(lookups))
    if new_keys := live.keys.to_insert():
        await execute(sql.insert_keys, _columns(new_keys))
    await _save_flow(connection, sql, live.flow)
    if live.apps.rows or live.functions.rows:
        await _save_apps(connection, sql, live)


async def _save_flow(connection: Connection, sql: Statements, flow: FlowTables) -> None:
    execute = connection.execute
    if gone := flow.rows.gone():
        await execute(sql.delete_flow_rows, (_storable(gone),))
    if rows := flow.rows.to_insert():
        values = [(row.key, stored_until(row.until), row.holder, row.body) for row in rows]
        await execute(sql.put_flow_rows, _columns(values))
    if emptied := flow.emptied.to_insert():
        await execute(sql.delete_batches, (_storable(emptied),))
    if pending := flow.pending.to_insert():
        await execute(sql.append_events, _columns(pending))
    if cancellations := flow.cancellations.rows:
        if removed := sorted(id for id, row in cancellations.items() if row is None):
            await execute(sql.delete_cancellations, (_storable(removed),))
        if put := sorted(row for row in cancellations.values() if row is not None):
            await execute(sql.put_cancellations, _columns(put))


async def _save_apps(connection: Connection, sql: Statements, live: Live) -> None:
    apps = live.apps.rows
    if removed := sorted(storable(id) for id, row in apps.items() if row is None):
        await connection.execute(sql.delete_apps, (removed,))
    put: list[PlainRow] = sorted(row for row in apps.values() if row is not None)
    if put:
        await connection.execute(sql.put_apps, _columns([(row.id, row.body) for row in put]))
    if functions := live.functions.to_insert():
        await connection.execute(sql.put_functions, _columns(functions))
    # The last lock that a transaction waits for: so those who wait for it are in nobody's way.
    await connection.execute(sql.count_apps)


def _columns(rows: Iterable[Sequence[Any]]) -> list[list[Any]]:
    """The rows' columns, text as the database can hold it."""
    return [
        [storable(value) for value in column] if isinstance(column[0], str) else list(column)
        for column in zip(*rows, strict=True)
    ]


def _storable(texts: Iterable[str]) -> list[str]:
    return [storable(text) for text in texts]
