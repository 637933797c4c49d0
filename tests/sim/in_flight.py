"""Calls in flight at the apps, counted by what their runs are limited by, whatever the queue counts."""

from collections.abc import Callable, Iterable, Sequence

from tests.sim.controls import calls_at_once, number
from tests.sim.flow_model import FlowModel
from tests.sim.standing import Standing


def check_call(
    flow: FlowModel, job_id: str, others: Iterable[str], since: float, must: Callable[..., None]
) -> None:
    """A call begins while these other jobs' calls are in flight. Its limits are those of a time from `since` on.

    Those that were leased later had their own limits to keep: keys are shared, numbers are not.
    """
    made = flow.made[_run_of(job_id)]
    earlier = [other for other in others if flow.leases[other] < flow.leases[job_id]]
    runs = [flow.made[_run_of(other)] for other in earlier]
    standings = flow.standings.between(made.slug, since, flow.time())
    most = _most(standings, calls_at_once)
    if most is not None:
        same = sum(other.slug == made.slug for other in runs)
        must(same < most, "beside", same, "calls of", made.slug, "there is that of", job_id)
    for key in made.step_keys:
        most = _most(standings, lambda controls, key=key: number(made.slug, controls, "step", key))
        if most is not None:
            same = sum(key in other.step_keys for other in runs)
            must(same < most, "beside", same, "calls in", key, "there is that of", job_id)


def _run_of(job_id: str) -> str:
    return job_id.partition(":")[0]


def _most(standings: Sequence[Standing], limit: Callable[..., int | None]) -> int | None:
    """None: any number."""
    limits = [limit(standing.controls) for standing in standings]
    return None if None in limits else max(limits)  # type: ignore[type-var]
