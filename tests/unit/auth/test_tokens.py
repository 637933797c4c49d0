import base64
import hmac
import json

import pytest

from inngest_fast.auth.tokens import Tokens

NOW = 1_795_425_252_250
KEY = "signkey-test-abc123def456"


def part(value):
    return base64.urlsafe_b64encode(json.dumps(value, separators=(",", ":")).encode()).rstrip(b"=").decode()


def forged(token, header=None, **claims):
    """The token with another header or other claims, under its old signature."""
    old_header, body, mac = token.split(".")
    read = json.loads(base64.urlsafe_b64decode(body + "=="))
    return f"{part(header) if header else old_header}.{part({**read, **claims})}.{mac}"


def test_what_was_issued_is_verified_with_its_claims():
    tokens = Tokens("output", KEY)
    token = tokens.issue("run 1", {"env": "e", "topics": [{"kind": "run"}]}, now_ms=NOW, lifetime_s=60)
    claims = tokens.verify(token, now_ms=NOW)
    now = NOW // 1_000
    assert claims == {"env": "e", "topics": [{"kind": "run"}], "sub": "run 1", "iat": now, "exp": now + 60}


def test_it_is_a_jwt_that_others_can_read():
    header, body, _ = Tokens("output", KEY).issue("run", {}, now_ms=NOW, exp=NOW // 1_000 + 7).split(".")
    assert json.loads(base64.urlsafe_b64decode(header)) == {"alg": "HS256", "typ": "JWT"}
    assert json.loads(base64.urlsafe_b64decode(body + "=="))["exp"] == NOW // 1_000 + 7


def test_it_ends_at_its_second():
    tokens = Tokens("output", KEY)
    token = tokens.issue("run", {}, now_ms=NOW, lifetime_s=60)
    end = (NOW // 1_000 + 60) * 1_000
    assert tokens.verify(token, now_ms=end - 1) is not None
    assert tokens.verify(token, now_ms=end) is None


def test_another_purpose_or_key_has_another_secret():
    token = Tokens("output", KEY).issue("run", {}, now_ms=NOW, lifetime_s=60)
    for other in (Tokens("realtime", KEY), Tokens("output", "ff00"), Tokens("output"), Tokens("output")):
        assert other.verify(token, now_ms=NOW) is None


def test_spellings_of_one_key_have_one_secret():
    token = Tokens("output", KEY).issue("run", {}, now_ms=NOW, lifetime_s=60)
    for same in ("abc123def456", "signkey-prod-ABC123DEF456"):
        assert Tokens("output", same).verify(token, now_ms=NOW) is not None


def test_both_keys_of_a_rotation_are_taken_and_the_new_one_signs():
    old, both, new = Tokens("output", KEY), Tokens("output", "ff00", KEY), Tokens("output", "ff00")
    assert both.verify(old.issue("run", {}, now_ms=NOW, lifetime_s=60), now_ms=NOW) is not None
    token = both.issue("run", {}, now_ms=NOW, lifetime_s=60)
    assert new.verify(token, now_ms=NOW) is not None
    assert old.verify(token, now_ms=NOW) is None


def test_without_a_key_the_process_takes_its_own_only():
    tokens = Tokens("output")
    token = tokens.issue("run", {}, now_ms=NOW, lifetime_s=60)
    assert tokens.verify(token, now_ms=NOW) is not None
    assert Tokens("output", "", "").verify(token, now_ms=NOW) is None


TOKENS = Tokens("output", KEY)
TOKEN = TOKENS.issue("run", {}, now_ms=NOW, lifetime_s=60)


def signed(header, body):
    """Signed with the right secret, whatever it says."""
    text = f"{header}.{body}"
    mac = hmac.digest(TOKENS._secrets[0], text.encode(), "sha256")
    return f"{text}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


HS256 = part({"alg": "HS256", "typ": "JWT"})
EXP = NOW // 1_000 + 60


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "..",
        "a.b.c",
        TOKEN[:-1],
        TOKEN + "=",
        TOKEN + ".",
        TOKEN.rpartition(".")[0] + ".",
        TOKEN.rpartition(".")[0],
        "x" * 70_000,
        TOKEN + "é",
        forged(TOKEN, sub="another"),
        forged(TOKEN, exp=EXP + 9_999),
        forged(TOKEN, header={"alg": "none", "typ": "JWT"}),
        signed(part({"alg": "none"}), part({"sub": "run", "exp": EXP})),
        signed(part({"alg": "HS512", "typ": "JWT"}), part({"sub": "run", "exp": EXP})),
        signed(part({"typ": "JWT", "alg": "HS256"}), part({"sub": "run", "exp": EXP})),
        signed(HS256, part({"sub": "run"})),
        signed(HS256, part({"sub": "run", "exp": None})),
        signed(HS256, part({"sub": "run", "exp": str(EXP)})),
        signed(HS256, part({"sub": "run", "exp": float(EXP)})),
        signed(HS256, part({"sub": "run", "exp": True})),
        signed(HS256, part({"exp": EXP})),
        signed(HS256, part({"sub": 7, "exp": EXP})),
        signed(HS256, part(["sub"])),
        signed(HS256, "%%%"),
        signed(HS256, ""),
    ],
)
def test_anything_else_is_refused(token):
    assert TOKENS.verify(TOKEN, now_ms=NOW) is not None
    assert TOKENS.verify(token, now_ms=NOW) is None


def test_a_token_signed_right_is_the_only_reason_to_take_it():
    assert TOKENS.verify(signed(HS256, part({"sub": "run", "exp": EXP})), now_ms=NOW) is not None
