"""API keys from the command line to a server that runs, and the address of metrics."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.fixtures import postgres_server
from tests.fixtures.http import Reply, call, free_port
from tests.fixtures.server_process import SIGNING_KEY, ServerProcess
from tests.fixtures.waiting import eventually

pytestmark = [pytest.mark.timeout(120)]

AUTHORIZED = {"Authorization": f"Bearer {SIGNING_KEY}"}
GUESS = "infk_a-guess-that-is-none"


@pytest.fixture(params=["sqlite", "postgres"])
def server(request: pytest.FixtureRequest) -> Iterator[ServerProcess]:
    with contextlib.ExitStack() as cleaning:
        place: list[str] = []
        if request.param == "postgres":
            schema = cleaning.enter_context(postgres_server.schema())
            place = ["--postgres-uri", postgres_server.uri(), "--postgres-schema", schema]
        process = ServerProcess("start", *place, "--metrics-addr", f"127.0.0.1:{free_port()}").start()
        cleaning.callback(process.stop)
        yield process


def keys(server: ServerProcess, *words: str) -> list[str]:
    place = [*server.arguments[:4]] if "--postgres-uri" in server.arguments else []
    place = place or ["--sqlite-dir", str(server.directory / "data")]
    command = [sys.executable, "-m", "inngest_fast", "keys", *words, *place]
    done = subprocess.run(command, capture_output=True, text=True, cwd=server.directory, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


def test_created_used_revoked(server: ServerProcess) -> None:
    created, secret = keys(server, "create", "--name", "ci", "--scope", "read")
    id = created.split()[1]

    def look(token: str = secret) -> Reply:
        return server.call("GET", "/v1/events", headers={"Authorization": f"Bearer {token}"})

    eventually(lambda: look().status == 200, what="the new key to be known")
    headers = {"Authorization": f"Bearer {secret}"}
    assert server.call("POST", "/v1/signals", {"signal": "s"}, headers=headers).status == 401
    assert server.call("DELETE", "/fn/remove?url=x", headers=headers).status == 401
    assert call("GET", f"{server.url}/v1/events").status == 401
    assert look(GUESS).status == 401
    eventually(lambda: "never      live" not in keys(server, "list")[1], what="its use to be noted")
    keys(server, "revoke", id)
    eventually(lambda: look().status == 401, within=5, what="the revoked key to be refused")
    log = server.log()
    assert "authentication failed" in log
    assert '"peer":"127.0.0.1"' in log.replace('": "', '":"')
    assert GUESS not in log
    assert secret not in log


def test_probes_are_at_the_address_of_metrics_too(server: ServerProcess) -> None:
    address = f"http://{server.arguments[-1]}"
    for probe in ("/livez", "/readyz", "/health"):
        assert call("GET", address + probe).status == call("GET", server.url + probe).status == 200
    assert call("GET", f"{address}/metrics").status == 401
    assert call("GET", f"{address}/metrics", headers=AUTHORIZED).status == 200
    assert call("GET", f"{address}/v1/events", headers=AUTHORIZED).status == 404
    assert server.call("GET", "/metrics").status == 404
    server.stop()
    with pytest.raises(OSError):
        call("GET", f"{address}/livez")
