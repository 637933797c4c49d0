"""How documents come in, and what is said of those that cannot be executed (http-api §6.1)."""

import json
import subprocess
import sys

import pytest
from gql_world import World

from inngest_fast.api import graphql
from inngest_fast.domain.api_keys import Scope
from inngest_fast.domain.errors import StoreError

JSON = {"content-type": "application/json"}


def test_an_answer(world):
    reply = world.post("{ apps { name } }")
    assert (reply.status, reply.body) == (200, b'{"data":{"apps":[{"name":"shop"}]}}')
    assert reply.headers["content-type"] == "application/json"


def test_by_get(world):
    reply = world.http(
        "GET", "/v0/gql?query=query%20A($id:String!){run(runID:$id){id}}&variables=%7B%22id%22:%22x%22%7D"
    )
    assert reply.status == 200
    assert reply.json["data"] == {"run": None}
    assert world.http("GET", "/v0/gql?query={apps{name}}&variables=no").status == 400


def test_the_error_of_a_field(world):
    reply = world.post('{ run(runID: "x") { id } }')
    assert reply.status == 200
    assert reply.body == (
        b'{"errors":[{"message":"error parsing runID: ulid: bad data size when unmarshaling","path":["run"]}],'
        b'"data":{"run":null}}'
    )


def test_the_error_of_a_field_that_cannot_be_null(world):
    reply = world.post('{ eventV2(id: "x") { id } }')
    assert reply.json == {"errors": [{"message": "event not found: x", "path": ["eventV2"]}], "data": None}


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (
            '{ run(runID: "01M83V3VHB3Y6YYE5HMY6P2T7Q") { id } }',
            "error retrieving run: sql: no rows in result set",
        ),
        ('{ event(query: {eventId: "x"}) { id } }', "sql: no rows in result set"),
        ('{ functionBySlug(query: {functionSlug: "x"}) { id } }', "sql: no rows in result set"),
        (
            '{ eventV2(id: "01M83V3VHB3Y6YYE5HMY6P2T7Q") { id } }',
            "event not found: 01M83V3VHB3Y6YYE5HMY6P2T7Q",
        ),
        ('{ functionRun(query: {functionRunId: "x"}) { id } }', "not found"),
        (
            '{ runTraceSpanOutputByID(outputID: "!") { data } }',
            "error parsing span identifier: illegal base64 data at input byte 0",
        ),
    ],
)
def test_what_is_not_there(world, query, message):
    assert world.failing(query) == [message]


def test_a_field_that_there_is_not(world):
    reply = world.post("{ nope }")
    assert reply.status == 422
    assert reply.json == {
        "errors": [
            {
                "message": 'Cannot query field "nope" on type "Query".',
                "locations": [{"line": 1, "column": 3}],
                "extensions": {"code": "GRAPHQL_VALIDATION_FAILED"},
            }
        ],
        "data": None,
    }


@pytest.mark.parametrize("query", ["", "  ", None])
def test_no_query(world, query):
    reply = world.post(query)
    assert reply.status == 422
    assert reply.json["data"] is None
    assert reply.json["errors"][0]["extensions"] == {"code": "GRAPHQL_VALIDATION_FAILED"}


@pytest.mark.parametrize(
    ("query", "variables", "operation"),
    [
        ("{ apps { name ", None, None),
        ("query($id: String!) { run(runID: $id) { id } }", {}, None),
        ("query($id: String!) { run(runID: $id) { id } }", {"id": 3}, None),
        ("query A { apps { name } } query B { apps { id } }", None, None),
        ("query A { apps { name } }", None, "B"),
        ("fragment F on App { name }", None, None),
        (
            "query($from: Time!) { eventsV2(filter: {from: $from}) { totalCount } }",
            {"from": "yesterday"},
            None,
        ),
    ],
)
def test_what_cannot_be_executed(world, query, variables, operation):
    reply = world.post(query, variables, operation)
    assert reply.status == 422
    assert reply.json["data"] is None
    assert reply.json["errors"][0]["message"]


def test_one_operation_of_several(world):
    query = "query A { apps { name } } query B { functions { slug } }"
    assert list(world.post(query, operation="A").json["data"]) == ["apps"]
    assert list(world.post(query, operation="B").json["data"]) == ["functions"]


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"query": 3}', b'{"query": "{a}", "variables": []}', b"\xff", b"[" * 9_000]
)
def test_a_body_that_cannot_be_read(world, body):
    reply = world.http("POST", "/v0/gql", body, JSON)
    assert reply.status == 400
    assert reply.json["errors"][0]["message"].startswith("json request body could not be decoded: ")
    assert reply.json["data"] is None


@pytest.mark.parametrize(
    "headers", [{}, {"content-type": "text/plain"}, {"content-type": "multipart/form-data; boundary=x"}]
)
def test_a_body_that_is_no_json(world, headers):
    reply = world.http("POST", "/v0/gql", b'{"query":"{apps{name}}"}', headers)
    assert reply.status == 400
    assert reply.json == {"errors": [{"message": "transport not supported"}], "data": None}


def test_json_with_a_charset(world):
    headers = {"content-type": "Application/JSON; charset=utf-8"}
    assert world.http("POST", "/v0/gql", b'{"query":"{apps{name}}"}', headers).status == 200


def test_a_body_that_is_too_large(world):
    body = json.dumps({"query": "{ apps { name } }", "variables": {"x": "y" * graphql.MAX_BODY}}).encode()
    assert world.http("POST", "/v0/gql", body, JSON).status == 413


def test_nothing_is_changed_by_get(world):
    reply = world.http("GET", '/v0/gql?query=mutation{deleteAppByName(name:"shop")}')
    assert reply.status == 406
    assert [app["name"] for app in world.gql("{ apps { name } }")["apps"]] == ["shop"]


def test_a_store_that_is_away_is_told_of(world, monkeypatch):
    async def away(_):
        raise StoreError("the secret place is gone")

    monkeypatch.setattr(world.store, "events", away)
    reply = world.post("{ events(query: {}) { id } }")
    assert reply.json["errors"] == [{"message": "the store is unavailable, try again", "path": ["events"]}]


def test_a_fault_of_ours_is_not_shown(world, monkeypatch, caplog):
    async def broken(_):
        raise KeyError("secret")

    monkeypatch.setattr(world.store, "events", broken)
    reply = world.post("{ events(query: {}) { id } }")
    assert reply.json["errors"] == [{"message": "internal server error", "path": ["events"]}]
    assert "secret" in caplog.text


def test_the_page_stands_alone(world):
    reply = world.http("GET", "/v0/")
    assert (reply.status, reply.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert b"/v0/gql" in reply.body
    assert b"http://" not in reply.body
    assert b"https://" not in reply.body


def test_without_a_user_interface_there_is_none():
    world = World(ui=False)
    assert world.http("GET", "/v0/").status == 404
    assert world.http("POST", "/v0/gql", b"{}", JSON).status == 404
    world.loop.close()


def test_start_asks_for_a_key():
    world = World(mode="start", signing_key="signkey-test-abc123", event_keys=("e",))
    query = b'{"query":"mutation { deleteAppByName(name: \\"x\\") }"}'
    assert world.http("POST", "/v0/gql", query, JSON).status == 401
    key = {**JSON, "authorization": "Bearer signkey-test-abc123"}
    assert world.http("POST", "/v0/gql", query, key).json == {"data": {"deleteAppByName": False}}
    world.loop.close()


def test_a_key_that_may_only_read_changes_nothing(world, monkeypatch):
    monkeypatch.setattr(graphql.gate, "allows", lambda request, scope: scope is Scope.READ)
    assert world.post("{ apps { name } }").status == 200
    reply = world.post('mutation { deleteAppByName(name: "shop") }')
    assert reply.status == 403
    assert len(world.gql("{ apps { name } }")["apps"]) == 1


def test_a_boot_loads_nothing_of_it():
    code = "import sys, inngest_fast.server; print([name for name in sys.modules if name.split('.')[0] == 'graphql'])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
