"""What the tests of the command line share: an isolated process environment and a server that only records."""

import logging
import os
import sys
import time
from types import ModuleType

import pytest

import inngest_fast


@pytest.fixture(autouse=True)
def isolated(monkeypatch, tmp_path):
    """No variable, config file or log set-up of the machine or of another test is seen."""
    for name in list(os.environ):
        if name.startswith(("INNGEST_", "OTEL_")) or name in (
            "LOG_LEVEL",
            "LOG_HANDLER",
            "PORT",
            "TEST_MODE",
        ):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TZ", "UTC")
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    root = logging.getLogger()
    handlers, level, raising = root.handlers[:], root.level, logging.raiseExceptions
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.raiseExceptions = raising
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def served(monkeypatch):
    """A list of the Settings that the server was run with; `served.result` is its exit code or exception."""

    class Served(list):
        result = 0

        def __init__(self):
            self.told = []  # what it was told besides

    calls = Served()

    def run(settings, **more):
        calls.append(settings)
        calls.told.append(more)
        if isinstance(calls.result, BaseException):
            raise calls.result
        return calls.result

    module = ModuleType("inngest_fast.server")
    module.run = run
    monkeypatch.setitem(sys.modules, "inngest_fast.server", module)
    return calls


@pytest.fixture
def migrated(monkeypatch):
    """A list of what migrations were asked for, as (settings, plan); `names` or `error` is what they come to."""

    class Migrated(list):
        names = ()
        error = None

    calls = Migrated()

    def migrate(settings, *, plan):
        calls.append((settings, plan))
        if calls.error:
            raise calls.error
        return list(calls.names)

    module = ModuleType("inngest_fast.server")
    module.migrate = migrate
    monkeypatch.setitem(sys.modules, "inngest_fast.server", module)
    monkeypatch.setattr(inngest_fast, "server", module, raising=False)
    return calls
