"""The arithmetic of figures, and what the app answers."""

import json
import os
import time

import pytest

from bench.budgets import judged
from bench.functions import FUNCTIONS, Call, Context, Data, Event
from bench.measure import Processes, milliseconds
from bench.report import as_json, as_text
from bench.result import Result


def call(*steps: str) -> Call:
    return Call(Context("01"), Event(Data(1)), dict.fromkeys(steps, None))


def test_percentiles_are_by_nearest_rank() -> None:
    assert milliseconds([i / 1e3 for i in range(100, 0, -1)]) == pytest.approx(
        {"p50": 50.0, "p90": 90.0, "p99": 99.0, "max": 100.0}
    )
    assert milliseconds([0.007]) == pytest.approx(dict.fromkeys(("p50", "p90", "p99", "max"), 7.0))
    assert milliseconds([]) == {}


def test_cpu_of_a_process_is_what_the_process_itself_says() -> None:
    processes = Processes([os.getpid()])
    first = processes.cpu_seconds()
    own = time.process_time()
    while time.process_time() - own < 0.05:
        pass
    spent = time.process_time() - own
    second = processes.cpu_seconds()
    assert first is not None
    assert second is not None
    assert spent <= second - first < spent + 0.05


def test_no_processes_no_figures() -> None:
    none = Processes([])
    assert (none.cpu_seconds(), none.pss_mib(), none.rss_mib()) == (None, None, None)


@pytest.mark.parametrize(("cpu", "met"), [(0.6, True), (0.61, False)])
def test_a_budget_is_met_up_to_its_limit(cpu: float, met: bool) -> None:
    (verdict,) = judged(Result("noop", "noop", "run", figures={"cpu_ms": cpu}))
    assert verdict["met"] is met
    assert verdict["limit"] == 0.6


def test_a_figure_that_was_not_measured_is_not_judged() -> None:
    assert judged(Result("noop", "noop", "run")) == []
    assert judged(Result("idle", "idle", "run", figures={"start_ms": {}})) == []


def test_memory_has_a_budget_of_its_own_with_backends_behind() -> None:
    idle = Result("idle", "idle", "run", figures={"idle_rss_mib": 50.0})
    verdicts = [judged(idle, production=production) for production in (False, True)]
    assert [[(v["limit"], v["met"]) for v in one] for one in verdicts] == [[(38.0, False)], [(55.0, True)]]
    assert judged(idle, production=True, replicas=2) == []


def test_the_table_says_what_is_behind_and_beside() -> None:
    figures = {
        "cpu_ms": 2.0,
        "postgres_cpu_ms": 0.75,
        "first_call_ms": {"p50": 4.0, "p90": 5, "p99": 6, "max": 7},
    }
    results = [Result("crowd", "crowd of 9", "waiting run", {"sent": 9, "waiting": 9, "lost": 0})]
    results[0].figures["fill_seconds"] = 3.25
    for waiting in (0, 9):
        counts = {"sent": 1, "waiting": waiting, "lost": 0}
        own = figures | {"cpu_ms": 3.0 if waiting else 2.0}
        results.append(Result("crowd", f"crowd noop ({waiting})", "run", counts, own))
    machine = dict.fromkeys(("cpu", "cores", "memory_gib", "system", "python", "load_1m"), "?")
    server = {"version": "v", "mode": "start", "packages": "p"}
    server |= {"backends": {"postgres": "PostgreSQL 1"}, "replicas": 2}
    lines = as_text(as_json(machine, {}, server, results)).splitlines()
    assert "2 servers on PostgreSQL 1" in lines
    assert ["noop:", "CPU", "ms", "2.000", "3.000", "1.50"] in [line.split() for line in lines]
    assert ["noop:", "PG", "ms", "0.750", "0.750", "1.00"] in [line.split() for line in lines]
    assert any(line.startswith("rows written") and line.endswith("3.2") for line in lines)


def test_the_table_says_what_is_not_met() -> None:
    result = Result("noop", "noop", "run", {"sent": 3, "lost": 0}, {"cpu_ms": 7.0, "rate_per_s": 1234.0})
    machine = dict.fromkeys(("cpu", "cores", "memory_gib", "system", "python", "load_1m"), "?")
    server = {"version": "v", "mode": "dev", "packages": "p"}
    text = as_text(as_json(machine, {"seed": 1}, server, [result]))
    assert "7.000 ms" in text
    assert "NOT MET" in text
    assert "1,234" in text
    assert "3 runs" in text


def test_steps3_ends_with_its_fourth_call() -> None:
    answers = [FUNCTIONS["steps3"](call(*"abc"[:done]), "step") for done in range(4)]
    assert [a.status for a in answers] == [206, 206, 206, 200]
    assert [a.last for a in answers] == [False, False, False, True]
    assert len({a.body for a in answers}) == 4


def test_par10_reports_what_is_missing_until_nothing_is() -> None:
    par10 = FUNCTIONS["par10"]
    planned = par10(call(), "step")
    assert planned.body.count(b'"StepPlanned"') == 10
    ids = [op["id"] for op in json.loads(planned.body)]
    assert len(set(ids)) == 10
    assert par10(call(*ids[:4]), "step").body.count(b'"StepPlanned"') == 6
    assert all(b'"StepRun"' in par10(call(), id).body for id in ids)
    assert par10(call(*ids), "step").last
