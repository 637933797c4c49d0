-- What a trace shows of a run beside its steps: failed attempts, notes, spans of the app's own.
CREATE TABLE traces (
  run_id TEXT NOT NULL,
  key    TEXT NOT NULL,
  env    INTEGER NOT NULL DEFAULT 1,
  body   BLOB NOT NULL,
  PRIMARY KEY (run_id, key)
) WITHOUT ROWID;

-- Unix ms, 0 before. Of runs that are there already only these estimates are known.
ALTER TABLE runs ADD COLUMN started_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN ended_at INTEGER NOT NULL DEFAULT 0;
UPDATE runs SET started_at = queued_at WHERE status BETWEEN 200 AND 500;
UPDATE runs SET ended_at = queued_at WHERE status >= 300;
CREATE INDEX runs_by_start ON runs (started_at, id) WHERE started_at > 0;
CREATE INDEX runs_by_end ON runs (ended_at, id) WHERE ended_at > 0;
