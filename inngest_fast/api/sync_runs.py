"""`/v1/checkpoint…` of durable endpoints: new runs, their steps, their output (sdk-protocol §7.2)."""

from typing import Final

import msgspec

from inngest_fast.api.checkpoint import PREFIXES, read_body, read_steps, refusal
from inngest_fast.api.http import Access, Request, Response, Route, data_response, error_response, query
from inngest_fast.api.services import Services
from inngest_fast.auth.tokens import Tokens, tokens_of
from inngest_fast.domain.errors import CheckpointRefusedError
from inngest_fast.domain.events import HTTP_REQUEST
from inngest_fast.domain.functions import DEFAULT_RETRIES
from inngest_fast.domain.ids import ACCOUNT, ENVIRONMENT, is_ulid
from inngest_fast.domain.runs import Run, RunStatus
from inngest_fast.engine import limits

OUTPUT_WAIT_S: Final = 300
TOKEN_LIFE_S: Final = 3_600
STREAM_LIFE_S: Final = 960

_NO_TOKEN: Final = error_response("Unable to find run with auth token", 401)
_TOO_LARGE: Final = error_response(f"A new run may have {limits.MAX_REQUEST_SIZE} bytes", 413)
# Of the response to the endpoint's own caller; this one is framed anew.
_FRAMING: Final = frozenset(
    ("connection", "content-encoding", "content-length", "content-type", "keep-alive", "transfer-encoding")
)


class _Event(msgspec.Struct):
    name: str
    data: msgspec.Raw


class _NewRun(msgspec.Struct):
    run_id: str
    event: _Event
    steps: msgspec.Raw = msgspec.Raw(b"null")
    request_version: int | None = None
    retries: int | None = None
    idempotency: str | None = None


class _Steps(msgspec.Struct):
    steps: msgspec.Raw = msgspec.Raw(b"null")


class _Response(msgspec.Struct):
    """What an endpoint answered."""

    status: int
    body: str
    headers: dict[str, str] = {}


class _Surface:
    def __init__(self, services: Services) -> None:
        self._runs = services.sync_runs
        self._ends = services.run_ends
        self._clock = services.clock
        self._entropy = services.entropy
        self._output_tokens = _tokens("run output", services)
        self._stream_tokens = _tokens("realtime", services)

    async def begin(self, request: Request) -> Response:
        body = await request.body()
        if len(body) > limits.MAX_REQUEST_SIZE:
            return _TOO_LARGE
        sdk = request.header("x-inngest-sdk") or request.header("user-agent")
        try:
            sent = read_body(body, _NewRun)
            if not is_ulid(sent.run_id):
                raise CheckpointRefusedError(f"Invalid run ID: {sent.run_id}", "invalid")
            if sent.event.name != HTTP_REQUEST:
                raise CheckpointRefusedError(f"Invalid event: {sent.event.name}", "invalid")
            ops = read_steps(sent.steps)
            begun = await self._runs.begin(
                sent.run_id,
                bytes(sent.event.data),
                ops,
                version=sent.request_version or 0,
                retries=DEFAULT_RETRIES if sent.retries is None else sent.retries,
                coding="text" if "js" in sdk else "base64",
                sdk=sdk.removeprefix("inngest-"),
                idempotency=sent.idempotency or "",
            )
        except CheckpointRefusedError as refused:
            return refusal(refused)
        data = {
            "fn_id": begun.function_id,
            "app_id": begun.app_id,
            "run_id": begun.run_id,
            "realtime_token": self._stream_token(begun.run_id),
        }
        if ops:
            data["token"] = self._output_token(begun.run_id)
        return data_response(data, self._clock.now_ms())

    async def steps(self, request: Request) -> Response:
        run_id = request.params["id"]
        try:
            sent = read_body(await request.body(), _Steps)
            if not is_ulid(run_id):
                raise CheckpointRefusedError(f"Invalid run ID: {run_id}", "invalid")
            await self._runs.report(run_id, read_steps(sent.steps))
        except CheckpointRefusedError as refused:
            return refusal(refused)
        return data_response({"run_id": run_id}, self._clock.now_ms())

    async def output(self, request: Request) -> Response:
        run_id = request.params["id"]
        claims = self._output_tokens.verify(query(request).get("token", ""), now_ms=self._clock.now_ms())
        if claims is None or claims.get("RunID") != run_id:
            return _NO_TOKEN
        run = await self._ends.wait(run_id, OUTPUT_WAIT_S)
        if run is None:
            return error_response(f"there is no run {run_id}", 404)
        return _replayed(run)

    def _output_token(self, run_id: str) -> str:
        claims = {"iss": "api.inngest.com", "Env": ENVIRONMENT, "RunID": run_id}
        return self._output_tokens.issue(
            "run-claim", claims, now_ms=self._clock.now_ms(), lifetime_s=TOKEN_LIFE_S
        )

    def _stream_token(self, run_id: str) -> str:
        """For what the endpoint streams to its caller (connect-realtime §2.2)."""
        now = self._clock.now_ms()
        topic = {"kind": "run", "env_id": ENVIRONMENT, "channel": run_id, "name": "$stream"}
        claims = {
            "iss": "rt.inngest.com",
            "jti": self._entropy.ulid(now),
            "env": ENVIRONMENT,
            "topics": [topic],
            "publish": False,
        }
        return self._stream_tokens.issue(ACCOUNT, claims, now_ms=now, lifetime_s=STREAM_LIFE_S)


def _tokens(purpose: str, services: Services) -> Tokens:
    settings = services.settings
    return tokens_of(purpose, settings.signing_key, settings.signing_key_fallback)


def _replayed(run: Run) -> Response:
    """What the endpoint would have answered to its caller, had it been there still."""
    if not run.status.ended:
        status = {"status": "running", "message": "run did not end within 5 minutes"}
        return Response(200, msgspec.json.encode(status))
    try:
        found = msgspec.json.decode(run.output or b"null", type=_Response)
    except msgspec.DecodeError:
        found = None
    if found is not None and 200 <= found.status <= 599:
        headers = {name.lower(): value for name, value in found.headers.items()}
        return Response(
            found.status,
            found.body.encode("utf-8", "surrogatepass"),
            headers.get("content-type", "text/plain; charset=utf-8"),
            tuple((name, value) for name, value in headers.items() if _passes(name, value)),
        )
    if run.status is RunStatus.COMPLETED:
        return Response(200, run.output or b"null")
    if run.status is RunStatus.FAILED:
        return Response(500, run.error or b"null")
    return error_response("the run was cancelled", 409)


def _passes(name: str, value: str) -> bool:
    text = name + value
    return name not in _FRAMING and text.isprintable() and text.isascii()


def routes(services: Services) -> list[Route]:
    surface = _Surface(services)
    found = []
    for prefix in PREFIXES:
        found += [
            Route("POST", prefix, surface.begin, Access.SDK),
            Route("POST", f"{prefix}/{{id}}/steps", surface.steps, Access.SDK),
            Route("GET", f"{prefix}/{{id}}/output", surface.output, Access.OWN_TOKEN),
        ]
    return found
