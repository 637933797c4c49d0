"""The servers that are measured: our own, started for it, or one that runs already."""

import contextlib
import http.client
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from bench.backends import Place
from bench.measure import free_port, listening_on
from inngest_fast.version import VERSION

SIGNING_KEY = "signkey-bench-" + "0b" * 32
EVENT_KEY = "bench-event-key"

_READY_WITHIN_S = 30.0
_STOPPED_WITHIN_S = 30.0


@dataclass
class Server:
    """A server that answers, or several that share their work."""

    urls: list[str]
    signing_key: str
    event_key: str
    version: str
    pids: list[int] = field(default_factory=list)
    start_ms: float | None = None

    @property
    def addresses(self) -> list[tuple[str, int]]:
        parts = [urlsplit(url) for url in self.urls]
        return [(part.hostname or "127.0.0.1", part.port or 80) for part in parts]


def running(url: str, signing_key: str, event_key: str, pids: list[int]) -> Server:
    """A server that runs already. Its processes are found by its port if it is on this machine."""
    parts = urlsplit(url if "//" in url else f"http://{url}")
    if parts.scheme != "http" or not parts.hostname:
        raise SystemExit(f"bench: cannot play against {url!r}: an http:// URL is needed")
    server = Server([f"http://{parts.netloc}"], signing_key, event_key, "target", list(pids))
    if not pids and parts.hostname in {"127.0.0.1", "localhost", "::1"}:
        server.pids = listening_on(server.addresses[0][1])
    return server


@contextlib.contextmanager
def started(
    mode: str, arguments: list[str], place: Place | None = None, replicas: int = 1
) -> Iterator[Server]:
    """Our servers on free ports, from their first answers to their end; what they need is made one by one.

    Without a place there is one, on an empty directory. `start_ms` is of the first.
    """
    with contextlib.ExitStack() as running_ones:
        found = [running_ones.enter_context(_process(mode, arguments, place)) for _ in range(replicas)]
        keys = (SIGNING_KEY, EVENT_KEY) if mode == "start" else ("", EVENT_KEY)
        urls = [f"http://127.0.0.1:{one.port}" for one in found]
        yield Server(urls, *keys, VERSION, [one.pid for one in found], found[0].start_ms)


@dataclass(frozen=True)
class _Process:
    port: int
    pid: int
    start_ms: float


@contextlib.contextmanager
def _process(mode: str, arguments: list[str], place: Place | None) -> Iterator[_Process]:
    with tempfile.TemporaryDirectory(prefix="inngest-fast-bench-") as home, _bytecode() as bytecode:
        directory = Path(home)
        port = free_port()
        command = _command(mode, port, directory, place) + arguments
        environment = {k: v for k, v in os.environ.items() if not k.startswith("INNGEST_")}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        environment["PYTHONPYCACHEPREFIX"] = str(bytecode)
        log = directory / "server.log"
        with log.open("wb") as out:
            begun = time.perf_counter()
            process = subprocess.Popen(command, cwd=directory, env=environment, stdout=out, stderr=out)
        try:
            _wait_until_healthy(process, port, log)
            yield _Process(port, process.pid, (time.perf_counter() - begun) * 1e3)
        finally:
            _stop(process)


_compiled: list[Path] = []


@contextlib.contextmanager
def _bytecode() -> Iterator[Path]:
    """Where compiled modules go: one place for all starts, as an installed package has it."""
    if _compiled:
        yield _compiled[0]
        return
    with tempfile.TemporaryDirectory(prefix="inngest-fast-bytecode-") as home:
        yield Path(home)


@contextlib.contextmanager
def shared_bytecode() -> Iterator[None]:
    """Starts in here find what the first of them compiled."""
    with _bytecode() as home:
        _compiled.append(home)
        try:
            yield
        finally:
            _compiled.pop()


def _command(mode: str, port: int, directory: Path, place: Place | None) -> list[str]:
    command = [sys.executable, "-m", "inngest_fast", mode, "--host", "127.0.0.1", "--port", str(port)]
    command += ["--connect-gateway-port", "0", "--log-level", "warn"]
    if mode != "start":
        return [*command, "--no-discovery", "--no-poll"]
    command += ["--signing-key", SIGNING_KEY, "--event-key", EVENT_KEY]
    return command + (place.arguments() if place else ["--sqlite-dir", str(directory / "data")])


def _wait_until_healthy(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + _READY_WITHIN_S
    while not _healthy(port):
        if process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"bench: the server did not start:\n{log.read_text(errors='replace')[-4000:]}")
        time.sleep(0.002)


def _healthy(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOPPED_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
