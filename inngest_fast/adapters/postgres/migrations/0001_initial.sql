-- Run with the store's schema as the search path. Text is compared by its bytes.

-- Environments are many in every table, and one in this version.
CREATE TABLE environments (
  number INTEGER PRIMARY KEY,
  id     TEXT NOT NULL UNIQUE
);
INSERT INTO environments VALUES (1, '00000000-0000-4000-b000-000000000000');

CREATE TABLE apps (
  id   TEXT COLLATE "C" PRIMARY KEY,
  env  INTEGER NOT NULL DEFAULT 1,
  body BYTEA NOT NULL
);

CREATE TABLE functions (
  id     TEXT COLLATE "C" PRIMARY KEY,
  env    INTEGER NOT NULL DEFAULT 1,
  app_id TEXT COLLATE "C" NOT NULL,
  body   BYTEA NOT NULL
);

-- How often apps and functions changed.
CREATE TABLE apps_version (
  env    INTEGER PRIMARY KEY DEFAULT 1,
  number BIGINT NOT NULL
);
INSERT INTO apps_version (number) VALUES (0);

CREATE TABLE events (
  id             TEXT COLLATE "C" PRIMARY KEY,
  env            INTEGER NOT NULL DEFAULT 1,
  name           TEXT COLLATE "C" NOT NULL,
  external_id    TEXT COLLATE "C" NOT NULL,
  ts             BIGINT NOT NULL,
  received_at    BIGINT NOT NULL,
  repeatable     BOOLEAN NOT NULL,
  correlation_id TEXT COLLATE "C" NOT NULL,
  target         TEXT COLLATE "C" NOT NULL,
  wire           BYTEA NOT NULL
);
CREATE INDEX events_by_name ON events (name, id);

-- `event_id` is the first triggering event; the others of a batch are in batched_events.
-- `wires` is NULL when the events table holds the wire forms exactly as the run was given them.
CREATE TABLE runs (
  id          TEXT COLLATE "C" PRIMARY KEY,
  env         INTEGER NOT NULL DEFAULT 1,
  function_id TEXT COLLATE "C" NOT NULL,
  event_id    TEXT COLLATE "C" NOT NULL,
  status      SMALLINT NOT NULL,
  version     BIGINT NOT NULL,
  queued_at   BIGINT NOT NULL,
  body        BYTEA NOT NULL,
  wires       BYTEA
);
CREATE INDEX runs_by_function ON runs (function_id, id);
CREATE INDEX runs_by_event ON runs (event_id, id);
CREATE INDEX runs_live ON runs (id, status) WHERE status < 300;
CREATE INDEX runs_not_completed ON runs (status, id) WHERE status > 300;

CREATE TABLE batched_events (
  event_id TEXT COLLATE "C" NOT NULL,
  run_id   TEXT COLLATE "C" NOT NULL,
  env      INTEGER NOT NULL DEFAULT 1,
  PRIMARY KEY (event_id, run_id)
);

CREATE TABLE steps (
  run_id  TEXT COLLATE "C" NOT NULL,
  step_id TEXT COLLATE "C" NOT NULL,
  env     INTEGER NOT NULL DEFAULT 1,
  body    BYTEA NOT NULL,
  PRIMARY KEY (run_id, step_id)
);

-- Rows of the next tables come and go: vacuumed by count, not by share of a table that was once large.
CREATE TABLE jobs (
  id      TEXT COLLATE "C" PRIMARY KEY,
  env     INTEGER NOT NULL DEFAULT 1,
  run_id  TEXT COLLATE "C" NOT NULL,
  attempt BIGINT NOT NULL,
  due     BIGINT NOT NULL,
  body    BYTEA NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000);
CREATE INDEX jobs_by_run ON jobs (run_id);

-- A wait is found by numbers that stand for an event name and a value at a path of it (lookups.py). `lookup`
-- is the first, NULL if no event meets it; where there are `several`, the others are in wait_lookups.
CREATE TABLE waits (
  id      BIGINT PRIMARY KEY,
  env     INTEGER NOT NULL DEFAULT 1,
  kind    TEXT COLLATE "C" NOT NULL,
  run_id  TEXT COLLATE "C" NOT NULL,
  step_id TEXT COLLATE "C" NOT NULL,
  key     TEXT COLLATE "C" NOT NULL,
  several BOOLEAN NOT NULL,
  lookup  BIGINT,
  body    BYTEA NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000);
CREATE INDEX waits_by_lookup ON waits (lookup);
CREATE INDEX waits_by_run ON waits (run_id);
CREATE UNIQUE INDEX waits_by_step ON waits (run_id, step_id) WHERE step_id <> '';
CREATE INDEX waits_by_signal ON waits (left(key, 200)) WHERE kind = 'signal';

CREATE TABLE wait_lookups (
  wait_id BIGINT NOT NULL,
  lookup  BIGINT NOT NULL,
  env     INTEGER NOT NULL DEFAULT 1,
  PRIMARY KEY (wait_id, lookup)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000);
CREATE INDEX wait_lookups_by_lookup ON wait_lookups (lookup);

-- Paths of an event whose values waits were ever found by. `bucket` stands for many event names, `number` for
-- bucket and path. Rows stay, and are bounded in number.
CREATE TABLE wait_paths (
  bucket INTEGER NOT NULL,
  number BIGINT NOT NULL,
  env    INTEGER NOT NULL DEFAULT 1,
  path   TEXT NOT NULL,
  PRIMARY KEY (bucket, number)
);

-- Idempotency keys that runs took. Keys may be longer than an index entry: `digest` stands for them.
CREATE TABLE keys (
  function_id TEXT COLLATE "C" NOT NULL,
  digest      BYTEA NOT NULL,
  env         INTEGER NOT NULL DEFAULT 1,
  run_id      TEXT COLLATE "C" NOT NULL,
  until       BIGINT NOT NULL,
  PRIMARY KEY (function_id, digest)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000);
CREATE INDEX keys_by_end ON keys (until);

-- The last group that each writer has committed: what a COMMIT without an answer came to.
CREATE TABLE writers (
  id         TEXT COLLATE "C" PRIMARY KEY,
  last_group BIGINT NOT NULL,
  at         TIMESTAMPTZ NOT NULL
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000);
