"""The call request, to the byte (sdk-protocol §2)."""

import hashlib
from functools import lru_cache
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

import msgspec

from inngest_fast._native.canonical import canonicalize
from inngest_fast.domain.apps import Function
from inngest_fast.domain.defers import DeferStatus
from inngest_fast.domain.ids import ulid
from inngest_fast.domain.jobs import Job, JobKind
from inngest_fast.domain.runs import Run
from inngest_fast.domain.trace_ids import run_ids, step_span_id
from inngest_fast.engine import limits
from inngest_fast.engine.call import endpoint
from inngest_fast.engine.lifecycle.dispatches import dispatch_name
from inngest_fast.engine.lifecycle.retry import counted, max_attempts

DISCOVERY = "step"

_quoted = msgspec.json.encode


class Call(msgspec.Struct, frozen=True):
    """What is sent, except the signature: `body` is canonical JSON."""

    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    method: str = "POST"
    signed: bytes | None = None  # what the signature is made of; None: the body


def call_request(run: Run, function: Function, job: Job) -> Call:
    """The request that a job makes. State too large for one is left for the app to fetch (§2.1).

    Raises endpoint.NoRequestError.
    """
    if function.config.endpoint:
        return _endpoint_request(run, function, job)
    step_id = _target(run, job)
    request_id = _request_id(job)
    body = _body(run, function, job, step_id, request_id, use_api=False)
    if run.state_size > limits.MAX_STATE_IN_REQUEST or len(body) > limits.MAX_REQUEST_SIZE:
        body = _body(run, function, job, step_id, request_id, use_api=True)
    return Call(
        url=step_url(function.config.url, step_id),
        headers=(("Content-Type", "application/json"), *_headers(run, job, step_id, request_id)),
        body=body,
    )


def _endpoint_request(run: Run, function: Function, job: Job) -> Call:
    """The request that the endpoint was asked with. Its state the app fetches (§7.2)."""
    asked = endpoint.request_of(run.events[0])
    body = endpoint.body_of(asked, function.config.endpoint or "text")
    step_id = _target(run, job)
    headers = _headers(run, job, step_id, _request_id(job))
    if run.force_plan:
        headers = (*headers, ("X-Inngest-Force-Step-Plan", "true"))
    if asked.content_type:
        headers = (("Content-Type", _header_value(asked.content_type)), *headers)
    return Call(asked.url, headers, body, asked.method, endpoint.signed_form(body))


def _headers(run: Run, job: Job, step_id: str, request_id: str) -> tuple[tuple[str, str], ...]:
    return (
        ("X-Run-ID", run.id),
        ("x-inngest-req-version", str(run.request_version)),
        ("X-Inngest-Step-ID", _header_value(step_id)),
        ("x-request-id", request_id),
        ("x-inngest-generation-id", str(job.generation)),
        ("x-inngest-job-id", _header_value(job.id)),
        *_trace_headers(run, job),
    )


def _target(run: Run, job: Job) -> str:
    """The step that the app is to run, or DISCOVERY.

    One that runs again on other arguments is asked for: found by themselves, SDKs that checkpoint take those
    for its result. If the app does not find it, the next attempt is a discovery.
    """
    if job.kind is JobKind.PLAN:
        return job.step_id
    if run.from_input is not None and (job.attempt == 0 or run.from_step in run.steps):
        return run.from_step
    return DISCOVERY


@lru_cache(maxsize=4096)
def step_url(url: str, step_id: str) -> str:
    """The runtime URL with `stepId` set, whatever it was."""
    parts = urlsplit(url)
    pairs = [(k, v) for k, v in parse_qsl(parts.query, keep_blank_values=True) if k != "stepId"]
    pairs.append(("stepId", step_id))
    scheme = {"ws": "http", "wss": "https"}.get(parts.scheme, parts.scheme)
    return urlunsplit((scheme, parts.netloc, parts.path, urlencode(pairs), ""))


def steps_json(run: Run) -> bytes:
    """The memos of the stack, by step id: the `steps` of a call and of `/v0/runs/{id}/actions`.

    Among them, while it has none, the step that is run again on other arguments: `{"input":[…]}`.
    """
    memos = {id: run.steps[id].memo or b"null" for id in run.stack}
    if run.from_input is not None:
        memos[run.from_step] = b'{"input":' + run.from_input + b"}"
    ids = sorted(memos) if all(map(str.isascii, memos)) else sorted(memos, key=_utf16)
    return b"{" + b",".join([_quoted(id) + b":" + memos[id] for id in ids]) + b"}"


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
            b'{"ctx":{"attempt":%d,"disable_immediate_execution":' % counted(run, job),
            b"true" if run.force_plan else b"false",
            b',"env":"","fn_id":"',
            run.function_id.encode(),
            b'","generation_id":%d,"job_id":' % job.generation,
            _quoted(job.id),
            b',"max_attempts":%d,"qi_id":"' % max_attempts(function.config),
            dispatch_name(job),
            b'","request_id":"',
            request_id.encode(),
            b'","run_id":"',
            run.id.encode(),
            b'","stack":{"current":%d,"stack":[' % current,
            stack,
            b']},"step_id":',
            _quoted(step_id),
            b',"use_api":',
            api,
            b'},"defers":',
            _defers_json(run),
            b',"event":',
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


def _defers_json(run: Run) -> bytes:
    """What is deferred already: the app need not say it again (sdk-protocol §4.6)."""
    if not run.defers:
        return b"{}"
    known = {mark.id: {"abortable": mark.status is DeferStatus.SCHEDULED} for mark in run.defers}
    return canonicalize(_quoted(known))


def _request_id(job: Job) -> str:
    digest = hashlib.blake2b(f"{job.id}\0{job.generation}".encode(), digest_size=10).digest()
    return ulid(job.due, digest)


def _header_value(text: str) -> str:
    """Hashed ids as they are; an id is whatever an app says, and must not end the header."""
    return text if text.isascii() and text.isprintable() else quote(text)


def _trace_headers(run: Run, job: Job) -> tuple[tuple[str, str], tuple[str, str]]:
    """Where the app's spans belong (connect-realtime §3.1): under the step that the call is for, if that is
    known, else under the run. Both are spans that traces show, unlike one of the call itself.

    Always sampled: SDKs that were told otherwise would send no spans here either.
    """
    trace, span = run_ids(run.id)
    if job.kind is JobKind.PLAN:
        span = step_span_id(run.id, job.step_id, shared=False)
    state = (
        f"inngest@traceref=%7B%22tp%22%3A%2200-{trace}-{span}-01%22%2C%22ts%22%3A%22%22%7D"
        f",inngest@fn={run.function_id},inngest@app={run.app_id}"
    )
    caller = run.caller
    if caller is not None:
        trace = caller.trace_id
        if job.kind is JobKind.PLAN:
            span = step_span_id(run.id, job.step_id, shared=True)
        if caller.state:
            state += "," + caller.state
    return ("traceparent", f"00-{trace}-{span}-01"), ("tracestate", state)


def _utf16(text: str) -> bytes:
    return text.encode("utf-16-be")
