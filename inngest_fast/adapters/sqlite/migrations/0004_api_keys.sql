-- Keys for people and programs that hold no signing key. Of a secret only its digest is kept. Unix ms, 0: never.
CREATE TABLE api_keys (
  id         TEXT NOT NULL PRIMARY KEY,
  env        INTEGER NOT NULL DEFAULT 1,
  name       TEXT NOT NULL,
  scope      INTEGER NOT NULL,
  digest     TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  revoked_at INTEGER NOT NULL,
  used_at    INTEGER NOT NULL
) WITHOUT ROWID;
