"""Spans to an OpenTelemetry collector, over OTLP/HTTP."""

from inngest_fast.adapters.otlp.sink import OtlpSink

__all__ = ["OtlpSink"]
