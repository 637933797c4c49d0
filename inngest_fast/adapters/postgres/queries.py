"""Reads: the text of each for one schema. A statement sees one committed state."""

from collections.abc import Iterable
from typing import Any, Final

from inngest_fast.adapters.postgres.rows import EVENT_COLUMNS, storable
from inngest_fast.adapters.postgres.statements import quoted
from inngest_fast.domain.runs import RunStatus
from inngest_fast.ports.store import Bound, EventQuery, RunQuery

# "0" comes right after "/".
_NOT_INTERNAL: Final = "(name < 'inngest/' OR name >= 'inngest0')"


class Queries:
    """The queries for one schema."""

    def __init__(self, schema: str) -> None:
        prefix = quoted(schema) + "."

        def on(text: str) -> bytes:
            return text.replace("~", prefix).encode()

        self._on = on
        # Runs and their steps in one statement, so that they are of one moment.
        self.whole_runs: Final = on(
            "SELECT runs.id, NULL::bytea, runs.body, runs.wires, events.wire FROM ~runs AS runs"
            " LEFT JOIN ~events AS events ON events.id = runs.event_id WHERE runs.id = ANY(%b::text[])"
            " UNION ALL SELECT run_id, body, NULL, NULL, NULL FROM ~steps WHERE run_id = ANY(%b::text[])"
        )
        self.wires: Final = on("SELECT id, wire FROM ~events WHERE id = ANY(%b::text[])")
        self.trace_rows: Final = on(
            "SELECT key, body FROM ~traces WHERE run_id = %b::text AND key >= %b::text AND key < %b::text"
            " ORDER BY key"
        )
        self.event: Final = on(f"SELECT {EVENT_COLUMNS} FROM ~events WHERE id = %b::text")
        self.waits: Final = on("SELECT body FROM ~waits WHERE id = ANY(%b::bigint[])")
        # Of one moment: how often apps changed, paths new to the asker, and waits by their numbers.
        self.find: Final = on(
            "SELECT number, -1 AS bucket, NULL::bytea FROM ~apps_version WHERE env = 1"
            " UNION ALL SELECT number, bucket, convert_to(path, 'UTF8') FROM ~wait_paths"
            " WHERE bucket = ANY(%b::text::integer[]) AND number <> ALL(%b::text::bigint[])"
            " UNION ALL SELECT lookup, NULL, body FROM ~waits WHERE lookup = ANY(%b::text::bigint[])"
            # The OFFSET keeps the planner from reading all waits to find a few.
            " UNION ALL SELECT more.lookup, NULL, found.body FROM ~wait_lookups AS more CROSS JOIN LATERAL"
            " (SELECT body FROM ~waits AS waits WHERE waits.id = more.wait_id OFFSET 0) AS found"
            " WHERE more.lookup = ANY(%b::text::bigint[])"
        )
        self.live_waits: Final = on(
            "SELECT body FROM ~waits WHERE id > %b::bigint ORDER BY id LIMIT %b::bigint"
        )
        self.jobs: Final = on("SELECT body FROM ~jobs WHERE id > %b::text ORDER BY id LIMIT %b::bigint")
        self.run_jobs: Final = on("SELECT body FROM ~jobs WHERE run_id = %b::text ORDER BY id")
        self.job: Final = on("SELECT body FROM ~jobs WHERE id = %b::text")
        self.jobs_live: Final = on("SELECT id FROM ~jobs WHERE id = ANY(%b::text[])")
        row = "SELECT key, until, holder, body FROM ~flow_rows"
        self.rows: Final = on(f"{row} WHERE key = ANY(%b::text[]) AND until > %b::bigint")
        self.rows_of: Final = on(
            f"{row} WHERE key > %b::text AND key < %b::text AND until > %b::bigint"
            " ORDER BY key LIMIT %b::bigint"
        )
        self.batch: Final = on(
            f"SELECT {EVENT_COLUMNS} FROM ~pending_events AS pending"
            " JOIN ~events AS events ON events.id = pending.event_id"
            " WHERE batch_id = %b::text ORDER BY position, event_id"
        )
        self.cancellation: Final = on("SELECT body FROM ~cancellations WHERE id = %b::text")
        self.cancellations: Final = on(
            "SELECT body FROM ~cancellations WHERE id < %b::text ORDER BY id DESC LIMIT %b::bigint"
        )
        self.live_runs: Final = on(
            "SELECT body FROM ~runs WHERE function_id = %b::text AND status < 300"
            " AND id > %b::text AND id <= %b::text ORDER BY id LIMIT %b::bigint"
        )
        self.apps: Final = on("SELECT body FROM ~apps ORDER BY id")
        self.functions: Final = on("SELECT body FROM ~functions ORDER BY id")
        self.count_live_runs: Final = on("SELECT count(*) FROM ~runs WHERE status < 300")
        self.stuck_runs: Final = on(
            "WITH looked AS MATERIALIZED (SELECT id, queued_at FROM ~runs WHERE status < 300"
            " AND id > %b::text ORDER BY id LIMIT %b::bigint)"
            " SELECT count(*), max(id), array_agg(id ORDER BY id) FILTER (WHERE queued_at < %b::bigint"
            " AND NOT EXISTS (SELECT 1 FROM ~jobs AS jobs WHERE jobs.run_id = looked.id)) FROM looked"
        )

    def runs(self, query: RunQuery, limit: int) -> tuple[bytes, list[Any]]:
        """The statement of a listing, or of half of one, and its values."""
        terms, values = _run_terms(query)
        way, sign = ("ASC", ">") if query.ascending else ("DESC", "<")
        columns = query.order_columns
        if query.timed is not None:  # a literal, as in the partial indexes
            terms.append(f"{query.order.value} {'>' if query.timed else '='} 0")
        if query.after is not None:
            beyond = query.after[-len(columns) :]
            terms.append(f"({', '.join(columns)}) {sign} ({', '.join(map(_mark, beyond))})")
            values += (storable(each) if isinstance(each, str) else each for each in beyond)
        values += (limit, query.offset)
        order = ", ".join(f"{column} {way}" for column in columns)
        return self._on(
            f"SELECT body FROM ~runs{_where(terms)} ORDER BY {order} LIMIT %b::bigint OFFSET %b::bigint"
        ), values

    def count_runs(self, query: RunQuery) -> tuple[bytes, list[Any]]:
        terms, values = _run_terms(query)
        return self._on(f"SELECT count(*) FROM ~runs{_where(terms)}"), values

    def events(self, query: EventQuery) -> tuple[bytes, list[Any]]:
        """The statement of a listing, and its values."""
        terms, values = _event_terms(query)
        if query.before_id:
            terms.append("id < %b::text")
            values.append(storable(query.before_id))
        values.append(query.limit)
        return self._on(
            f"SELECT {EVENT_COLUMNS} FROM ~events{_where(terms)} ORDER BY id DESC LIMIT %b::bigint"
        ), values

    def count_events(self, query: EventQuery) -> tuple[bytes, list[Any]]:
        terms, values = _event_terms(query)
        return self._on(f"SELECT count(*) FROM ~events{_where(terms)}"), values


def _run_terms(query: RunQuery) -> tuple[list[str], list[Any]]:
    terms: list[str] = []
    values: list[Any] = []
    if query.before_id:
        terms.append("id < %b::text")
        values.append(storable(query.before_id))
    if statuses := query.any_of_statuses:
        terms.append("status = ANY(%b::smallint[])" if len(statuses) > 1 else "status = %b::smallint")
        values.append([int(status) for status in statuses] if len(statuses) > 1 else int(statuses[0]))
        if RunStatus.COMPLETED not in statuses:  # lets the partial indexes be used
            if all(status.ended for status in statuses):
                terms.append("status > 300")
            elif not any(status.ended for status in statuses):
                terms.append("status < 300")
    if query.function_id:
        terms.append("function_id = %b::text")
        values.append(storable(query.function_id))
    if query.function_ids:
        terms.append("function_id = ANY(%b::text[])")
        values.append([storable(id) for id in query.function_ids])
    if events := query.any_of_events:
        terms.append(
            "id IN (SELECT id FROM ~runs WHERE event_id = ANY(%b::text[])"
            " UNION SELECT run_id FROM ~batched_events WHERE event_id = ANY(%b::text[]))"
        )
        values += ([storable(id) for id in events],) * 2
    _add_bounds(query.bounds, terms, values)
    return terms, values


def _add_bounds(bounds: Iterable[Bound], terms: list[str], values: list[Any]) -> None:
    for column, sign, value in bounds:
        terms.append(f"{column} {sign} {_mark(value)}")
        values.append(value)


def _mark(value: int | str) -> str:
    return "%b::text" if isinstance(value, str) else "%b::bigint"


def _event_terms(query: EventQuery) -> tuple[list[str], list[Any]]:
    terms: list[str] = []
    values: list[Any] = []
    if names := query.any_of_names:
        terms.append("name = ANY(%b::text[])" if len(names) > 1 else "name = %b::text")
        values.append([storable(name) for name in names] if len(names) > 1 else storable(names[0]))
    if query.ids:
        terms.append("id = ANY(%b::text[])")
        values.append([storable(id) for id in query.ids])
    _add_bounds(query.bounds, terms, values)
    if not query.internal:
        terms.append(_NOT_INTERNAL)
    return terms, values


def _where(terms: list[str]) -> str:
    return " WHERE " + " AND ".join(terms) if terms else ""
