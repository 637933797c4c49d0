"""What is exported to an OTLP collector, and what the variables of OpenTelemetry say about it."""

from collections.abc import Iterator
from typing import Final, Literal
from urllib.parse import unquote, urlsplit

import msgspec

from inngest_fast.domain.settings import Settings
from inngest_fast.domain.trace_context import TraceContext
from inngest_fast.version import VERSION

Attributes = tuple[tuple[str, str | int], ...]
Protocol = Literal["http/protobuf", "http/json"]

_PROTOCOLS: Final = ("http/protobuf", "http/json")
_COMPRESSIONS: Final = ("gzip", "none")
_SAMPLERS: Final = ("always_on", "always_off", "traceidratio")
_PARENT_BASED: Final = "parentbased_"
_LOW = (1 << 64) - 1


class ExportedSpan(msgspec.Struct, frozen=True):
    """One span for a collector. Ids are hex, times unix ns; `status` is 0 for unset, 2 for an error."""

    trace_id: str
    span_id: str
    parent_id: str
    name: str
    kind: int  # as OTLP numbers them: 1 internal, 5 consumer
    start: int
    end: int
    attributes: Attributes
    status: int = 0
    message: str = ""
    trace_state: str = ""


class Sampler(msgspec.Struct, frozen=True):
    """Which traces are exported. `below` is out of 2**64."""

    below: int
    parent_based: bool

    def takes(self, trace_id: str, caller: TraceContext | None) -> bool:
        if caller is not None and self.parent_based:
            return caller.sampled
        return self.below > _LOW or int(trace_id, 16) & _LOW < self.below


class Export(msgspec.Struct, frozen=True):
    """Where traces go, and how."""

    url: str
    headers: tuple[tuple[str, str], ...]
    protocol: Protocol
    gzip: bool
    timeout: float
    resource: Attributes
    sampler: Sampler


def export_of(settings: Settings) -> Export:
    """What valid settings that export traces say."""
    resource: dict[str, str | int] = {"service.name": "inngest-fast", "service.version": VERSION}
    resource |= dict(_pairs(settings.otel_resource_attributes))
    if settings.otel_service_name:
        resource["service.name"] = settings.otel_service_name
    name = settings.otel_traces_sampler.lower()
    return Export(
        url=_url(settings),
        headers=tuple(_pairs(settings.otlp_traces_headers or settings.otlp_headers)),
        protocol="http/json" if _protocol(settings) == "http/json" else "http/protobuf",
        gzip=settings.otlp_compression == "gzip",
        timeout=settings.otlp_timeout,
        resource=tuple(resource.items()),
        sampler=Sampler(
            below=round(_ratio(settings) * (_LOW + 1)), parent_based=name.startswith(_PARENT_BASED)
        ),
    )


def problems(settings: Settings) -> Iterator[str]:
    """Every reason why settings that export traces cannot."""
    traces = settings.otlp_traces_endpoint
    source = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT" if traces else "OTEL_EXPORTER_OTLP_ENDPOINT"
    try:
        url = urlsplit(_url(settings))
        good = url.scheme in ("http", "https") and bool(url.hostname)
    except ValueError:
        good = False
    if not good:
        yield f"{source} must be an http or https URL"
    if _protocol(settings) not in _PROTOCOLS:
        yield (
            f'OTEL_EXPORTER_OTLP_PROTOCOL ("{_protocol(settings)}") must be {" or ".join(_PROTOCOLS)}; '
            "to export nothing, set OTEL_TRACES_EXPORTER=none"
        )
    if (settings.otlp_compression or "none") not in _COMPRESSIONS:
        yield f'OTEL_EXPORTER_OTLP_COMPRESSION ("{settings.otlp_compression}") must be gzip or none'
    if settings.otlp_timeout <= 0:
        yield f"OTEL_EXPORTER_OTLP_TIMEOUT ({settings.otlp_timeout * 1_000:g} ms) must be greater than 0"
    if settings.otel_traces_sampler.lower().removeprefix(_PARENT_BASED) not in _SAMPLERS:
        names = [*_SAMPLERS, *(_PARENT_BASED + name for name in _SAMPLERS)]
        yield f'OTEL_TRACES_SAMPLER ("{settings.otel_traces_sampler}") must be one of {", ".join(names)}'
    elif not 0 <= _ratio(settings) <= 1:
        yield f'OTEL_TRACES_SAMPLER_ARG ("{settings.otel_traces_sampler_arg}") must be from 0 to 1'
    for name, text in (
        ("OTEL_EXPORTER_OTLP_HEADERS", settings.otlp_traces_headers or settings.otlp_headers),
        ("OTEL_RESOURCE_ATTRIBUTES", settings.otel_resource_attributes),
    ):
        if any("=" not in pair for pair in text.split(",") if pair.strip()):
            yield f"{name} must be name=value, separated by commas"
    for header, value in _pairs(settings.otlp_traces_headers or settings.otlp_headers):
        if not (header + value).isascii() or not (header + value).isprintable() or set(" :") & set(header):
            yield "OTEL_EXPORTER_OTLP_HEADERS has a name or a value that no header can have"
            break


def _url(settings: Settings) -> str:
    return settings.otlp_traces_endpoint or settings.otlp_endpoint.rstrip("/") + "/v1/traces"


def _protocol(settings: Settings) -> str:
    given = settings.otlp_traces_protocol or settings.otlp_protocol or "http/protobuf"
    return given.strip().lower()


def _ratio(settings: Settings) -> float:
    """Of the sampler; -1 for an argument that is no number."""
    match settings.otel_traces_sampler.lower().removeprefix(_PARENT_BASED):
        case "always_on":
            return 1.0
        case "always_off":
            return 0.0
    try:
        return float(settings.otel_traces_sampler_arg or 1)
    except ValueError:
        return -1.0


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    for pair in text.split(","):
        name, found, value = pair.partition("=")
        if found and name.strip():
            yield unquote(name.strip()), unquote(value.strip())
