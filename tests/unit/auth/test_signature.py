"""Signatures and bearer tokens, against the vectors of sdk-protocol §6."""

import hashlib

import pytest

from inngest_fast._native.canonical import canonicalize
from inngest_fast.auth.signature import (
    MAX_AGE_S,
    accepts_bearer,
    any_key,
    bearer_token,
    sign,
    strip_prefix,
    verify,
)

HEX = "0123456789abcdef0123456789abcdef"
KEY = "signkey-test-" + HEX
OTHER = "signkey-prod-" + "ff" * 16
NOW = 1_700_000_000
HASH = "223e0a160af9da0a03e6dd2c4719c56f5d66a633cbe84e78aaa9f3735865522a"
SENT = (
    '{"version":-1,"ctx":{},"event":{"user":{},"name":"app/test","id":"01J0000000000000000000000A",'
    '"data":{"b":1.0,"a":"é"},"ts":1700000000000}, "events":[],"steps":{},"use_api":false}'
).encode()
SIGNED = f"t={NOW}&s=b9693c94c8170d91018f13730d8d31a22dd78ac6f3273042b6ffe47a030cf459"


def test_the_vectors():
    body = canonicalize(SENT)
    assert len(body) == 177
    assert sign(KEY, body, NOW) == SIGNED
    assert sign(HEX, body, NOW) == SIGNED
    assert sign(KEY, b"", NOW).endswith("s=6458320a3e327061ab7bfe28ace9cb02bb2b840c75b483a0c002831176bd6256")
    assert sign(KEY, b'{"ok":true}', NOW).endswith(
        "s=bcbec60a1c8d51d15bd14678aacf220b65c3d05e1f5cbf00b6bc3418380cde89"
    )


@pytest.mark.parametrize(("age", "fresh"), [(0, True), (MAX_AGE_S, True), (MAX_AGE_S + 1, False)])
@pytest.mark.parametrize("direction", [1, -1])
def test_a_signature_is_good_for_five_minutes(age, fresh, direction):
    assert verify(sign(KEY, b"{}", NOW), b"{}", key=KEY, now_s=NOW + direction * age) is fresh


def test_either_key_verifies_and_no_other():
    signature = sign(OTHER, b"{}", NOW)
    assert verify(signature, b"{}", key=OTHER, now_s=NOW)
    assert verify(signature, b"{}", key=KEY, fallback=OTHER, now_s=NOW)
    assert not verify(signature, b"{}", key=KEY, now_s=NOW)
    assert not verify(signature, b"{ }", key=OTHER, now_s=NOW)
    assert not verify(sign("", b"{}", NOW), b"{}", key="", now_s=NOW)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "t=1700000000",
        "s=00&t=1700000000",
        SIGNED.replace("t=17", "t=-17"),
        SIGNED.replace("t=17", "t=１7"),
        SIGNED.replace("t=17", "t=99999999999917"),
        SIGNED[:-1],
        SIGNED.upper(),
        f"t={NOW}&s=é",
        f"t={NOW}&s=",
    ],
)
def test_malformed_signatures_do_not_verify(header):
    assert not verify(header, canonicalize(SENT), key=KEY, now_s=NOW)


def test_the_token_of_a_key():
    assert bearer_token(KEY) == "signkey-test-" + HASH
    assert bearer_token(HEX) == HASH
    assert strip_prefix(KEY) == HEX
    with pytest.raises(ValueError):
        bearer_token("signkey-test-xyz")


@pytest.mark.parametrize("token", [KEY, HEX, HASH, "signkey-test-" + HASH, "signkey-branch-" + HEX])
@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_every_form_of_a_key_is_accepted(token, scheme):
    for configured in (KEY, HEX):
        assert accepts_bearer(f"{scheme} {token}", configured)
        assert accepts_bearer(f"{scheme} {token}", OTHER, configured)
    assert not accepts_bearer(f"{scheme} {token}", OTHER)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer undefined",
        f"Basic {KEY}",
        KEY,
        f"Bearer {HEX[:-1]}",
        f"Bearer {HEX}0",
        f"Bearer {hashlib.sha256(HEX.encode()).hexdigest()}",
        "Bearer signkey-test-",
        "Bearer é",
        "Bearer \udc80",
    ],
)
def test_anything_else_is_refused_unless_there_is_no_key(header):
    assert not accepts_bearer(header, KEY)
    assert not accepts_bearer(header, KEY, "")
    assert accepts_bearer(header, "")


def test_a_key_that_is_no_hex_is_accepted_in_plain_only():
    assert accepts_bearer("Bearer not-hex", "not-hex")
    assert not accepts_bearer("Bearer other", "not-hex")


def test_event_keys():
    keys = ("one", "", "zwei-é")
    assert any_key("one", keys)
    assert any_key("zwei-é", keys)
    for wrong in ("", "on", "one ", "ONE", "\udc80"):
        assert not any_key(wrong, keys)
    assert not any_key("one", ())
