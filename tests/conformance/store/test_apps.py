"""Apps and functions."""

from inngest_fast.domain.transitions import PutApp, PutFunction, RemoveApp, Transition
from tests.conformance.store.making import app, function


async def test_app_reads_back_whole(store):
    full = app(
        1,
        sdk="js:v3",
        framework="express",
        checksum="c",
        error="e",
        error_detail="d",
        sync_id="s",
        app_version="v",
        platform="p",
        source="api",
    )
    await store.commit(Transition([PutApp(full), PutApp(app(2))]))
    assert sorted(await store.apps(), key=lambda a: a.id) == [full, app(2)]


async def test_app_is_replaced(store):
    await store.commit(Transition([PutApp(app(1))]))
    await store.commit(Transition([PutApp(app(1, error="unreachable"))]))
    assert await store.apps() == [app(1, error="unreachable")]


async def test_app_is_removed_and_its_functions_are_not(store):
    await store.commit(Transition([PutApp(app(1)), PutApp(app(2)), PutFunction(function(1))]))
    await store.commit(Transition([RemoveApp("app-1"), RemoveApp("none")]))
    assert await store.apps() == [app(2)]
    assert await store.functions() == [function(1)]


async def test_function_reads_back_whole_and_is_replaced(store):
    await store.commit(Transition([PutFunction(function(1)), PutFunction(function(2))]))
    archived = function(1, version=2, archived_at=5, app_id="app-2")
    await store.commit(Transition([PutFunction(archived)]))
    assert sorted(await store.functions(), key=lambda f: f.id) == [archived, function(2)]


async def test_nothing_at_first(store):
    assert await store.apps() == []
    assert await store.functions() == []
