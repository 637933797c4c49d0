"""Calls an ASGI application in this process."""

import asyncio
import json
from urllib.parse import unquote

from inngest_fast.api.application import application


class Reply:
    def __init__(self, status, headers, body):
        self.status = status
        self.body = body
        self.headers = {}
        for name, value in headers:
            assert name == name.lower()
            assert name not in self.headers, f"{name} is sent twice"
            self.headers[name.decode()] = value.decode()

    @property
    def text(self):
        return self.body.decode()

    @property
    def json(self):
        assert self.headers["content-type"] == "application/json"
        return json.loads(self.body)

    @property
    def plain(self):
        assert self.headers["content-type"] == "text/plain; charset=utf-8"
        return self.text


class Client:
    """`read` counts the body messages that the application asked for."""

    def __init__(self, services):
        self.services = services
        self.application = application(services)
        self.read = 0

    def __call__(self, method, target, body=b"", headers=(), chunks=None, gone=False):
        """None if the application sent nothing. `headers` are pairs or a mapping."""
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        pieces = [body] if chunks is None else list(chunks)
        path, _, query = target.partition("?")
        pairs = headers.items() if isinstance(headers, dict) else headers
        scope = {
            "type": "http",
            "method": method,
            "path": unquote(path),
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in pairs],
        }
        self.read = 0
        sent = []

        async def receive():
            place = self.read
            self.read += 1
            if place < len(pieces):
                more = gone or place + 1 < len(pieces)
                return {"type": "http.request", "body": pieces[place], "more_body": more}
            return {"type": "http.disconnect"}

        async def send(message):
            sent.append(message)

        asyncio.run(self.application(scope, receive, send))
        if not sent:
            return None
        start, *rest = sent
        assert start["type"] == "http.response.start"
        reply = Reply(start["status"], start["headers"], b"".join(part["body"] for part in rest))
        if reply.status != 204 and method != "HEAD":
            assert int(reply.headers["content-length"]) == len(reply.body)
        return reply
