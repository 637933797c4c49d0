"""Calls to users' apps over HTTP/1.1 (sdk-protocol §2, §3)."""

from inngest_fast.adapters.app_http.client import HttpAppClient

__all__ = ["HttpAppClient"]
