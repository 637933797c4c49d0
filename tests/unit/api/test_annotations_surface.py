"""Metadata and spans from outside: what is read, and what is answered (http-api §§4.4, 4.5)."""

import gzip
import json
from pathlib import Path

import pytest
from fake_services import RUN_ID

from inngest_fast.domain.errors import AnnotationRefusedError
from inngest_fast.engine.trace.metadata import Entry, Place

RECORDED = Path(__file__).parents[1] / "engine" / "recorded_spans"
JSON = (RECORDED / "spans.json").read_bytes()
PROTOBUF = (RECORDED / "spans.pb").read_bytes()
IN_JSON = {"content-type": "application/json"}
IN_PROTOBUF = {"content-type": "application/x-protobuf"}
PATH = f"/v1/runs/{RUN_ID}/metadata"
NOTE = {"kind": "userland.note", "op": "merge", "values": {"a": 1}}
MIB = 1024 * 1024


def test_metadata_is_noted(dev):
    target = {"run_id": RUN_ID, "step_id": "s", "step_index": 1, "step_attempt": 0}
    reply = dev("POST", PATH, {"target": target, "metadata": [NOTE, {"kind": "userland.b", "values": {}}]})
    assert (reply.status, reply.body) == (200, b"")
    [(run_id, place, entries)] = dev.services.annotations.notes
    assert (run_id, place) == (RUN_ID, Place("s", 1, 0))
    assert entries == [Entry("userland.note", {"a": 1}, "merge"), Entry("userland.b", {}, "merge")]


def test_without_a_target_it_is_on_the_run(dev):
    assert dev("POST", PATH, {"metadata": [NOTE]}).status == 200
    assert dev.services.annotations.notes[0][1] == Place()


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", {"metadata": {}}, {"metadata": [{"kind": "x"}]}])
def test_what_is_no_metadata(dev, body):
    reply = dev("POST", PATH, body)
    assert (reply.status, reply.json["error"]) == (400, "Invalid metadata")
    assert dev("POST", "/v1/runs/mine/metadata", {"metadata": [NOTE]}).status == 400


@pytest.mark.parametrize(("code", "status"), [("invalid", 400), ("unknown", 404), ("too_large", 413)])
def test_metadata_that_is_refused(dev, code, status):
    dev.services.annotations.refusal = AnnotationRefusedError("no", code)
    reply = dev("POST", PATH, {"metadata": [NOTE]})
    assert (reply.status, reply.json["error"], reply.json["status"]) == (status, "no", status)


@pytest.mark.parametrize("path", ["/v1/traces/userland", "/dev/traces"])
@pytest.mark.parametrize(
    ("headers", "body", "answer"), [(IN_JSON, JSON, b"{}"), (IN_PROTOBUF, PROTOBUF, b"")]
)
def test_spans_are_taken_in_either_form(dev, path, headers, body, answer):
    for coded, more in ((body, {}), (gzip.compress(body), {"content-encoding": "gzip"})):
        reply = dev("POST", path, coded, {**headers, **more})
        assert (reply.status, reply.body) == (200, answer)
    assert [span.name for span in dev.services.annotations.spans] == ["query", "inngest.execution"] * 2


def test_how_many_were_rejected_is_told(dev):
    dev.services.annotations.rejected = 2
    told = {"partialSuccess": {"rejectedSpans": "2"}}
    assert dev("POST", "/v1/traces/userland", JSON, IN_JSON).json == told
    assert dev("POST", "/v1/traces/userland", PROTOBUF, IN_PROTOBUF).body == b"\x0a\x02\x08\x02"
    reply = dev("POST", "/v1/traces/userland", JSON, {**IN_JSON, "accept-encoding": "br, gzip"})
    assert reply.headers["content-encoding"] == "gzip"
    assert json.loads(gzip.decompress(reply.body)) == told


@pytest.mark.parametrize(
    ("body", "more"),
    [
        (b"{", {}),
        (b"[]", {}),
        (JSON, {"content-encoding": "gzip"}),
        (gzip.compress(JSON)[:-9], {"content-encoding": "gzip"}),
        (JSON, {"content-encoding": "br"}),
    ],
)
def test_what_are_no_spans(dev, body, more):
    reply = dev("POST", "/v1/traces/userland", body, {**IN_JSON, **more})
    assert (reply.status, reply.json) == (400, {"message": "Invalid payload"})
    reply = dev("POST", "/v1/traces/userland", b"\xff", {**IN_PROTOBUF, **more})
    assert (reply.status, reply.body) == (400, b"\x12\x0fInvalid payload")


@pytest.mark.parametrize("packed", [False, True])
def test_too_much_is_refused(dev, packed):
    body = b" " * (8 * MIB + 1)
    headers = {**IN_JSON, **({"content-encoding": "gzip"} if packed else {})}
    reply = dev("POST", "/v1/traces/userland", gzip.compress(body) if packed else body, headers)
    assert reply.status == 413


def test_a_type_that_is_not_known_is_refused_by_the_older_route(dev):
    reply = dev("POST", "/dev/traces", b"x", {"content-type": "text/plain; charset=utf-8"})
    assert reply.status == 400
    assert reply.json["error"] == "unable to handle unknown content type for traces: text/plain"
    assert dev("POST", "/v1/traces/userland", PROTOBUF, {"content-type": "text/plain"}).status == 200


@pytest.mark.parametrize("path", [PATH, "/v1/traces/userland", "/dev/traces"])
def test_start_asks_for_a_key(start, path):
    assert start("POST", path, b"{}").status == 401
