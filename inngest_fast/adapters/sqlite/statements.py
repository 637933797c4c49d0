"""Every statement that writes. Constants, so that each is prepared once."""

from typing import Final

BEGIN: Final = "BEGIN IMMEDIATE"
COMMIT: Final = "COMMIT"
ROLLBACK: Final = "ROLLBACK"
SAVE: Final = "SAVEPOINT transition"
UNDO: Final = "ROLLBACK TO transition"
RELEASE: Final = "RELEASE transition"

# Fences. Those of a transition that has several are one statement, so that a drop has written nothing.
JOB_LIVE: Final = "SELECT 1 FROM jobs WHERE id = ? AND attempt = ?"
WAIT_LIVE: Final = "SELECT 1 FROM waits WHERE id = ?"
_RUN_FENCE: Final = " AND EXISTS (SELECT 1 FROM runs WHERE id = ? AND version = ? AND status < 300)"
_WAIT_FENCE: Final = " AND EXISTS (SELECT 1 FROM waits WHERE id = ?)"
CONSUME_JOB: Final = "DELETE FROM jobs WHERE id = ? AND attempt = ?"
CONSUME_JOB_OF_RUN: Final = CONSUME_JOB + _RUN_FENCE
CONSUME_JOB_AND_WAIT: Final = CONSUME_JOB + _WAIT_FENCE
CONSUME_JOB_AND_WAIT_OF_RUN: Final = CONSUME_JOB + _WAIT_FENCE + _RUN_FENCE
DROP_WAIT: Final = "DELETE FROM waits WHERE id = ?"
CONSUME_WAIT_OF_RUN: Final = DROP_WAIT + _RUN_FENCE

PUT_EVENT: Final = (
    "INSERT INTO events (id, name, external_id, ts, received_at, repeatable, correlation_id, target, wire)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING"
)

CREATE_RUN: Final = (
    "INSERT INTO runs"
    " (id, function_id, event_id, status, version, queued_at, body, wires, started_at, ended_at)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
BATCHED_EVENT: Final = (
    "INSERT INTO batched_events (event_id, run_id) VALUES (?, ?) ON CONFLICT (event_id, run_id) DO NOTHING"
)
UPDATE_RUN: Final = (
    "UPDATE runs SET status = ?, version = ?, body = ?, started_at = ?, ended_at = ?"
    " WHERE id = ? AND version = ? AND status < 300"
)
# Of one that runs already. To set its status, even to the same, would write the indexes that depend on it.
UPDATE_RUNNING: Final = "UPDATE runs SET version = ?, body = ? WHERE id = ? AND version = ? AND status = 200"

TAKE_KEY: Final = (
    "INSERT INTO keys (function_id, key, run_id, until) VALUES (?, ?, ?, ?)"
    " ON CONFLICT (function_id, key) DO UPDATE SET run_id = excluded.run_id, until = excluded.until"
    " WHERE keys.until <= ?"
)
KEY_HOLDER: Final = "SELECT run_id FROM keys WHERE function_id = ? AND key = ?"
SWEEP_KEYS: Final = (
    "DELETE FROM keys WHERE (function_id, key) IN"
    " (SELECT function_id, key FROM keys WHERE until <= ? ORDER BY until LIMIT ?)"
)

PUT_STEP: Final = (
    "INSERT INTO steps (run_id, step_id, body) VALUES (?, ?, ?)"
    " ON CONFLICT (run_id, step_id) DO UPDATE SET body = excluded.body"
)

PUT_TRACE: Final = (
    "INSERT INTO traces (run_id, key, body) VALUES (?, ?, ?)"
    " ON CONFLICT (run_id, key) DO UPDATE SET body = excluded.body"
)

ADD_JOB: Final = (
    "INSERT INTO jobs (id, run_id, attempt, due, body) VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING"
)
MOVE_JOB: Final = (
    "INSERT INTO jobs (id, run_id, attempt, due, body) VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE"
    " SET run_id = excluded.run_id, attempt = excluded.attempt, due = excluded.due, body = excluded.body"
)
DROP_JOB: Final = "DELETE FROM jobs WHERE id = ?"
SWEEP_JOBS: Final = "DELETE FROM jobs WHERE run_id = ? RETURNING id"

ADD_WAIT: Final = "INSERT INTO waits (id, kind, run_id, step_id, key, body) VALUES (?, ?, ?, ?, ?, ?)"
WAIT_OF_STEP: Final = "SELECT 1 FROM waits WHERE run_id = ? AND step_id = ?"
SIGNAL_TAKEN: Final = "SELECT 1 FROM waits WHERE kind = 'signal' AND key = ? AND run_id <> ?"
SWEEP_WAITS: Final = "DELETE FROM waits WHERE run_id = ? RETURNING id"

PUT_APP: Final = (
    "INSERT INTO apps (id, body) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET body = excluded.body"
)
REMOVE_APP: Final = "DELETE FROM apps WHERE id = ?"
PUT_FUNCTION: Final = (
    "INSERT INTO functions (id, app_id, body) VALUES (?, ?, ?)"
    " ON CONFLICT (id) DO UPDATE SET app_id = excluded.app_id, body = excluded.body"
)

FLOW_ROW: Final = "SELECT until, holder, body FROM flow_rows WHERE key = ? AND until > ?"
PUT_FLOW_ROW: Final = (
    "INSERT INTO flow_rows (key, until, holder, body) VALUES (?, ?, ?, ?) ON CONFLICT (key) DO UPDATE"
    " SET until = excluded.until, holder = excluded.holder, body = excluded.body"
)
# What has ended is no more, even if it was not swept yet.
EXTEND_FLOW_ROW: Final = (
    "INSERT INTO flow_rows (key, until, holder, body) VALUES (?, ?, '', x'') ON CONFLICT (key) DO UPDATE"
    " SET until = max(flow_rows.until, excluded.until),"
    " holder = CASE WHEN flow_rows.until > ? THEN flow_rows.holder ELSE '' END,"
    " body = CASE WHEN flow_rows.until > ? THEN flow_rows.body ELSE x'' END"
)
DROP_FLOW_ROW: Final = "DELETE FROM flow_rows WHERE key = ? AND holder = ?"
SWEEP_FLOW_ROWS: Final = (
    "DELETE FROM flow_rows WHERE key IN (SELECT key FROM flow_rows WHERE until <= ? ORDER BY until LIMIT ?)"
)

APPEND_EVENT: Final = (
    "INSERT INTO pending_events (batch_id, position, event_id) VALUES (?, ?, ?)"
    " ON CONFLICT (batch_id, position, event_id) DO NOTHING"
)
DROP_BATCH: Final = "DELETE FROM pending_events WHERE batch_id = ?"

PUT_CANCELLATION: Final = (
    "INSERT INTO cancellations (id, body) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET body = excluded.body"
)
DROP_CANCELLATION: Final = "DELETE FROM cancellations WHERE id = ?"
