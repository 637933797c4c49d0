"""What is made of `traceparent` and `tracestate`."""

import pytest

from inngest_fast.domain.trace_context import MAX_STATE, TraceContext, read_context
from inngest_fast.domain.trace_ids import run_ids, span_id

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


def test_a_context_is_read():
    assert read_context(f"00-{TRACE}-{SPAN}-01", "a=1") == TraceContext(TRACE, SPAN, state="a=1")
    assert read_context(f" 00-{TRACE}-{SPAN}-00 ") == TraceContext(TRACE, SPAN, sampled=False)


def test_a_later_version_may_say_more():
    assert read_context(f"cc-{TRACE}-{SPAN}-03-what-ever") == TraceContext(TRACE, SPAN)


@pytest.mark.parametrize(
    "parent",
    [
        "",
        "00",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE[1:]}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-0x",
        f"00-{TRACE}-{SPAN}-01\n00",
    ],
)
def test_a_malformed_one_is_none(parent):
    assert read_context(parent) is None


def test_of_a_state_the_entries_of_others_are_kept():
    state = "inngest@traceref=x, congo=t61 ,,inngest@fn=y,rojo=1"
    assert read_context(f"00-{TRACE}-{SPAN}-01", state).state == "congo=t61,rojo=1"


@pytest.mark.parametrize("state", ["a=1\r\nX-Evil: 1", "a=é"])
def test_a_state_that_no_header_may_have_is_dropped(state):
    assert read_context(f"00-{TRACE}-{SPAN}-01", state).state == ""


def test_a_long_state_loses_its_last_entries():
    state = ",".join(f"k{i}={'v' * 97}" for i in range(10))
    kept = read_context(f"00-{TRACE}-{SPAN}-01", state).state
    assert state.startswith(kept)
    assert MAX_STATE - 101 < len(kept) <= MAX_STATE


@pytest.mark.parametrize(
    ("seed", "span"),
    [
        ("hello", "b5c2db5b06a644c5"),
        ("", "dd9fc5ea353468a4"),
        ("86f7e437faa5a7fce15d1ddcb9eaeaea377667b8:0", "b017a66031df8079"),
    ],
)
def test_span_ids_are_those_that_sdks_compute(seed, span):
    assert span_id(seed) == span


def test_a_run_is_one_trace_with_one_root():
    trace, root = run_ids("01M83TXRH2803GW24TEE7FH3Y5")
    assert (len(trace), len(root)) == (32, 16)
    assert run_ids("01M83TXRH2803GW24TEE7FH3Y5") == (trace, root)
    assert run_ids("01M83TXRH2803GW24TEE7FH3Y6") != (trace, root)
