"""The body of a sync: order of checks, wire texts, checksum, and hostile input."""

import hashlib
import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inngest_fast.domain.errors import SyncRefusedError
from inngest_fast.domain.functions import FunctionConfig, Trigger
from inngest_fast.engine.registration import parse_registration, read_registration, validate
from inngest_fast.engine.registration.request import MAX_BODY_BYTES
from inngest_fast.engine.registration.sdk_versions import is_denied

FUNCTION = {
    "id": "shop-bill",
    "name": "Bill",
    "triggers": [{"event": "order/paid"}],
    "steps": {
        "step": {
            "id": "step",
            "name": "step",
            "retries": {"attempts": 2},
            "runtime": {
                "type": "http",
                "url": "http://127.0.0.1:3000/api/inngest?fnId=shop-bill&stepId=step",
            },
        },
    },
}
REQUEST = {
    "url": "http://127.0.0.1:3000/api/inngest?deployId=7",
    "deployType": "ping",
    "sdk": "js:v4.18.1",
    "v": "0.1",
    "framework": "express",
    "appName": "shop",
    "appVersion": "1.2.3",
    "headers": {"env": "dev", "platform": "vercel"},
    "capabilities": {"in_band_sync": "v1"},
    "idempotencyKey": "k",
    "deployId": "7",
    "featureObservations": {"x": 1},
    "functions": [FUNCTION],
}


def body(**changes):
    return json.dumps({**REQUEST, **changes}).encode()


def refused(data, read=read_registration):
    with pytest.raises(SyncRefusedError) as caught:
        read(data)
    return caught.value


def test_a_whole_registration():
    found = read_registration(body())
    assert found.url == "http://localhost:3000/api/inngest"
    assert (found.app_name, found.app_version, found.sdk) == ("shop", "1.2.3", "js:v4.18.1")
    assert (found.framework, found.platform, found.env) == ("express", "vercel", "dev")
    assert (found.deploy_type, found.deploy_id, found.idempotency_key) == ("ping", "7", "k")
    assert found.capabilities == {"in_band_sync": "v1"}
    assert found.functions == (
        FunctionConfig(
            slug="shop-bill",
            name="Bill",
            url="http://localhost:3000/api/inngest?fnId=shop-bill&stepId=step",
            retries=2,
            triggers=(Trigger(event="order/paid"),),
        ),
    )


def test_keys_match_in_any_case_and_unknown_ones_are_passed_over():
    def shout(value):
        if isinstance(value, dict):
            return {key.upper(): shout(item) for key, item in value.items()} | {"NEW": [1]}
        return [shout(item) for item in value] if isinstance(value, list) else value

    loud = shout(REQUEST)
    loud["FUNCTIONS"][0]["STEPS"] = {"step": loud["FUNCTIONS"][0]["STEPS"]["STEP"]}
    assert read_registration(json.dumps(loud).encode()).functions == read_registration(body()).functions


def test_an_exactly_spelled_key_goes_first():
    assert read_registration(body(APPNAME="loud")).app_name == "shop"


def test_what_python_sends():
    sent = {k: v for k, v in REQUEST.items() if k not in ("appName", "deployType", "headers", "capabilities")}
    found = read_registration(
        json.dumps({**sent, "appname": "shop", "deploy_type": "ping", "headers": None}).encode()
    )
    assert (found.app_name, found.deploy_type, found.env, found.capabilities) == ("shop", "ping", "", {})


def test_an_app_may_have_no_functions():
    assert read_registration(body(functions=[])).functions == ()
    assert read_registration(body(functions=None)).functions == ()


def test_the_checksum_is_that_of_the_sorted_request_without_observations():
    expected = {key: value for key, value in REQUEST.items() if key != "featureObservations"}
    canonical = json.dumps(expected, sort_keys=True, separators=(",", ":")).encode()
    checksum = read_registration(body()).checksum
    assert checksum == hashlib.sha256(canonical).hexdigest()
    assert checksum == read_registration(body(featureObservations={"y": 2})).checksum
    assert checksum == read_registration(json.dumps(REQUEST, indent=3).encode()).checksum
    assert checksum != read_registration(body(appVersion="1.2.4")).checksum


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"null", b"[]", b"1", b'"x"', b"\xff\xfe", b'{"url":"\xff"}', b'{"url":"\\ud800"}', b"{]", b"nan",
     b'{"url":"http://h/","appName":"a","x":' + b"9" * 5000 + b"}", b'{"appName":"a"} x'],
)  # fmt: skip
def test_what_is_no_request(data):
    assert refused(data, parse_registration).message.startswith("Invalid request: ")


@pytest.mark.parametrize("depth", [70, 900, 100_000])
@pytest.mark.parametrize("pair", [(b"[", b"]"), (b'{"a":', b"}")])
def test_deep_nesting_is_refused(depth, pair):
    opening, closing = pair
    data = b'{"appName":"a","x":' + opening * depth + b"1" + closing * depth + b"}"
    assert refused(data).message == "Invalid request: nested deeper than 64 levels"


def test_a_number_of_any_size_may_stand_where_it_means_nothing():
    assert read_registration(body(x=10**30)).checksum != read_registration(body(x=10**30 + 1)).checksum


def test_a_huge_body_is_refused():
    assert "larger than" in refused(b" " * (MAX_BODY_BYTES + 1)).message


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"appName": ""}, "App ID required"),
        ({"appName": None}, "App ID required"),
        ({"appName": "  "}, "App ID required"),
        ({"appName": 5}, "Invalid request: appName: expected text, got the number 5"),
        ({"sdk": []}, "Invalid request: sdk: expected text, got a list"),
        ({"functions": {}}, "Invalid request: functions: expected a list, got an object"),
        ({"headers": "x"}, "Invalid request: headers: expected an object, got text"),
        ({"capabilities": True}, "Invalid request: capabilities: expected an object, got a boolean"),
        ({"url": "nowhere"}, "Invalid request: url: 'nowhere' is no URL of an app"),
        ({"url": None}, "Invalid request: url: '' is no URL of an app"),
    ],
)
def test_a_wrong_envelope(changes, message):
    assert refused(body(**changes), parse_registration).message.startswith(message)


def test_a_connect_app_needs_no_url():
    assert parse_registration(body(url="", deployType="connect")).registration.url == ""


@pytest.mark.parametrize(
    ("sdk", "denied"),
    [
        ("js:v3.21.9", False),
        ("js:v3.22.0", True),
        ("js:v3.30.0-beta.1", True),
        ("js:3.53.1", True),
        ("js:v3.53.2", False),
        ("js:v3.54.2", False),
        ("js:v4.18.1", False),
        ("py:v3.30.0", False),
        ("js:v" + "9" * 50 + ".1.1", False),
        ("", False),
    ],
)
def test_denied_sdk_versions(sdk, denied):
    assert is_denied(sdk) is denied
    if denied:
        assert refused(body(sdk=sdk), parse_registration).code == "sdk_version_denied"
    else:
        assert parse_registration(body(sdk=sdk)).registration.sdk == sdk


def test_the_checks_have_an_order():
    bad = [{"id": "x"}]
    assert "expected text" in refused(body(appName=1, sdk="js:v3.30.0", functions=bad)).message
    assert refused(body(appName="", sdk="js:v3.30.0", functions=bad)).message == "App ID required"
    assert refused(body(sdk="js:v3.30.0", functions=bad)).code == "sdk_version_denied"
    assert refused(body(functions=bad)).message == "At least one function is invalid"


def test_the_checksum_is_known_before_functions_are_checked():
    request = parse_registration(body(functions=["nonsense"]))
    assert len(request.registration.checksum) == 64
    assert request.registration.functions == ()
    assert refused(request, validate).message == "At least one function is invalid"


def test_one_bad_function_refuses_the_sync_and_every_problem_is_told():
    bad = {**FUNCTION, "id": "shop-bad", "batchEvents": {"maxSize": 1, "timeout": "1d"}}
    error = refused(
        body(functions=[{**FUNCTION, "id": "shop-odd", "retries": {}, "name": 3}, FUNCTION, bad, 7])
    )
    assert error.message == "At least one function is invalid"
    assert error.code == "batch_size_invalid"
    lines = error.detail.split("\n")
    assert lines[0] == "function 'shop-odd': name: expected text, got the number 3"
    assert lines[1] == "function 'shop-bad': batchEvents.maxSize: batch size cannot be smaller than 2"
    assert lines[2].startswith("function 'shop-bad': batchEvents.timeout: invalid batch timeout: '1d'")
    assert lines[3] == "functions[3]: expected an object, got the number 7"
    assert len(lines) == 4


def test_general_problems_have_no_wire_code():
    assert refused(body(functions=[7])).code == ""


def test_an_id_may_be_used_once():
    error = refused(body(functions=[FUNCTION, {**FUNCTION, "name": "Again"}]))
    assert error.detail == "function 'shop-bill': the id is used by two functions of this sync"


leaves = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=8))
trees = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                ["limit", "key", "period", "event", "cron", "mode", "fn", "step", "start", "attempts", "run"]
            ),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=8,
)
FIELDS = (
    "id", "name", "triggers", "steps", "retries", "concurrency", "batchEvents", "debounce", "rateLimit",
    "throttle", "priority", "timeouts", "cancel", "singleton", "checkpoint",
)  # fmt: skip


def without_expressions(tree):
    """Any expression left would need the compiled engine; other texts are what is tried here."""
    if isinstance(tree, dict):
        return {key: without_expressions(item) for key, item in tree.items() if key not in ("key", "run")}
    return [without_expressions(item) for item in tree] if isinstance(tree, list) else tree


@given(st.dictionaries(st.sampled_from(FIELDS), trees.map(without_expressions), max_size=6))
def test_wrong_types_anywhere_are_a_refusal_and_nothing_else(changes):
    try:
        read_registration(msgspec.json.encode({**REQUEST, "functions": [{**FUNCTION, **changes}]}))
    except SyncRefusedError:
        pass


@given(st.binary(max_size=60))
def test_any_bytes_are_refused_or_read(data):
    try:
        read_registration(data)
    except SyncRefusedError:
        pass
