"""Searching runs and events by expressions (http-api §6.4)."""

import pytest
from gql_world import decoded

from inngest_fast.engine.search import OF_RUNS, read_search
from inngest_fast.runtime import run_search

FROM = "2023-01-01T00:00:00Z"
RUNS = """query($q: String, $first: Int! = 40, $after: String) {
  runs(first: $first, after: $after, orderBy: [{field: QUEUED_AT, direction: DESC}], filter: {from: "2023-01-01T00:00:00Z", query: $q}) {
    edges { node { id } } pageInfo { hasNextPage endCursor } totalCount } }"""
EVENTS = """query($q: String, $first: Int! = 40, $after: String) {
  eventsV2(first: $first, after: $after, filter: {from: "2023-01-01T00:00:00Z", query: $q}) {
    edges { node { name } } pageInfo { hasNextPage endCursor } totalCount } }"""


def found(world, expressions):
    by_id = {id: name for name, id in world.ids.items()}
    page = world.gql(RUNS, q=expressions)["runs"]
    assert page["totalCount"] == len(page["edges"])
    return sorted(by_id[edge["node"]["id"]] for edge in page["edges"])


ALL = ["child", "fail", "flaky", "order", "signal", "wait"]
SENT = ["fail", "flaky", "order", "signal", "wait"]


@pytest.mark.parametrize(
    ("expressions", "names"),
    [
        ("", ALL),
        (" \n ", ALL),
        ("event.data.amount == 12", SENT),
        ("event.data.amount != 12", ["child"]),
        ("event.data.amount > 12", []),
        ("event.data.amount >= 12 && event.data.n < 8", SENT),
        ("12 <= event.data.amount", SENT),
        ("event.name == 'shop/fail'", ["fail"]),
        ("event.name == 'shop/fail' || event.name == \"shop/wait\"", ["fail", "wait"]),
        ("event.data.region == 'north'\nevent.name != 'shop/wait'", ["fail", "flaky", "order", "signal"]),
        ("event.data.nothing == null", ALL),
        ("event.data.region != null", SENT),
        ("event.ts > 1700000000000", ["child"]),
        ("event.v == null", ALL),
        ("error.message == 'thrown'", ["fail"]),
        ("error.name == 'Error' && event.data.n == 7", ["fail"]),
        ("event.data.n == 7\nerror.message == 'thrown'", ["fail"]),
        ("output[0].step == 'charge card'", ["order"]),
        ("output[0].step == 'try it'\nevent.data.n == 7", ["flaky"]),
        ("output[0].step == 'try it' || error.message == 'thrown'", ["fail", "flaky"]),
        ("output != null", ["child", "flaky", "order"]),
        ("unknown.thing == 3", ALL),
        ("unknown == 3 && event.name == 'shop/fail'", ["fail"]),
        ("async.data.n == 3", ALL),
        ("!unknown.thing", ALL),
        ("event.name == 'unknown.x == 3'", []),
        (
            "(event.name == 'shop/fail' || event.name == 'shop/wait') && event.data.amount == 12",
            ["fail", "wait"],
        ),
        ("event.name in ['shop/fail', 'shop/order']", ["fail", "order"]),
        ("event.data.n", []),
    ],
)
def test_runs_that_are_found(busy, expressions, names):
    assert found(busy, expressions) == names


def test_the_id_of_an_event_is_found(busy):
    assert found(busy, f"event.id == '{busy.event_ids['order']}'") == ["order"]


@pytest.mark.parametrize(
    ("expressions", "message"),
    [
        ("event.data.name.startsWith('a')", "error retrieving runs: invalid syntax detected"),
        ("size(event.data.x) == 2", "error retrieving runs: invalid syntax detected"),
        ("event.data.n + 1 == 8", "error retrieving runs: invalid syntax detected"),
        ("has(event.data.x)", "error retrieving runs: macros are currently not supported"),
        ("event.data.xs.exists(x, x == 1)", "error retrieving runs: macros are currently not supported"),
        ("event.data.", "error retrieving runs: Syntax error: "),
        ("unknown.x == 'open", "error retrieving runs: Syntax error: "),
        ("event.data.a == 1 &&", "error retrieving runs: Syntax error: "),
        ("== 1", "error retrieving runs: Syntax error: "),
        ("\n".join(["event.v == null"] * 30), "error retrieving runs: Syntax error: more than 20 lines"),
        ("(" * 5_000, "error retrieving runs: Syntax error: "),
    ],
)
def test_what_cannot_be_searched_for(busy, expressions, message):
    [told] = busy.failing(RUNS, q=expressions)
    assert told.startswith(message)


def test_of_the_events_of_a_batch_one_must_do_for_each_line(busy):
    run = busy.do(busy.store.run(busy.ids["order"]))
    events = [b'{"data":{"n":%d},"id":"x","name":"a","ts":1,"user":{}}' % n for n in (1, 2)]
    search = read_search("event.data.n == 1\nevent.data.n == 2", OF_RUNS)
    assert search.matches_run(run, events)
    assert not search.matches_run(run, events[:1])
    assert not read_search("event.data.n == 1 && event.data.n == 2", OF_RUNS).matches_run(run, events)


def test_pages_of_a_search_are_the_whole(busy):
    pages, after = [], None
    while True:
        page = busy.gql(RUNS, q="event.data.amount == 12", first=2, after=after)["runs"]
        pages += [edge["node"]["id"] for edge in page["edges"]]
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]
    assert sorted(pages) == sorted(busy.ids[name] for name in SENT)


def test_a_search_that_reaches_its_bound_goes_on_by_cursor(busy, monkeypatch):
    monkeypatch.setattr(run_search, "_PAGE", 2)
    monkeypatch.setattr(run_search, "MAX_ROWS", 2)
    found, after, empty = [], None, 0
    while True:
        page = busy.gql(RUNS, q="event.name == 'shop/order'", after=after)["runs"]
        found += [edge["node"]["id"] for edge in page["edges"]]
        empty += not page["edges"]
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]
        assert decoded(after)["id"]
    assert found == [busy.ids["order"]]
    assert empty >= 2


def test_a_search_ends_when_its_time_is_up(busy, monkeypatch):
    monkeypatch.setattr(run_search, "_PAGE", 1)
    monkeypatch.setattr(run_search, "MAX_MS", 0)
    page = busy.gql(RUNS, q="event.name == 'shop/nobody'")["runs"]
    assert page["edges"] == []
    assert page["pageInfo"]["hasNextPage"] is True


def test_events_are_read_once_for_each_page_of_runs(busy):
    busy.store.reads.clear()
    query = """{ runs(orderBy: [], filter: {from: "%s", query: "event.data.amount == 12"}) { edges { node { id } } } }"""
    busy.gql(query % FROM)
    assert busy.store.reads == {"runs": 1, "events": 1}
    busy.store.reads.clear()
    busy.gql(query.replace("event.data.amount == 12", "error.message == 'x'") % FROM)
    assert busy.store.reads == {"runs": 1}


def test_events_that_are_found(busy):
    def names(expressions):
        return [edge["node"]["name"] for edge in busy.gql(EVENTS, q=expressions)["eventsV2"]["edges"]]

    assert names("event.name == 'shop/fail'") == ["shop/fail"]
    assert names("event.data.n == 1") == ["shop/nobody"]
    assert names("output.x == 1\nevent.data.n == 1") == ["shop/nobody"]
    assert busy.gql(EVENTS, q="event.data.amount == 12")["eventsV2"]["totalCount"] == 5
    page = busy.gql(EVENTS, q="event.data.amount == 12", first=3)["eventsV2"]
    rest = busy.gql(EVENTS, q="event.data.amount == 12", after=page["pageInfo"]["endCursor"])["eventsV2"]
    assert (len(page["edges"]), len(rest["edges"])) == (3, 2)
    assert rest["pageInfo"]["hasNextPage"] is False
    [told] = busy.failing(EVENTS, q="has(event.data.x)")
    assert told == "error retrieving events: macros are currently not supported"
