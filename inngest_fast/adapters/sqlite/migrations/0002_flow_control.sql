-- Facts that decisions on flow control rest on. A row says nothing any more from `until` on: unix ms, or the
-- greatest number for never.
CREATE TABLE flow_rows (
  key    TEXT NOT NULL PRIMARY KEY,
  env    INTEGER NOT NULL DEFAULT 1,
  until  INTEGER NOT NULL,
  holder TEXT NOT NULL,
  body   BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX flow_rows_by_end ON flow_rows (until);

-- Events of batches that have not started yet.
CREATE TABLE pending_events (
  batch_id TEXT NOT NULL,
  position INTEGER NOT NULL,
  event_id TEXT NOT NULL,
  env      INTEGER NOT NULL DEFAULT 1,
  PRIMARY KEY (batch_id, position, event_id)
) WITHOUT ROWID;

CREATE TABLE cancellations (
  id   TEXT NOT NULL PRIMARY KEY,
  env  INTEGER NOT NULL DEFAULT 1,
  body BLOB NOT NULL
) WITHOUT ROWID;

-- Whoever cancels runs in bulk looks at those of a function that are live, and at no others.
CREATE INDEX runs_live_of_function ON runs (function_id, id) WHERE status < 300;
