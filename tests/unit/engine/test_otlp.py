"""OTLP, as recorded from OpenTelemetry's own exporters (JavaScript), and as nobody should send it."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inngest_fast.engine.otlp import InvalidPayloadError, Received, json_form, protobuf_form

RECORDED = Path(__file__).parent / "recorded_spans"
JSON = (RECORDED / "spans.json").read_bytes()
PROTOBUF = (RECORDED / "spans.pb").read_bytes()
AT = 1_795_425_252_000_000_000
MS = 1_000_000
RESOURCE = {"service.name": "shop", "process.pid": 7, "list": ["a"]}


@pytest.mark.parametrize(("form", "body"), [(json_form, JSON), (protobuf_form, PROTOBUF)])
def test_what_exporters_send(form, body):
    query, execution = form.read_request(body)
    assert execution == Received(
        trace_id=query.trace_id,
        span_id=query.parent_id,
        name="inngest.execution",
        start=AT,
        end=AT + 20 * MS,
        kind="INTERNAL",
        status=1,
        resource=RESOURCE,
        scope_name="inngest",
        scope_version="4.24.0",
    )
    assert (query.name, query.kind, query.status) == ("query", "CLIENT", 2)
    assert (query.start, query.end) == (AT + 5 * MS, AT + 15 * MS)
    assert query.attributes == {"s": "é", "n": -3, "f": 1.5, "b": True, "l": ["x", "y"], "big": 1 << 40}
    assert (query.scope_name, query.scope_version) == ("mine", "1.0")
    assert len(query.span_id) == 16
    assert len(query.trace_id) == 32


def in_json(**span):
    whole = {"traceId": "a" * 32, "spanId": "b" * 16, "name": "n", **span}
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [whole]}]}]}).encode()


def test_ids_may_be_in_base64():
    [span] = json_form.read_request(in_json(spanId="q6q7u8zM3d0=", traceId="u7u7u7u7u7u7u7u7u7u7uw=="))
    assert span.span_id == "abaabbbbccccdddd"
    assert span.trace_id == "bb" * 16


def test_names_stand_for_numbers():
    span = in_json(kind="SPAN_KIND_SERVER", status={"code": "STATUS_CODE_ERROR"}, endTimeUnixNano=5)
    [found] = json_form.read_request(span)
    assert (found.kind, found.status, found.end) == ("SERVER", 2, 5)
    [found] = json_form.read_request(in_json(kind=99, status={}))
    assert (found.kind, found.status) == ("UNSPECIFIED", 0)


def test_attributes_of_every_type():
    values = {
        "n": {"intValue": "-7"},
        "k": {"kvlistValue": {"values": [{"key": "a", "value": {"boolValue": False}}]}},
        "y": {"bytesValue": "AQI="},
        "e": {},
        "d": {"doubleValue": "NaN"},
    }
    sent = [{"key": key, "value": value} for key, value in values.items()]
    [span] = json_form.read_request(in_json(attributes=sent))
    assert span.attributes == {"n": -7, "k": {"a": False}, "y": "AQI=", "e": None, "d": "NaN"}


def deep(levels):
    value = {"stringValue": "x"}
    for _ in range(levels):
        value = {"arrayValue": {"values": [value]}}
    return in_json(attributes=[{"key": "a", "value": value}])


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b'{"resourceSpans":{}}',
        in_json(spanId="xyz"),
        in_json(spanId="ab"),
        in_json(startTimeUnixNano="soon"),
        in_json(attributes=[{"key": "a", "value": {"intValue": "x"}}]),
        deep(20),
        json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [{}] * 10_001}]}]}).encode(),
    ],
)
def test_what_is_no_request_in_json(body):
    with pytest.raises(InvalidPayloadError):
        json_form.read_request(body)


def field(number, content):
    size = len(content)
    length = bytes([size]) if size < 128 else bytes([size & 127 | 128, size >> 7])
    return bytes([number << 3 | 2]) + length + content


def in_protobuf(span):
    return field(1, field(2, field(2, span)))


def nested(levels):
    value = field(1, b"x")
    for _ in range(levels):
        value = field(5, field(1, value))
    return in_protobuf(field(9, field(1, b"a") + field(2, value)))


@pytest.mark.parametrize(
    "body",
    [
        b"\x0a",
        b"\x0a\x05ab",
        b"\xff" * 11,
        b"\x00\x01",
        b"\x0b\x0c",  # groups
        in_protobuf(field(1, b"abc")),  # a trace id of three bytes
        in_protobuf(field(5, b"\xff")),  # a name that is no text
        in_protobuf(b"\x28\x01"),  # a name that is a number
        in_protobuf(b"\x39\x01\x02"),  # a start that is cut off
        nested(20),
        b"\x0a\x7f",
    ],
)
def test_what_is_no_request_in_protobuf(body):
    with pytest.raises(InvalidPayloadError):
        protobuf_form.read_request(body)


def test_fields_that_are_not_known_do_not_matter():
    [span] = protobuf_form.read_request(
        in_protobuf(field(5, b"n") + field(14, b"?") + b"\x85\x01\x01\x02\x03\x04")
    )
    assert span.name == "n"
    assert protobuf_form.read_request(b"") == []


@given(st.integers(0, len(PROTOBUF) - 1), st.integers(0, 255))
def test_any_byte_may_be_wrong(place, byte):
    broken = PROTOBUF[:place] + bytes([byte]) + PROTOBUF[place + 1 :]
    try:
        for span in protobuf_form.read_request(broken):
            json.dumps(span.attributes)
    except InvalidPayloadError:
        pass


@given(st.integers(1, 1 << 40))
def test_how_many_were_rejected(n):
    assert json.loads(json_form.partial_success(n)) == {"partialSuccess": {"rejectedSpans": str(n)}}
    [inner] = protobuf_form._messages(protobuf_form.partial_success(n), 1)
    assert list(protobuf_form._fields(inner)) == [(1, n)]


def test_none_rejected_is_an_empty_message():
    assert json_form.partial_success(0) == b"{}"
    assert protobuf_form.partial_success(0) == b""
