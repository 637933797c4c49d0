"""Requests on behalf of apps: redirects as browsers follow them, HEAD, and addresses that are off limits."""

import pytest
from raw_server import answering, reply, serving

from inngest_fast.adapters.app_http import HttpAppClient
from inngest_fast.adapters.app_http.addresses import is_public
from inngest_fast.ports.app_client import AppCallError, AppRequest

SECRETS = (("Authorization", "Bearer k"), ("X-Api-Key", "k"), ("Cookie", "c=1"), ("X-Mine", "1"))


def moved(status, location):
    return reply(b"", f"{status} Moved", location=location)


@pytest.mark.parametrize(
    ("status", "method", "then"),
    [
        (301, "POST", "GET"),
        (302, "POST", "GET"),
        (303, "PUT", "GET"),
        (302, "PUT", "PUT"),
        (307, "POST", "POST"),
        (308, "POST", "POST"),
    ],
)
async def test_a_redirect_may_change_the_method(post, status, method, then):
    async with serving(answering(moved(status, "/there"), reply(b""))) as server:
        headers = (("Content-Type", "text/plain"), ("X-Mine", "1"))
        await post(server.url + "/here?q=1", b"body", method, headers=headers, follow="fetch")
        _, second = server.requests
        assert (second.method, second.target) == (then, "/there")
        assert second.header("x-mine") == "1"
        assert second.body == (b"" if then == "GET" else b"body")
        assert second.header("content-type") == ("" if then == "GET" else "text/plain")


async def test_what_tells_who_asks_stays_with_its_origin(post):
    async with serving(answering(reply(b"there"))) as there:
        async with serving(answering(moved(307, there.url + "/x"))) as here:
            await post(here.url, headers=SECRETS, follow="fetch")
        [request] = there.requests
        assert [request.header(name) for name, _ in SECRETS] == ["", "", "", "1"]
    async with serving(answering(moved(307, "/x"), reply(b""))) as here:
        await post(here.url, headers=SECRETS, follow="fetch")
        assert [here.requests[1].header(name) for name, _ in SECRETS] == [value for _, value in SECRETS]


async def test_a_redirect_may_be_the_response(post):
    async with serving(answering(moved(302, "/there"))) as server:
        response = await post(server.url, follow="never")
        assert (response.status, response.headers["location"]) == (302, "/there")
        assert len(server.requests) == 1


async def test_no_end_of_redirects_is_an_error(fault):
    async with serving(answering(*[moved(302, f"/{n}") for n in range(9)])) as server:
        error = await fault(server.url, follow="fetch", max_redirects=3)
        assert error.fault == "redirects"
        assert len(server.requests) == 4


async def test_an_answer_to_head_has_no_body(post):
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\nX-A: b\r\n\r\n"
    async with serving(answering(answer)) as server:
        for _ in range(2):  # the first connection is not used again
            response = await post(server.url, b"", "HEAD")
            assert (response.status, response.body, response.headers["x-a"]) == (200, b"", "b")
        assert len(server.requests) == 2


async def test_the_app_names_itself(post):
    async with serving(answering(reply(b""), reply(b""))) as server:
        await post(server.url, headers=(("user-agent", "mine/1"),))
        await post(server.url)
        assert server.requests[0].header("user-agent") == "mine/1"
        assert server.requests[1].header("user-agent").startswith("inngest-fast/")


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.9.9.9",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1%eth0",
        "fd00::1",
        "fec0::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::",
        "localhost",
        "",
    ],
)
def test_what_is_not_public(address):
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["93.184.216.34", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_what_is_public(address):
    assert is_public(address)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]"])
async def test_what_is_not_public_is_not_connected_to(host):
    async with serving(answering(reply(b""))) as server:
        port = server.url.rpartition(":")[2]
        client = HttpAppClient(public_only=True)
        with pytest.raises(AppCallError) as caught:
            await client.send(AppRequest("GET", f"http://{host}:{port}/"))
        await client.close()
        assert caught.value.fault == "forbidden"
        assert server.requests == []


async def test_a_name_counts_for_where_it_leads(monkeypatch):
    """Even if one of its addresses is public."""
    import asyncio

    async def found(*_, **__):
        return [(2, 1, 6, "", (address, 80)) for address in ("93.184.216.34", "127.0.0.1")]

    client = HttpAppClient(public_only=True)
    monkeypatch.setattr(type(asyncio.get_running_loop()), "getaddrinfo", found, raising=False)
    with pytest.raises(AppCallError) as caught:
        await client.send(AppRequest("GET", "http://rebinds.test/"))
    assert caught.value.fault == "forbidden"
    await client.close()
