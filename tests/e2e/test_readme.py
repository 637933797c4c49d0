"""The tour of the README, done as it says."""

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fixtures.http import call
from tests.fixtures.server_process import ServerProcess
from tests.fixtures.waiting import eventually

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


@pytest.mark.timeout(90)
def test_the_tour(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(blocks("python")[0])
    # Discovery looks on port 8000, which may be taken here: a port that is ours already is named instead.
    listening = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listening.getsockname()[1]}/api/inngest"
    server = ServerProcess("dev", "--no-discovery", "-u", url, "--poll-interval", "1")
    server.start()
    log = tmp_path / "app.log"
    with log.open("wb") as output, listening:
        app = subprocess.Popen(
            [sys.executable, "-m", "uvicorn", "app:app", "--fd", str(listening.fileno())],
            cwd=tmp_path,
            env={**os.environ, "INNGEST_DEV": server.url},
            pass_fds=(listening.fileno(),),
            stdout=output,
            stderr=output,
        )
    try:

        def synced() -> bool:
            assert app.poll() is None, log.read_text()
            return bool(server.call("GET", "/api/v1/functions").json()["count"])

        eventually(synced, within=30)
        sent = next(
            line for block in blocks("sh") for line in block.splitlines() if line.startswith("curl -d")
        )
        body = re.search(r"-d '(.*?)'", sent)[1].encode()
        assert call("POST", f"{server.url}/e/dev", body=body).status == 200

        def ended() -> dict | None:
            run = server.runs()[0]
            return run if run["status"] == "completed" else None

        assert eventually(ended)["output"] == "sent a lamp"
    finally:
        app.kill()
        app.wait()
        server.stop()
