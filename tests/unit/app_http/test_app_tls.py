"""Apps behind TLS. Which authorities count is what SSL_CERT_FILE says."""

import asyncio
import shutil
import ssl
import subprocess
from pathlib import Path

import pytest
from raw_server import Peer, answering, closing, reply, serving, until

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the openssl command")


def openssl(directory: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=directory, check=True, capture_output=True, timeout=30)


def certificate(directory: Path, name: str, subject: str, *, days: int = 2, ca: str = "ca") -> None:
    """`name.pem` and `name.key`, signed by `ca`."""
    request = ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl(directory, *request, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", "/CN=app")
    (directory / "san").write_text(f"subjectAltName={subject}\n")
    signing = [
        "x509",
        "-req",
        "-CA",
        f"{ca}.pem",
        "-CAkey",
        f"{ca}.key",
        "-CAcreateserial",
        "-extfile",
        "san",
    ]
    openssl(directory, *signing, "-in", f"{name}.csr", "-out", f"{name}.pem", "-days", str(days))


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("tls")
    new = [
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "2",
    ]
    for ca in ("ca", "stranger"):
        openssl(directory, *new, "-keyout", f"{ca}.key", "-out", f"{ca}.pem", "-subj", f"/CN={ca}")
    certificate(directory, "good", "IP:127.0.0.1,DNS:localhost")
    certificate(directory, "named", "DNS:elsewhere.example")
    certificate(directory, "unknown", "IP:127.0.0.1", ca="stranger")
    return directory


@pytest.fixture(autouse=True)
def trusted(authority: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority / "ca.pem"))


def context(authority: Path, name: str) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(authority / f"{name}.pem", authority / f"{name}.key")
    return made


async def test_a_trusted_app(authority, post, client):
    async with serving(
        answering(reply(b"ab"), reply(b"c" * 1_000_000)), tls=context(authority, "good")
    ) as server:
        assert (await post(server.url)).body == b"ab"
        assert (await post(server.url)).body == b"c" * 1_000_000
        assert server.connections == 1
        assert (await post(server.url.replace("127.0.0.1", "localhost"), b"x" * 1_000_000)).status == 200
        assert server.requests[-1].body == b"x" * 1_000_000


@pytest.mark.parametrize("name", ["named", "unknown"])
async def test_a_certificate_that_is_not_good(authority, fault, client, name):
    async with serving(answering(reply()), tls=context(authority, name)) as server:
        error = await fault(server.url)
        assert (error.fault, "certificate" in str(error).lower()) == ("tls", True)
        assert server.requests == []
        await until(lambda: server.open == 0)


async def test_an_authority_that_is_not_trusted(authority, fault, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(authority / "stranger.pem"))
    async with serving(answering(reply()), tls=context(authority, "good")) as server:
        assert (await fault(server.url)).fault == "tls"


async def test_plain_http_answered_to_https(fault):
    async def handle(peer: Peer) -> None:
        await peer.reader.read(100)
        await peer.send(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n")

    async with serving(handle) as server:
        error = await fault(server.url.replace("http:", "https:"))
    assert (error.fault, "WRONG_VERSION_NUMBER" in str(error)) == ("tls", True)


async def test_https_asked_in_plain(authority, fault):
    async with serving(answering(reply()), tls=context(authority, "good")) as server:
        assert (await fault(server.url.replace("https:", "http:"))).fault in ("refused", "protocol")


@pytest.mark.parametrize("end", ["close", "reset"])
async def test_a_handshake_that_is_broken_off(fault, end):
    async def handle(peer: Peer) -> None:
        await peer.reader.read(10)
        getattr(peer, end)()

    async with serving(handle) as server:
        assert (await fault(server.url.replace("http:", "https:"))).fault in ("refused", "tls")


async def test_a_handshake_that_hangs(fault, client):
    async def handle(peer: Peer) -> None:
        await peer.gone()

    async with serving(handle) as server:
        assert (await fault(server.url.replace("http:", "https:"), timeout_ms=100)).fault == "timeout"
        await until(lambda: server.open == client.connections == 0)


async def test_a_body_until_the_end_of_the_connection(authority, post):
    response = b"HTTP/1.1 200 OK\r\n\r\n" + b"z" * 100_000
    async with serving(closing(response), tls=context(authority, "good")) as server:
        assert (await post(server.url)).body == b"z" * 100_000


async def test_a_kept_connection_that_closes_at_the_next_request_is_replaced(authority, post):
    async def handle(peer: Peer) -> None:
        await peer.request()
        await peer.send(reply(b"%d" % peer.number))
        await peer.request()
        if peer.number == 1:
            peer.reset()

    async with serving(handle, tls=context(authority, "good")) as server:
        assert (await post(server.url)).body == b"1"
        assert (await post(server.url)).body == b"2"


async def test_a_cancelled_request_closes_its_connection(authority, client, post):
    async def handle(peer: Peer) -> None:
        await peer.request()
        await peer.gone()

    async with serving(handle, tls=context(authority, "good")) as server:
        call = asyncio.create_task(post(server.url))
        await until(lambda: server.requests)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await until(lambda: server.open == client.connections == 0)


async def test_a_redirect_from_plain_to_tls(authority, post):
    async with serving(answering(reply(b"safe")), tls=context(authority, "good")) as safe:
        moved = reply(b"", "308 x", location=safe.url + "/x")
        async with serving(answering(moved)) as plain:
            assert (await post(plain.url)).body == b"safe"
