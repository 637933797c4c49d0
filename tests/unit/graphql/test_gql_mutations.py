"""Mutations (http-api §6.6)."""

import json

import pytest
from gql_world import PROGRAMS

from inngest_fast.domain.ids import is_ulid
from tests.sim.programs import step_id
from tests.sim.registration import URL

UNKNOWN = "01M83V3VHB3Y6YYE5HMY6P2T7Q"
RERUN = "mutation($id: ULID!, $step: RerunFromStepInput) { rerun(runID: $id, fromStep: $step) }"
CANCEL = "mutation($id: ULID!) { cancelRun(runID: $id) { id status finishedAt } }"
INVOKE = """mutation($slug: String!, $data: Map, $user: Map, $meta: Map) {
  invokeFunction(functionSlug: $slug, data: $data, user: $user, meta: $meta) }"""
CREATE = "mutation($url: String!) { createApp(input: {url: $url}) { id name url error functions { slug } } }"


def status(world, run_id):
    return world.gql("query($id: String!) { run(runID: $id) { status } }", id=run_id)["run"]["status"]


# Runs


def test_a_run_is_cancelled_once_and_may_be_again(world):
    run_id = world.run_of(world.send("shop/wait", n=1))
    world.pass_time(1)
    done = world.gql(CANCEL, id=run_id)["cancelRun"]
    assert (done["id"], done["status"]) == (run_id, "CANCELLED")
    assert done["finishedAt"]
    assert world.gql(CANCEL, id=run_id)["cancelRun"] == done


def test_an_ended_run_is_not_cancelled(world):
    run_id = world.run_of(world.send("shop/child", n=1))
    world.pass_time(1)
    assert world.failing(CANCEL, id=run_id) == ["cannot cancel an ended run"]
    assert world.failing(CANCEL, id=UNKNOWN) == ["not found"]
    assert world.failing(CANCEL, id="x") == ["not found"]


def test_a_run_is_run_again(world):
    run_id = world.run_of(world.send("shop/flaky", n=1))
    world.pass_time(5)
    again = world.gql(RERUN, id=run_id)["rerun"]
    assert again != run_id
    world.pass_time(5)
    assert status(world, again) == "COMPLETED"
    assert world.failing(RERUN, id=UNKNOWN) == ["not found"]
    assert world.failing(RERUN, id="x") == ["not found"]


@pytest.mark.parametrize("step", ["try it", step_id("try it")])
def test_a_run_is_run_again_from_a_step(world, step):
    run_id = world.run_of(world.send("shop/flaky", n=1))
    world.pass_time(5)
    again = world.gql(RERUN, id=run_id, step={"stepID": step})["rerun"]
    world.pass_time(5)
    assert status(world, again) == "COMPLETED"
    assert is_ulid(world.gql(RERUN, id=run_id, step={"stepID": step, "input": "[1]"})["rerun"])


def test_a_rerun_that_cannot_be(world):
    run_id = world.run_of(world.send("shop/flaky", n=1))
    world.pass_time(5)
    assert world.failing(RERUN, id=run_id, step={"stepID": "nope"}) == [
        "error reconstructing input state: rerun step not found"
    ]
    for input in ("{}", "[", "3"):
        assert world.failing(RERUN, id=run_id, step={"stepID": "try it", "input": input}) == [
            "input is not a valid JSON array"
        ]


def test_a_function_is_invoked(world):
    asked = {"data": {"n": 9}, "user": {"id": 3}, "meta": {"sessions": {"chat": "c1"}}}
    assert world.gql(INVOKE, slug="shop-child", **asked) == {"invokeFunction": True}
    [run] = world.all_runs()
    event = json.loads(run.events[0])
    assert (run.slug, event["name"], event["data"]["n"]) == ("shop-child", "inngest/function.invoked", 9)
    assert (event["user"], event["meta"]) == ({"id": 3}, {"sessions": {"chat": "c1"}})


def test_a_function_that_there_is_not_is_invoked_all_the_same(world):
    assert world.gql(INVOKE, slug="shop-nope") == {"invokeFunction": True}
    assert world.all_runs() == []


def test_an_invocation_has_no_other_meta(world):
    assert world.failing(INVOKE, slug="shop-child", meta={"x": 1}) == ['event meta "x" is not supported']
    assert world.failing(INVOKE, slug="shop-child", meta={"sessions": 3})
    assert world.all_runs() == []


def test_debug_ids_are_found_on_the_runs_that_carry_them(world):
    ids = world.gql(
        'mutation { createDebugSession(input: {functionSlug: "shop-flaky"}) { debugSessionID debugRunID } }'
    )["createDebugSession"]
    run_id = world.run_of(world.send("shop/flaky", n=1))
    world.pass_time(5)
    again = world.gql(
        """mutation($id: ULID!, $session: ULID!, $run: ULID!) {
          rerun(runID: $id, debugSessionID: $session, debugRunID: $run) }""",
        id=run_id,
        session=ids["debugSessionID"],
        run=ids["debugRunID"],
    )["rerun"]
    world.pass_time(5)
    query = """query($run: String!, $session: String!) {
      debugRun(query: {functionSlug: "shop-flaky", debugRunID: $run}) { debugTraces { runID debugRunID debugSessionID } }
      debugSession(query: {functionSlug: "shop-flaky", debugSessionID: $session}) { debugRuns { status debugRunID } }
      runs(orderBy: [], filter: {from: "2023-01-01T00:00:00Z"}) { edges { node { id } } } }"""
    found = world.gql(query, run=ids["debugRunID"], session=ids["debugSessionID"])
    assert found["debugRun"]["debugTraces"] == [{"runID": again, **ids}]
    assert found["debugSession"]["debugRuns"] == [{"status": "COMPLETED", "debugRunID": ids["debugRunID"]}]
    assert again not in [edge["node"]["id"] for edge in found["runs"]["edges"]]
    nobody = world.gql(query, run=UNKNOWN, session=UNKNOWN)
    assert (nobody["debugRun"], nobody["debugSession"]) == (None, None)


# Apps


def test_an_app_is_added_by_its_url(world):
    world.gql('mutation { deleteAppByName(name: "shop") }')
    assert world.gql("{ apps { id } functions { id } }") == {"apps": [], "functions": []}
    app = world.gql(CREATE, url=URL)["createApp"]
    assert (app["name"], app["url"], app["error"]) == ("shop", URL, None)
    assert len(app["functions"]) == len(PROGRAMS)
    assert len(world.gql("{ apps { id } }")["apps"]) == 1


def test_an_app_that_cannot_be_reached_keeps_its_place(world):
    reply = world.post('mutation { createApp(input: {url: "http://nobody:1/api/inngest"}) { id } }')
    assert reply.json == {"errors": [{"message": "unreachable", "path": ["createApp"]}], "data": None}
    apps = {app["url"]: app for app in world.gql("{ apps { name url error connected } }")["apps"]}
    assert apps["http://nobody:1/api/inngest"] == {
        "name": "",
        "url": "http://nobody:1/api/inngest",
        "error": "unreachable",
        "connected": False,
    }


@pytest.mark.parametrize("url", ["", "ftp://x/y", "http://"])
def test_what_is_no_url_adds_no_app(world, url):
    assert world.failing(CREATE, url=url)
    assert len(world.gql("{ apps { id } }")["apps"]) == 1


def test_an_app_gets_another_url(world):
    query = "mutation($id: String!, $url: String!) { updateApp(input: {id: $id, url: $url}) { id url error functions { url } } }"
    [app] = world.gql("{ apps { id } }")["apps"]
    elsewhere = "http://elsewhere:3000/api/inngest"
    moved = world.gql(query, id=app["id"], url=elsewhere)["updateApp"]
    assert (moved["id"], moved["url"], moved["error"]) == (app["id"], elsewhere, "unreachable")
    world.app.serves.add(elsewhere)
    assert world.gql(query, id=app["id"], url=elsewhere)["updateApp"]["error"] is None
    assert world.failing(query, id=UNKNOWN, url=URL)[0].startswith("invalid UUID")
    nobody = "00000000-0000-0000-0000-000000000000"
    assert world.failing(query, id=nobody, url=URL) == ["sql: no rows in result set"]


def test_an_app_is_taken_out_by_its_id(world):
    query = "mutation($id: String!) { deleteApp(id: $id) }"
    [app] = world.gql("{ apps { id } }")["apps"]
    assert world.failing(query, id="shop")[0].startswith("invalid UUID")
    assert world.gql(query, id=app["id"]) == {"deleteApp": app["id"]}
    assert world.gql("{ apps { id } functions { id } }") == {"apps": [], "functions": []}


def test_an_app_is_taken_out_by_its_name(world):
    query = "mutation($name: String!) { deleteAppByName(name: $name) }"
    assert world.gql(query, name="nobody") == {"deleteAppByName": False}
    assert world.gql(query, name="shop") == {"deleteAppByName": True}
    assert world.gql(query, name="shop") == {"deleteAppByName": False}


def test_runs_of_an_app_that_was_taken_out_are_shown(world):
    run_id = world.run_of(world.send("shop/child", n=1))
    world.pass_time(1)
    world.gql('mutation { deleteAppByName(name: "shop") }')
    query = "query($id: String!) { run(runID: $id) { app { name url } function { slug app { name } } trace { name } } }"
    assert world.gql(query, id=run_id)["run"] == {
        "app": {"name": "shop", "url": None},
        "function": {"slug": "shop-child", "app": {"name": "shop"}},
        "trace": {"name": "shop-child"},
    }


def test_mutations_of_one_document_see_what_those_before_did(world):
    query = """mutation($url: String!) {
      before: createApp(input: {url: $url}) { functionCount }
      gone: deleteAppByName(name: "shop")
      after: createApp(input: {url: $url}) { name functionCount functions { slug } } }"""
    found = world.gql(query, url=URL)
    assert list(found) == ["before", "gone", "after"]
    assert found["before"]["functionCount"] == found["after"]["functionCount"] == len(PROGRAMS)
    query = """mutation($url: String!) { createApp(input: {url: $url}) { functionCount }
      deleteAppByName(name: "shop") again: deleteAppByName(name: "shop") }"""
    assert world.gql(query, url=URL) == {
        "createApp": {"functionCount": len(PROGRAMS)},
        "deleteAppByName": True,
        "again": False,
    }


def test_a_run_that_is_cancelled_twice_in_one_document(world):
    run_id = world.run_of(world.send("shop/wait", n=1))
    world.pass_time(1)
    query = """mutation($id: ULID!) { a: cancelRun(runID: $id) { status event { status } }
      b: cancelRun(runID: $id) { status } }"""
    found = world.gql(query, id=run_id)
    assert found == {
        "a": {"status": "CANCELLED", "event": {"status": "COMPLETED"}},
        "b": {"status": "CANCELLED"},
    }
