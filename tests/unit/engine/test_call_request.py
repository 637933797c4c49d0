"""The call request, to the byte (sdk-protocol §§2, 6.1)."""

import base64
import json
from urllib.parse import unquote_plus

import pytest
from engine_builders import (
    EDGE,
    FUNCTION_ID,
    NOW,
    RUN_ID,
    START,
    TRIGGER,
    done,
    function,
    job,
    plan,
    queued,
    run,
    step,
)
from msgspec.structs import replace

from inngest_fast._native.canonical import canonicalize
from inngest_fast.auth.signature import sign
from inngest_fast.domain.events import wire_form
from inngest_fast.domain.ids import is_ulid
from inngest_fast.domain.trace_context import TraceContext
from inngest_fast.domain.trace_ids import run_ids, span_id
from inngest_fast.engine.call.request import call_request, events_json, step_url, steps_json

KEY = "signkey-test-0123456789abcdef0123456789abcdef"
MIB = 1024 * 1024
QI_ID = base64.b64encode(f"{RUN_ID}:start::1".encode()).decode()
QI_ID_OF_A = base64.b64encode(f"{RUN_ID}:a::3".encode()).decode()


def body(run, job=EDGE, **config):
    call = call_request(run, function(**config), job)
    assert canonicalize(call.body) is call.body or canonicalize(call.body) == call.body
    return json.loads(call.body)


def test_a_first_call_is_these_bytes():
    call = call_request(queued(), function(), START)
    request_id = dict(call.headers)["x-request-id"]
    assert (
        call.body
        == (
            '{"ctx":{"attempt":0,"disable_immediate_execution":false,"env":"",'
            f'"fn_id":"{FUNCTION_ID}","generation_id":1,"job_id":"{RUN_ID}:start","max_attempts":5,'
            f'"qi_id":"{QI_ID}",'
            f'"request_id":"{request_id}","run_id":"{RUN_ID}","stack":{{"current":0,"stack":[]}},'
            '"step_id":"step","use_api":false},'
            f'"defers":{{}},"event":{TRIGGER.decode()},"events":[{TRIGGER.decode()}],'
            '"steps":{},"use_api":false,"version":-1}'
        ).encode()
    )


def test_a_later_call_is_these_bytes():
    state = run([done("b", 0, b'{"data":{"x":1}}'), done("a", 1, b"null"), step("c")], force_plan=True)
    edge = job(step_id="a", attempt=2, generation=3)
    call = call_request(state, function(retries=20), edge)
    request_id = dict(call.headers)["x-request-id"]
    assert (
        call.body
        == (
            '{"ctx":{"attempt":2,"disable_immediate_execution":true,"env":"",'
            f'"fn_id":"{FUNCTION_ID}","generation_id":3,"job_id":"{RUN_ID}:a","max_attempts":21,'
            f'"qi_id":"{QI_ID_OF_A}",'
            f'"request_id":"{request_id}","run_id":"{RUN_ID}","stack":{{"current":2,"stack":["b","a"]}},'
            '"step_id":"step","use_api":false},'
            f'"defers":{{}},"event":{TRIGGER.decode()},"events":[{TRIGGER.decode()}],'
            '"steps":{"a":null,"b":{"data":{"x":1}}},"use_api":false,"version":2}'
        ).encode()
    )


@pytest.mark.parametrize(
    "state",
    [
        queued(),
        run([done("b", 0), done("a", 1), done("é", 2), done('z\n"\\\u007f\u2028', 3)]),
        run([done("\U0001f600", 0), done("\uffff", 1)]),
        run([done(chr(c), c) for c in range(0x20)]),
        run(events=(wire_form(name="a/é", id="e\u0001", ts=0, data=b'{"\xc3\xa9":1.5}'),)),
        run(events=(wire_form(name="a", id="e", ts=1, data=b"{}", v="2", meta=b'{"sessions":{}}'),)),
        run(state_size=5 * MIB),
    ],
)
@pytest.mark.parametrize("the_job", [START, EDGE, plan("b"), job(id='odd "id"\u00e9')])
def test_every_body_is_canonical(state, the_job):
    sent = call_request(state, function(), the_job).body
    assert canonicalize(sent) == sent


def test_the_event_has_integers_for_times_and_a_user():
    sent = call_request(run(), function(), EDGE).body
    assert b'"ts":1795425247000,' in sent
    event = json.loads(sent)["event"]
    assert type(event["ts"]) is int
    assert event["user"] == {}
    assert "v" not in event
    assert "meta" not in event


def test_several_events():
    other = wire_form(name="order/paid", id="evt-2", ts=2, data=b"{}")
    sent = body(run(events=(TRIGGER, other)))
    assert sent["event"] == json.loads(TRIGGER)
    assert [e["id"] for e in sent["events"]] == ["evt-1", "evt-2"]
    assert json.loads(events_json(run(events=(TRIGGER, other)))) == sent["events"]


# Stack


@pytest.mark.parametrize(
    ("the_job", "current"),
    [
        (START, 0),
        (EDGE, 0),
        (job(step_id="a"), 1),
        (job(step_id="b"), 2),
        (job(step_id="open"), 0),
        (job(step_id="unknown"), 0),
        (plan("a"), 0),
        (plan("open"), 0),
    ],
)
def test_the_parent_of_a_call_is_its_place_in_the_stack(the_job, current):
    state = run([done("a", 0), done("b", 1), step("open")])
    assert body(state, the_job)["ctx"]["stack"] == {"current": current, "stack": ["a", "b"]}


def test_only_steps_of_the_stack_are_sent():
    state = run([done("b", 1), done("a", 0), step("open")])
    assert body(state)["steps"] == {"a": {"data": "a"}, "b": {"data": "b"}}
    assert steps_json(state) == b'{"a":{"data":"a"},"b":{"data":"b"}}'


def test_memos_are_sent_as_they_are():
    event = wire_form(name="w/e", id="e", ts=1_700_000_000_000, data=b"{}")
    memos = [b"null", b'{"data":null}', b'{"error":{"message":"m"}}', event, b'"raw"', b"1.5"]
    state = run([done(f"s{i}", i, memo) for i, memo in enumerate(memos)])
    sent = call_request(state, function(), EDGE).body
    for i, memo in enumerate(memos):
        assert b'"s%d":%s' % (i, memo) in sent


# Attempts and targets


@pytest.mark.parametrize(("retries", "attempts"), [(0, 1), (4, 5), (20, 21)])
def test_the_app_is_told_how_many_attempts_there_are(retries, attempts):
    assert body(run(), retries=retries)["ctx"]["max_attempts"] == attempts


@pytest.mark.parametrize(
    ("the_job", "target"), [(START, "step"), (EDGE, "step"), (job(step_id="a"), "step"), (plan("a"), "a")]
)
def test_a_planned_step_is_called_by_its_id_everything_else_by_step(the_job, target):
    call = call_request(run([done("z", 0), step("a")]), function(), the_job)
    assert json.loads(call.body)["ctx"]["step_id"] == target
    assert dict(call.headers)["X-Inngest-Step-ID"] == target
    assert call.url == f"http://localhost:3000/api/inngest?fnId=shop-bill&stepId={target}"


@pytest.mark.parametrize(
    ("url", "called"),
    [
        ("http://h/x?fnId=f&stepId=step", "http://h/x?fnId=f&stepId=s"),
        ("http://h/x?stepId=step&fnId=f", "http://h/x?fnId=f&stepId=s"),
        ("http://h/x?fnId=f&step=step", "http://h/x?fnId=f&step=step&stepId=s"),
        ("http://h/x", "http://h/x?stepId=s"),
        ("http://h/x?a=&fnId=f%20g%26h", "http://h/x?a=&fnId=f+g%26h&stepId=s"),
        ("https://h:8443/x?fnId=f#part", "https://h:8443/x?fnId=f&stepId=s"),
        ("wss://h/x?fnId=f", "https://h/x?fnId=f&stepId=s"),
        ("ws://h/x?fnId=f", "http://h/x?fnId=f&stepId=s"),
    ],
)
def test_the_url_of_a_call(url, called):
    assert step_url(url, "s") == called


def test_a_step_id_of_any_text_is_escaped_in_the_url():
    assert step_url("http://h/x?fnId=f", "a b&é") == "http://h/x?fnId=f&stepId=a+b%26%C3%A9"


# Headers


def test_the_headers_of_a_call():
    call = call_request(run(), function(), replace(EDGE, generation=4))
    headers = dict(call.headers)
    assert len(headers) == len(call.headers)
    assert headers["Content-Type"] == "application/json"
    assert headers["X-Run-ID"] == RUN_ID
    assert headers["x-inngest-req-version"] == "2"
    assert headers["x-inngest-generation-id"] == "4"
    assert headers["x-inngest-job-id"] == EDGE.id
    assert is_ulid(headers["x-request-id"])
    version, trace, span, flags = headers["traceparent"].split("-")
    assert (version, len(trace), len(span), flags) == ("00", 32, 16, "01")
    assert int(trace, 16)
    assert int(span, 16)
    assert "X-Inngest-Signature" not in headers
    assert "X-Inngest-Server-Kind" not in headers
    assert dict(call_request(queued(), function(), START).headers)["x-inngest-req-version"] == "-1"


def test_a_request_id_is_of_one_dispatch():
    def request_id(the_job):
        call = call_request(run(), function(), the_job)
        assert json.loads(call.body)["ctx"]["request_id"] == dict(call.headers)["x-request-id"]
        return dict(call.headers)["x-request-id"]

    assert request_id(EDGE) == request_id(EDGE)
    assert len({request_id(EDGE), request_id(replace(EDGE, generation=2)), request_id(START)}) == 3


def trace_of(state, the_job):
    """Trace and span of a call's traceparent, and its tracestate."""
    headers = dict(call_request(state, function(), the_job).headers)
    version, trace, span, flags = headers["traceparent"].split("-")
    assert (version, flags) == ("00", "01")
    return trace, span, headers["tracestate"]


def traceref(state):
    """The traceparent in the server's own entry, read as the SDK reads it: split at "," and then at "="."""
    entries = dict(entry.split("=") for entry in state.split(","))
    ref = json.loads(unquote_plus(entries["inngest@traceref"]))
    assert ref["ts"] == ""
    return tuple(ref["tp"].split("-")[1:3])


def test_the_calls_of_a_run_are_in_its_trace_and_under_its_root():
    first, second = trace_of(run(), START), trace_of(run(), EDGE)
    assert first == second
    assert first[:2] == run_ids(RUN_ID)
    assert traceref(first[2]) == run_ids(RUN_ID)
    assert f"inngest@fn={FUNCTION_ID}" in first[2].split(",")
    assert trace_of(run(id=RUN_ID[:-1] + "9"), START)[0] != first[0]


def test_a_call_for_one_step_is_under_that_step():
    trace, span, state = trace_of(run([step("a")]), plan("a"))
    assert (trace, span) == (run_ids(RUN_ID)[0], span_id("a"))
    assert traceref(state) == (trace, span)


def test_calls_continue_the_trace_that_the_event_was_sent_in():
    caller = TraceContext("a" * 32, "b" * 16, sampled=False, state="congo=t61,rojo=1")
    trace, span, state = trace_of(run(caller=caller), EDGE)
    assert (trace, span) == ("a" * 32, run_ids(RUN_ID)[1])
    assert traceref(state) == run_ids(RUN_ID)
    assert state.endswith(",congo=t61,rojo=1")


def test_steps_of_runs_that_share_a_trace_have_spans_of_their_own():
    caller = TraceContext("a" * 32, "b" * 16)
    ids = (RUN_ID, RUN_ID[:-1] + "9")
    spans = {trace_of(run([step("a")], id=id, caller=caller), plan("a"))[1] for id in ids}
    assert len(spans) == 2


@pytest.mark.parametrize("id", ["a\r\nX-Evil: 1", "é", "\u2028", "\x7f", "\ta"])
def test_a_step_id_of_any_text_makes_headers_that_can_be_sent(id):
    """Ids are what an app says; a header of it must neither break out nor keep the call from being made."""
    for name, value in call_request(run([step(id)]), function(), plan(id)).headers:
        assert value.isascii(), name
        assert value.isprintable(), name


def test_a_hashed_step_id_is_in_the_headers_as_it_is():
    id = "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8"
    headers = dict(call_request(run([step(id)]), function(), plan(id)).headers)
    assert headers["X-Inngest-Step-ID"] == id
    assert headers["x-inngest-job-id"] == f"{RUN_ID}:{id}-plan"


# State that does not fit


@pytest.mark.parametrize(
    ("size", "fetched"), [(4 * MIB - 1024, False), (4 * MIB - 1023, True), (32 * MIB, True)]
)
def test_large_state_is_left_to_be_fetched(size, fetched):
    state = run([done("a", 0)], state_size=size)
    sent = body(state, job(step_id="a"))
    assert sent["use_api"] is fetched
    assert sent["ctx"]["use_api"] is fetched
    assert sent["event"] == json.loads(TRIGGER)
    assert sent["events"] == ([] if fetched else [json.loads(TRIGGER)])
    assert sent["steps"] == ({} if fetched else {"a": {"data": "a"}})
    assert sent["ctx"]["stack"] == {"current": 1, "stack": ["a"]}


@pytest.mark.parametrize(("over", "fetched"), [(0, False), (1, True)])
def test_a_body_over_4_mib_is_not_sent_though_the_state_is_small(over, fetched):
    room = 4 * MIB - len(call_request(run([done("a", 0, b'""')]), function(), EDGE).body) + over
    state = run([done("a", 0, b'"%s"' % (b"x" * room))], state_size=0)
    sent = call_request(state, function(), EDGE).body
    assert json.loads(sent)["use_api"] is fetched
    assert (len(sent) < MIB) if fetched else (len(sent) == 4 * MIB)


# Signature


def test_the_signature_of_a_request():
    """The vector of §6.1: what is signed is the canonical form."""
    told = (
        '{"version":-1,"ctx":{},"event":{"ts":1700000000000,"data":{"b":1.0,"a":"é"},'
        '"id":"01J0000000000000000000000A","name":"app/test","user":{}},"events":[],"steps":{},"use_api":false}'
    ).encode()
    canonical = canonicalize(told)
    assert len(canonical) == 177
    assert sign(KEY, canonical, 1_700_000_000) == (
        "t=1700000000&s=b9693c94c8170d91018f13730d8d31a22dd78ac6f3273042b6ffe47a030cf459"
    )
    assert sign(KEY, b"", 1_700_000_000) == (
        "t=1700000000&s=6458320a3e327061ab7bfe28ace9cb02bb2b840c75b483a0c002831176bd6256"
    )


def test_a_call_is_signed_as_the_app_will_verify_it():
    """The app makes the canonical form anew of what it decoded."""
    call = call_request(run([done("é", 0)]), function(), EDGE)
    again = canonicalize(json.dumps(json.loads(call.body), indent=1).encode())
    assert sign(KEY, call.body, NOW // 1000) == sign(KEY, again, NOW // 1000)
