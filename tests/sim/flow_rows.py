"""The rows of flow control and what they are about, after every commit that touches them."""

from collections.abc import Callable, Iterable

from inngest_fast.domain.transitions import Action, CreateRun, EndRun, PutRow
from inngest_fast.engine.flow import batch, debounce
from tests.fixtures.model_store import Snapshot


def check_rows(actions: Iterable[Action], tables: Snapshot, now: int, must: Callable[..., None]) -> None:
    jobs, rows = tables["jobs"], tables["rows"]
    actions = list(actions)
    taken = {row.key: action.run.id for action in actions if type(action) is CreateRun for row in action.rows}
    for action in actions:
        match action:
            case PutRow(row) if rows.get(row.key) == row:
                kind = row.key.partition(":")[0]
                if kind == debounce.KIND:
                    opened = debounce.read(row)
                    job = jobs.get(opened.job_id)
                    in_time = job is not None and job.due <= max(opened.due, now)
                    must(in_time, "nothing will end the debounce", opened)
                elif kind == batch.KIND:
                    filling = batch.read(row)
                    events = sum(key[0] == filling.batch_id for key in tables["pending"])
                    must(events == filling.count, "the batch", filling, "has", events, "events")
                    must(batch.job_ids(filling.batch_id)[0] in jobs, "nothing will end the batch", filling)
            case CreateRun(run) if taken.get(run.flow.singleton) == run.id and run.id in tables["runs"]:
                holder = rows.get(run.flow.singleton)
                must(holder is not None and holder.holder == run.id, run.id, "does not hold", holder)
            case EndRun(run) if run.flow.singleton:
                holder = rows.get(run.flow.singleton)
                must(holder is None or holder.holder != run.id, run.id, "has ended and holds", holder)
