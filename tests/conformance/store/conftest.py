"""Every store under one suite. Tests are coroutines; each gets its own loop, which must stay silent."""

import asyncio
import contextlib
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from inngest_fast.adapters.sqlite import SqliteStore
from inngest_fast.ports.store import Store
from tests.conformance.store.making import Clock
from tests.fixtures import postgres_server
from tests.fixtures.model_store import ModelStore


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    pyfuncitem.funcargs["runner"].run(pyfuncitem.obj(**arguments))
    return True


@pytest.fixture(autouse=True)
def runner() -> Iterator[asyncio.Runner]:
    errors: list[dict[str, Any]] = []
    with asyncio.Runner() as runner:
        runner.get_loop().set_exception_handler(lambda _, context: errors.append(context))
        yield runner
    assert errors == []


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["sqlite-file", "sqlite-memory", "postgres", "model", "model-delayed"])
def store(
    request: pytest.FixtureRequest, runner: asyncio.Runner, clock: Clock, tmp_path: Path
) -> Iterator[Store]:
    store: Store
    cleaning = contextlib.ExitStack()
    if request.param == "sqlite-file":
        store = SqliteStore(str(tmp_path / "main.db"), durable=False, clock=clock)
    elif request.param == "sqlite-memory":
        store = SqliteStore(":memory:", durable=False, clock=clock)
    elif request.param == "postgres":
        schema = cleaning.enter_context(postgres_server.schema())
        store = postgres_server.store(schema, clock)
    elif request.param == "model":
        store = ModelStore(clock)
    else:
        store = ModelStore(clock, delay=lambda: 0.0)
    with cleaning:
        runner.run(store.open())
        yield store
        runner.run(store.close())
