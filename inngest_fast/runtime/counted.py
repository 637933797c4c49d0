"""Counters as metrics: which of them make a family, and what it is about."""

import re
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from inngest_fast.domain.metrics import Family, Sample

PREFIX: Final = "inngest_fast_"
_NO_NAME = re.compile(r"[^a-z0-9_]")


class Counted(NamedTuple):
    """A family: by the value of its label the counter, or what the names of its counters begin with."""

    name: str
    help: str
    label: str = ""
    keys: Mapping[str, str] = {}
    begins: str = ""


COUNTED: Final = (
    Counted("events_total", "Events taken in, durably.", keys={"": "events"}),
    Counted(
        "events_refused_total",
        "Requests whose events were not taken in, or not all: too many wait to be stored, the store fails, "
        "or one is no event.",
        "reason",
        {"overload": "ingest_overloaded", "store": "ingest_failed", "invalid": "ingest_invalid"},
    ),
    Counted("runs_skipped_total", "Runs recorded and not done.", keys={"": "runs_skipped"}),
    Counted(
        "runs_cancelled_in_bulk_total",
        "Runs that bulk cancellations ended.",
        keys={"": "runs_cancelled_in_bulk"},
    ),
    Counted(
        "transitions_total",
        "Transitions that were committed, or could not be because the store failed.",
        "outcome",
        {"committed": "commits", "failed": "commits_failed"},
    ),
    Counted(
        "transitions_dropped_total",
        "Transitions that a fence dropped: somebody else was faster.",
        "reason",
        begins="dropped_by_",
    ),
    Counted(
        "app_calls_unanswered_total",
        "Calls of apps without a usable answer.",
        "fault",
        begins="calls_failed_",
    ),
    Counted(
        "gateway_requests_total",
        "Requests made for apps (step.fetch, step.ai.infer).",
        keys={"": "gateway_requests"},
    ),
    Counted(
        "gateway_requests_unanswered_total",
        "Those without a usable answer.",
        "fault",
        begins="gateway_requests_failed_",
    ),
    Counted(
        "checkpoints_total",
        "Reports of calls that were still running.",
        "outcome",
        {"taken": "checkpoints", "stale": "checkpoints_stale"},
    ),
    Counted(
        "cron_ticks_total",
        "Ticks of crons: those that came, and those that were missed while no server ran.",
        "outcome",
        {"fired": "cron_ticks", "missed": "cron_ticks_missed"},
    ),
    Counted("syncs_total", "Registrations of apps.", keys={"": "syncs"}),
    Counted("jobs_faulted_total", "Jobs that failed inside the server: bugs.", keys={"": "jobs_faulted"}),
    Counted(
        "jobs_over_already_total",
        "Jobs that another server had done when they were leased again.",
        keys={"": "jobs_over_already"},
    ),
    Counted(
        "repairs_total",
        "What the reconciler found wrong and put right.",
        "kind",
        {
            "job_rearmed": "reconciler_jobs_rearmed",
            "job_dropped": "reconciler_jobs_dropped",
            "run_repaired": "reconciler_runs_repaired",
        },
    ),
    Counted(
        "redis_events_total",
        "Troubles of the queue in Redis.",
        "kind",
        {
            "hint_dropped": "redis_hints_dropped",
            "reconnected": "redis_reconnected",
            "lease_lost": "redis_leases_lost",
            "loss": "redis_losses",
        },
    ),
    Counted(
        "trace_export_spans_total",
        "Spans for the OTLP collector: taken by it, refused by it, or given up.",
        "outcome",
        {"exported": "spans_exported", "rejected": "spans_rejected", "dropped": "spans_dropped"},
    ),
    Counted(
        "trace_export_runs_dropped_total",
        "Runs whose spans were not exported because too many waited.",
        keys={"": "trace_runs_dropped"},
    ),
)
# By function they are there under the names of http-api §3.4.
_SHOWN_BY_FUNCTION = frozenset(("calls", "runs_created", "runs_completed", "runs_failed", "runs_cancelled"))


def counted(counts: Mapping[str, int]) -> Iterator[Family]:
    """The families of counters. One that no family names is a family of its own."""
    left = {name: count for name, count in counts.items() if name not in _SHOWN_BY_FUNCTION}
    for row in COUNTED:
        samples = [
            Sample(left.pop(key, 0), ((row.label, value),) if row.label else ())
            for value, key in row.keys.items()
        ]
        if row.begins:
            found = [key for key in left if key.startswith(row.begins)]
            samples += [Sample(left.pop(key), ((row.label, key.removeprefix(row.begins)),)) for key in found]
        yield Family(PREFIX + row.name, "counter", row.help, samples)
    for key, count in left.items():
        name = _NO_NAME.sub("_", key.lower())
        yield Family(f"{PREFIX}{name}_total", "counter", "A counter of /health.", [Sample(count)])
