"""An app that nobody named is found (sdk-protocol §1.7)."""

import pytest

from tests.fixtures.apps import python_app
from tests.fixtures.server_process import ServerProcess
from tests.fixtures.waiting import eventually


@pytest.mark.timeout(90)
def test_an_app_is_found_on_the_port_that_the_environment_names() -> None:
    server = ServerProcess("dev", "--poll-interval", "1")
    app = python_app(server.url)
    try:
        server.environment["PORT"] = str(app.port)
        server.start()
        apps = eventually(
            lambda: [
                each
                for each in server.call("GET", "/api/v1/apps").json()["apps"]
                if each["name"] == "py" and not each["error"]
            ],
            within=30,
            what="the app",
        )
        assert apps[0]["functions"] == 15
        assert apps[0]["url"] == app.url.replace("127.0.0.1", "localhost")
    finally:
        server.stop()
        app.stop()
