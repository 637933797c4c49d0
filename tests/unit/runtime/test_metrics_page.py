"""docs/observability.md lists what there is to be scraped."""

import asyncio
import re
from pathlib import Path
from types import SimpleNamespace

from inngest_fast.adapters.memory import MemoryQueue
from inngest_fast.adapters.system.clock import SystemClock
from inngest_fast.cli.options import ENVIRONMENT_ONLY
from inngest_fast.domain.jobs import Job, JobKind
from inngest_fast.ports.queue import Queue
from inngest_fast.runtime.counted import COUNTED, PREFIX
from inngest_fast.runtime.counters import Counters
from inngest_fast.runtime.measures import MAX_FUNCTIONS, Measures
from inngest_fast.runtime.metrics import Metrics

PAGE = (Path(__file__).parents[3] / "docs" / "observability.md").read_text(encoding="utf-8")
BY_PREFIX = {PREFIX + row.name: row.label for row in COUNTED if row.begins}
ON_WORKERS = "inngest_fast_worker_up"


class Waits:
    whole = True

    def __len__(self):
        return 3


def metrics(queue):
    return Metrics(
        store=SimpleNamespace(name="sqlite", backlog=0),
        queue=queue,
        client=SimpleNamespace(connections=2),
        clock=SystemClock(),
        waits=Waits(),
        executor=SimpleNamespace(in_flight=1),
        counters=Counters(),
        measures=Measures(str),
        vitals=SimpleNamespace(memory_bytes=lambda: 1, started_at=1.0, unready={}),
    )


async def read():
    queue: Queue = MemoryQueue(SystemClock())
    queue.add(Job("j1", JobKind.START, "app", "f", due=0, score=0))
    queue.add(Job("j2", JobKind.SLEEP, "app", "f", due=2**41, score=0))
    return await metrics(queue).read()


def test_every_metric_is_in_the_table_as_it_is():
    families = asyncio.run(read())
    expected = []
    for family in families:
        names = [name for name, _ in family.samples[0].labels] if family.samples else [BY_PREFIX[family.name]]
        labels = ", ".join(f"`{name}`" for name in names) or "–"
        expected.append(f"| `{family.name}` | {family.kind} | {labels} | {family.help} |")
    rows = [line for line in PAGE.splitlines() if line.startswith("| `inngest_")]
    assert [row for row in rows if ON_WORKERS not in row] == expected
    assert len(rows) == len(expected) + 1
    assert f"first {MAX_FUNCTIONS} functions" in PAGE


def test_every_variable_is_on_the_page():
    there = set(re.findall(r"`(OTEL_[A-Z_]+)", PAGE))
    assert {option.env for option in ENVIRONMENT_ONLY if option.env.startswith("OTEL_")} == there


def test_jobs_are_told_apart_by_function_kind_and_state():
    found = {family.name: family.samples for family in asyncio.run(read())}
    jobs = {tuple(value for _, value in each.labels): each.value for each in found[PREFIX + "queue_jobs"]}
    assert {labels: count for labels, count in jobs.items() if count} == {
        ("f", "app", "ready"): 1,
        ("f", "local", "scheduled"): 1,
    }
    assert found["inngest_queue_depth"][0].value == 2
    assert found[PREFIX + "oldest_ready_job_age_seconds"][0].value > 1e9


def test_without_the_queue_the_rest_is_there(monkeypatch):
    class Slow:
        name = "redis"
        counters = {}

        async def size(self):
            await asyncio.sleep(3_600)

    monkeypatch.setattr("inngest_fast.runtime.metrics._ANSWER_S", 0.01)
    names = {family.name for family in asyncio.run(metrics(Slow()).read())}
    assert "inngest_queue_depth" not in names
    assert PREFIX + "build_info" in names
