"""What the variables of OpenTelemetry come to (docs/observability.md)."""

from pathlib import Path

import pytest

from inngest_fast.cli.sources import resolve
from inngest_fast.domain.otlp import export_of
from inngest_fast.domain.trace_context import TraceContext

BASE = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}


def resolved(**variables):
    return resolve("dev", {}, {**BASE, **variables}, Path("/"), terminal=False)


def export(**variables):
    found = resolved(**variables)
    assert found.problems == []
    assert found.settings.exports_traces
    return export_of(found.settings)


@pytest.mark.parametrize(
    "variables",
    [
        {"OTEL_EXPORTER_OTLP_ENDPOINT": ""},
        {"OTEL_SDK_DISABLED": "true"},
        {"OTEL_TRACES_EXPORTER": "none"},
        {"OTEL_TRACES_EXPORTER": "console"},
        {"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
    ],
)
def test_nothing_is_exported(variables):
    found = resolved(**variables)
    assert not found.settings.exports_traces
    assert found.problems == []


@pytest.mark.parametrize(
    ("variables", "url"),
    [
        ({}, "http://collector:4318/v1/traces"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "https://c/otlp/"}, "https://c/otlp/v1/traces"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://t:1/x"}, "http://t:1/x"),
    ],
)
def test_the_url(variables, url):
    assert export(**variables).url == url


def test_what_there_is_without_more():
    found = export()
    assert (found.protocol, found.gzip, found.timeout, found.headers) == ("http/protobuf", False, 10.0, ())
    assert dict(found.resource)["service.name"] == "inngest-fast"
    assert found.sampler.takes("0" * 31 + "1", None)
    assert not found.sampler.takes("f" * 32, TraceContext("f" * 32, "f" * 16, sampled=False))


def test_what_is_for_traces_comes_first():
    found = export(
        OTEL_EXPORTER_OTLP_HEADERS="a=1",
        OTEL_EXPORTER_OTLP_TRACES_HEADERS="b=2%2C3, c = d ",
        OTEL_EXPORTER_OTLP_PROTOCOL="grpc",
        OTEL_EXPORTER_OTLP_TRACES_PROTOCOL="http/json",
        OTEL_EXPORTER_OTLP_TIMEOUT="2500",
        OTEL_EXPORTER_OTLP_COMPRESSION="gzip",
    )
    assert found.headers == (("b", "2,3"), ("c", "d"))
    assert (found.protocol, found.gzip, found.timeout) == ("http/json", True, 2.5)


def test_the_name_of_the_service_beats_an_attribute():
    attributes = "service.name=x,team=a%20b"
    assert dict(export(OTEL_RESOURCE_ATTRIBUTES=attributes).resource)["service.name"] == "x"
    found = dict(export(OTEL_RESOURCE_ATTRIBUTES=attributes, OTEL_SERVICE_NAME="y").resource)
    assert (found["service.name"], found["team"]) == ("y", "a b")


@pytest.mark.parametrize(
    ("name", "arg", "below", "parent_based"),
    [
        ("always_on", "", 2**64, False),
        ("always_off", "", 0, False),
        ("traceidratio", "0.5", 2**63, False),
        ("traceidratio", "", 2**64, False),
        ("parentbased_always_off", "", 0, True),
        ("parentbased_traceidratio", "0.25", 2**62, True),
    ],
)
def test_the_sampler(name, arg, below, parent_based):
    sampler = export(OTEL_TRACES_SAMPLER=name, OTEL_TRACES_SAMPLER_ARG=arg).sampler
    assert (sampler.below, sampler.parent_based) == (below, parent_based)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://[x"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "0"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "secret"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a=secret%0d%0ab"),
        ("OTEL_RESOURCE_ATTRIBUTES", "x"),
        ("OTEL_TRACES_SAMPLER", "jaeger_remote"),
    ],
)
def test_what_cannot_be_done_is_refused_and_named(name, value):
    [problem] = resolved(**{name: value}).problems
    assert name in problem
    assert "secret" not in problem


@pytest.mark.parametrize("ratio", ["1.5", "-1", "x", "nan"])
def test_a_ratio_is_one(ratio):
    found = resolved(OTEL_TRACES_SAMPLER="traceidratio", OTEL_TRACES_SAMPLER_ARG=ratio)
    assert ["OTEL_TRACES_SAMPLER_ARG" in problem for problem in found.problems] == [True]


def test_headers_are_secret():
    settings = resolved(OTEL_EXPORTER_OTLP_HEADERS="authorization=Bearer%20abc%64efgh,tenant=a").settings
    assert "abc" not in repr(settings)
    assert {"Bearer%20abc%64efgh", "Bearer abcdefgh", "abcdefgh"} <= set(settings.secrets())
    assert "a" not in settings.secrets()
