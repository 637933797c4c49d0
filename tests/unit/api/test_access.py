"""Who may call what: docs/auth.md says it, and every route that there is does so."""

import asyncio
import hashlib
import re
from pathlib import Path

import pytest
from asgi_client import Client
from fake_services import NOW, SIGNING_KEY, START, fake_services
from msgspec.structs import replace

from inngest_fast.api import application as surface
from inngest_fast.api.gate import allows
from inngest_fast.api.http import Access, Response
from inngest_fast.auth.api_keys import digest_of, new_secret
from inngest_fast.domain.api_keys import ApiKey, Scope
from inngest_fast.domain.settings import Settings
from tests.fixtures.virtual_loop import VirtualLoop

PAGE = (Path(__file__).parents[3] / "docs" / "auth.md").read_text(encoding="utf-8")
TABLES = [
    [[cell.strip() for cell in line.strip("|").split("|")] for line in block.splitlines()]
    for block in re.findall(r"(?:^\|.*\n)+", PAGE, re.MULTILINE)
]
MATRIX = next(table for table in TABLES if table[0][:2] == ["Access", "none"])
OPENS = {
    line[0]: {who for who, word in zip(MATRIX[0][1:], line[1:], strict=True) if word == "yes"}
    for line in MATRIX[2:]
}
ROUTES = {}
for access, cell in next(table for table in TABLES if table[0] == ["Access", "Routes"])[2:]:
    for methods, path in re.findall("`([A-Z,]+) ([^`]+)`", cell):
        paths = [path, path.removeprefix("/api")] if path.startswith("/api/v2/") else [path]
        for route in (f"{method} {each}" for method in methods.split(",") for each in paths):
            assert route not in ROUTES, f"{route} is in the table twice"
            ROUTES[route] = access

WITH_ALL = {"test_mode": True}  # every route that settings can bring about
HASH = hashlib.sha256(bytes.fromhex("abc123def456")).hexdigest()
FALLBACK_HASH = hashlib.sha256(bytes.fromhex("ff00")).hexdigest()
SECRETS = {name: new_secret() for name in ("read", "write", "admin", "revoked", "expired", "other")}
# Tokens by what they are in the matrix; "none" for those that are no good.
TOKENS = {
    "none": [
        *("", "undefined", "garbage", "é", "abc123def45", SIGNING_KEY.upper(), "ek2", "EK1", "infk_"),
        hashlib.sha256(b"abc123def456").hexdigest(),
        *(SECRETS[name] for name in ("revoked", "expired", "other")),
        SECRETS["admin"][:-1],
        SECRETS["admin"].swapcase(),
    ],
    "event key": ["ek1", "key/2"],
    "read": [SECRETS["read"]],
    "write": [SECRETS["write"]],
    "admin": [SECRETS["admin"]],
    "signing key": [
        *(SIGNING_KEY, "abc123def456", "signkey-prod-abc123def456", HASH, f"signkey-test-{HASH}"),
        *("ff00", "signkey-x-ff00", FALLBACK_HASH, f"signkey-x-{FALLBACK_HASH}"),
    ],
}


def api_key(name, **fields):
    scope = Scope.__members__.get(name.upper(), Scope.ADMIN)
    return ApiKey(f"id {name}", name, scope, digest_of(SECRETS[name]), NOW - 1_000, **fields)


def services(settings=START, **changes):
    made = fake_services(settings, **WITH_ALL, **changes)
    keys = [api_key(name) for name in ("read", "write", "admin")]
    keys += [api_key("revoked", revoked_at=NOW - 1), api_key("expired", expires_at=NOW)]
    made.store.api_keys.keys = {key.id: key for key in keys}
    return made


def target(pattern, key="ek1"):
    return re.sub(r"\{\w+\}", "x", pattern.replace("{key}", key))


class Calls:
    """Calls routes whose handlers say only what the caller may do; time passes as it is waited for."""

    def __init__(self, monkeypatch, made, build=surface.application):
        real = surface.all_routes(made)

        async def handler(request):
            granted = [scope.text for scope in Scope if allows(request, scope)]
            return Response(200, " ".join(granted).encode())

        monkeypatch.setattr(
            surface, "all_routes", lambda _: [replace(route, handler=handler) for route in real]
        )
        self.routes = {f"{route.method} {route.pattern}": route.access for route in real}
        assert len(self.routes) == len(real)
        self.application = build(made)

    async def __call__(self, line, header=None, key="ek1", peer="192.0.2.1", origin=None):
        method, pattern = line.split()
        path = target(pattern, key)
        given = {"authorization": header, "origin": origin}
        headers = [
            (name.encode(), value.encode("latin-1")) for name, value in given.items() if value is not None
        ]
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
        }
        sent = []

        async def send(message):
            sent.append(message)

        await self.application({**scope, "headers": headers, "client": (peer, 5_000)}, None, send)
        return sent[0]["status"], sent[1]["body"], dict(sent[0]["headers"])


def run(main):
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)


def test_every_route_is_in_the_table_with_its_access():
    """A new route needs a place in docs/auth.md."""
    routes = surface.all_routes(fake_services(**WITH_ALL))
    assert {f"{route.method} {route.pattern}": route.access.value for route in routes} == ROUTES
    assert len(routes) == len(ROUTES)


def test_every_access_is_in_the_matrix():
    assert {access.value for access in Access} - {"open"} == OPENS.keys()
    assert MATRIX[0][1:] == list(TOKENS)
    assert {access for access, who in OPENS.items() if "none" in who} == {"health", "own token"}


def test_start_asks_everywhere_for_what_the_matrix_says(monkeypatch, capsys):
    calls = Calls(monkeypatch, services())

    async def check():
        checked, unguarded = 0, []
        for line, access in ROUTES.items():
            for who, tokens in TOKENS.items():
                headers = [f"{scheme} {token}" for token in tokens for scheme in ("Bearer", "bEaRer")]
                if who == "none":
                    headers += [None, "Bearer", SIGNING_KEY, f"Basic {SIGNING_KEY}", "infk_ Bearer"]
                for header in headers:
                    # In the path of the event API only an event key counts, and nothing else does there.
                    key = "ek1" if who == "event key" else "ek2"
                    status, body, _ = await calls(line, header, key=key)
                    expected = who in OPENS[access] and not (access == "event key" and "{key}" not in line)
                    assert (status == 200) is expected, (line, who, header, status)
                    if status != 200:
                        assert status == 401
                        assert refusal(line, access) == body
                    checked += 1
                    if header is None and status == 200:
                        unguarded.append(line)
        return checked, unguarded

    checked, unguarded = run(check())
    assert {ROUTES[line] for line in unguarded} == {"health", "own token"}
    with capsys.disabled():
        print(f" {len(ROUTES)} routes, {checked} calls, open: {len(unguarded)}", end="")


def refusal(line, access):
    if access == "event key":
        missing = "{key}" not in line
        return (
            b"Event key is required"
            if missing
            else b'{"status":401,"message":"","error":"Event key not found"}'
        )
    if "/api/v1/" in line:
        return b'{"error":"Authentication failed","status":401}'
    return b"Authentication failed"


def test_dev_asks_for_nothing(monkeypatch):
    calls = Calls(monkeypatch, services(Settings()))

    async def check():
        for line in ROUTES:
            for header in (None, "Bearer ", "Bearer undefined", f"Bearer {SECRETS['revoked']}"):
                assert (await calls(line, header, key="any"))[:2] == (200, b"read write admin"), line

    run(check())


@pytest.mark.parametrize("access", ["graphql", "mcp", "metrics", "invoke"])
def test_an_opened_surface_asks_for_nothing_and_others_still_do(monkeypatch, access):
    calls = Calls(monkeypatch, services(**{f"open_{access}": True}))
    opened = {line for line, of in ROUTES.items() if of in (access, "health", "own token")}

    async def check():
        return {line for line in ROUTES if (await calls(line, key="ek2"))[0] == 200}

    assert run(check()) == opened


def test_who_came_through_an_open_door_may_not_do_all(monkeypatch):
    calls = Calls(monkeypatch, services(open_graphql=True))
    assert run(calls("POST /v0/gql"))[:2] == (200, b"read write")


def test_handlers_can_ask_for_more(monkeypatch):
    calls = Calls(monkeypatch, services())

    async def check(line):
        return [(await calls(line, f"Bearer {SECRETS[name]}"))[1] for name in ("read", "write", "admin")]

    assert run(check("POST /v0/gql")) == [b"read", b"read write", b"read write admin"]
    assert run(check("GET /v1/checkpoint/{id}/output")) == [b"read", b"read write", b"read write admin"]
    assert run(calls("GET /v1/checkpoint/{id}/output", "Bearer eyJ.x.y"))[:2] == (200, b"")


@pytest.mark.parametrize("key", ["ek1", "key%2F2"])
def test_an_event_key_opens_the_event_api(start, key):
    assert start("POST", f"/e/{key}", {"name": "n"}).status == 200


@pytest.mark.parametrize("key", ["ek2", "ek", "ek11", "EK1", "abc123def456", SIGNING_KEY, "%00", "%FF"])
def test_another_event_key_does_not(start, key):
    reply = start("POST", f"/e/{key}", {"name": "n"}, {"Authorization": f"Bearer {SIGNING_KEY}"})
    assert reply.status == 401
    assert reply.body == b'{"status":401,"message":"","error":"Event key not found"}'
    assert reply.headers["content-type"] == "application/json"
    assert start.read == 0


@pytest.mark.parametrize("path", ["/e", "/e/"])
def test_no_event_key_at_all(path):
    for settings in ({}, {"mode": "start"}):
        reply = Client(fake_services(START, **settings))("POST", path, {"name": "n"})
        assert reply.status == 401
        assert reply.plain == "Event key is required"


def test_what_sdks_take_for_a_dev_server_is_never_json(start):
    assert start("GET", "/dev").plain == "Authentication failed"
    reply = start("GET", "/dev", headers={"Authorization": f"Bearer {SIGNING_KEY}"})
    assert (reply.status, reply.plain) == (404, "404 page not found")


@pytest.mark.parametrize(("name", "status"), [("read", 403), ("write", 200), ("admin", 200)])
def test_a_mutation_needs_more_than_a_query(name, status):
    client = Client(services())
    headers = {"Authorization": f"Bearer {SECRETS[name]}", "Content-Type": "application/json"}
    assert client("POST", "/v0/gql", {"query": "{ __typename }"}, headers).status == 200
    mutation = {"query": "mutation { __typename }"}
    assert client("POST", "/v0/gql", mutation, headers).status == status
