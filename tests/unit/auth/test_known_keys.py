import asyncio

import pytest
from msgspec.structs import replace

from inngest_fast.auth.api_keys import (
    KNOWN_FOR_MS,
    NOTED_EVERY_MS,
    PREFIX,
    KnownKeys,
    digest_of,
    new_secret,
)
from inngest_fast.domain.api_keys import ApiKey, Scope
from inngest_fast.domain.errors import StoreError
from tests.fixtures.model_api_keys import ModelApiKeys
from tests.fixtures.virtual_loop import run_virtual

SECRET, OTHER = new_secret(), new_secret()


def key(secret=SECRET, id="1", **fields):
    return ApiKey(id, "ci", Scope.READ, digest_of(secret), 1, **fields)


def with_keys(*keys):
    """Makes a test of a coroutine that takes known keys, their store and its clock."""

    def decorate(test):
        async def main(_, clock):
            store = ModelApiKeys()
            for each in keys:
                await store.put(each)
            await test(KnownKeys(store, clock), store, clock)

        return lambda: run_virtual(main)

    return decorate


def test_secrets_can_be_told_and_not_guessed():
    assert SECRET.startswith(PREFIX)
    assert len(SECRET) == len(PREFIX) + 43
    assert SECRET != OTHER


@with_keys(key(), key(OTHER, "2"))
async def test_a_key_is_found_by_its_secret(known, store, clock):
    assert (await known.find(SECRET)).id == "1"
    assert (await known.find(OTHER)).id == "2"
    assert store.asked == 1


@with_keys(key())
async def test_guesses_cost_no_questions_to_the_store(known, store, clock):
    for guess in ("", "garbage", PREFIX, SECRET[:-1], SECRET + "x", SECRET.removeprefix(PREFIX), OTHER):
        assert await known.find(guess) is None
    for _ in range(100):
        assert await known.find(new_secret()) is None
    assert store.asked == 1


@with_keys(key())
async def test_a_revoked_key_is_good_for_two_seconds_more(known, store, clock):
    assert await known.find(SECRET) is not None
    await store.revoke("1", clock.now_ms())
    assert await known.find(SECRET) is not None
    clock.step(KNOWN_FOR_MS)
    assert await known.find(SECRET) is None


@with_keys()
async def test_a_new_key_is_known_in_two_seconds(known, store, clock):
    assert await known.find(SECRET) is None
    await store.put(key())
    clock.step(KNOWN_FOR_MS)
    assert await known.find(SECRET) is not None


def test_expired_at_once():
    async def main(_, clock):
        store = ModelApiKeys()
        await store.put(key(expires_at=clock.now_ms() + 10))
        known = KnownKeys(store, clock)
        assert await known.find(SECRET) is not None
        clock.step(10)
        assert await known.find(SECRET) is None
        assert store.asked == 1

    run_virtual(main)


@with_keys(key())
async def test_a_clock_set_back_makes_nothing_good_for_longer(known, store, clock):
    assert await known.find(SECRET) is not None
    await store.revoke("1", clock.now_ms())
    clock.step(-3_600_000)
    assert await known.find(SECRET) is None


@with_keys(key())
async def test_all_that_ask_at_once_ask_once(known, store, clock):
    found = await asyncio.gather(*(known.find(SECRET) for _ in range(50)))
    assert {each.id for each in found} == {"1"}
    assert store.asked == 1


@with_keys(key())
async def test_what_the_store_does_not_confirm_is_not_good(known, store, clock):
    store.failure = StoreError("away")
    with pytest.raises(StoreError):
        await known.find(SECRET)
    assert await known.find("garbage") is None
    store.failure = None
    assert await known.find(SECRET) is not None
    clock.step(KNOWN_FOR_MS)
    store.failure = StoreError("away")
    with pytest.raises(StoreError):  # what it was is no proof of what it is
        await known.find(SECRET)


@with_keys(key())
async def test_one_request_broken_off_leaves_the_others(known, store, clock):
    first, second = (asyncio.create_task(known.find(SECRET)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).id == "1"


@with_keys(key())
async def test_use_is_noted_once_a_minute(known, store, clock):
    start = clock.now_ms()
    for _ in range(5):
        await known.find(SECRET)
        await asyncio.sleep(0.01)
    assert store.noted == [{"1": start}]
    await asyncio.sleep(NOTED_EVERY_MS / 1_000)
    await known.find(SECRET)
    await asyncio.sleep(0.01)
    assert [list(each) for each in store.noted] == [["1"], ["1"]]
    assert store.keys["1"].used_at == store.noted[1]["1"] >= start + NOTED_EVERY_MS


def test_what_another_server_has_noted_is_not_noted_again():
    async def main(_, clock):
        store = ModelApiKeys()
        await store.put(replace(key(), used_at=clock.now_ms() - NOTED_EVERY_MS + 1_000))
        known = KnownKeys(store, clock)
        await known.find(SECRET)
        await asyncio.sleep(0.01)
        assert store.noted == []

    run_virtual(main)


@with_keys(key())
async def test_a_use_that_cannot_be_noted_hinders_nobody(known, store, clock):
    assert await known.find(SECRET) is not None
    store.failure = StoreError("away")
    await asyncio.sleep(0.01)
    assert await known.find(SECRET) is not None
    assert store.noted == []
