"""Servers to play on."""

import importlib.util
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from tests.fixtures import postgres_server
from tests.fixtures.redis_server import RedisProcess
from tests.fixtures.replicas import Replicas, is_up
from tests.fixtures.server_process import ServerProcess

EMBEDDED, PRODUCTION, SQLITE = "embedded", "production", "sqlite"

_OPTIONS = ("--queue-workers", "500")  # what scenarios do at the same time is no limit of theirs

Place = tuple[list[ServerProcess], RedisProcess | None]


def place(backend: str) -> AbstractContextManager[Place]:
    """The servers of a backend, up. At the end they are stopped in order, and have had no trouble."""
    if backend == PRODUCTION:
        return _production()
    return _single(
        ServerProcess("dev", "--no-discovery", "--no-poll", *_OPTIONS)
        if backend == EMBEDDED
        else ServerProcess("start", "--drain-delay", "0", *_OPTIONS)
    )


def played_together(id: str, value: object, *marks: pytest.MarkDecorator) -> object:
    """A parameter of a fixture. What uses it runs in one process, so that the fixture is made once."""
    together = [pytest.mark.xdist_group(f"flow-{id}")] if importlib.util.find_spec("xdist") else []
    return pytest.param(value, id=id, marks=[*marks, *together])


@contextmanager
def _single(process: ServerProcess) -> Iterator[Place]:
    process.start()
    try:
        yield [process], None
        process.stop()
        _had_no_trouble(process.log())
    finally:
        if is_up(process):
            process.kill()


@contextmanager
def _production() -> Iterator[Place]:
    """Two replicas on one database and one Redis."""
    with postgres_server.schema() as schema:
        redis = RedisProcess().start()
        options = ("--postgres-schema", schema, "--drain-delay", "0", *_OPTIONS)
        replicas = Replicas(2, postgres_server.uri(), redis.uri, *options)
        try:
            yield list(replicas.start()), redis
            replicas.stop()
            _had_no_trouble(replicas.logs())
        finally:
            replicas.end()
            redis.stop()


def _had_no_trouble(log: str) -> None:
    assert [line for line in log.splitlines() if "Traceback" in line] == []
