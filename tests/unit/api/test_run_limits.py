"""`/fn/step-limit` and `/fn/state-size-limit` (http-api §3.1)."""

import pytest
from fake_services import FUNCTION

PATHS = [("/fn/step-limit", "step", "max_steps"), ("/fn/state-size-limit", "state size", "max_state_size")]


def limit_of(client, name):
    return getattr(client.services.catalog.live[0], name)


@pytest.mark.parametrize(("path", "what", "name"), PATHS)
@pytest.mark.parametrize("id", [FUNCTION.id, FUNCTION.slug])
def test_a_limit_is_set_and_lifted(dev, path, what, name, id):
    reply = dev("POST", f"{path}?functionId={id}&limit=5")
    assert (reply.status, reply.text) == (200, "")
    assert limit_of(dev, name) == 5
    assert dev("DELETE", f"{path}?functionId={id}").status == 200
    assert limit_of(dev, name) == 0
    again = dev("DELETE", f"{path}?functionId={id}")
    assert again.status == 404
    assert again.json == {"error": f"No {what} limit set for function: {id}", "data": None, "status": 404}


@pytest.mark.parametrize(("path", "what", "name"), PATHS)
def test_a_form_says_the_same(dev, path, what, name):
    form = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
    body = f"functionId={FUNCTION.id}&limit=7".encode()
    assert dev("POST", path, body, headers=form).status == 200
    assert limit_of(dev, name) == 7


@pytest.mark.parametrize(("path", "what", "name"), PATHS)
@pytest.mark.parametrize("limit", ["z", "", "0", "-1", "1.5", "33554433", "²"])
def test_no_limit(dev, path, what, name, limit):
    reply = dev("POST", f"{path}?functionId={FUNCTION.id}&limit={limit}".replace("²", "%C2%B2"))
    assert (reply.status, reply.json["error"]) == (400, f"Invalid limit: {limit}")
    assert limit_of(dev, name) == 0


@pytest.mark.parametrize(("path", "what", "name"), PATHS)
def test_an_unknown_function(dev, path, what, name):
    assert dev("POST", f"{path}?functionId=x&limit=5").json["error"] == "Function not found: x"
    assert dev("DELETE", f"{path}?functionId=x").json["error"] == f"No {what} limit set for function: x"
