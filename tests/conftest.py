"""The whole suite is run by several workers at once; a part of it in one process, as pytest always does.

A worker is given the tests of a module together, for they share what is costly to make; those of an `xdist_group`,
whatever their modules; and a slow one by itself. The slow come first, so that no worker is at work long after the
others.
"""

import gc
import os

import pytest
from hypothesis import HealthCheck, settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

WORKERS = 3  # on two cores: a good part of the suite only waits
UNITS = "inngest-fast/units"  # where the cache has the units of those tests that do not go with their module

# How long an example takes says little where others are at work too.
settings.register_profile("beside others", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("beside others")


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Of `-n auto`: none, unless everything is to be run. A Redis that is named is there for one at a time."""
    if os.environ.get("TEST_REDIS_URI") or not config.pluginmanager.has_plugin("cacheprovider"):
        return 0
    asked = {(config.invocation_params.dir / argument).resolve() for argument in config.args}
    return WORKERS if asked <= {config.rootpath, config.rootpath / "tests"} else 0


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> "Units":
    return Units(config, log)


class Units(LoadScopeScheduling):
    """In the order of collection. It knows names alone; what marks say, the workers tell by way of the cache."""

    def __init__(self, config: pytest.Config, log: Producer) -> None:
        config.option.loadscopereorder = False
        super().__init__(config, log)
        self._units: dict[str, str] = {}

    def schedule(self) -> None:
        self._units = self.config.cache.get(UNITS, {})
        super().schedule()

    def _split_scope(self, nodeid: str) -> str:
        return self._units.get(nodeid) or module(nodeid)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not hasattr(config, "workerinput"):
        return
    units = {item.nodeid: unit(item) for item in items}
    longest: dict[str, float] = {}
    for item in items:
        name = units[item.nodeid]
        longest[name] = max(longest.get(name, 0), seconds(item))
    # Of the rest first those that mostly wait.
    items.sort(key=lambda item: (-longest[units[item.nodeid]], "e2e" not in item.path.parts))
    if config.workerinput["workerid"] == "gw0":
        config.cache.set(UNITS, {id: name for id, name in units.items() if name != module(id)})


def unit(item: pytest.Item) -> str:
    group = item.get_closest_marker("xdist_group")
    if group is not None:
        return str(group.args[0])
    return item.nodeid if seconds(item) else module(item.nodeid)


def module(nodeid: str) -> str:
    return nodeid.partition("::")[0]


def seconds(item: pytest.Item) -> float:
    """That it takes, more or less, if it is slow."""
    mark = item.get_closest_marker("slow")
    return 0 if mark is None else (*mark.args, 10)[0]


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Bytes that are no text name no test: the time of a gzip is in them, and each worker has another."""
    return argname if isinstance(val, bytes) and not val.isascii() else None


def pytest_collection_finish() -> None:
    """The collector is spared thousands of tests that stay, each time that it looks at everything."""
    gc.collect()
    gc.freeze()
