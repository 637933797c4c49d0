"""Jobs that call an app: build, sign, send, and take the answer in (design §2)."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from time import perf_counter

from inngest_fast.domain.apps import Function
from inngest_fast.domain.ids import Entropy
from inngest_fast.domain.jobs import Job, JobKind
from inngest_fast.domain.ops import Opcode
from inngest_fast.domain.runs import Run, RunStatus
from inngest_fast.domain.traces import Response, shown_headers
from inngest_fast.domain.transitions import Transition
from inngest_fast.domain.waits import Wait
from inngest_fast.engine import limits
from inngest_fast.engine.answer import Answer, Failure, Ops, Result, not_to_be_made, read_answer, unreachable
from inngest_fast.engine.call.endpoint import NoRequestError
from inngest_fast.engine.call.request import Call, call_request
from inngest_fast.engine.lifecycle import answered, before_call
from inngest_fast.engine.lifecycle.retry import attempts_left, counted
from inngest_fast.ports.app_client import AppCallError, AppClient, AppRequest
from inngest_fast.ports.clock import Clock
from inngest_fast.runtime.catalog_upkeep import CatalogUpkeep
from inngest_fast.runtime.committer import Committer
from inngest_fast.runtime.counters import Counters
from inngest_fast.runtime.live_waits import LiveWaits
from inngest_fast.runtime.measures import FunctionMeasures, Measures
from inngest_fast.runtime.persistence import consume, until_stored
from inngest_fast.runtime.run_changes import RunChanges
from inngest_fast.runtime.signal_holders import signal_holders

Sign = Callable[[bytes], str]

SHOW_RUNNING_AFTER_S = 0.25

_log = logging.getLogger(__name__)
_NOBODY: Mapping[str, Sequence[Wait]] = {}


class Calls:
    def __init__(
        self,
        *,
        changes: RunChanges,
        committer: Committer,
        upkeep: CatalogUpkeep,
        waits: LiveWaits,
        client: AppClient,
        clock: Clock,
        entropy: Entropy,
        counters: Counters,
        measures: Measures,
        sign: Sign | None,
        retry_interval_ms: int,
    ) -> None:
        self._changes = changes
        self._committer = committer
        self._upkeep = upkeep
        self._waits = waits
        self._client = client
        self._clock = clock
        self._entropy = entropy
        self._counters = counters
        self._measures = measures
        self._sign = sign
        self._retry_interval_ms = retry_interval_ms
        self._showing: set[asyncio.Task[None]] = set()

    async def work(self, job: Job) -> None:
        """One call. On return the job is consumed, or moved to its next attempt."""
        function = await until_stored(lambda: self._upkeep.function(job.function_id), self._entropy)
        run = await self._settled(job)
        if run is None or function is None:
            _log.error("a job without its run was dropped", extra={"job": job.id})
            await consume(job, self._committer, self._entropy)
            return
        while before_call.obstacle(run, function, job, self._clock.now_ms(), self._entropy) is not None:
            if await self._refused(job):
                return
            run = await self._settled(job)  # it has changed meanwhile, and there is no obstacle any more
            if run is None:
                return
        if before_call.is_begin_due(run, function):
            await self._change(job.run_id, partial(self._begin, self._clock.now_ms()))
            run = await self._settled(job)
            if run is None or run.status.ended:
                await consume(job, self._committer, self._entropy)
                return
        await self._take_in(job, *await self._call(run, function, job))

    async def _settled(self, job: Job) -> Run | None:
        return await until_stored(lambda: self._changes.settled(job.run_id, job.since), self._entropy)

    async def _refused(self, job: Job) -> bool:
        """Whether there still was an obstacle, which has dealt with the job."""
        dealt_with = True

        def decide(run: Run, function: Function) -> Transition | None:
            nonlocal dealt_with
            refusal = before_call.obstacle(run, function, job, self._clock.now_ms(), self._entropy)
            dealt_with = refusal is not None
            return refusal

        await self._change(job.run_id, decide)
        return dealt_with

    async def _call(self, run: Run, function: Function, job: Job) -> tuple[int, Answer, Response | None]:
        """When the call began, its answer, and what that had beside its body."""
        started_at = self._clock.now_ms()
        try:
            call = call_request(run, function, job)
        except NoRequestError as error:
            return started_at, not_to_be_made(str(error)), None
        self._counters.add("calls")
        measures = self._measures.of(job.function_id)
        measures.calls_started += 1
        if job.kind is JobKind.START and not job.attempt:
            measures.runs_started += 1
        shown = None
        if run.status is RunStatus.QUEUED:
            shown = asyncio.get_running_loop().call_later(
                SHOW_RUNNING_AFTER_S, self._show_running, run.id, started_at
            )
        sent = perf_counter()
        try:
            response = await self._client.send(self._request(call))
        except AppCallError as error:
            self._counters.add(f"calls_failed_{error.fault}")
            answer: Answer = unreachable(error.fault, str(error))
            _count_end(measures, answer, run, function, job)
            return started_at, answer, None
        finally:
            measures.call_seconds.observe(perf_counter() - sent)
            if shown is not None:
                shown.cancel()
        answer = read_answer(response.status, response.headers, response.body, now_ms=self._clock.now_ms())
        _count_end(measures, answer, run, function, job)
        return started_at, answer, Response(response.status, shown_headers(response.headers))

    async def _take_in(self, job: Job, started_at: int, answer: Answer, response: Response | None) -> None:
        signals = answered.signals(answer)
        while True:
            holders = await self._holders(job.run_id, signals) if signals else _NOBODY

            def decide(
                run: Run, function: Function, holders: Mapping[str, Sequence[Wait]] = holders
            ) -> Transition:
                called = answered.Called(
                    job=job,
                    answer=answer,
                    started_at=started_at,
                    now=self._clock.now_ms(),
                    retry_interval_ms=self._retry_interval_ms,
                    response=response,
                    holders=holders,
                )
                return answered.decide(run, function, called, self._entropy)

            committed = await until_stored(lambda: self._changes.change(job.run_id, decide), self._entropy)
            if committed is None:
                await consume(job, self._committer, self._entropy)
            if committed is None or committed.reason != "signal":
                return

    def _request(self, call: Call) -> AppRequest:
        headers = call.headers
        if self._sign is not None:
            signature = self._sign(call.body if call.signed is None else call.signed)
            headers = (*headers, ("X-Inngest-Signature", signature))
        elif call.signed is not None:  # endpoints know a call by the header, also without a key
            headers = (*headers, ("X-Inngest-Signature", ""))
        return AppRequest(
            method=call.method,
            url=call.url,
            headers=headers,
            body=call.body,
            timeout_ms=limits.CALL_TIMEOUT,
            max_body=limits.MAX_RESPONSE_SIZE,
            max_redirects=limits.MAX_REDIRECTS,
        )

    async def _holders(self, run_id: str, signals: list[str]) -> Mapping[str, Sequence[Wait]]:
        return await signal_holders(self._waits, signals, run_id, self._entropy)

    def _begin(self, at: int, run: Run, function: Function) -> Transition | None:
        if run.status is not RunStatus.QUEUED:
            return None
        return before_call.begin(run, function, at, self._entropy)

    async def _change(self, run_id: str, decide: Callable[[Run, Function], Transition | None]) -> None:
        await until_stored(lambda: self._changes.change(run_id, decide), self._entropy)

    def _show_running(self, run_id: str, since: int) -> None:
        """A first call that takes its time: whoever looks should see that the run has started."""
        task = asyncio.get_running_loop().create_task(self._change(run_id, partial(self._begin, since)))
        self._showing.add(task)
        task.add_done_callback(self._showing.discard)


def _count_end(measures: FunctionMeasures, answer: Answer, run: Run, function: Function, job: Job) -> None:
    if isinstance(answer, Ops):
        failed = any(op.op is Opcode.STEP_ERROR for op in answer.ops)
    else:
        failed = isinstance(answer, Failure)
    if not failed:
        measures.calls_succeeded += 1
        return
    may_retry = isinstance(answer, Result) or not answer.no_retry
    if may_retry and attempts_left(function.config, counted(run, job)):
        measures.calls_errored += 1
    else:
        measures.calls_failed += 1
