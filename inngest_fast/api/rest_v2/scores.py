"""Scores of runs and steps, as REST v2 takes them."""

import math
from typing import Any, Final, NamedTuple

import msgspec

from inngest_fast.api.operations.parts import camel
from inngest_fast.api.operations.v2_fields import MAX_SCORE_NAME, MAX_SCORES
from inngest_fast.api.rest_v2.input import bad
from inngest_fast.engine.trace.metadata import Entry, Place

KIND: Final = "inngest.score"
_FIELDS: Final = frozenset(("name", "value", "stepId", "experiment"))


class Scores(NamedTuple):
    """What to note, and where; `number` of scores in all."""

    placed: list[tuple[Place, Entry]]
    number: int


def read_scores(body: bytes) -> Scores:
    """All of them, or RefusedError."""
    try:
        sent = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise bad(f"the body is no JSON: {error}") from None
    if not isinstance(sent, list):
        raise bad("the body must be an array of scores")
    if not 0 < len(sent) <= MAX_SCORES:
        raise bad(f"there must be from 1 to {MAX_SCORES} scores, got {len(sent)}", "invalid_request")
    by_step: dict[str, dict[str, Any]] = {}
    for place, item in enumerate(sent):
        step_id, name, score = _score(item, f"[{place}]")
        by_step.setdefault(step_id, {})[name] = score
    return Scores(
        [(Place(step_id=step or None), Entry(KIND, values)) for step, values in by_step.items()], len(sent)
    )


def _score(item: Any, where: str) -> tuple[str, str, dict[str, Any]]:
    if not isinstance(item, dict):
        raise bad(f"{where} must be an object")
    fields = {camel(name): value for name, value in item.items()}
    if unknown := fields.keys() - _FIELDS:
        raise bad(f"unknown field: {where}.{min(unknown)[:64]}")
    name, value = fields.get("name"), fields.get("value")
    if not name or value is None:
        raise bad(f"{where}.{'value' if name else 'name'} is required", "missing_field")
    if (
        not isinstance(name, str)
        or len(name.encode()) > MAX_SCORE_NAME
        or not name.isprintable()
        or "'" in name
    ):
        raise bad(
            f"{where}.name must be a printable text of at most {MAX_SCORE_NAME} bytes without quotes",
            "validation_error",
        )
    if not isinstance(value, bool | int | float) or not abs(value) < math.inf:
        raise bad(f"{where}.value must be a number or a boolean", "validation_error")
    step_id = fields.get("stepId") or ""
    if not isinstance(step_id, str):
        raise bad(f"{where}.stepId must be a string", "invalid_field_format")
    score: dict[str, Any] = {"value": value}
    if (experiment := fields.get("experiment")) is not None:
        if not isinstance(experiment, dict) or experiment.keys() != {"id", "variant"}:
            raise bad(f"{where}.experiment must have id and variant", "validation_error")
        if not all(isinstance(text, str) for text in experiment.values()):
            raise bad(f"{where}.experiment must have texts as id and variant", "invalid_field_format")
        score["experiment"] = experiment
    return step_id, name, score


def _is_name(name: str) -> bool:
    return len(name.encode()) <= MAX_SCORE_NAME and name.isprintable() and "'" not in name
