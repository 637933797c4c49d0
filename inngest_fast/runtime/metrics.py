"""Everything that can be measured of this server, read at once (docs/observability.md)."""

import asyncio
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

from inngest_fast.domain.errors import QueueError
from inngest_fast.domain.metrics import Distribution, Family, Sample
from inngest_fast.ports.app_client import AppClient
from inngest_fast.ports.clock import Clock
from inngest_fast.ports.queue import Queue
from inngest_fast.ports.store import Store
from inngest_fast.runtime.counted import PREFIX, counted
from inngest_fast.runtime.counters import Counters
from inngest_fast.runtime.executor import Executor
from inngest_fast.runtime.live_waits import LiveWaits
from inngest_fast.runtime.measures import FunctionMeasures, Measures
from inngest_fast.runtime.vitals import Vitals
from inngest_fast.version import VERSION

_LOCAL = "local:"  # before the function's id: a partition of jobs that call no app
_ANSWER_S = 1.0


class Metrics:
    """Of this process, and of the queue."""

    def __init__(
        self,
        *,
        store: Store,
        queue: Queue,
        client: AppClient,
        clock: Clock,
        waits: LiveWaits,
        executor: Executor,
        counters: Counters,
        measures: Measures,
        vitals: Vitals,
    ) -> None:
        self._store = store
        self._queue = queue
        self._client = client
        self._clock = clock
        self._waits = waits
        self._executor = executor
        self._counters = counters
        self._measures = measures
        self._vitals = vitals

    def refused(self, reason: str) -> None:
        """Counts a request whose events were not, or not all, taken in."""
        self._counters.add(f"ingest_{reason}")

    async def read(self) -> list[Family]:
        """All of it."""
        return [*await self.of_all(), *self.of_this()]

    def of_this(self) -> list[Family]:
        """What this process has done, and how it is. Asks nobody."""
        return [
            *_of_functions(list(self._measures.functions())),
            *counted({**self._counters.read(), **self._queue.counters}),
            *self._of_process(),
        ]

    async def of_all(self) -> list[Family]:
        """The queue, which servers may share; nothing if it does not answer."""
        queue = self._queue
        try:
            async with asyncio.timeout(_ANSWER_S):
                size, depth, oldest = await queue.size(), await queue.depth(), await queue.oldest_ready()
        except (QueueError, TimeoutError):
            return []
        jobs: defaultdict[tuple[str, str, str], int] = defaultdict(int)
        for partition, counts in depth.items():
            local = partition.startswith(_LOCAL)
            fn = self._measures.of(partition.removeprefix(_LOCAL)).fn
            for state in ("scheduled", "ready", "leased"):
                jobs[fn, "local" if local else "app", state] += getattr(counts, state)
        age = max(0, self._clock.now_ms() - oldest) / 1_000 if oldest is not None else 0.0
        return [
            Family("inngest_queue_depth", "gauge", "Jobs queued or leased.", [Sample(size)]),
            Family(
                PREFIX + "queue_jobs",
                "gauge",
                "Jobs by function, by whether they call its app, and by state.",
                [
                    Sample(count, (("fn", fn), ("calls", calls), ("state", state)))
                    for (fn, calls, state), count in sorted(jobs.items())
                ],
            ),
            _gauge("oldest_ready_job_age_seconds", "For how long the job that is longest due has been.", age),
        ]

    def _of_process(self) -> Iterator[Family]:
        measures, vitals = self._measures, self._vitals
        yield _histogram(
            "commit_duration_seconds",
            "From handing a transition in to its end.",
            measures.commit_seconds.read(),
        )
        yield _histogram(
            "commit_batch_size", "Transitions of one group commit.", measures.commit_sizes.read()
        )
        yield _gauge("store_backlog", "Transitions handed in and not yet decided.", self._store.backlog)
        if self._waits.whole:
            yield _gauge("waits", "Waits for events, invocations and signals.", len(self._waits))
        yield _gauge("leases_in_flight", "Jobs that are worked on.", self._executor.in_flight)
        yield _gauge("app_connections", "Open connections to apps.", self._client.connections)
        yield _gauge("resident_memory_bytes", "Resident memory of this process.", vitals.memory_bytes())
        cpu = Sample(round(time.process_time(), 3))
        yield Family(PREFIX + "cpu_seconds_total", "counter", "CPU time of this process.", [cpu])
        yield _gauge("start_time_seconds", "When this process started, unix time.", vitals.started_at)
        yield _gauge("ready", "Whether requests should come here.", int(not vitals.unready))
        about = (
            ("version", VERSION),
            ("python", ".".join(map(str, sys.version_info[:3]))),
            ("store", self._store.name),
            ("queue", self._queue.name),
        )
        yield Family(PREFIX + "build_info", "gauge", "What this server is; always 1.", [Sample(1, about)])


def _gauge(name: str, help: str, value: float) -> Family:
    return Family(PREFIX + name, "gauge", help, [Sample(value)])


def _histogram(name: str, help: str, value: Distribution) -> Family:
    return Family(PREFIX + name, "histogram", help, [Sample(value)])


def _of_functions(functions: Sequence[FunctionMeasures]) -> Iterator[Family]:
    """Under the names of http-api §3.4, and how long calls take."""

    def family(name: str, help: str, count: Callable[[FunctionMeasures], int]) -> Family:
        return Family(name, "counter", help, [Sample(count(each), (("fn", each.fn),)) for each in functions])

    yield family("inngest_function_run_scheduled_total", "Runs created.", lambda each: each.runs_scheduled)
    yield family("inngest_function_run_started_total", "Runs first called.", lambda each: each.runs_started)
    yield Family(
        "inngest_function_run_ended_total",
        "counter",
        "Runs ended.",
        [
            Sample(count, (("fn", each.fn), ("status", status.name.lower())))
            for each in functions
            for status, count in each.runs_ended.items()
        ],
    )
    yield family(
        "inngest_sdk_req_scheduled_total", "Calls of apps queued.", lambda each: each.calls_scheduled
    )
    yield family("inngest_sdk_req_started_total", "Calls of apps made.", lambda each: each.calls_started)
    yield Family(
        "inngest_sdk_req_ended_total",
        "counter",
        "Calls of apps that ended; errored ones are made again, failed ones are not.",
        [
            Sample(count, (("fn", each.fn), ("status", status)))
            for each in functions
            for status, count in (
                ("success", each.calls_succeeded),
                ("errored", each.calls_errored),
                ("failed", each.calls_failed),
            )
        ],
    )
    yield Family(
        PREFIX + "app_call_duration_seconds",
        "histogram",
        "From sending a call to its whole answer.",
        [Sample(each.call_seconds.read(), (("fn", each.fn),)) for each in functions],
    )
