"""What changes something: invoking, cancelling, running again, scoring, sending."""

from typing import Any, Final

import msgspec

from inngest_fast.api.events import caller_of
from inngest_fast.api.http import Request, Response
from inngest_fast.api.rest_v2 import replies
from inngest_fast.api.rest_v2.catalogue import Catalogue
from inngest_fast.api.rest_v2.input import Values, bad, read_object, read_text
from inngest_fast.api.rest_v2.replies import RefusedError
from inngest_fast.api.rest_v2.runs import Runs
from inngest_fast.api.rest_v2.scores import read_scores
from inngest_fast.api.services import Services
from inngest_fast.domain.errors import AnnotationRefusedError, InvalidEventError, RerunRefusedError
from inngest_fast.domain.invocations import InvokeOutcome
from inngest_fast.domain.runs import RunStatus
from inngest_fast.engine.intake import read_events
from inngest_fast.engine.intake.events import MAX_EVENT, MAX_NAME

_NOT_STARTED: Final = {
    InvokeOutcome.RATE_LIMITED: ("rate_limited", "The function's rate limit lets no run start now"),
    InvokeOutcome.DEBOUNCED: ("function_debounced", "The function is debounced: a run may start later"),
    InvokeOutcome.BATCHED: ("function_debounced", "The function is batched: a run starts with its batch"),
    InvokeOutcome.SKIPPED: (
        "function_skipped",
        "The run is skipped: the function is paused, or its singleton runs",
    ),
    InvokeOutcome.NOTHING: ("function_skipped", "A key of the function has no value for this data"),
}
_STATUS: Final = {"unknown": 404, "function_unknown": 404, "too_large": 413}
_CODES: Final = {404: "not_found", 413: "invalid_request", 400: "validation_error"}


class Acts:
    def __init__(self, services: Services, catalogue: Catalogue, runs: Runs) -> None:
        self._services = services
        self._catalogue = catalogue
        self._runs = runs

    async def invoke(self, values: Values, _: Request) -> Response:
        data = values.get("data")
        if data is None:
            raise bad("Input data is required", "missing_field")
        if bytes(data)[:1] != b"{":
            raise bad("data must be an object", "invalid_field_format")
        key = read_text(values["idempotencyKey"], "idempotencyKey") if "idempotencyKey" in values else ""
        function = self._catalogue.named(values)
        try:
            did = await self._services.runs.invoke(function, bytes(data), idempotency_key=key)
        except InvalidEventError as error:
            raise bad(str(error), "validation_error") from None
        if did.outcome in _NOT_STARTED:
            code, message = _NOT_STARTED[did.outcome]
            raise RefusedError(message, 422, code)
        return self._run_id(did.run_id, 409 if did.outcome is InvokeOutcome.DUPLICATE else 200)

    async def cancel(self, values: Values, _: Request) -> Response:
        run_id = values["runId"]
        match await self._services.runs.cancel(run_id):
            case "unknown":
                raise RefusedError("Run not found", 404, "not_found")
            case "ended":
                run = await self._runs.whole(run_id)
                if run.status is RunStatus.CANCELLED:
                    raise RefusedError("Run is already cancelled", 409, "run_already_cancelled")
                raise RefusedError("Cannot cancel an ended run", 409, "run_already_ended")
        return self._run_id(run_id)

    async def rerun(self, values: Values, _: Request) -> Response:
        step, input = "", None
        if "fromStep" in values:
            given = read_object(values["fromStep"], "fromStep")
            for name in given:
                if name not in ("stepId", "step_id", "input"):
                    raise bad(f"unknown field: fromStep.{name[:64]}")
            named = given.get("stepId", given.get("step_id"))
            step = read_text(named, "fromStep.stepId") if named is not None else ""
            if not step:
                raise bad("Step ID is required", "missing_field")
            raw = given.get("input")
            if raw is not None and bytes(raw) != b"null":
                if bytes(raw)[:1] != b"[":
                    raise bad("fromStep.input must be an array", "invalid_field_format")
                input = bytes(raw)
        try:
            return self._run_id(await self._services.runs.rerun(values["runId"], step, input))
        except RerunRefusedError as error:
            raise _refused(str(error), error.code) from None

    async def score(self, values: Values, request: Request) -> Response:
        scores = read_scores(await request.body())
        try:
            for place, entry in scores.placed:
                await self._services.annotations.add_metadata(values["runId"], place, [entry])
        except AnnotationRefusedError as error:
            message = "Run not found" if error.code == "unknown" else str(error)
            raise _refused(message, error.code) from None
        return replies.single({"count": scores.number}, self._services.clock.now_ms())

    async def send(self, values: Values, request: Request) -> Response:
        if len(await request.body()) > MAX_EVENT:
            raise RefusedError(f"Event is over the max size: Max {MAX_EVENT} bytes", 413, "invalid_request")
        name = read_text(values["name"], "name") if "name" in values else ""
        if not name:
            raise bad("name is required", "missing_field")
        if len(name) > MAX_NAME:
            raise bad(f"name must have at most {MAX_NAME} characters", "validation_error")
        services = self._services
        intake = read_events(
            msgspec.json.encode(_event(values)),
            now_ms=services.clock.now_ms(),
            entropy=services.entropy,
            caller=caller_of(request),
        )
        if intake.error:
            services.metrics.refused("invalid")
            raise bad(intake.error, "validation_error")
        await services.ingest.accept(intake.events)
        return replies.single({"eventId": intake.events[0].id}, services.clock.now_ms())

    def _run_id(self, run_id: str, status: int = 200) -> Response:
        return replies.single({"runId": run_id}, self._services.clock.now_ms(), status)


def _refused(message: str, code: str) -> RefusedError:
    status = _STATUS.get(code, 400)
    return RefusedError(message, status, _CODES[status])


def _event(values: Values) -> dict[str, Any]:
    """As `/e` takes it; a 64-bit number may come as a text."""
    event: dict[str, Any] = {name: values[name] for name in ("name", "data", "user", "id") if name in values}
    for name in ("data", "user"):
        if name in event and bytes(event[name])[:1] != b"{":
            raise bad(f"{name} must be an object", "invalid_field_format")
    if "ts" in values:
        text = bytes(values["ts"]).strip(b'"')
        if not text.isdigit() or len(text) > 18:
            raise bad("ts must be unix milliseconds", "invalid_field_format")
        event["ts"] = int(text)
    return event
