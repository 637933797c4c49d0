"""Which route a path leads to."""

import pytest

from inngest_fast.api.http import Access, Route
from inngest_fast.api.router import Router


async def _handler(_):
    raise AssertionError


def router(*patterns):
    return Router([Route("GET", pattern, _handler, Access.OPEN) for pattern in patterns])


def found(router, path, raw_path=b""):
    match = router.find(path, raw_path)
    if match is None:
        return None
    route, names = match.methods["GET"]
    return route.pattern, dict(zip(names, match.values, strict=True))


def test_a_literal_goes_before_a_parameter():
    routes = router("/a/{x}", "/a/b", "/a/b/{y}/c", "/a/{x}/{z}/d")
    assert found(routes, "/a/b") == ("/a/b", {})
    assert found(routes, "/a/q") == ("/a/{x}", {"x": "q"})
    assert found(routes, "/a/b/1/c") == ("/a/b/{y}/c", {"y": "1"})
    assert found(routes, "/a/b/1/d") == ("/a/{x}/{z}/d", {"x": "b", "z": "1"})


@pytest.mark.parametrize("path", ["", "/", "a", "/a", "/a/", "/a/b/", "//a/b", "/A/b", "/a/{x}/y"])
def test_what_leads_nowhere(path):
    assert found(router("/a/{x}", "/b"), path) is None


def test_encoded_parts():
    routes = router("/a/{x}")
    assert found(routes, "/a/b/c", b"/a/b%2Fc") == ("/a/{x}", {"x": "b/c"})
    assert found(routes, "/a/é", b"/a/%C3%A9") == ("/a/{x}", {"x": "é"})
    assert found(routes, "/a/é") == ("/a/{x}", {"x": "é"})
    assert found(router("/a"), "/a", b"/%61") == ("/a", {})


def test_a_route_given_twice_is_an_error():
    with pytest.raises(ValueError, match=r"GET /a/\{y\} is given twice"):
        router("/a/{x}", "/a/{y}")
