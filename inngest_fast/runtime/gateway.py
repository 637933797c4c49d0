"""Jobs that make a request for an app: send it, and take what comes of it in (sdk-protocol §4.2)."""

from collections.abc import Callable, Mapping
from functools import partial

from inngest_fast.domain.apps import Function
from inngest_fast.domain.ids import Entropy
from inngest_fast.domain.jobs import Job
from inngest_fast.domain.runs import Run
from inngest_fast.domain.transitions import Transition
from inngest_fast.engine import limits
from inngest_fast.engine.gateway.outcome import Outcome, responded, unanswered
from inngest_fast.engine.gateway.request import Outbound, read
from inngest_fast.engine.lifecycle import before_call, fetched
from inngest_fast.ports.app_client import AppCallError, AppClient, AppRequest
from inngest_fast.ports.clock import Clock
from inngest_fast.runtime.catalog_upkeep import CatalogUpkeep
from inngest_fast.runtime.committer import Committer
from inngest_fast.runtime.counters import Counters
from inngest_fast.runtime.persistence import consume, until_stored
from inngest_fast.runtime.run_changes import RunChanges

MAX_REDIRECTS = 20

# Channel, topic, the body's content type, the body, and what goes with the messages.
Publish = Callable[[str, str, str, bytes, Mapping[str, str]], None]


class Gateway:
    """`client` is one of its own: what it may connect to is for the operator to say, not for apps."""

    def __init__(
        self,
        *,
        changes: RunChanges,
        committer: Committer,
        upkeep: CatalogUpkeep,
        client: AppClient,
        clock: Clock,
        entropy: Entropy,
        counters: Counters,
        retry_interval_ms: int,
    ) -> None:
        self._changes = changes
        self._committer = committer
        self._upkeep = upkeep
        self._client = client
        self._clock = clock
        self._entropy = entropy
        self._counters = counters
        self._retry_interval_ms = retry_interval_ms
        self.publish: Publish | None = None  # where there are realtime topics

    async def work(self, job: Job) -> None:
        """One request. On return the job is consumed, or moved to its next attempt."""
        if await self._is_over(job):
            return
        request = read(job.payload)
        started_at = self._clock.now_ms()
        outcome = await self._send(request, job, started_at)

        def decide(run: Run, function: Function) -> Transition:
            done = fetched.Fetched(job, outcome, started_at, self._clock.now_ms(), self._retry_interval_ms)
            return fetched.decide(run, function, done, self._entropy)

        if await self._change(job, decide) is None:
            await consume(job, self._committer, self._entropy)

    async def _is_over(self, job: Job) -> bool:
        """Whether nothing is to be requested any more; then the job has been dealt with."""
        run = await until_stored(lambda: self._changes.settled(job.run_id, job.since), self._entropy)
        function = await until_stored(lambda: self._upkeep.function(job.function_id), self._entropy)
        if run is None or function is None:
            await consume(job, self._committer, self._entropy)
            return True
        if self._obstacle(job, run, function) is None:
            return False
        over = True

        def decide(run: Run, function: Function) -> Transition | None:
            nonlocal over
            refusal = self._obstacle(job, run, function)
            over = refusal is not None
            return refusal

        await self._change(job, decide)
        return over

    def _obstacle(self, job: Job, run: Run, function: Function) -> Transition | None:
        return before_call.obstacle(run, function, job, self._clock.now_ms(), self._entropy)

    async def _change(self, job: Job, decide: Callable[[Run, Function], Transition | None]) -> object:
        change = partial(self._changes.change, job.run_id, decide, job.since)
        return await until_stored(change, self._entropy)

    async def _send(self, request: Outbound, job: Job, started_at: int) -> Outcome:
        self._counters.add("gateway_requests")
        try:
            response = await self._client.send(
                AppRequest(
                    method=request.method,
                    url=request.url,
                    headers=request.headers,
                    body=request.body,
                    timeout_ms=limits.CALL_TIMEOUT,
                    max_body=limits.MAX_STEP_SIZE,
                    max_redirects=MAX_REDIRECTS,
                    follow="never" if request.format else "fetch",
                )
            )
        except AppCallError as error:
            self._counters.add(f"gateway_requests_failed_{error.fault}")
            return unanswered(request, error.fault, str(error))
        if request.publish is not None and self.publish is not None:
            about = {
                "url": request.url,
                "content-type": response.headers.get("content-type", ""),
                "request_id": job.step_id,
            }
            topic = request.publish
            self.publish(topic.channel, topic.topic, about["content-type"], response.body, about)
        now = self._clock.now_ms()
        return responded(
            request, response.status, response.headers, response.body, now=now, took=now - started_at
        )
