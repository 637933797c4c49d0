import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fixtures.apps import AppProcess
from tests.fixtures.http import free_port
from tests.fixtures.server_process import ServerProcess
from tests.wire.scene import Scene


def demo_app(server: ServerProcess, *, production: bool = False) -> AppProcess:
    """The app of the reference, synced."""
    here, port = Path(__file__).parent, free_port()
    command = [sys.executable, str(here / "demo_app.py"), str(port)]
    app = AppProcess("demo", command, here, port, server.url, production=production)
    app.sync()
    return app


@pytest.fixture(scope="package")
def scene() -> Iterator[Scene]:
    """A `dev` server in test mode, and the app."""
    server = ServerProcess("dev", "--no-discovery", "--no-poll", environment={"TEST_MODE": "true"}).start()
    try:
        app = demo_app(server)
        try:
            yield Scene(server, app)
        finally:
            app.stop()
    finally:
        server.stop()
