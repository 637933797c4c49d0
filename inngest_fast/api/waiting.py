"""What live jobs wait for, asked of the queue."""

import asyncio
from collections.abc import Iterable, Sequence

from inngest_fast.api.services import Services
from inngest_fast.domain.jobs import Job
from inngest_fast.domain.runs import Run
from inngest_fast.runtime.why_waiting import Waiting, why_waiting

QUEUE_AWAY = Waiting("not known: the queue is unavailable")


async def why(services: Services, jobs: Sequence[Job], runs: Iterable[Run]) -> list[Waiting]:
    """For each of the jobs; `runs` are those that they are of. Raises QueueError."""
    places = await asyncio.gather(*(services.queue.explain(job.id) for job in jobs))
    by_id = {run.id: run for run in runs}
    return [
        why_waiting(job, place, by_id.get(job.run_id), services.catalog.function(job.function_id))
        for job, place in zip(jobs, places, strict=True)
    ]
