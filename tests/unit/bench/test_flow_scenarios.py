"""The scenarios of flow control, briefly; and what they hold back, and compute."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.__main__ import main
from bench.comparison import compared
from bench.hold import Hold
from bench.scenarios.throttle import distances
from bench.server import shared_bytecode
from tests.fixtures import postgres_server
from tests.fixtures.redis_server import redis_uri

BRIEF = ("--settle", "0", "--warmup", "5", "--connections", "4", "--batch", "10")


@pytest.fixture(scope="module", autouse=True)
def compiled_once() -> Iterator[None]:
    with shared_bytecode():
        yield


def played(path: Path, scenario: str, *more: str) -> list[dict[str, Any]]:
    """The results of a brief run that lost nothing."""
    file = path / "figures.json"
    assert main(["run", scenario, *BRIEF, *more, "--json", str(file)]) == 0
    results: list[dict[str, Any]] = json.loads(file.read_text())["results"]
    for result in results:
        assert result["figures"]["generator_cores"] > 0
        assert result["counts"]["lost"] == result["counts"]["retried"] == result["counts"]["ended_again"] == 0
    return results


@pytest.mark.parametrize("backends", ["embedded", "production"])
def test_keys(tmp_path: Path, backends: str) -> None:
    """Of two keys two runs are called for at once, without limits as many as the server has workers for."""
    brief = ("--events", "40", "--keys", "2", "--server-argument=--queue-workers=7")
    with contextlib.ExitStack() as stack:
        if backends == "production":
            named = ("--postgres-uri", postgres_server.uri(), "--redis-uri", stack.enter_context(redis_uri()))
            brief += ("--backends", "production", *named)
        unlimited, limited = played(tmp_path, "keys", *brief)

    assert (unlimited["counts"]["held"], limited["counts"]["held"]) == (7, 2)
    for result in (unlimited, limited):
        counts, figures = result["counts"], result["figures"]
        assert counts["sent"] == counts["ended"] == counts["calls"] + counts["held"] == 40
        assert figures["rate_per_s"] == pytest.approx(40 / figures["seconds"])
        assert figures["cpu_ms"] > 0
        assert figures["queued_cpu_ms"] > 0
        assert figures["pss_before_mib"] <= figures["pss_peak_mib"]
        assert ("redis_cpu_ms" in figures) == (backends == "production")
    ours, theirs = limited["figures"], unlimited["figures"]
    assert ours["rate_vs_unlimited"] == pytest.approx(ours["rate_per_s"] / theirs["rate_per_s"])
    [(_, *row)] = [row for row in compared([unlimited, limited])[0] if row[0] == "worked off/s"]
    assert row[2] == f"{ours['rate_vs_unlimited']:.2f}"


def test_neighbour(tmp_path: Path) -> None:
    """80 calls of 50 ms, four at a time, last a second."""
    brief = ("--events", "80", "--call-ms", "50", "--probes", "2", "--server-argument=--queue-workers=4")
    alone, beside = played(tmp_path, "neighbour", *brief)

    assert alone["counts"]["probes"] == beside["counts"]["probes"] == alone["counts"]["ended"] == 4
    assert beside["counts"]["ended"] == 80 + 4
    assert beside["figures"]["seconds"] > 80 * 0.050 / 4 / 2
    for result in (alone, beside):
        for name in ("same_app_ms", "other_app_ms"):
            assert 0 < result["figures"][name]["p50"] <= result["figures"][name]["max"]
    titles = [row[0] for row in compared([alone, beside])[0]]
    assert {"same app, event to call, p50 ms", "other app, event to call, max ms"} <= set(titles)


def test_throttle(tmp_path: Path) -> None:
    """Of 30 starts 20 pass at once, the others every 50 ms: less than that late, and none early."""
    [result] = played(tmp_path, "throttle", "--events", "30", "--throttle", "20", "--watch", "0.1")
    figures, counts = result["figures"], result["counts"]

    assert counts["let_through"] == 1
    assert counts["ended"] == 30
    assert counts["early"] == 0
    assert figures["seconds"] > 9 * 0.050
    assert 0 < figures["paced_error_ms"]["p50"] < 50
    assert figures["burst_error_ms"]["max"] > 0
    assert figures["waiting_cpu_ms_per_s"] >= 0


def test_how_far_starts_are_from_their_times() -> None:
    starts = [0.0, 0.002, 0.5, 1.004, 1.4]  # two at once, then one every 500 ms
    assert distances(reversed(starts), 2) == pytest.approx([0.0, 0.002, 0.0, 0.004, -0.1])


def test_a_hold_keeps_answers_until_it_is_opened() -> None:
    hold, answered = Hold(), []
    hold.pass_on(lambda: answered.append("free"))
    hold.close()
    for n in range(3):
        hold.pass_on(lambda n=n: answered.append(n))
    assert (answered, hold.kept) == (["free"], 3)
    hold.open()
    hold.pass_on(lambda: answered.append("later"))
    assert (answered, hold.kept) == (["free", 0, 1, 2, "later"], 0)
