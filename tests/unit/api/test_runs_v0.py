"""The state that SDKs fetch when a call request had no room for it."""

import pytest
from fake_services import RUN_ID, UNKNOWN_ID, a_run

from inngest_fast.domain.runs import RunStatus


def test_the_state_of_a_live_run(dev):
    run = dev.services.store.known_runs[RUN_ID] = a_run()
    assert dev("GET", f"/v0/runs/{RUN_ID}/batch").body == b"[" + run.events[0] + b"]"
    actions = dev("GET", f"/v0/runs/{RUN_ID}/actions")
    assert actions.headers["content-type"] == "application/json"
    assert (
        actions.body == b'{"s1":{"data":{"ok":true}},"s2":{"error":{"name":"E"}},"s3":{"data":{},"id":"x"}}'
    )


@pytest.mark.parametrize("part", ["batch", "actions"])
def test_a_run_that_is_over_or_unknown_is_gone(dev, part):
    dev.services.store.known_runs[RUN_ID] = a_run(status=RunStatus.COMPLETED)
    for id in (RUN_ID, UNKNOWN_ID):
        reply = dev("GET", f"/v0/runs/{id}/{part}")
        assert reply.status == 410
        assert reply.json == {
            "error": f"runtime state is no longer available for runID: {id}",
            "data": None,
            "status": 410,
        }
    bad = dev("GET", f"/v0/runs/nonsense/{part}")
    assert bad.status == 400
    assert bad.json["error"] == "The run ID specified is invalid"


@pytest.mark.parametrize(
    ("id", "result", "status", "text"),
    [
        (RUN_ID, "cancelled", 204, None),
        (RUN_ID, "ended", 409, "This function has already completed"),
        (UNKNOWN_ID, "unknown", 404, "A function run with the given ID could not be found"),
        ("nonsense", "cancelled", 400, "The run ID specified is invalid"),
    ],
)
def test_cancel(dev, id, result, status, text):
    dev.services.runs.results = {id: result}
    reply = dev("DELETE", f"/v0/runs/{id}")
    assert reply.status == status
    if text is None:
        assert reply.body == b""
        assert "content-length" not in reply.headers
    else:
        assert reply.json == {"error": text, "data": None, "status": status}
