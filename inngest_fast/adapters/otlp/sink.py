"""ports.span_sink.SpanSink on an OTLP/HTTP endpoint."""

import gzip
from collections.abc import Callable, Sequence
from typing import NamedTuple

from inngest_fast.adapters.otlp import json_form, protobuf_form
from inngest_fast.domain.otlp import Attributes, Export, ExportedSpan
from inngest_fast.ports.app_client import AppCallError, AppClient, AppRequest, AppResponse
from inngest_fast.ports.span_sink import SinkBusyError, SinkRefusedError, Taken

_MAX_ANSWER = 64 * 1024
_SHOWN = 200  # characters of a refusal


class _Form(NamedTuple):
    content_type: str
    encode: Callable[[Sequence[ExportedSpan], Attributes], bytes]
    read: Callable[[bytes], Taken]


_FORMS = {
    "http/json": _Form("application/json", json_form.encode, json_form.read_taken),
    "http/protobuf": _Form("application/x-protobuf", protobuf_form.encode, protobuf_form.read_taken),
}


class OtlpSink:
    """Sends by a `client` that is its own."""

    def __init__(self, export: Export, client: AppClient) -> None:
        self._export = export
        self._client = client
        self._form = _FORMS[export.protocol]
        coding = (("Content-Encoding", "gzip"),) if export.gzip else ()
        self._headers = (("Content-Type", self._form.content_type), *coding, *export.headers)

    async def send(self, spans: Sequence[ExportedSpan]) -> Taken:
        export = self._export
        body = self._form.encode(spans, export.resource)
        request = AppRequest(
            method="POST",
            url=export.url,
            headers=self._headers,
            body=gzip.compress(body, 1) if export.gzip else body,
            timeout_ms=int(export.timeout * 1_000),
            max_body=_MAX_ANSWER,
            follow="never",
        )
        try:
            response = await self._client.send(request)
        except AppCallError as error:
            raise SinkBusyError(str(error)) from None
        status = response.status
        if 200 <= status < 300:
            try:
                return self._form.read(response.body)
            except ValueError:
                return Taken()
        if status == 429 or status >= 500:
            raise SinkBusyError(f"it answered {status}", _retry_after(response))
        text = response.body[:_SHOWN].decode(errors="replace")
        raise SinkRefusedError(f"it answered {status}: {text}")

    async def close(self) -> None:
        await self._client.close()


def _retry_after(response: AppResponse) -> float | None:
    """Seconds; a date is as good as nothing."""
    text = response.headers.get("retry-after", "")
    return float(text) if text.isascii() and text.isdigit() else None
