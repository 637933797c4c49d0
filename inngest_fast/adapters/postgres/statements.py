"""Every statement that writes, or locks what is to be written: arrays in, one statement a table.

Each names its schema itself: behind a pooler a connection keeps nothing from one transaction to the next.
"""

from typing import Final

SIGNAL_PREFIX: Final = 200  # characters of a signal's key that its index has


def quoted(name: str) -> str:
    """An identifier as part of a statement."""
    return '"' + name.replace('"', '""').replace("%", "%%") + '"'


class Statements:
    """The statements for one schema."""

    def __init__(self, schema: str) -> None:
        prefix = quoted(schema) + "."

        def on(text: str) -> bytes:
            return text.replace("~", prefix).encode()

        self.begin: Final = b"BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
        self.commit: Final = b"COMMIT"
        # Later this tells whether a COMMIT without an answer took place. The transaction's id alone would
        # not: after a crash it may be another's.
        self.sign: Final = on(
            "INSERT INTO ~writers AS writers (id, last_group, at) VALUES (%b::text, %b::bigint, now())"
            " ON CONFLICT (id) DO UPDATE SET last_group = excluded.last_group, at = excluded.at"
            " RETURNING pg_current_xact_id()::text"
        )
        self.last_group: Final = on("SELECT last_group FROM ~writers WHERE id = %b::text FOR UPDATE NOWAIT")
        self.forget_writers: Final = on("DELETE FROM ~writers WHERE at < now() - interval '1 day' * %b::int")

        # Locks. Each statement sees what was committed before its own start: so rows that a transaction
        # reaches through others (a wait's jobs through the wait) are read after these.
        # What is yet to be made has no row to lock: a number stands for it. Everyone shares the schema's own
        # number first; who needs more than fit into the database's table of locks has that one to itself.
        self.share_numbers: Final = b"SELECT pg_advisory_xact_lock_shared(%b::bigint)"
        self.lock_numbers: Final = b"SELECT pg_advisory_xact_lock(k) FROM unnest(%b::bigint[]) AS k"
        self.lock_runs: Final = on(
            "SELECT id, status, version FROM ~runs WHERE id = ANY(%b::text[]) ORDER BY id FOR UPDATE"
        )
        columns = "id, kind, run_id, step_id, key, several"
        self.lock_waits: Final = on(
            f"SELECT {columns} FROM ~waits WHERE id = ANY(%b::bigint[]) OR run_id = ANY(%b::text[])"
            " ORDER BY id FOR UPDATE"
        )
        # The OFFSET keeps the planner from reading all waits to find those of a few steps.
        self.waits_of_steps: Final = on(
            "SELECT found.* FROM unnest(%b::text[], %b::text[]) AS asked (run_id, step_id)"
            f" CROSS JOIN LATERAL (SELECT {columns} FROM ~waits AS waits WHERE step_id <> ''"
            " AND waits.run_id = asked.run_id AND waits.step_id = asked.step_id OFFSET 0) AS found"
        )
        self.waits_of_signals: Final = on(
            f"SELECT {columns} FROM ~waits WHERE kind = 'signal' AND left(key, {SIGNAL_PREFIX})"
            " = ANY(%b::text[])"
        )
        self.lock_jobs: Final = on(
            "SELECT id, run_id, attempt FROM ~jobs WHERE id = ANY(%b::text[]) OR run_id = ANY(%b::text[])"
            " ORDER BY id FOR UPDATE"
        )
        self.lock_keys: Final = on(
            "SELECT function_id, digest, run_id, until FROM ~keys WHERE (function_id, digest) IN"
            " (SELECT * FROM unnest(%b::text[], %b::bytea[])) ORDER BY function_id, digest FOR UPDATE"
        )
        # Under their locks, which all but the sweep of what has ended respect.
        self.flow_rows: Final = on(
            "SELECT key, until, holder, body FROM ~flow_rows WHERE key = ANY(%b::text[])"
        )
        self.paths: Final = on(
            "SELECT bucket, number, path FROM ~wait_paths WHERE bucket = ANY(%b::integer[])"
        )
        self.events_there: Final = on("SELECT id FROM ~events WHERE id = ANY(%b::text[])")

        # Rows that are deleted, or updated, are locked. An insertion fails where another writer's was first.
        self.delete_jobs: Final = on("DELETE FROM ~jobs WHERE id = ANY(%b::text[])")
        self.delete_waits: Final = on("DELETE FROM ~waits WHERE id = ANY(%b::bigint[])")
        self.delete_lookups: Final = on("DELETE FROM ~wait_lookups WHERE wait_id = ANY(%b::bigint[])")
        self.delete_keys: Final = on(
            "DELETE FROM ~keys WHERE (function_id, digest) IN (SELECT * FROM unnest(%b::text[], %b::bytea[]))"
        )
        self.insert_events: Final = on(
            "INSERT INTO ~events"
            " (id, name, external_id, ts, received_at, repeatable, correlation_id, target, wire)"
            " SELECT * FROM unnest(%b::text[], %b::text[], %b::text[], %b::bigint[], %b::bigint[],"
            " %b::boolean[], %b::text[], %b::text[], %b::bytea[])"
        )
        self.insert_runs: Final = on(
            "INSERT INTO ~runs"
            " (id, status, version, body, function_id, event_id, queued_at, wires, started_at, ended_at)"
            " SELECT id, status, version, body, function_id, event_id, queued_at, nullif(wires, ''::bytea),"
            " started_at, ended_at"
            " FROM unnest(%b::text[], %b::smallint[], %b::bigint[], %b::bytea[], %b::text[], %b::text[],"
            " %b::bigint[], %b::bytea[], %b::bigint[], %b::bigint[]) AS new"
            " (id, status, version, body, function_id, event_id, queued_at, wires, started_at, ended_at)"
        )
        self.update_runs: Final = on(
            "UPDATE ~runs AS runs SET status = new.status, version = new.version, body = new.body,"
            " started_at = new.started_at, ended_at = new.ended_at FROM"
            " unnest(%b::text[], %b::smallint[], %b::bigint[], %b::bytea[], %b::bigint[], %b::bigint[])"
            " AS new (id, status, version, body, started_at, ended_at) WHERE runs.id = new.id"
        )
        self.insert_batched: Final = on(
            "INSERT INTO ~batched_events (event_id, run_id) SELECT * FROM unnest(%b::text[], %b::text[])"
            " ON CONFLICT DO NOTHING"
        )
        self.put_steps: Final = on(
            "INSERT INTO ~steps (run_id, step_id, body)"
            " SELECT * FROM unnest(%b::text[], %b::text[], %b::bytea[])"
            " ON CONFLICT (run_id, step_id) DO UPDATE SET body = excluded.body"
        )
        self.put_traces: Final = on(
            "INSERT INTO ~traces (run_id, key, body)"
            " SELECT * FROM unnest(%b::text[], %b::text[], %b::bytea[])"
            " ON CONFLICT (run_id, key) DO UPDATE SET body = excluded.body"
        )
        self.insert_jobs: Final = on(
            "INSERT INTO ~jobs (id, run_id, attempt, due, body)"
            " SELECT * FROM unnest(%b::text[], %b::text[], %b::bigint[], %b::bigint[], %b::bytea[])"
        )
        # Whoever loses waits for the other's end: so the path is there for all, or for this one to insert.
        self.put_paths: Final = on(
            "INSERT INTO ~wait_paths (bucket, number, path)"
            " SELECT * FROM unnest(%b::integer[], %b::bigint[], %b::text[]) ON CONFLICT DO NOTHING"
        )
        self.insert_waits: Final = on(
            "INSERT INTO ~waits (id, kind, run_id, step_id, key, several, body, lookup)"
            " SELECT id, kind, run_id, step_id, key, several, body, nullif(lookup, 0)"
            " FROM unnest(%b::bigint[], %b::text[], %b::text[], %b::text[], %b::text[], %b::boolean[],"
            " %b::bytea[], %b::bigint[]) AS new (id, kind, run_id, step_id, key, several, body, lookup)"
        )
        self.insert_lookups: Final = on(
            "INSERT INTO ~wait_lookups (wait_id, lookup) SELECT * FROM unnest(%b::bigint[], %b::bigint[])"
        )
        self.insert_keys: Final = on(
            "INSERT INTO ~keys (function_id, digest, run_id, until)"
            " SELECT * FROM unnest(%b::text[], %b::bytea[], %b::text[], %b::bigint[])"
        )
        # Whole rows: one that was read may have been swept since.
        self.put_flow_rows: Final = on(
            "INSERT INTO ~flow_rows (key, until, holder, body)"
            " SELECT * FROM unnest(%b::text[], %b::bigint[], %b::text[], %b::bytea[])"
            " ON CONFLICT (key) DO UPDATE"
            " SET until = excluded.until, holder = excluded.holder, body = excluded.body"
        )
        self.delete_flow_rows: Final = on("DELETE FROM ~flow_rows WHERE key = ANY(%b::text[])")
        self.delete_batches: Final = on("DELETE FROM ~pending_events WHERE batch_id = ANY(%b::text[])")
        self.append_events: Final = on(
            "INSERT INTO ~pending_events (batch_id, position, event_id)"
            " SELECT * FROM unnest(%b::text[], %b::bigint[], %b::text[]) ON CONFLICT DO NOTHING"
        )
        self.put_cancellations: Final = on(
            "INSERT INTO ~cancellations (id, body) SELECT * FROM unnest(%b::text[], %b::bytea[])"
            " ON CONFLICT (id) DO UPDATE SET body = excluded.body"
        )
        self.delete_cancellations: Final = on("DELETE FROM ~cancellations WHERE id = ANY(%b::text[])")
        self.put_apps: Final = on(
            "INSERT INTO ~apps (id, body) SELECT * FROM unnest(%b::text[], %b::bytea[])"
            " ON CONFLICT (id) DO UPDATE SET body = excluded.body"
        )
        self.delete_apps: Final = on("DELETE FROM ~apps WHERE id = ANY(%b::text[])")
        self.put_functions: Final = on(
            "INSERT INTO ~functions (id, app_id, body)"
            " SELECT * FROM unnest(%b::text[], %b::text[], %b::bytea[])"
            " ON CONFLICT (id) DO UPDATE SET app_id = excluded.app_id, body = excluded.body"
        )
        self.count_apps: Final = on("UPDATE ~apps_version SET number = number + 1 WHERE env = 1")
        self.sweep_keys: Final = on(
            "DELETE FROM ~keys WHERE (function_id, digest) IN (SELECT function_id, digest FROM ~keys"
            " WHERE until <= %b::bigint ORDER BY until LIMIT %b::bigint FOR UPDATE SKIP LOCKED)"
        )
        self.sweep_flow_rows: Final = on(
            "DELETE FROM ~flow_rows WHERE key IN (SELECT key FROM ~flow_rows"
            " WHERE until <= %b::bigint ORDER BY until LIMIT %b::bigint FOR UPDATE SKIP LOCKED)"
        )
