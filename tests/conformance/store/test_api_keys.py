"""API keys."""

import pytest
from msgspec.structs import replace

from inngest_fast.domain.api_keys import ApiKey, Scope
from inngest_fast.domain.ids import ulid
from tests.conformance.store.making import NOW, started


def key(n, **fields):
    digest = f"{n:064x}"
    made = {"name": f"key {n}", "scope": Scope.READ, "digest": digest, "created_at": NOW + n, **fields}
    return ApiKey(ulid(NOW + n, b"K" * 10), **made)


FULL = key(1, name="ops \0 é", scope=Scope.ADMIN, expires_at=NOW + 7, revoked_at=NOW + 8, used_at=NOW + 9)


@pytest.mark.parametrize("stored", [key(1), key(1, scope=Scope.WRITE, name=""), FULL])
async def test_reads_back_whole(store, stored):
    await store.api_keys.put(stored)
    assert await store.api_keys.all() == [stored]


async def test_at_first_there_are_none(store):
    assert await store.api_keys.all() == []
    assert await store.api_keys.live(NOW) == []


async def test_oldest_first(store):
    for n in (3, 1, 2):
        await store.api_keys.put(key(n))
    assert await store.api_keys.all() == [key(1), key(2), key(3)]
    assert await store.api_keys.live(NOW) == [key(1), key(2), key(3)]


async def test_one_that_is_there_stays(store):
    await store.api_keys.put(key(1))
    await store.api_keys.put(key(1, name="another", scope=Scope.ADMIN))
    assert await store.api_keys.all() == [key(1)]


async def test_expired_and_revoked_ones_are_not_live(store):
    ends, revoked = key(1, expires_at=NOW + 10), key(2, revoked_at=NOW - 5)
    for each in (ends, revoked, key(3)):
        await store.api_keys.put(each)
    assert await store.api_keys.live(NOW + 9) == [ends, key(3)]
    assert await store.api_keys.live(NOW + 10) == [key(3)]
    assert len(await store.api_keys.all()) == 3


async def test_revoked_at_once_and_once(store):
    await store.api_keys.put(key(1))
    await store.api_keys.put(key(2))
    assert await store.api_keys.revoke(key(1).id, NOW + 5) is True
    assert await store.api_keys.live(NOW) == [key(2)]
    assert await store.api_keys.revoke(key(1).id, NOW + 6) is True
    assert await store.api_keys.all() == [key(1, revoked_at=NOW + 5), key(2)]


async def test_an_unknown_one_is_not_revoked(store):
    await store.api_keys.put(key(1))
    assert await store.api_keys.revoke(key(2).id, NOW) is False
    assert await store.api_keys.revoke("", NOW) is False
    assert await store.api_keys.all() == [key(1)]


async def test_last_use_only_moves_on(store):
    for n in (1, 2, 3):
        await store.api_keys.put(key(n))
    await store.api_keys.used({key(1).id: NOW + 50, key(2).id: NOW + 60, key(9).id: NOW})
    await store.api_keys.used({key(1).id: NOW + 40, key(2).id: NOW + 70})
    await store.api_keys.used({})
    expected = [replace(key(1), used_at=NOW + 50), replace(key(2), used_at=NOW + 70), key(3)]
    assert await store.api_keys.all() == expected


async def test_amid_commits(store):
    commits = [store.commit(started(n)) for n in range(20)]
    await store.api_keys.put(key(1))
    assert all([(await each).applied for each in commits])
    assert await store.api_keys.all() == [key(1)]
