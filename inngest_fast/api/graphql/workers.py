"""Workers of Connect: none are connected to this server."""

from typing import Any

from inngest_fast.api.graphql.paging import Page
from inngest_fast.api.graphql.request import Info, Resolvers


def worker_connections(_: object, _info: Info, **asked: Any) -> Page[Any]:
    return Page([], str, more=False, total=lambda _: 0, before=bool(asked.get("after")))


RESOLVERS: Resolvers = {
    "Query": {"workerConnections": worker_connections, "workerConnection": lambda *_, **__: None}
}
