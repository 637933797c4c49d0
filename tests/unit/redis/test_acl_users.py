"""Ways in: TLS, users of an ACL, Unix sockets."""

import asyncio
import re
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import redis

from inngest_fast.adapters.redis import RedisQueue
from inngest_fast.adapters.redis.errors import RedisRefusedError, RedisUnavailableError
from inngest_fast.adapters.redis.scripts import scripts
from inngest_fast.domain.flow import FunctionLimits, ThrottleRate
from tests.fixtures.redis_server import RedisProcess
from tests.unit.redis.conftest import NewQueue
from tests.unit.redis.playing import doubts, job, opened, soon, start, take, until

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the openssl command")

KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`ca.pem`, and `server` and `client` that it signed."""
    directory = tmp_path_factory.mktemp("tls")

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=directory, check=True, capture_output=True, timeout=30)

    openssl("req", "-x509", *KEY, "-days", "2", "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=ca")
    for name, subject in (("server", "IP:127.0.0.1"), ("client", "DNS:client"), ("named", "DNS:elsewhere")):
        openssl("req", *KEY, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        (directory / "san").write_text(f"subjectAltName={subject}\n")
        signing = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "san", "-days", "2")
        openssl("x509", "-req", *signing, "-in", f"{name}.csr", "-out", f"{name}.pem")
    return directory


@asynccontextmanager
async def behind_tls(
    authority: Path, server: RedisProcess, name: str = "server", *, mutual: bool = False
) -> AsyncIterator[int]:
    """The port of a way to the server that speaks TLS, which the server itself may not know how to."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority / f"{name}.pem", authority / f"{name}.key")
    if mutual:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(authority / "ca.pem")
    writers: list[asyncio.StreamWriter] = []
    tasks: list[asyncio.Task[None]] = []

    async def passing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65_536):
                writer.write(data)
        except OSError:
            pass
        writer.close()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", server.port)
        writers.extend((writer, back))
        tasks.append(asyncio.ensure_future(passing(reader, back)))
        tasks.append(asyncio.ensure_future(passing(there, writer)))

    listening = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=context)
    try:
        yield listening.sockets[0].getsockname()[1]
    finally:
        listening.close()
        for writer in writers:
            writer.transport.abort()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@needs_openssl
@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("server", "ssl_ca_certs={0}/ca.pem"),
        ("server", "ssl_cert_reqs=none"),
        ("named", "ssl_ca_certs={0}/ca.pem&ssl_check_hostname=false"),
        ("mutual", "ssl_ca_certs={0}/ca.pem&ssl_certfile={0}/client.pem&ssl_keyfile={0}/client.key"),
    ],
    ids=["own authority", "not verified", "another name", "with a certificate of ours"],
)
def test_tls(new_queue: NewQueue, shared: RedisProcess, authority: Path, name: str, query: str) -> None:
    async def main() -> None:
        mutual = name == "mutual"
        certificate = "server" if mutual else name
        async with behind_tls(authority, shared, certificate, mutual=mutual) as port:
            queue = new_queue("n", uri=f"rediss://127.0.0.1:{port}/?{query.format(authority)}")
            async with opened(queue):
                queue.add(job("j", payload=bytes(1_000_000)))
                assert await take(queue) == ["j"]

    asyncio.run(main())


@needs_openssl
@pytest.mark.parametrize(
    ("name", "query", "why"),
    [
        ("server", "", "CERTIFICATE_VERIFY_FAILED"),
        ("named", "?ssl_ca_certs={0}/ca.pem", "CERTIFICATE_VERIFY_FAILED"),
        ("server", "?ssl_ca_certs={0}/none.pem", "No such file"),
    ],
    ids=["stranger", "another name", "no file"],
)
def test_tls_that_is_not_to_be_trusted(
    new_queue: NewQueue, shared: RedisProcess, authority: Path, name: str, query: str, why: str
) -> None:
    async def main() -> None:
        async with behind_tls(authority, shared, name) as port:
            uri = f"rediss://u:s3cret@127.0.0.1:{port}/{query.format(authority)}"
            with pytest.raises(RedisUnavailableError, match=why) as refused:
                await soon(new_queue("n", uri=uri).open())
            assert f"127.0.0.1:{port}" in str(refused.value)
            assert "s3cret" not in str(refused.value)

    asyncio.run(main())


TRACKING = "client|tracking"


@pytest.fixture(params=[True, False], ids=["told of a flush", "not told of a flush"])
def limited(server: RedisProcess, request: pytest.FixtureRequest) -> Iterator[RedisProcess]:
    """A server with a user that may do what RedisQueue says that it does, and nothing more."""
    rules = set(re.findall(r"\+[a-z|]+", RedisQueue.__doc__ or ""))
    if not request.param:
        rules.remove(f"+{TRACKING}")
    with server.client() as client:
        keys = ("~{limited}*", "resetchannels", "&{limited}*")
        client.execute_command("ACL", "SETUSER", "queue", "on", ">s3cret", *keys, "-@all", *rules)
    yield server
    with server.client() as client:
        refused = {one["object"] for one in client.acl_log() if one["username"] == "queue"}
    assert refused == (set() if request.param else {TRACKING})


def test_no_command_is_asked_for_that_is_not_used() -> None:
    asked = set(re.findall(r"\+([a-z|]+)", RedisQueue.__doc__ or ""))
    connection = {
        "hello",
        "ping",
        "client|setname",
        TRACKING,
        "script|load",
        "evalsha",
        "subscribe",
        "select",
    }
    sources = "".join(script.source.decode() for script in scripts().values())
    options = {"limit", "withscores", "count"}
    called = {name.lower() for name in re.findall(r"'([A-Z]{3,})'", sources)} - options
    assert asked == connection | called


def test_a_user_may_be_limited_to_what_is_needed(new_queue: NewQueue, limited: RedisProcess) -> None:
    async def main() -> None:
        uri = f"redis://queue:s3cret@127.0.0.1:{limited.port}/1"
        queue = new_queue("n", uri=uri, prefix="limited", lease_ms=300)
        other = new_queue("other", uri=uri, prefix="limited", lease_ms=300)
        heard: list[str] = []
        other.pubsub.subscribe("run", heard.append)
        async with opened(queue, other):
            for n in range(6):
                queue.add(job(str(n), after=20 * (n == 5)))
            queue.limit_group("a", 4)
            assert await take(queue, 4) == ["0", "1", "2", "3"]
            queue.done("0")
            queue.drop("1")
            queue.requeue(job("2", attempt=1))
            assert await queue.explain("2") is not None
            assert await queue.depth() != {}
            await queue.oldest_ready()
            assert await queue.missing(["0", "5"]) == ["0"]
            queue.limit_group("a", None)
            with limited.client() as client:
                client.flushall()

            async def restored() -> bool:
                place = await other.explain("3")
                return place is not None and place.state == "leased"

            await until(restored)
            assert await queue.add_missing([job("3"), job("4"), job("5", after=20)]) == ["4", "5"]
            assert await doubts(other) == {"4": True}
            leasing = asyncio.ensure_future(other.lease(1))
            leasing.cancel()
            other.hand_back()
            taken = await take(queue, 9)
            while len(taken) < 2:
                taken += await take(queue, 9)
            queue.pubsub.publish("run", "r")

            async def told() -> bool:
                return heard == ["r"]

            await until(told)
            assert queue.trouble == other.trouble == ""
            assert queue.counters["redis_hints_dropped"] == other.counters["redis_hints_dropped"] == 0

    asyncio.run(main())


def test_limits_ask_for_nothing_more(new_queue: NewQueue, limited: RedisProcess) -> None:
    async def main() -> None:
        uri = f"redis://queue:s3cret@127.0.0.1:{limited.port}"
        queue = new_queue("n", uri=uri, prefix="limited", settle_ms=1)
        async with opened(queue):
            queue.limit_function(
                "g", FunctionLimits(calls=3, rules={"k": 1, "r": 1}, throttle=ThrottleRate("t", 60_000, 1))
            )
            queue.restore_throttles({"t/y": job("any").due + 30_000})
            how = {"function": "g", "counters": ("k/x",), "run_counter": "r/x"}
            queue.add(start("a", throttle="t/x", **how))
            queue.add(start("b", throttle="t/x", **how))
            queue.add(start("c", function="g", throttle="t/y", run_counter="r/y"))
            queue.add(start("d", function="g", run_counter="r/x"))
            assert await take(queue, 9) == ["a"]
            for id, obstacle in zip("bcd", ("key", "throttle", "runs"), strict=True):
                place = await queue.explain(id)
                assert place is not None
                assert place.blocked_by == obstacle
            assert await queue.oldest_ready() is None
            queue.done("a", [job("a step", run="a", **how)])
            assert await take(queue, 9) == ["a step"]
            queue.limit_function("g", FunctionLimits())
            assert sorted(await take(queue, 9)) == ["b", "c", "d"]
            for id in ("a step", "b", "c", "d"):
                queue.done(id)

    asyncio.run(main())


def test_a_user_of_another_prefix_is_refused(new_queue: NewQueue, server: RedisProcess) -> None:
    with server.client() as client:
        keys = ("~{theirs}*", "resetchannels", "&{theirs}*", "&{ours}*")
        client.execute_command("ACL", "SETUSER", "queue", "on", ">s3cret", *keys, "+@all")

    async def main() -> None:
        uri = f"redis://queue:s3cret@127.0.0.1:{server.port}"
        with pytest.raises(RedisRefusedError, match="NOPERM") as refused:
            await soon(new_queue("n", uri=uri, prefix="ours").open())
        assert "s3cret" not in str(refused.value)

    asyncio.run(main())


def test_a_unix_socket(new_queue: NewQueue, tmp_path: Path) -> None:
    path = tmp_path / "redis.sock"
    server = RedisProcess("--unixsocket", str(path), "--requirepass", "s3cret").start()

    async def main() -> None:
        queue = new_queue("n", uri=f"unix://:s3cret@{path}?db=3")
        async with opened(queue):
            queue.add(job("j"))
            assert await take(queue) == ["j"]
            assert (await queue.details())["place"] == str(path)
            with redis.Redis(unix_socket_path=str(path), password="s3cret", db=3) as client:
                assert client.hlen(f"{queue._link._base}:jobs") == 1

    try:
        asyncio.run(main())
    finally:
        server.stop()
