import shutil
from collections.abc import Iterator

import pytest

from tests.fixtures.apps import AppProcess, python_app, typescript_app
from tests.fixtures.server_process import ServerProcess

SDKS = ("py", "ts3", "ts4")


@pytest.fixture(scope="session")
def server() -> Iterator[ServerProcess]:
    """One `dev` server for all that share it; apps sync with it by themselves."""
    process = ServerProcess("dev", "--no-discovery", "--no-poll").start()
    yield process
    process.stop()


@pytest.fixture(scope="session")
def apps(server: ServerProcess) -> Iterator[dict[str, AppProcess]]:
    """An app on every SDK that this machine can run; all up at once, so that their crons tick meanwhile."""
    found: dict[str, AppProcess] = {}
    try:
        found["py"] = python_app(server.url)
        if shutil.which("node") and shutil.which("npm"):
            for major in (3, 4):
                found[f"ts{major}"] = typescript_app(major, server.url)
        for app in found.values():
            app.sync()
        yield found
    finally:
        for app in found.values():
            app.stop()


@pytest.fixture(params=SDKS)
def app(request: pytest.FixtureRequest, apps: dict[str, AppProcess]) -> AppProcess:
    if request.param not in apps:
        pytest.skip("needs node and npm")
    return apps[request.param]
