-- Keys for people and programs that hold no signing key. Of a secret only its digest is kept. Unix ms, 0: never.
CREATE TABLE api_keys (
  id         TEXT COLLATE "C" PRIMARY KEY,
  env        INTEGER NOT NULL DEFAULT 1,
  name       TEXT NOT NULL,
  scope      SMALLINT NOT NULL,
  digest     TEXT COLLATE "C" NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  revoked_at BIGINT NOT NULL,
  used_at    BIGINT NOT NULL
);
