"""`/v1/checkpoint…`, also as `/v1/http/runs…`: steps of runs that are going on (sdk-protocol §7)."""

from typing import TypeVar

import msgspec

from inngest_fast._native.canonical import CanonicalError, canonicalize
from inngest_fast.api.http import Access, Request, Response, Route, error_response
from inngest_fast.api.services import Services
from inngest_fast.domain.errors import CheckpointRefusedError
from inngest_fast.domain.ids import is_ulid
from inngest_fast.domain.ops import Op
from inngest_fast.engine.answer.opcodes import StepTooLargeError, UnreadableOpsError, read_ops
from inngest_fast.engine.lifecycle.dispatches import read_dispatch

_STATUS = {"invalid": 400, "unknown": 404, "stale": 409, "exists": 409, "too_many": 400, "too_large": 413}
PREFIXES = ("/v1/checkpoint", "/v1/http/runs")

_T = TypeVar("_T")
_no_steps = msgspec.Raw(b"null")


class _DuringCall(msgspec.Struct):
    qi_id: str | None = None
    generation_id: int | None = None
    request_started_at: int | None = None
    steps: msgspec.Raw = _no_steps


class _Surface:
    def __init__(self, services: Services) -> None:
        self._checkpoints = services.checkpoints
        self._clock = services.clock

    async def during_call(self, request: Request) -> Response:
        run_id = request.params["id"]
        try:
            sent = read_body(await request.body(), _DuringCall)
            if not is_ulid(run_id):
                raise CheckpointRefusedError(f"Invalid run ID: {run_id}", "invalid")
            dispatch = read_dispatch(sent.qi_id or "")
            if dispatch is None:
                raise CheckpointRefusedError("qi_id is not that of any call", "invalid")
            ops = read_steps(sent.steps)
            if sent.generation_id and sent.generation_id != dispatch.generation:
                raise CheckpointRefusedError(f"this dispatch of run {run_id} is over", "stale")
            await self._checkpoints.take(
                run_id, dispatch, ops, sent.request_started_at or self._clock.now_ms()
            )
        except CheckpointRefusedError as refused:
            return refusal(refused)
        return Response()


def read_body(body: bytes, kind: type[_T]) -> _T:
    """A request's JSON, canonical before it is read. Raises CheckpointRefusedError."""
    try:
        return msgspec.json.decode(canonicalize(body), type=kind)
    except (CanonicalError, msgspec.DecodeError) as error:
        raise CheckpointRefusedError(f"Invalid request: {error}", "invalid") from None


def read_steps(steps: msgspec.Raw) -> tuple[Op, ...]:
    """The ops of a request; canonical JSON. Raises CheckpointRefusedError."""
    text = bytes(steps)
    if text == b"null":
        return ()
    try:
        return read_ops(text)
    except StepTooLargeError as error:
        raise CheckpointRefusedError(str(error), "too_large") from None
    except UnreadableOpsError as error:
        raise CheckpointRefusedError(str(error), "invalid") from None


def refusal(refused: CheckpointRefusedError) -> Response:
    return error_response(str(refused), _STATUS[refused.code])


def routes(services: Services) -> list[Route]:
    surface = _Surface(services)
    return [Route("POST", f"{prefix}/{{id}}/async", surface.during_call, Access.SDK) for prefix in PREFIXES]
