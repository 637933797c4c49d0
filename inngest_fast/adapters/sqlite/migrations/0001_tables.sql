-- Environments are many in every table, and one in this version.
CREATE TABLE environments (
  number INTEGER PRIMARY KEY,
  id     TEXT NOT NULL UNIQUE
);
INSERT INTO environments VALUES (1, '00000000-0000-4000-b000-000000000000');

CREATE TABLE apps (
  id   TEXT NOT NULL PRIMARY KEY,
  env  INTEGER NOT NULL DEFAULT 1,
  body BLOB NOT NULL
) WITHOUT ROWID;

CREATE TABLE functions (
  id     TEXT NOT NULL PRIMARY KEY,
  env    INTEGER NOT NULL DEFAULT 1,
  app_id TEXT NOT NULL,
  body   BLOB NOT NULL
) WITHOUT ROWID;

CREATE TABLE events (
  id             TEXT NOT NULL PRIMARY KEY,
  env            INTEGER NOT NULL DEFAULT 1,
  name           TEXT NOT NULL,
  external_id    TEXT NOT NULL,
  ts             INTEGER NOT NULL,
  received_at    INTEGER NOT NULL,
  repeatable     INTEGER NOT NULL,
  correlation_id TEXT NOT NULL,
  target         TEXT NOT NULL,
  wire           BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX events_by_name ON events (name, id);

-- `event_id` is the first triggering event; the others of a batch are in batched_events.
-- `wires` is NULL when the events table holds the wire forms exactly as the run was given them.
CREATE TABLE runs (
  id          TEXT NOT NULL PRIMARY KEY,
  env         INTEGER NOT NULL DEFAULT 1,
  function_id TEXT NOT NULL,
  event_id    TEXT NOT NULL,
  status      INTEGER NOT NULL,
  version     INTEGER NOT NULL,
  queued_at   INTEGER NOT NULL,
  body        BLOB NOT NULL,
  wires       BLOB
) WITHOUT ROWID;
CREATE INDEX runs_by_function ON runs (function_id, id);
CREATE INDEX runs_by_event ON runs (event_id, id);
CREATE INDEX runs_live ON runs (status, id) WHERE status < 300;
CREATE INDEX runs_not_completed ON runs (status, id) WHERE status > 300;

CREATE TABLE batched_events (
  event_id TEXT NOT NULL,
  run_id   TEXT NOT NULL,
  env      INTEGER NOT NULL DEFAULT 1,
  PRIMARY KEY (event_id, run_id)
) WITHOUT ROWID;

CREATE TABLE steps (
  run_id  TEXT NOT NULL,
  step_id TEXT NOT NULL,
  env     INTEGER NOT NULL DEFAULT 1,
  body    BLOB NOT NULL,
  PRIMARY KEY (run_id, step_id)
) WITHOUT ROWID;

CREATE TABLE jobs (
  id      TEXT NOT NULL PRIMARY KEY,
  env     INTEGER NOT NULL DEFAULT 1,
  run_id  TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  due     INTEGER NOT NULL,
  body    BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX jobs_by_run ON jobs (run_id);

CREATE TABLE waits (
  id      INTEGER PRIMARY KEY,
  env     INTEGER NOT NULL DEFAULT 1,
  kind    TEXT NOT NULL,
  run_id  TEXT NOT NULL,
  step_id TEXT NOT NULL,
  key     TEXT NOT NULL,
  body    BLOB NOT NULL
);
CREATE INDEX waits_by_step ON waits (run_id, step_id);
CREATE INDEX waits_by_signal ON waits (key) WHERE kind = 'signal';

-- Idempotency keys that runs took.
CREATE TABLE keys (
  function_id TEXT NOT NULL,
  key         TEXT NOT NULL,
  env         INTEGER NOT NULL DEFAULT 1,
  run_id      TEXT NOT NULL,
  until       INTEGER NOT NULL,
  PRIMARY KEY (function_id, key)
) WITHOUT ROWID;
CREATE INDEX keys_by_end ON keys (until);
