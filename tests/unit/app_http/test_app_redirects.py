"""Where requests go: URLs taken apart, and redirects followed (sdk-protocol §2)."""

import pytest
from raw_server import answering, reply, serving

from inngest_fast.adapters.app_http.target import parse_target, redirected
from inngest_fast.ports.app_client import AppCallError


@pytest.mark.parametrize(
    ("url", "origin", "authority", "path"),
    [
        ("http://h", ("http", "h", 80), "h", "/"),
        ("http://h?x=1", ("http", "h", 80), "h", "/?x=1"),
        ("HTTP://H:80/A", ("http", "h", 80), "h", "/A"),
        ("https://h:443/a#b", ("https", "h", 443), "h", "/a"),
        ("https://h:80/", ("https", "h", 80), "h:80", "/"),
        ("http://h:0/", ("http", "h", 0), "h:0", "/"),
        ("http://[::1]:80/x", ("http", "::1", 80), "[::1]", "/x"),
        ("http://[::1]:81/x", ("http", "::1", 81), "[::1]:81", "/x"),
        ("http://h//a//b?c//d", ("http", "h", 80), "h", "//a//b?c//d"),
        ("http://h/a?b=c?d&e", ("http", "h", 80), "h", "/a?b=c?d&e"),
        ("http://h/%7Ea%zz?%20", ("http", "h", 80), "h", "/%7Ea%zz?%20"),
        ("http://h/é?ü=1", ("http", "h", 80), "h", "/%C3%A9?%C3%BC=1"),
        ("http://bücher.example/", ("http", "xn--bcher-kva.example", 80), "xn--bcher-kva.example", "/"),
    ],
)
def test_a_url_taken_apart(url, origin, authority, path):
    target = parse_target(url)
    assert (target.origin, target.authority, target.path) == (origin, authority, path)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/a",
        "ftp://h/",
        "http://",
        "http:///a",
        "http://h:99999/",
        "http://h:x/",
        "http://[::1/",
        "http://ü..x/",
        "http://h/a b",
        "http://h/a\r\nX: y",
        "http://h/\x7f",
    ],
)
def test_what_is_no_url_to_call(url):
    with pytest.raises(AppCallError) as caught:
        parse_target(url)
    assert caught.value.fault == "protocol"


@pytest.mark.parametrize(
    ("location", "where"),
    [
        ("/x", "http://h:1/x?q=1"),
        ("x", "http://h:1/a/x?q=1"),
        ("../x?r=2", "http://h:1/x?r=2"),
        ("?r=2", "http://h:1/a/b?r=2"),
        ("", "http://h:1/a/b?q=1"),
        ("#f", "http://h:1/a/b?q=1"),
        ("//other/x", "http://other/x?q=1"),
        ("https://other:2/x", "https://other:2/x?q=1"),
        ("https://other", "https://other?q=1"),
        ("/caf\xc3\xa9", "http://h:1/caf%C3%A9?q=1"),
        ("/a b", "http://h:1/a%20b?q=1"),
    ],
)
def test_where_a_location_leads(location, where):
    assert redirected("http://h:1/a/b?q=1", location) == where


@pytest.mark.parametrize("location", ["http://[", "http://[x]/", "//[::"])
def test_a_location_that_is_no_url(location):
    with pytest.raises(AppCallError) as caught:
        redirected("http://h/", location)
    assert caught.value.fault == "protocol"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_takes_method_body_headers_and_query_along(post, status):
    first = reply(b"moved", f"{status} Moved", location="/there")
    async with serving(answering(first, reply(b"here"))) as server:
        headers = (("X-Inngest-Signature", "t=1&s=2"),)
        answer = await post(f"{server.url}/a/b?fnId=f&stepId=step", b'{"x":1}', "PUT", headers=headers)
    assert (answer.status, answer.body) == (200, b"here")
    moved, there = server.requests
    assert (moved.target, there.target) == ("/a/b?fnId=f&stepId=step", "/there?fnId=f&stepId=step")
    assert there.headers == moved.headers
    assert (there.method, there.body) == (moved.method, moved.body) == ("PUT", b'{"x":1}')
    assert server.connections == 1


@pytest.mark.parametrize(
    "response",
    [
        reply(b"x", "300 Multiple Choices", location="/there"),
        reply(b"", "304 Not Modified", location="/there"),
        reply(b"x", "307 Temporary Redirect"),
        reply(b"x", "201 Created", location="/there"),
        reply(b"x", "200 OK", location="/there"),
    ],
)
async def test_what_is_not_followed(post, response):
    async with serving(answering(response)) as server:
        answer = await post(server.url)
    assert answer.status == int(response[9:12])
    assert len(server.requests) == 1


async def test_a_redirect_to_another_origin(post):
    async with serving(answering(reply(b"there"))) as there:
        moved = reply(b"", "308 Permanent Redirect", location=f"{there.url}/x?y=1")
        async with serving(answering(moved)) as here:
            assert (await post(here.url + "/a?b=2", b"body")).body == b"there"
    [request] = there.requests
    assert (request.target, request.body) == ("/x?y=1", b"body")
    assert request.header("host") == there.url.removeprefix("http://")


async def test_the_password_of_a_url_goes_to_its_own_host_only(post):
    async with serving(answering(reply(b"there"))) as there:
        steps = (
            reply(b"", "307 x", location="/next"),
            reply(b"", "307 x", location=f"{there.url}/x"),
        )
        async with serving(answering(*steps)) as here:
            await post(here.url.replace("http://", "http://us%40er:pass%20word@") + "/a")
    basic = "Basic dXNAZXI6cGFzcyB3b3Jk"
    assert [request.header("authorization") for request in here.requests] == [basic, basic]
    assert [request.header("host") for request in here.requests] == [here.url.removeprefix("http://")] * 2
    assert there.requests[0].header("authorization") == ""


async def test_a_loop_ends_after_sixty_redirects(fault, post):
    async with serving(answering(reply(b"", "307 x", location="/"))) as server:
        assert (await fault(server.url)).fault == "redirects"
        assert (len(server.requests), server.connections) == (61, 1)
    moves = [reply(b"", "307 x", location=f"/{n}") for n in range(60)]
    async with serving(answering(*moves, reply(b"at last"))) as server:
        assert (await post(server.url)).body == b"at last"


async def test_a_redirect_loop_is_bound_by_the_time_too(fault):
    async with serving(answering(reply(b"", "307 x", location="/"))) as server:
        error = await fault(server.url, timeout_ms=100, max_redirects=1_000_000)
    assert error.fault == "timeout"


@pytest.mark.parametrize(
    "location", ["ftp://x/", "http://[", "http://h:99999/", "mailto:x", "http://\xc3\xbc..x/"]
)
async def test_a_redirect_to_nowhere(fault, location):
    response = f"HTTP/1.1 307 x\r\ncontent-length: 0\r\nlocation: {location}\r\n\r\n".encode("latin-1")
    async with serving(answering(response)) as server:
        assert (await fault(server.url)).fault in ("protocol", "refused")
        assert len(server.requests) == 1
