"""What a document may ask for: depth, size, reads, results, time."""

import asyncio
import time

import pytest
from graphql import get_introspection_query

from inngest_fast.api import graphql
from inngest_fast.api.graphql import execution, request
from inngest_fast.api.graphql.documents import KEPT_LENGTH, Documents
from inngest_fast.api.graphql.schema import make_schema
from inngest_fast.runtime import run_search

FROM = "2023-01-01T00:00:00Z"


def refused(world, query):
    reply = world.post(query)
    assert reply.status == 422, reply.body[:300]
    return reply.json["errors"][0]["message"]


def test_introspection_passes(world):
    data = world.gql(
        get_introspection_query(
            descriptions=True,
            specified_by_url=True,
            directive_is_repeatable=True,
            schema_description=True,
            input_value_deprecation=True,
        )
    )
    types = {type["name"]: type for type in data["__schema"]["types"]}
    assert data["__schema"]["queryType"] == {"name": "Query", "kind": "OBJECT"}
    runs = next(field for field in types["Query"]["fields"] if field["name"] == "runs")
    assert {arg["name"]: arg["defaultValue"] for arg in runs["args"]} == {
        "first": "100",
        "after": None,
        "orderBy": None,
        "filter": None,
        "preview": None,
    }
    fields = {field["name"]: field["defaultValue"] for field in types["RunsFilterV2"]["inputFields"]}
    assert fields["timeField"] == "QUEUED_AT"
    assert [value["name"] for value in types["FunctionRunStatus"]["enumValues"]] == [
        *("COMPLETED", "FAILED", "CANCELLED", "RUNNING", "QUEUED", "SKIPPED")
    ]


def test_a_document_that_is_too_deep(world):
    deep = "apps { functions { app { " * 7 + "id" + " } } }" * 7
    assert refused(world, "{ " + deep + " }").startswith("the query is ")
    fragments = (
        "{ apps { ...F } } fragment F on App { functions { app { ...G } } } fragment G on App { name }"
    )
    assert world.post(fragments).status == 200


def test_fragments_count_wherever_they_are_spread(world):
    bomb = "".join(
        f"fragment F{n} on App {{ functions {{ app {{ {f'...F{n + 1} ...F{n + 1}' if n < 9 else 'id'} }} }} }}\n"
        for n in range(10)
    )
    assert "levels deep" in refused(world, "{ apps { ...F0 } }\n" + bomb)
    many = (
        "{ apps { "
        + " ".join(f"a{n}: functions {{ ...F }}" for n in range(15))
        + " } } fragment F on Function { "
    )
    many += (
        " ".join(f"b{n}: configuration {{ ...C }}" for n in range(15))
        + " } fragment C on FunctionConfiguration { "
    )
    many += " ".join(f"c{n}: priority" for n in range(15)) + " }"
    assert "fields, at most" in refused(world, many)


def test_fragments_that_spread_themselves(world):
    assert "itself" in refused(world, "{ apps { ...F } } fragment F on App { ...F }")


def test_the_same_field_many_times(world):
    many = "{ " + " ".join(f"a{n}: apps {{ id }}" for n in range(200)) + " }"
    assert refused(world, many) == "apps is asked for more than 15 times in one selection"
    assert world.post("{ " + " ".join(f"a{n}: apps {{ id }}" for n in range(15)) + " }").status == 200


@pytest.mark.parametrize(
    "query",
    [
        "{ " + "apps { id } " * 1_900 + "}",
        "{ apps { " + "id " * 7_000 + "} }",
        "{ " * 3_000,
        "{ a(b: " + "[" * 3_000 + "]" * 3_000 + ") }",
        "{ a(b: " + "{a:" * 1_500 + "1" + "}" * 1_500 + ") }",
        "query(" + "$a: String! " * 1_500 + ") { apps { id } }",
        "#" * 100_000 + "\n{ apps { id } }",
        "{ apps { id } }" * 500,
        '{ app(id: "' + "x" * 70_000 + '") { id } }',
        "{ " + " ".join(f"f{n}" for n in range(1_500)) + " }",
    ],
)
def test_a_bad_document_is_refused_soon(world, query):
    world.gql("{ apps { id } }")
    began = time.process_time()
    refused(world, query)
    assert time.process_time() - began < 1


def test_deep_variables(world):
    deep = value = {}
    for _ in range(200):
        value["x"] = value = {}
    query = 'mutation($data: Map) { invokeFunction(functionSlug: "x", data: $data) }'
    assert world.post(query, {"data": deep}).status == 200


def test_a_result_that_is_too_large(world, monkeypatch):
    monkeypatch.setattr(request, "MAX_RESOLVED", 50)
    reply = world.post("{ functions { id app { functions { id slug app { id } } } } }")
    assert reply.status == 200
    assert reply.json == {
        "errors": [{"message": "the query has a result of more than 50 fields"}],
        "data": None,
    }


def test_too_many_reads(busy, monkeypatch):
    monkeypatch.setattr(request, "MAX_READS", 5)
    query = "query($from: Time!) { runs(orderBy: [], filter: {from: $from}) { edges { node { trace { name } } } } }"
    reply = busy.post(query, {"from": FROM})
    assert reply.json["errors"][0]["message"] == "the query needs more than 5 reads of the store"
    assert reply.json["data"] is None


def test_a_document_that_takes_too_long(world, monkeypatch):
    async def slow(_):
        await asyncio.sleep(3_600)

    monkeypatch.setattr(world.store, "events", slow)
    began = world.clock.now_ms()
    reply = world.post("{ events(query: {}) { id } apps { id } }")
    assert world.clock.now_ms() - began == execution.TIMEOUT_S * 1_000
    assert reply.json == {"errors": [{"message": "the query took more than 10 s"}], "data": None}


def test_known_documents_are_kept_but_not_for_ever():
    documents = Documents(make_schema())
    first = documents.get("{ apps { id } }")
    assert documents.get("{ apps { id } }") is first
    for n in range(20):
        documents.get("{ apps { id } } #" + f"{n:4}" * 2_000)
    assert documents.length <= KEPT_LENGTH
    assert documents.get("{ apps { id } }") is not first
    long = "{ apps { id } } #" + "x" * 20_000
    assert documents.get(long) is not documents.get(long)


def test_what_is_left_of_a_result_that_is_too_large_costs_little(world, monkeypatch):
    monkeypatch.setattr(request, "MAX_RESOLVED", 100)
    nullable = " ".join(f"a{n}: priority" for n in range(15))
    query = "{ events(query: {}) { id } functions { app { functions { app { functions { configuration { %s } } } } } } }"
    reply = world.post(query % nullable)
    assert reply.json["errors"] == [{"message": "the query has a result of more than 100 fields"}]


def test_only_so_many_at_once(world, monkeypatch):
    running, most = 0, 0
    real = world.store.events

    async def slow(query):
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(1)
        running -= 1
        return await real(query)

    monkeypatch.setattr(world.store, "events", slow)
    made = graphql._make(world.services)
    prepared = made.prepare("{ events(query: {}) { id } }", {}, None)

    async def many():
        return await asyncio.gather(*(made.run(prepared) for _ in range(40)))

    answers = world.do(many())
    assert all(answer == {"data": {"events": []}} for answer in answers)
    assert most == execution.AT_ONCE


def test_searches_count_by_what_they_read(busy, monkeypatch):
    monkeypatch.setattr(run_search, "_PAGE", 1)
    monkeypatch.setattr(request, "MAX_READS", 20)
    one = 'runs(orderBy: [], filter: {from: "2023-01-01T00:00:00Z", query: "event.v == 3"}) { edges { cursor } }'
    assert busy.post("{ " + one + " }").json["data"] == {"runs": {"edges": []}}
    many = " ".join(f"a{n}: {one}" for n in range(5))
    assert busy.post("{ " + many + " }").json["errors"][0]["message"].endswith("20 reads of the store")
