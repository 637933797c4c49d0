"""Spans as OpenTelemetry exporters send them (connect-realtime §3.2)."""

from inngest_fast.engine.otlp.spans import InvalidPayloadError, Received

__all__ = ["InvalidPayloadError", "Received"]
