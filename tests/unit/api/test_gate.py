"""What becomes of those who may not pass."""

import asyncio
import logging

import pytest
from fake_services import NOW, SIGNING_KEY, START, fake_services

from inngest_fast.api.gate import Gate
from inngest_fast.api.http import Access
from inngest_fast.auth import slow_down
from inngest_fast.auth.api_keys import KnownKeys, digest_of, new_secret
from inngest_fast.domain.api_keys import ApiKey, Scope
from inngest_fast.domain.errors import StoreError
from tests.fixtures.virtual_loop import run_virtual

READ = new_secret()


class Request:
    method = "GET"
    query_string = ""

    def __init__(self, token="", peer="192.0.2.1", path="/v1/runs/x", key=""):
        self.peer, self.path, self.token = peer, path, token
        self.params = {"key": key}
        self.granted = None

    def header(self, name):
        return f"Bearer {self.token}" if self.token and name == "authorization" else ""


def new_gate():
    services = fake_services(START)
    key = ApiKey("1", "ci", Scope.READ, digest_of(READ), NOW)
    services.store.api_keys.keys = {"1": key}
    return Gate(services.settings, KnownKeys(services.store.api_keys, services.clock)), services


async def status(gate, request, access=Access.WRITE):
    refusal = await gate.refusal(access, request, "/v1/runs/{id}")
    return 200 if refusal is None else refusal.status


def test_guesses_wait_and_good_credentials_do_not():
    async def main(loop, _):
        gate, _ = new_gate()
        for _ in range(20):
            assert await status(gate, Request("guess")) == 401
        waited = loop.time()
        assert waited > 10 * slow_down.LONGEST_S
        guesses = [asyncio.create_task(status(gate, Request("guess"))) for _ in range(2)]
        await asyncio.sleep(0)
        for token in (SIGNING_KEY, "ff00"):
            assert await status(gate, Request(token)) == 200
        assert await status(gate, Request(READ), Access.READ) == 200
        assert await status(gate, Request(key="ek1"), Access.EVENT_KEY) == 200
        assert loop.time() == waited
        assert await asyncio.gather(*guesses) == [401, 401]
        assert loop.time() == pytest.approx(waited + slow_down.LONGEST_S)

    run_virtual(main)


def test_nothing_given_and_too_little_are_no_guesses():
    async def main(loop, _):
        gate, _ = new_gate()
        for _ in range(20):
            assert await status(gate, Request()) == 401
            assert await status(gate, Request(READ)) == 401
            assert await status(gate, Request(), Access.EVENT_KEY) == 401
        assert loop.time() == 0

    run_virtual(main)


def test_event_keys_are_guesses_too():
    async def main(loop, _):
        gate, _ = new_gate()
        for n in range(10):
            assert await status(gate, Request(key=f"guess {n}"), Access.EVENT_KEY) == 401
        assert loop.time() > slow_down.LONGEST_S

    run_virtual(main)


def test_too_many_held_are_told_when_to_come_back():
    async def main(loop, _):
        gate, _ = new_gate()
        for _ in range(10):
            await status(gate, Request("guess"))
        held = [
            asyncio.create_task(status(gate, Request("guess"))) for _ in range(slow_down.MOST_HELD_OF_PEER)
        ]
        await asyncio.sleep(0)
        began = loop.time()
        for path in ("/v1/runs/x", "/api/v1/runs", "/dev", "/e/x"):
            refusal = await gate.refusal(Access.WRITE, Request("guess", path=path), "/x")
            assert refusal.status == 429
            assert dict(refusal.headers) == {"retry-after": "3"}
            assert (refusal.content_type == "application/json") is (path != "/dev")
        assert loop.time() == began
        assert await status(gate, Request("guess", peer="192.0.2.2")) == 401
        assert loop.time() == began
        assert set(await asyncio.gather(*held)) == {401}

    run_virtual(main)


def test_failures_are_logged_ever_less_and_without_the_credential(caplog):
    async def main(loop, _):
        gate, _ = new_gate()
        for n in range(20):
            await status(gate, Request(f"guess-{n}", peer="2001:db8::1"))
        await status(gate, Request("infk_guess-", peer="192.0.2.9"))
        await status(gate, Request(key="guess-", peer="192.0.2.8"), Access.EVENT_KEY)

    with caplog.at_level(logging.WARNING):
        run_virtual(main)
    assert "guess-" not in str([vars(record) for record in caplog.records])
    seen = [(record.peer, record.failures, record.credential) for record in caplog.records]
    assert seen == [
        *(("2001:db8::/64", n, "other") for n in (1, 2, 4, 8, 16)),
        ("192.0.2.9", 1, "API key"),
        ("192.0.2.8", 1, "other"),
    ]
    assert {(record.getMessage(), record.pattern) for record in caplog.records} == {
        ("authentication failed", "/v1/runs/{id}")
    }


def test_api_keys_are_neither_good_nor_bad_while_the_store_is_away():
    async def main(loop, _):
        gate, services = new_gate()
        services.store.api_keys.failure = StoreError("away")
        with pytest.raises(StoreError):
            await status(gate, Request(READ))
        assert await status(gate, Request(SIGNING_KEY)) == 200
        assert await status(gate, Request("guess")) == 401
        assert await status(gate, Request(READ), Access.HEALTH) == 200

    run_virtual(main)
