"""API keys: what lets people and programs in that hold no signing key (docs/auth.md)."""

import enum

import msgspec


class Scope(enum.IntEnum):
    """What a credential is good for; each includes those below."""

    READ = 1
    WRITE = 2
    ADMIN = 3

    @property
    def text(self) -> str:
        return self.name.lower()


class ApiKey(msgspec.Struct, frozen=True):
    """One key; the secret itself is kept nowhere. Times are unix ms, 0 for never."""

    id: str  # a ULID
    name: str
    scope: Scope
    digest: str  # hex SHA-256 of the secret
    created_at: int
    expires_at: int = 0
    revoked_at: int = 0
    used_at: int = 0  # to a minute or so

    def live(self, now_ms: int) -> bool:
        """Whether it opens anything at that time."""
        return not self.revoked_at and (not self.expires_at or now_ms < self.expires_at)
