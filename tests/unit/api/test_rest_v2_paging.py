"""REST v2: a walk through pages meets every item once, whatever comes meanwhile."""

import asyncio

import pytest
from asgi_client import Client
from fake_services import APP, FUNCTION, NOW, FakeClock, a_run, fake_services
from msgspec.structs import replace

from inngest_fast.domain.ids import ulid
from inngest_fast.domain.runs import RunStatus
from inngest_fast.domain.transitions import CreateRun, Transition
from tests.fixtures.model_store import ModelStore

COUNT = 23


def run_id(number):
    return ulid(NOW, number.to_bytes(10, "big"))


@pytest.fixture
def client():
    return Client(replace(fake_services(), store=ModelStore(FakeClock())))


def put(client, number, **fields):
    """Runs of one millisecond by threes: their ids decide between them."""
    at = NOW - 60_000 + number // 3
    run = a_run(
        id=run_id(number),
        status=RunStatus.COMPLETED,
        queued_at=at,
        started_at=at + 5,
        ended_at=at + 10 + number % 2,
        steps={},
        stack=(),
        **fields,
    )

    async def commit():
        await client.services.store.commit(Transition([CreateRun(run, ())]))

    asyncio.run(commit())


def walk(client, target, meanwhile=lambda: None):
    """Ids page by page."""
    pages = []
    cursor = ""
    while True:
        reply = client("GET", target + (f"&cursor={cursor}" if cursor else ""))
        assert reply.status == 200
        pages.append([item["id"] for item in reply.json.get("data", ())])
        page = reply.json["page"]
        assert page.get("hasMore", False) == ("cursor" in page)
        if "cursor" not in page:
            return pages
        cursor = page["cursor"]
        meanwhile()


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("time_field", ["queuedAt", "startedAt", "endedAt"])
@pytest.mark.parametrize("limit", [1, 5, COUNT, 100])
def test_every_run_once(client, order, time_field, limit):
    for number in range(COUNT):
        put(client, number)
    pages = walk(client, f"/api/v2/runs?order={order}&timeField={time_field}&limit={limit}")
    assert [len(page) for page in pages[:-1]] == [limit] * (len(pages) - 1)
    times = {"queuedAt": "queued_at", "startedAt": "started_at", "endedAt": "ended_at"}

    async def place(id):
        run = await client.services.store.run(id)
        return getattr(run, times[time_field]), id

    found = [asyncio.run(place(id)) for page in pages for id in page]
    assert found == sorted(found, reverse=order == "desc")
    assert {id for _, id in found} == {run_id(number) for number in range(COUNT)}


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_runs_that_come_meanwhile_move_nothing(client, order):
    for number in range(COUNT):
        put(client, number)
    later = iter(range(COUNT, 1_000))
    pages = walk(
        client, f"/v2/runs?limit=4&order={order}", lambda: [put(client, next(later)) for _ in range(3)]
    )
    found = [id for page in pages for id in page]
    assert len(found) == len(set(found))
    first = [run_id(number) for number in range(COUNT)]
    if order == "desc":
        assert found == first[::-1]
    else:
        assert found[:COUNT] == first


def test_what_is_left_out_does_not_end_the_walk(client):
    for number in range(COUNT):
        put(client, number, deferred_by="" if number % 7 else run_id(999))
    pages = walk(client, "/v2/runs?limit=2&isDeferred=true&order=asc")
    assert [id for page in pages for id in page] == [run_id(number) for number in range(0, COUNT, 7)]


def test_runs_of_an_event_and_of_a_function(client):
    for number in range(COUNT):
        put(
            client,
            number,
            event_ids=(run_id(number % 2),),
            function_id=FUNCTION.id if number % 3 else "other",
        )
    odd = [run_id(number) for number in range(1, COUNT, 2)]
    pages = walk(client, f"/v2/events/{run_id(1)}/runs?limit=3")
    assert [id for page in pages for id in page] == odd[::-1]
    pages = walk(client, "/v2/apps/demo/functions/always-fails/runs?limit=3&order=asc")
    assert [id for page in pages for id in page] == [run_id(n) for n in range(COUNT) if n % 3]


def test_apps_and_functions(client):
    apps = [replace(APP, id=f"{n:08}-0000-5000-8000-000000000001", name=f"a{9 - n}") for n in range(9)]
    client.services.catalog.apps = lambda: apps
    pages = walk(client, "/v2/apps?limit=4")
    assert [len(page) for page in pages] == [4, 4, 1]
    assert sorted(id for page in pages for id in page) == [f"a{n}" for n in range(1, 10)]
    live = client.services.catalog.live
    live[:] = [
        replace(FUNCTION, id=f"{n:08}-0000-5000-8000-000000000002", slug=f"demo-f{n}") for n in range(5)
    ]
    pages = walk(client, "/v2/apps/demo/functions?limit=2", lambda: live and live.pop(0))
    assert [id for page in pages for id in page] == ["f0", "f1", "f2", "f3", "f4"]
