-- Facts that decisions on flow control rest on. A row says nothing any more from `until` on: unix ms, or the
-- greatest number for never. Those that never end are often updated in place: so there is room on the page.
CREATE TABLE flow_rows (
  key    TEXT COLLATE "C" PRIMARY KEY,
  env    INTEGER NOT NULL DEFAULT 1,
  until  BIGINT NOT NULL,
  holder TEXT COLLATE "C" NOT NULL,
  body   BYTEA NOT NULL
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000);
CREATE INDEX flow_rows_by_end ON flow_rows (until);

-- Events of batches that have not started yet.
CREATE TABLE pending_events (
  batch_id TEXT COLLATE "C" NOT NULL,
  position BIGINT NOT NULL,
  event_id TEXT COLLATE "C" NOT NULL,
  env      INTEGER NOT NULL DEFAULT 1,
  PRIMARY KEY (batch_id, position, event_id)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000);

CREATE TABLE cancellations (
  id   TEXT COLLATE "C" PRIMARY KEY,
  env  INTEGER NOT NULL DEFAULT 1,
  body BYTEA NOT NULL
);

-- Whoever cancels runs in bulk looks at those of a function that are live, and at no others.
CREATE INDEX runs_live_of_function ON runs (function_id, id) WHERE status < 300;
