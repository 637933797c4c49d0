"""The call request, to the byte (sdk-protocol §2)."""

import hashlib
from functools import lru_cache
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

import msgspec

from inngest_fast.domain.apps import Function
from inngest_fast.domain.ids import ulid
from inngest_fast.domain.jobs import Job, JobKind
from inngest_fast.domain.runs import Run
from inngest_fast.engine import limits
from inngest_fast.engine.lifecycle.retry import max_attempts

DISCOVERY = "step"

_quoted = msgspec.json.encode


class Call(msgspec.Struct, frozen=True):
    """What is sent, except the signature: `body` is canonical JSON."""

    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


def call_request(run: Run, function: Function, job: Job) -> Call:
    """The request that a job makes. State too large for one is left for the app to fetch (§2.1)."""
    step_id = job.step_id if job.kind is JobKind.PLAN else DISCOVERY
    request_id = _request_id(job)
    body = _body(run, function, job, step_id, request_id, use_api=False)
    if run.state_size > limits.MAX_STATE_IN_REQUEST or len(body) > limits.MAX_REQUEST_SIZE:
        body = _body(run, function, job, step_id, request_id, use_api=True)
    return Call(
        url=step_url(function.config.url, step_id),
        headers=(
            ("Content-Type", "application/json"),
            ("X-Run-ID", run.id),
            ("x-inngest-req-version", str(run.request_version)),
            ("X-Inngest-Step-ID", _header_value(step_id)),
            ("x-request-id", request_id),
            ("x-inngest-generation-id", str(job.generation)),
            ("x-inngest-job-id", _header_value(job.id)),
            ("traceparent", _traceparent(run.id, request_id)),
        ),
        body=body,
    )


@lru_cache(maxsize=4096)
def step_url(url: str, step_id: str) -> str:
    """The runtime URL with `stepId` set, whatever it was."""
    parts = urlsplit(url)
    pairs = [(k, v) for k, v in parse_qsl(parts.query, keep_blank_values=True) if k != "stepId"]
    pairs.append(("stepId", step_id))
    scheme = {"ws": "http", "wss": "https"}.get(parts.scheme, parts.scheme)
    return urlunsplit((scheme, parts.netloc, parts.path, urlencode(pairs), ""))


def steps_json(run: Run) -> bytes:
    """The memos of the stack, by step id: the `steps` of a call and of `/v0/runs/{id}/actions`."""
    steps = run.steps
    ids = sorted(run.stack) if all(map(str.isascii, run.stack)) else sorted(run.stack, key=_utf16)
    parts = [_quoted(id) + b":" + (steps[id].memo or b"null") for id in ids]
    return b"{" + b",".join(parts) + b"}"


def events_json(run: Run) -> bytes:
    """The triggering events: the `events` of a call and `/v0/runs/{id}/batch`."""
    return b"[" + b",".join(run.events) + b"]"


def _body(run: Run, function: Function, job: Job, step_id: str, request_id: str, *, use_api: bool) -> bytes:
    api = b"true" if use_api else b"false"
    current = 0
    if job.step_id and job.kind is not JobKind.PLAN and job.step_id in run.steps:
        current = run.steps[job.step_id].seq + 1
    stack = b",".join(map(_quoted, run.stack))
    return b"".join(
        (
            b'{"ctx":{"attempt":%d,"disable_immediate_execution":' % job.attempt,
            b"true" if run.force_plan else b"false",
            b',"env":"","fn_id":"',
            run.function_id.encode(),
            b'","generation_id":%d,"job_id":' % job.generation,
            _quoted(job.id),
            b',"max_attempts":%d,"qi_id":"","request_id":"' % max_attempts(function.config),
            request_id.encode(),
            b'","run_id":"',
            run.id.encode(),
            b'","stack":{"current":%d,"stack":[' % current,
            stack,
            b']},"step_id":',
            _quoted(step_id),
            b',"use_api":',
            api,
            b'},"defers":{},"event":',
            run.events[0],
            b',"events":',
            b"[]" if use_api else events_json(run),
            b',"steps":',
            b"{}" if use_api else steps_json(run),
            b',"use_api":',
            api,
            b',"version":%d}' % run.request_version,
        )
    )


def _request_id(job: Job) -> str:
    digest = hashlib.blake2b(f"{job.id}\0{job.generation}".encode(), digest_size=10).digest()
    return ulid(job.due, digest)


def _header_value(text: str) -> str:
    """Hashed ids as they are; an id is whatever an app says, and must not end the header."""
    return text if text.isascii() and text.isprintable() else quote(text)


def _traceparent(run_id: str, request_id: str) -> str:
    trace = hashlib.blake2b(run_id.encode(), digest_size=16).hexdigest()
    span = hashlib.blake2b(request_id.encode(), digest_size=8).hexdigest()
    return f"00-{trace}-{span}-01"


def _utf16(text: str) -> bytes:
    return text.encode("utf-16-be")
