"""API keys: how their secrets are made and known, and which of them are good at this moment."""

import asyncio
import hashlib
import hmac
import logging
import secrets
from typing import Final

from inngest_fast.domain.api_keys import ApiKey
from inngest_fast.domain.errors import StoreError
from inngest_fast.ports.api_keys import ApiKeys
from inngest_fast.ports.clock import Clock

PREFIX: Final = "infk_"  # so that people and scanners know one when they see it
MOST: Final = 1_000  # live ones of a store: servers hold them all in memory

KNOWN_FOR_MS: Final = 2_000
NOTED_EVERY_MS: Final = 60_000

_LONGEST: Final = 100

_log = logging.getLogger(__name__)


def new_secret() -> str:
    """256 random bits: nothing to be gained by a slow hash."""
    return PREFIX + secrets.token_urlsafe(32)


def digest_of(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


class KnownKeys:
    """The live keys of a store, as they were at most KNOWN_FOR_MS ago: so long a revoked one is still good.

    All are read together, so that guesses cost no questions to the store.
    """

    def __init__(self, keys: ApiKeys, clock: Clock) -> None:
        self._keys = keys
        self._clock = clock
        self._live: dict[str, ApiKey] = {}  # by digest
        self._read_at = -KNOWN_FOR_MS
        self._reading: asyncio.Task[None] | None = None
        self._noted: dict[str, int] = {}  # when a use was last noted, by id
        self._uses: dict[str, int] = {}  # to be written
        self._writing: asyncio.Task[None] | None = None

    async def find(self, token: str) -> ApiKey | None:
        """The live key with that secret. Raises StoreError when there is no telling."""
        if not token.startswith(PREFIX) or len(token) > _LONGEST:
            return None
        now = self._clock.now_ms()
        if not 0 <= now - self._read_at < KNOWN_FOR_MS:
            await self._read_soon()
        digest = digest_of(token)
        key = self._live.get(digest)
        if key is None or not hmac.compare_digest(key.digest, digest) or not key.live(now):
            return None
        self._note(key, now)
        return key

    async def _read_soon(self) -> None:
        """Once for all that ask meanwhile."""
        if self._reading is None or self._reading.done():
            self._reading = asyncio.get_running_loop().create_task(self._read(), name="api keys")
        await asyncio.shield(self._reading)

    async def _read(self) -> None:
        now = self._clock.now_ms()
        self._live = {key.digest: key for key in await self._keys.live(now)}
        self._read_at = now
        ids = {key.id for key in self._live.values()}
        self._noted = {id: at for id, at in self._noted.items() if id in ids}

    def _note(self, key: ApiKey, now: int) -> None:
        if now - max(key.used_at, self._noted.get(key.id, 0)) < NOTED_EVERY_MS:
            return
        self._noted[key.id] = self._uses[key.id] = now
        if self._writing is None or self._writing.done():
            # Nobody waits for it, and at the end of the process the last one may be lost.
            self._writing = asyncio.get_running_loop().create_task(self._write(), name="api key use")

    async def _write(self) -> None:
        while self._uses:
            uses, self._uses = dict(sorted(self._uses.items())), {}
            try:
                await self._keys.used(uses)
            except StoreError as error:
                _log.warning("the last use of API keys is not noted", extra={"cause": str(error)})
