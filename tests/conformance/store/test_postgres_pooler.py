"""Behind a pooler in transaction mode: no connection keeps anything from one transaction to the next."""

import asyncio
import contextlib
import struct
import tempfile
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from inngest_fast.domain.transitions import AddWait, PutStep, Transition
from tests.conformance.store.making import ended, event_id, job, run, run_id, signal, started, step
from tests.fixtures import postgres_server

BACKENDS = 3  # of one client, in turns


class Pooler:
    """Gives each transaction of a client another backend than the last."""

    def __init__(self):
        given = conninfo_to_dict(postgres_server.uri())
        self._to = given.get("host") or "localhost", str(given.get("port") or 5432)
        self._directory = tempfile.TemporaryDirectory(prefix="pooler-")
        self._path = str(Path(self._directory.name, ".s.PGSQL.5432"))
        where = {"host": self._directory.name, "port": "5432", "sslmode": "disable"}
        self.uri = make_conninfo(**{**given, **where})
        self.transactions = 0
        self._serving = set()

    async def __aenter__(self):
        def serve(reader, writer):
            self._serving.add(asyncio.create_task(self._serve(reader, writer)))

        self._server = await asyncio.start_unix_server(serve, self._path)
        return self

    async def __aexit__(self, *_):
        self._server.close()
        await asyncio.gather(*self._serving)
        self._directory.cleanup()

    async def _login(self, startup):
        host, port = self._to
        if host.startswith("/"):
            reader, writer = await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
        else:
            reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(startup)
        return reader, writer, await until_ready(reader)

    async def _serve(self, reader, writer):
        backends = []
        try:
            size = await reader.readexactly(4)
            startup = size + await reader.readexactly(struct.unpack("!i", size)[0] - 4)
            backends = [await self._login(startup) for _ in range(BACKENDS)]
            greeting = b"".join(
                kind + data[:4] + b"\x7f\xff\xff\x01" + data[8:] if kind == b"K" else kind + data
                for kind, data in backends[0][2]
            )
            writer.write(greeting)
            while True:
                backend = backends[self.transactions % BACKENDS]
                self.transactions += 1
                while await pass_on(reader, writer, *backend[:2]) != b"I":
                    pass
        except asyncio.IncompleteReadError:
            pass  # the client is gone
        finally:
            for _, to_backend, _ in backends:
                to_backend.transport.abort()
            writer.transport.abort()


async def message(reader):
    kind = await reader.readexactly(1)
    size = await reader.readexactly(4)
    return kind, size + await reader.readexactly(struct.unpack("!i", size)[0] - 4)


async def until_ready(reader):
    found = []
    while not found or found[-1][0] != b"Z":
        found.append(await message(reader))
    return found


async def pass_on(reader, writer, from_backend, to_backend):
    """What the client sends up to a Sync, and the answers; returns the state of the transaction."""
    kind = b""
    while kind not in (b"S", b"Q"):
        kind, data = await message(reader)
        to_backend.write(kind + data)
    answers = await until_ready(from_backend)
    writer.write(b"".join(kind + data for kind, data in answers))
    return answers[-1][1][4:]


@pytest.fixture
def schema():
    with postgres_server.schema() as name:
        yield name


async def test_everything_works_behind_a_pooler(schema, clock):
    async with Pooler() as pooler, contextlib.AsyncExitStack() as closing:
        store = postgres_server.store(schema, clock, pooler.uri)
        closing.push_async_callback(store.close)
        await store.open()
        n = 40
        for i in range(n):
            committed = await store.commit(started(i, AddWait(signal(i + 1, i, f"signal {i}"))))
            assert committed.applied
            assert await store.run(run_id(i)) == run(i)
        results = await asyncio.gather(
            *(
                store.commit(Transition([ended(run(i), branched=True), PutStep(run_id(i), step(1))], job(i)))
                for i in [*range(n), *range(n)]
            )
        )
        assert [each.reason for each in results] == [""] * n + ["job"] * n
        failing = await asyncio.gather(
            store.commit(started(1)), store.commit(started(n)), return_exceptions=True
        )
        assert [type(each).__name__ for each in failing] == ["StoreError", "Committed"]
        assert (await store.run(run_id(3))).steps == {"step-1": step(1)}
        assert (await store.event(event_id(3))).id == event_id(3)
        assert await store.live_waits(0, 10) == []
        assert await store.count_live_runs() == 1
        assert pooler.transactions > 2 * n
