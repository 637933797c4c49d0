"""Metadata: what apps, and the server, note on a run, its steps and spans (connect-realtime §3.5)."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from inngest_fast.domain.traces import Metadata
from inngest_fast.domain.transitions import PutTrace
from inngest_fast.engine.gateway.prices import estimated_cost

if TYPE_CHECKING:
    from inngest_fast.domain.ops import Op
    from inngest_fast.engine.lifecycle.draft import Draft

KEY_PREFIX: Final = "m:"  # of the trace rows that hold notes
AI: Final = "inngest.ai"
MAX_NOTE: Final = 64 * 1024  # bytes
MAX_PER_RUN: Final = 1024 * 1024

_MAX_KIND = 128
_SCOPES = frozenset(("run", "step", "step_attempt", "extended_trace"))
_OPS = frozenset(("merge", "set", "delete", "add"))
# Of the kinds that are ours those that an SDK may set.
_OF_SDKS = frozenset(
    (
        AI,
        "inngest.http",
        "inngest.http.timing",
        "inngest.response_headers",
        "inngest.warnings",
        "inngest.experiment",
        "inngest.score",
    )
)
_MAX_SCORE_NAME = 128


class Target(NamedTuple):
    """What a note is on: a span, an attempt of a step, a step (its hashed id), or with neither the run."""

    step_id: str = ""
    attempt: int | None = None
    span_id: str = ""


class Note(msgspec.Struct, frozen=True, omit_defaults=True):
    """One change of metadata. `at` is unix ms."""

    kind: str
    op: str
    values: dict[str, Any]
    at: int
    scope: str = "run"
    step_id: str = ""
    attempt: int | None = None
    span_id: str = ""

    @property
    def target(self) -> Target:
        if self.span_id:
            return Target(span_id=self.span_id)
        return Target(self.step_id, self.attempt)


class Place(msgspec.Struct, frozen=True):
    """A target as SDKs write it: `step_id` is hashed or not, `step_index` counts repeats of the latter."""

    step_id: str | None = None
    step_index: int | None = None
    step_attempt: int | None = None
    span_id: str | None = None

    @property
    def usable(self) -> bool:
        """Whether what it says of a step comes with the step."""
        return bool(self.step_id or self.span_id) or (self.step_index is None and self.step_attempt is None)

    @property
    def scope(self) -> str:
        if self.span_id:
            return "extended_trace"
        if not self.step_id:
            return "run"
        return "step" if self.step_attempt is None else "step_attempt"


class Entry(msgspec.Struct, frozen=True):
    """A change as SDKs write it. The target has the scope, where it comes with one."""

    kind: str
    values: dict[str, Any]
    op: str = "merge"
    scope: str = ""


_decode = msgspec.msgpack.Decoder(Note).decode
_encode = msgspec.msgpack.Encoder().encode
_raw_entries = msgspec.json.Decoder(list[msgspec.Raw])
_entry = msgspec.json.Decoder(Entry)


def is_settable(kind: str, values: dict[str, Any]) -> bool:
    """Whether an app may note that."""
    if not kind or len(kind) > _MAX_KIND:
        return False
    if kind == "inngest.score":
        return all(map(_is_score, values, values.values()))
    return kind in _OF_SDKS or (kind.startswith("userland.") and kind != "userland.")


def _is_score(name: str, score: Any) -> bool:
    value = score.get("value") if isinstance(score, dict) else None
    named = 0 < len(name.encode()) <= _MAX_SCORE_NAME and name.isprintable() and "'" not in name
    return named and isinstance(value, bool | int | float)


def is_op(op: str) -> bool:
    return op in _OPS


def row(note: Note, id: str) -> tuple[str, bytes]:
    """Key and body of a trace row; `id` orders a run's notes."""
    return KEY_PREFIX + id, _encode(note)


def put_note(draft: "Draft", note: Note) -> None:
    """Notes it with the transition, unless it, or all that the run has, is too large: then it is left out."""
    key, body = row(note, draft.entropy.ulid(draft.now))
    run = draft.run
    if len(body) <= MAX_NOTE and run.metadata_size + len(body) <= MAX_PER_RUN:
        run.metadata_size += len(body)
        draft.act(PutTrace(run.id, key, body))


def annotate(draft: "Draft", op: "Op") -> None:
    """The `metadata` of an op that reports a step. What cannot be noted is left out."""
    if op.metadata is None:
        return
    try:
        entries = _raw_entries.decode(op.metadata)
    except msgspec.ValidationError:
        return
    attempt = draft.job.attempt if draft.job is not None else 0
    for raw in entries:
        try:
            entry = _entry.decode(raw)
        except msgspec.ValidationError:
            continue
        if not is_settable(entry.kind, entry.values) or entry.op not in _OPS:
            continue
        scope = entry.scope if entry.scope in _SCOPES else "step"
        note = Note(
            entry.kind,
            entry.op,
            entry.values,
            draft.now,
            scope,
            step_id="" if scope == "run" else op.id,
            attempt=attempt if scope == "step_attempt" else None,
        )
        put_note(draft, note)


def fold(rows: Iterable[tuple[str, bytes]]) -> dict[Target, list[Metadata]]:
    """What is noted by now, by what it is on, given a run's trace rows; others count for nothing.

    Cost is estimated where tokens of a known model are noted without it.
    """
    folded: dict[tuple[Target, str, str], Metadata] = {}
    size = last = 0
    for key, body in rows:
        if not key.startswith(KEY_PREFIX):
            continue
        note = _decode(body)
        size += len(body)
        last = max(last, note.at)
        place = (note.target, note.scope, note.kind)
        before = folded.get(place)
        values = _changed(before.values if before is not None else {}, note)
        if values is None:
            folded.pop(place, None)
        else:
            folded[place] = Metadata(note.scope, note.kind, values, note.at)
    found: dict[Target, list[Metadata]] = {}
    for (target, _, _), metadata in folded.items():
        found.setdefault(target, []).append(with_cost(metadata))
    if size:
        used = Metadata("run", "inngest.usage", {"metadata_bytes": size}, last)
        found.setdefault(Target(), []).append(used)
    return found


def with_cost(metadata: Metadata) -> Metadata:
    """The same with its `estimated_cost`, where that can be told."""
    values = metadata.values
    if metadata.kind != AI or "estimated_cost" in values:
        return metadata
    cost = estimated_cost(values)
    if cost is None:
        return metadata
    return Metadata(metadata.scope, metadata.kind, {**values, "estimated_cost": cost}, metadata.updated_at)


def _changed(values: dict[str, Any], note: Note) -> dict[str, Any] | None:
    """None: nothing is left."""
    if note.op == "set":
        return note.values
    if note.op == "delete":
        left = {name: value for name, value in values.items() if name not in note.values}
        return left if left and note.values else None
    if note.op == "add":
        return {**values, **{name: _sum(values.get(name), more) for name, more in note.values.items()}}
    return {**values, **note.values}


def _sum(value: Any, more: Any) -> Any:
    both = isinstance(value, int | float) and isinstance(more, int | float)
    return value + more if both and not isinstance(value, bool) and not isinstance(more, bool) else more
