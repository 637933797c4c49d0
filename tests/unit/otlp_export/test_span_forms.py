"""Spans as they go to a collector, and what it says to them."""

import asyncio
import gzip

import pytest
from msgspec.structs import replace

from inngest_fast.adapters.otlp import OtlpSink, json_form, protobuf_form
from inngest_fast.domain.otlp import Export, ExportedSpan, Sampler
from inngest_fast.engine.otlp import json_form as json_reader
from inngest_fast.engine.otlp import protobuf_form as protobuf_reader
from inngest_fast.ports.app_client import AppCallError, AppResponse
from inngest_fast.ports.span_sink import SinkBusyError, SinkRefusedError, Taken

TRACE, ROOT, CHILD = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", "b7ad6b7169203332"
NS = 1_795_611_730_000_000_000
SPANS = [
    ExportedSpan(
        TRACE,
        ROOT,
        "",
        "é root",
        5,
        NS,
        NS + 1,
        (("text", "é"), ("empty", ""), ("zero", 0), ("minus", -5), ("big", 2**40)),
        2,
        "it broke",
        "congo=t61",
    ),
    ExportedSpan(TRACE, CHILD, ROOT, "child", 1, NS, NS, ()),
]
RESOURCE = (("service.name", "s"),)
EXPORT = Export(
    url="http://c:4318/v1/traces",
    headers=(("x-tenant", "a"),),
    protocol="http/json",
    gzip=False,
    timeout=1.5,
    resource=RESOURCE,
    sampler=Sampler(1 << 64, parent_based=True),
)
FORMS = pytest.mark.parametrize(
    ("form", "read"),
    [(json_form, json_reader.read_request), (protobuf_form, protobuf_reader.read_request)],
    ids=["json", "protobuf"],
)


class Client:
    connections = 0

    def __init__(self, answer):
        self.answer = answer
        self.requests = []

    async def send(self, request):
        self.requests.append(request)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def close(self):
        pass


def send(answer, **changes):
    """What came of sending to a collector that answers so, and the request."""
    client = Client(answer)
    taken = asyncio.run(OtlpSink(replace(EXPORT, **changes), client).send(SPANS))
    return taken, client.requests[0]


def responding(status, body=b"", **headers):
    return AppResponse(status, {name.replace("_", "-"): value for name, value in headers.items()}, body)


@FORMS
def test_spans_are_read_back(form, read):
    root, child = read(form.encode(SPANS, RESOURCE))
    assert (root.trace_id, root.span_id, root.parent_id, root.name) == (TRACE, ROOT, "", "é root")
    assert (child.trace_id, child.span_id, child.parent_id) == (TRACE, CHILD, ROOT)
    assert (root.start, root.end, root.kind, root.status) == (NS, NS + 1, "CONSUMER", 2)
    assert (child.kind, child.status, child.attributes) == ("INTERNAL", 0, {})
    assert root.attributes == dict(SPANS[0].attributes)
    assert (root.resource, root.scope_name) == ({"service.name": "s"}, "inngest-fast")


def test_protobuf_is_these_bytes():
    span = ExportedSpan("0102" * 8, "0304" * 4, "", "n", 1, 1, 2, (("k", 300),), 2, "m", "a=1")
    expected = (
        b"\x0a\x10" + b"\x01\x02" * 8 + b"\x12\x08" + b"\x03\x04" * 4 + b"\x1a\x03a=1" + b"\x2a\x01n\x30\x01"
        b"\x39\x01" + bytes(7) + b"\x41\x02" + bytes(7) + b"\x4a\x08\x0a\x01k\x12\x03\x18\xac\x02"
        b"\x7a\x05\x12\x01m\x18\x02"
    )
    assert expected in protobuf_form.encode([span], ())


@pytest.mark.parametrize(
    ("form", "body", "taken"),
    [
        (json_form, b"", Taken()),
        (json_form, b"{}", Taken()),
        (json_form, b'{"partialSuccess":{"rejectedSpans":"3","errorMessage":"no"}}', Taken(3, "no")),
        (json_form, b'{"partialSuccess":{"rejectedSpans":3}}', Taken(3)),
        (protobuf_form, b"", Taken()),
        (protobuf_form, b"\n\x07\x08\xac\x02\x12\x02no", Taken(300, "no")),
    ],
)
def test_what_the_collector_took(form, body, taken):
    assert form.read_taken(body) == taken


@pytest.mark.parametrize("body", [b"\x0a\xff", b"\x0f", b"\x08"])
def test_what_is_no_protobuf_is_said_so(body):
    with pytest.raises(ValueError, match="protobuf|cut off"):
        protobuf_form.read_taken(body)


def test_the_request():
    taken, request = send(responding(200, b"{}"))
    assert taken == Taken()
    assert (request.method, request.url, request.timeout_ms) == ("POST", EXPORT.url, 1_500)
    assert dict(request.headers) == {"Content-Type": "application/json", "x-tenant": "a"}
    assert len(json_reader.read_request(request.body)) == 2


def test_a_compressed_request_in_protobuf():
    _, request = send(responding(200), gzip=True, protocol="http/protobuf")
    assert dict(request.headers)["Content-Encoding"] == "gzip"
    assert dict(request.headers)["Content-Type"] == "application/x-protobuf"
    assert len(protobuf_reader.read_request(gzip.decompress(request.body))) == 2


def test_an_answer_that_is_none_of_otlp_is_taken_for_good():
    assert send(responding(200, b"OK"))[0] == Taken()


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_busy_collector(status):
    with pytest.raises(SinkBusyError) as raised:
        send(responding(status, retry_after="7"))
    assert raised.value.retry_after == 7


def test_a_collector_that_is_not_there():
    with pytest.raises(SinkBusyError):
        send(AppCallError("refused", "nobody listens"))


@pytest.mark.parametrize("status", [301, 400, 401, 404, 413])
def test_a_refusal(status):
    with pytest.raises(SinkRefusedError, match=f"{status}: why"):
        send(responding(status, b"why"))
