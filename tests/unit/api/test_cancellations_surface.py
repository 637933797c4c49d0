"""`/v1/cancellations`."""

import asyncio

import pytest
from fake_services import APP, FUNCTION, NOW, UNKNOWN_ID, FakeClock, FakeStore
from msgspec.structs import replace

from inngest_fast.adapters.system.entropy import SystemEntropy
from inngest_fast.domain.cancellations import Cancellation
from inngest_fast.domain.ids import is_ulid
from inngest_fast.domain.transitions import AddJob, PutCancellation
from inngest_fast.runtime.cancellations import Cancellations
from inngest_fast.runtime.counters import Counters

ID = "01M83V3VBVR6R0H8CD7M65N9TC"
FETCHED = {"fetched_at": "2026-11-23T09:14:12.25Z"}
ASKED = {
    "app_id": "demo",
    "function_id": "demo-always-fails",
    "started_before": "2026-11-23T09:14:00Z",
}
RECORD = {
    "id": ID,
    "environment_id": "00000000-0000-0000-0000-000000000000",
    "app_id": "demo",
    "function_id": "demo-always-fails",
    "function_internal_id": FUNCTION.id,
    "started_after": None,
    "started_before": "2026-11-23T09:14:00Z",
    "if": None,
    "created_at": "2026-11-23T09:14:12.25Z",
    "done_at": None,
    "cancelled": 0,
}


def refused(reply, status):
    assert reply.status == status
    assert reply.json == {"error": reply.json["error"], "data": None, "status": status}
    return reply.json["error"]


def test_runs_are_cancelled(dev):
    asked = {**ASKED, "started_after": "2026-11-23T10:00:00+01:00", "if": "event.data.vip != true"}
    reply = dev("POST", "/v1/cancellations", asked)
    assert reply.status == 201
    record = reply.json["data"]
    assert is_ulid(record["id"])
    assert reply.json == {
        "data": {
            **RECORD,
            "id": record["id"],
            "started_after": "2026-11-23T09:00:00Z",
            "if": "event.data.vip != true",
        },
        "metadata": FETCHED,
    }
    (kept,) = dev.services.store.known_cancellations.values()
    assert (kept.function_id, kept.started_after, kept.started_before, kept.expression) == (
        FUNCTION.id,
        1_795_424_400_000,
        1_795_425_240_000,
        "event.data.vip != true",
    )


@pytest.mark.parametrize(
    ("app", "function"),
    [
        ("demo", "demo-always-fails"),
        ("demo", "always-fails"),
        ("demo", FUNCTION.id),
        (APP.id, "demo-always-fails"),
        (APP.id, "always-fails"),
        (APP.id, FUNCTION.id),
    ],
)
def test_a_function_goes_by_several_names(dev, app, function):
    reply = dev("POST", "/v1/cancellations", {**ASKED, "app_id": app, "function_id": function})
    assert reply.status == 201
    assert reply.json["data"]["function_internal_id"] == FUNCTION.id


def test_the_full_slug_goes_before_one_without_the_prefix(dev):
    other = replace(FUNCTION, id="other", slug="always-fails")
    dev.services.catalog.live.append(other)
    for name, id in (("always-fails", "other"), ("demo-always-fails", FUNCTION.id)):
        reply = dev("POST", "/v1/cancellations", {**ASKED, "function_id": name})
        assert reply.json["data"]["function_internal_id"] == id


@pytest.mark.parametrize(
    ("app", "function"),
    [
        ("demo", "other"),
        ("other", "demo-always-fails"),
        ("other", FUNCTION.id),
        ("demo", "fails"),
        ("demo", "demo-demo-always-fails"),
        ("dem", "o-always-fails"),
    ],
)
def test_an_unknown_function(dev, app, function):
    reply = dev("POST", "/v1/cancellations", {**ASKED, "app_id": app, "function_id": function})
    assert refused(reply, 404) == f"Function not found: {function} of the app {app}"
    assert dev.services.store.known_cancellations == {}


def test_runs_of_an_archived_function_by_its_id(dev):
    dev.services.catalog.live.clear()
    dev.services.catalog.archived.append(replace(FUNCTION, archived_at=NOW))
    assert dev("POST", "/v1/cancellations", {**ASKED, "function_id": FUNCTION.id}).status == 201
    assert dev("POST", "/v1/cancellations", {**ASKED, "function_id": "always-fails"}).status == 404


@pytest.mark.parametrize(
    ("field", "value", "ms"),
    [
        ("started_before", NOW - 1, NOW - 1),
        ("started_before", NOW + 5_000, NOW + 5_000),
        ("started_before", "2026-11-23", 1_795_392_000_000),
        ("started_before", "2026-11-23T09:14:00.1239Z", 1_795_425_240_123),
        ("started_after", 0, 0),
        ("started_after", 1, 1),
        ("started_after", None, 0),
        ("started_after", "", 0),
        ("started_after", "0001-01-01T00:00:00Z", 0),
        ("started_after", -(2**63), 0),
        ("started_after", "2026-11-23T09:14:00Z", 1_795_425_240_000),
    ],
)
def test_times(dev, field, value, ms):
    assert dev("POST", "/v1/cancellations", {**ASKED, field: value}).status == 201
    (kept,) = dev.services.store.known_cancellations.values()
    assert getattr(kept, field) == ms


NO_TIME = "{} is no time: write it like '2026-11-23T09:17:11Z', or in ms since 1970"
LATE = "started_before must not be later than now, which is 2026-11-23T09:14:12.25Z"


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        (
            {"app_id": "", "function_id": None, "started_before": ""},
            "app_id is required\nfunction_id is required\nstarted_before is required",
        ),
        ({"function_id": ""}, "function_id is required"),
        ({"app_id": None, "started_before": 0}, "app_id is required\nstarted_before is required"),
        ({"started_before": "0001-01-01T00:00:00Z"}, "started_before is required"),
        ({"started_before": -5}, "started_before is required"),
        ({"started_before": "yesterday"}, NO_TIME.format("started_before")),
        ({"started_before": str(NOW)}, NO_TIME.format("started_before")),
        ({"started_after": "2026-02-30T00:00:00Z"}, NO_TIME.format("started_after")),
        ({"started_before": NOW + 5_001}, LATE),
        ({"started_before": 2**63}, LATE),
        ({"started_before": "9999-01-01T00:00:00Z"}, LATE),
        ({"started_after": NOW}, "started_after must not be later than started_before"),
        ({"started_after": 10**18}, "started_after must not be later than started_before"),
        ({"id": "mine"}, "Invalid id: mine: give a ULID, or none"),
        ({"id": ID.lower()}, f"Invalid id: {ID.lower()}: give a ULID, or none"),
    ],
)
def test_what_cannot_be_asked(dev, changes, text):
    assert refused(dev("POST", "/v1/cancellations", {**ASKED, **changes}), 400) == text
    assert dev.services.store.known_cancellations == {}


@pytest.mark.parametrize("expression", ["event.data.a ==", "async.data.a == 1", "evnt.data.a != 1", "f(1)"])
def test_an_expression_that_does_not_compile(dev, expression):
    text = refused(dev("POST", "/v1/cancellations", {**ASKED, "if": expression}), 400)
    assert text.startswith("if is no expression over `event`: ")
    assert len(text) > len("if is no expression over `event`: ")
    assert dev.services.store.known_cancellations == {}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"{",
        b'{"app_id":1}',
        b'{"started_before":true}',
        b'{"started_before":1.5}',
        b'{"if":false}',
        b'{"x":' * 100_000,
    ],
)
def test_what_is_no_request(dev, body):
    assert refused(dev("POST", "/v1/cancellations", body), 400).startswith("Invalid cancellation: ")


def test_the_same_id_again_is_the_same_cancellation(dev):
    first = dev("POST", "/v1/cancellations", {**ASKED, "id": ID})
    assert first.json["data"] == RECORD
    known = dev.services.store.known_cancellations
    known[ID] = replace(known[ID], cancelled=3, done_at=NOW)
    again = dev("POST", "/v1/cancellations", {**ASKED, "app_id": APP.id, "started_before": NOW, "id": ID})
    assert again.status == 201
    assert again.json["data"] == {**RECORD, "cancelled": 3, "done_at": "2026-11-23T09:14:12.25Z"}
    assert list(known) == [ID]


@pytest.mark.parametrize("changes", [{"function_id": "other"}, {"if": "event.data.a"}])
def test_an_id_that_is_taken_by_another(dev, changes):
    dev.services.catalog.live.append(replace(FUNCTION, id="other", slug="demo-other"))
    dev("POST", "/v1/cancellations", {**ASKED, "id": ID})
    reply = dev("POST", "/v1/cancellations", {**ASKED, "id": ID, **changes})
    assert refused(reply, 409) == f"There is another cancellation with this id: {ID}"
    assert list(dev.services.store.known_cancellations) == [ID]


def known(store, *numbers):
    for n in numbers:
        id = f"{ID[:-2]}{n:02}"
        store.known_cancellations[id] = Cancellation(id, APP.id, FUNCTION.id, 0, NOW, created_at=NOW)
    return [f"{ID[:-2]}{n:02}" for n in numbers]


def test_they_are_listed_newest_first(dev):
    ids = known(dev.services.store, *range(25))
    reply = dev("GET", "/v1/cancellations").json
    assert [each["id"] for each in reply["data"]] == ids[:4:-1]
    assert reply["metadata"] == FETCHED
    page = dev("GET", f"/v1/cancellations?limit=2&cursor={ids[20]}").json["data"]
    assert [each["id"] for each in page] == [ids[19], ids[18]]
    assert len(dev("GET", "/v1/cancellations?limit=9999").json["data"]) == 25
    assert refused(dev("GET", "/v1/cancellations?cursor=x"), 400) == "Invalid cursor query parameter"


def test_one(dev):
    (id,) = known(dev.services.store, 7)
    reply = dev("GET", f"/v1/cancellations/{id}")
    assert reply.json["data"]["id"] == id
    assert refused(dev("GET", f"/v1/cancellations/{UNKNOWN_ID}"), 404).startswith("Cancellation not found")
    assert refused(dev("GET", "/v1/cancellations/x"), 400) == "Invalid cancellation ID: x"
    assert dev("HEAD", f"/v1/cancellations/{id}").status == 200


def test_one_of_a_function_that_is_not_known_here(dev):
    (id,) = known(dev.services.store, 7)
    dev.services.catalog.live.clear()
    record = dev("GET", f"/v1/cancellations/{id}").json["data"]
    assert (record["app_id"], record["function_id"]) == (APP.id, FUNCTION.id)


def test_removal(dev):
    (id,) = known(dev.services.store, 7)
    reply = dev("DELETE", f"/v1/cancellations/{id}")
    assert (reply.status, reply.body) == (204, b"")
    assert refused(dev("DELETE", f"/v1/cancellations/{id}"), 404) == f"Cancellation not found: {id}"
    assert refused(dev("DELETE", "/v1/cancellations/x"), 400) == "Invalid cancellation ID: x"


def test_other_methods(dev):
    assert dev("PUT", "/v1/cancellations").headers["allow"] == "GET, POST"
    assert dev("POST", f"/v1/cancellations/{ID}").headers["allow"] == "DELETE, GET"


class FakeCommitter:
    def __init__(self, store):
        self.store = store
        self.jobs = []

    async def commit(self, transition):
        for action in transition.actions:
            if isinstance(action, PutCancellation):
                self.store.known_cancellations[action.cancellation.id] = action.cancellation
            elif isinstance(action, AddJob):
                self.jobs.append(action.job)


def test_an_id_makes_it_once():
    store = FakeStore()
    committer = FakeCommitter(store)
    cancellations = Cancellations(store, None, committer, FakeClock(), SystemEntropy(), Counters())

    async def add(id=""):
        return await cancellations.add(FUNCTION, started_before=NOW - 1, id=id)

    first = asyncio.run(add(ID))
    assert first.id == ID
    assert store.known_cancellations == {ID: first}
    store.known_cancellations[ID] = replace(first, done_at=NOW, cancelled=3)
    assert asyncio.run(add(ID)) == store.known_cancellations[ID]
    assert [job.payload.decode() for job in committer.jobs] == [ID]
    other = asyncio.run(add())
    assert is_ulid(other.id)
    assert [job.payload.decode() for job in committer.jobs] == [ID, other.id]
