-- What a trace shows of a run beside its steps: failed attempts, notes, spans of the app's own.
CREATE TABLE traces (
  run_id TEXT COLLATE "C" NOT NULL,
  key    TEXT COLLATE "C" NOT NULL,
  env    INTEGER NOT NULL DEFAULT 1,
  body   BYTEA NOT NULL,
  PRIMARY KEY (run_id, key)
);

-- Unix ms, 0 before. Of runs that are there already only these estimates are known.
ALTER TABLE runs ADD COLUMN started_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN ended_at BIGINT NOT NULL DEFAULT 0;
UPDATE runs SET started_at = CASE WHEN status BETWEEN 200 AND 500 THEN queued_at ELSE 0 END,
  ended_at = CASE WHEN status >= 300 THEN queued_at ELSE 0 END WHERE status >= 200;
CREATE INDEX runs_by_start ON runs (started_at, id) WHERE started_at > 0;
CREATE INDEX runs_by_end ON runs (ended_at, id) WHERE ended_at > 0;
