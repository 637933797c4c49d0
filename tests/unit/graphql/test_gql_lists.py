"""Pages, orders and filters of lists (http-api §6.4)."""

import pytest
from gql_world import decoded
from msgspec.msgpack import encode
from msgspec.structs import replace

from inngest_fast.domain.defers import KEY_PREFIX, DeferBody, DeferMark, DeferStatus, event_id
from inngest_fast.domain.transitions import CreateRun, PutEvent, PutTrace, Transition
from inngest_fast.engine.intake import read_events
from inngest_fast.ports.store import EventQuery

FROM = "2023-01-01T00:00:00Z"
RUNS = """query($first: Int! = 40, $after: String, $by: RunsV2OrderByField! = QUEUED_AT, $way: RunsOrderByDirection! = DESC,
  $filter: RunsFilterV2!) {
  runs(first: $first, after: $after, orderBy: [{field: $by, direction: $way}], filter: $filter) {
    edges { cursor node { id status queuedAt } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } totalCount } }"""
EVENTS = """query($first: Int! = 40, $after: String, $filter: EventsFilter!) { eventsV2(first: $first, after: $after, filter: $filter) {
    edges { cursor node { id name } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } totalCount } }"""


def runs(world, **asked):
    filter = {"from": FROM, **asked.pop("filter", {})}
    return world.gql(RUNS, filter=filter, **asked)["runs"]


def ids(page):
    return [edge["node"]["id"] for edge in page["edges"]]


def events(world, **asked):
    filter = {"from": FROM, **asked.pop("filter", {})}
    return world.gql(EVENTS, filter=filter, **asked)["eventsV2"]


def names(page):
    return [edge["node"]["name"] for edge in page["edges"]]


@pytest.mark.parametrize("by", ["QUEUED_AT", "STARTED_AT", "ENDED_AT"])
@pytest.mark.parametrize("way", ["ASC", "DESC"])
def test_pages_of_runs_are_the_whole(busy, by, way):
    whole = runs(busy, by=by, way=way)
    found, after = [], None
    while True:
        page = runs(busy, first=2, after=after, by=by, way=way)
        found += ids(page)
        assert page["totalCount"] == 6
        assert page["pageInfo"]["hasPreviousPage"] is False
        if not page["pageInfo"]["hasNextPage"]:
            break
        assert page["pageInfo"]["endCursor"] == page["edges"][-1]["cursor"]
        after = page["pageInfo"]["endCursor"]
    assert found == ids(whole)
    assert len(set(found)) == 6


def test_the_cursor_of_a_run(busy):
    [edge] = runs(busy, first=1, way="ASC")["edges"]
    assert decoded(edge["cursor"]) == {
        "id": edge["node"]["id"],
        "c": {"queued_at": {"f": "queued_at", "v": 1_700_000_000_000}},
    }


@pytest.mark.parametrize("cursor", ["", "no cursor", "e30=", "eyJpZCI6IngiLCJjIjp7fX0=", "é"])
def test_a_cursor_that_is_none_is_not_minded(busy, cursor):
    assert ids(runs(busy, after=cursor)) == ids(runs(busy))
    assert names(events(busy, after=cursor)) == names(events(busy))


@pytest.mark.parametrize("first", [0, -1, 400, 100_000])
def test_a_size_out_of_bounds_is_forty(busy, first, monkeypatch):
    seen = []
    real = busy.store.runs

    async def note(query):
        seen.append(query.limit)
        return await real(query)

    monkeypatch.setattr(busy.store, "runs", note)
    runs(busy, first=first)
    assert seen == [40]


def test_runs_by_status(busy):
    assert set(ids(runs(busy, filter={"status": ["RUNNING"]}))) == {busy.ids["wait"], busy.ids["signal"]}
    failed = runs(busy, filter={"status": ["FAILED", "CANCELLED"]})
    assert (ids(failed), failed["totalCount"]) == ([busy.ids["fail"]], 1)


def test_runs_by_function_and_app(busy):
    functions = {f["slug"]: f for f in busy.gql("{ functions { id slug appID } }")["functions"]}
    flaky = functions["shop-flaky"]
    assert ids(runs(busy, filter={"functionIDs": [flaky["id"]]})) == [busy.ids["flaky"]]
    assert len(ids(runs(busy, filter={"appIDs": [flaky["appID"]]}))) == 6
    assert ids(runs(busy, filter={"appIDs": [flaky["appID"]], "functionIDs": [flaky["id"]]})) == [
        busy.ids["flaky"]
    ]
    assert runs(busy, filter={"appIDs": ["nobody"]})["totalCount"] == 0


def test_runs_by_time(busy):
    early = {"from": FROM, "until": "2023-11-14T22:13:20Z"}
    assert busy.ids["child"] not in ids(runs(busy, filter=early))
    assert len(ids(runs(busy, filter=early))) == 5
    late = {"from": "2023-11-14T22:13:20.001Z"}
    assert ids(runs(busy, filter=late)) == [busy.ids["child"]]
    ended = {"from": "2023-11-14T22:13:26Z", "timeField": "ENDED_AT"}
    assert set(ids(runs(busy, filter=ended))) == {busy.ids["order"], busy.ids["child"]}


def test_skipped_runs_are_listed_when_asked_for(world):
    function = world.services.catalog.by_slug("shop-flaky")
    world.do(world.assembly.apps.pause(function.id, paused=True))
    world.send("shop/flaky", n=1)
    assert ids(runs(world)) == []
    [skipped] = runs(world, filter={"status": ["SKIPPED"]})["edges"]
    assert skipped["node"]["status"] == "SKIPPED"
    trace = world.gql(
        "query($id: String!) { runTrace(runID: $id) { status skipReason } }", id=skipped["node"]["id"]
    )
    assert trace["runTrace"] == {"status": "SKIPPED", "skipReason": "FunctionPaused"}


def test_totals_are_counted_only_for_those_who_ask(busy):
    busy.store.reads.clear()
    query = """query($from: Time!) { runs(orderBy: [], filter: {from: $from}) { edges { node { id } } }
      eventsV2(filter: {from: $from}) { edges { node { id } } } }"""
    busy.gql(query, **{"from": FROM})
    assert (busy.store.reads["count_runs"], busy.store.reads["count_events"]) == (0, 0)
    runs(busy)
    events(busy)
    assert (busy.store.reads["count_runs"], busy.store.reads["count_events"]) == (1, 1)


def test_pages_of_events_are_the_whole(busy):
    whole = events(busy, filter={"includeInternalEvents": True})
    found, after, pages = [], None, 0
    while True:
        page = events(busy, first=3, after=after, filter={"includeInternalEvents": True})
        found += ids(page)
        assert page["pageInfo"]["hasPreviousPage"] is (after is not None)
        assert page["totalCount"] == whole["totalCount"]
        pages += 1
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]
    assert found == ids(whole) == sorted(found, reverse=True)
    assert pages > 3
    assert decoded(whole["pageInfo"]["startCursor"]) == {"ID": found[0]}


def test_events_by_name_and_time(busy):
    assert names(events(busy, filter={"eventNames": ["shop/fail", "shop/nobody"]})) == [
        "shop/nobody",
        "shop/fail",
    ]
    assert "inngest/function.finished" not in names(events(busy))
    assert names(events(busy, filter={"from": "2023-11-14T22:13:20.001Z"})) == []
    until = {"until": "2023-11-14T22:13:20Z"}
    assert len(names(events(busy, filter=until))) == 6


def test_the_stream_ends_where_it_is_told_to(busy):
    query = "query($query: StreamQuery!) { stream(query: $query) { id } }"
    whole = [item["id"] for item in busy.gql(query, query={"limit": 100})["stream"]]
    middle = whole[4]
    assert [i["id"] for i in busy.gql(query, query={"limit": 100, "before": middle})["stream"]] == whole[5:]
    assert [i["id"] for i in busy.gql(query, query={"limit": 100, "after": middle})["stream"]] == whole[:4]
    assert len(busy.gql(query, query={"limit": 2})["stream"]) == 2
    assert busy.gql(query, query={"before": "2023-01-01T00:00:00Z"})["stream"] == []
    assert busy.failing(query, query={"before": "yesterday"})


def test_the_raw_form_of_an_event(world):
    body = b'{"name":"shop/x","user":{"id":1},"v":"2","id":"mine","ts":1700000000001}'
    intake = read_events(body, now_ms=world.clock.now_ms(), entropy=world.services.entropy)
    world.do(world.assembly.ingest.accept(intake.events))
    query = "query($id: ULID!) { eventV2(id: $id) { raw idempotencyKey occurredAt receivedAt version } }"
    assert world.gql(query, id=intake.events[0].id)["eventV2"] == {
        "raw": '{"data":{},"id":"mine","name":"shop/x","ts":1700000000001,"user":{"id":1},"v":"2"}',
        "idempotencyKey": "mine",
        "occurredAt": "2023-11-14T22:13:20.001Z",
        "receivedAt": "2023-11-14T22:13:20Z",
        "version": "2",
    }


def test_deferred_runs(world):
    """As the engine leaves them: the parent names what it asked for, the child who asked."""
    parent = world.do(world.store.run(world.run_of(world.send("shop/child", n=1))))
    world.pass_time(1)
    parent = world.do(world.store.run(parent.id)).working_copy()
    parent.id = world.services.entropy.ulid(world.clock.now_ms())
    marks = (DeferMark("h1", DeferStatus.SCHEDULED), DeferMark("h2", DeferStatus.ABORTED))
    parent.defers = marks
    child = parent.working_copy()
    child.id = world.services.entropy.ulid(world.clock.now_ms())
    child.defers, child.deferred_by = (), parent.id
    child.event_ids = (event_id(parent.id, parent.ended_at, "h1"),)
    [event] = world.do(world.store.events(EventQuery(1, name="shop/child")))
    bodies = [
        PutTrace(parent.id, KEY_PREFIX + id, encode(DeferBody("shop-flaky", f"user {id}")))
        for id in ("h1", "h2")
    ]
    actions = [
        PutEvent(replace(event, id=child.event_ids[0]), route=False),
        CreateRun(parent, ()),
        CreateRun(child, ()),
        *bodies,
    ]
    assert world.do(_commit(world, Transition(actions)))
    query = """query($id: String!) { run(runID: $id) { isDeferred deferredFrom { runID function { slug } run { id } }
      defers { hashedDeferID userlandDeferID fnSlug status runID run { id } function { slug } } siblingDefers { hashedDeferID } } }"""
    of_parent = world.gql(query, id=parent.id)["run"]
    assert (of_parent["isDeferred"], of_parent["deferredFrom"]) == (False, [])
    first, second = of_parent["defers"]
    assert first == {
        "hashedDeferID": "h1",
        "userlandDeferID": "user h1",
        "fnSlug": "shop-flaky",
        "status": "SCHEDULED",
        "runID": child.id,
        "run": {"id": child.id},
        "function": {"slug": "shop-flaky"},
    }
    assert (second["status"], second["runID"]) == ("ABORTED", None)
    of_child = world.gql(query, id=child.id)["run"]
    assert of_child["isDeferred"] is True
    assert of_child["deferredFrom"] == [
        {"runID": parent.id, "function": {"slug": "shop-child"}, "run": {"id": parent.id}}
    ]
    assert of_child["siblingDefers"] == [{"hashedDeferID": "h2"}]
    page = runs(world, filter={"isDeferred": True})
    assert (ids(page), page["totalCount"]) == ([child.id], 1)
    assert child.id not in ids(runs(world, filter={"isDeferred": False}))


async def _commit(world, transition):
    return (await world.store.commit(transition)).applied
