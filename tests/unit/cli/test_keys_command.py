"""`keys`, on a real file."""

import asyncio
import re
import time

import pytest

from inngest_fast.adapters.sqlite import SqliteStore, api_keys_of
from inngest_fast.adapters.system.clock import SystemClock
from inngest_fast.auth import api_keys
from inngest_fast.auth.api_keys import digest_of
from inngest_fast.cli import keys as command
from inngest_fast.cli import main
from inngest_fast.domain.api_keys import Scope

DAY = 86_400_000


@pytest.fixture
def place(tmp_path):
    return tmp_path / "data"


@pytest.fixture
def keys(capsys, place):
    def run(*words):
        code = main(["keys", *words, "--sqlite-dir", str(place)])
        out, err = capsys.readouterr()
        assert err == ""
        return code, out

    return run


def stored(place):
    return asyncio.run(api_keys_of(str(place / "main.db")).all())


def created(keys, *flags):
    code, out = keys("create", *flags)
    assert code == 0, out
    line, secret = out.splitlines()
    return re.search(r"[0-9A-Z]{26}", line)[0], secret, line


def test_create_shows_the_key_once_and_stores_its_digest(keys, place):
    before = int(time.time() * 1_000)
    id, secret, line = created(keys, "--name", "ci", "--scope", "write", "--expires", "90d")
    (key,) = stored(place)
    assert (key.id, key.name, key.scope, key.digest) == (id, "ci", Scope.WRITE, digest_of(secret))
    assert key.expires_at == key.created_at + 90 * DAY
    assert key.created_at >= before
    assert "write" in line
    assert "until 20" in line
    assert secret.encode() not in b"".join(path.read_bytes() for path in place.iterdir())
    assert secret not in keys("list")[1]


@pytest.mark.parametrize(
    ("text", "ms"), [("2", 2 * DAY), ("12h", DAY // 2), ("1d12h", 36 * 3_600_000), ("1m30s", 90_000)]
)
def test_expires(keys, place, text, ms):
    created(keys, "--name", "ci", "--expires", text)
    (key,) = stored(place)
    assert key.expires_at - key.created_at == ms


def test_without_flags_it_reads_and_does_not_expire(keys, place):
    created(keys, "--name", "ci")
    (key,) = stored(place)
    assert (key.scope, key.expires_at) == (Scope.READ, 0)


def test_list_shows_every_key_and_its_state(keys, place):
    assert keys("list")[1].split() == ["ID", "NAME", "SCOPE", "CREATED", "EXPIRES", "LAST", "USED", "STATE"]
    first, _, _ = created(keys, "--name", "the first", "--scope", "admin")
    second, _, _ = created(keys, "--name", "x", "--expires", "1ms")
    third, _, _ = created(keys, "--name", "used")
    assert keys("revoke", first) == (0, f"revoked {first}: servers that run refuse it within seconds\n")
    asyncio.run(api_keys_of(str(place / "main.db")).used({third: 1_795_425_252_250}))
    _, *lines = keys("list")[1].splitlines()
    assert [line.split()[0] for line in lines] == [first, second, third]
    assert re.search(r" the first  admin .* never  +never  +revoked 20\S+Z$", lines[0])
    assert lines[1].endswith("expired")
    assert "2026-11-23T09:14:12Z" in lines[2]
    assert lines[2].endswith("live")


def test_revoke_of_an_unknown_key(keys):
    code, out = keys("revoke", "01M89CB2C47H9ZHBD8S5409EVP")
    assert code == 1
    assert out.startswith("Error: there is no API key 01M89CB2C47H9ZHBD8S5409EVP")


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ([], "keys takes one of create, list and revoke ID"),
        (["drop"], "keys takes one of create, list and revoke ID"),
        (["revoke"], "keys takes one of create, list and revoke ID"),
        (["list", "x"], "keys takes one of create, list and revoke ID"),
        (["create"], "--name must say what the key is for, in at most 100 characters"),
        (["create", "--name", "a\nb"], "--name must say what the key is for, in at most 100 characters"),
        (
            ["create", "--name", "x", "--scope", "root"],
            "flag --scope: expected read, write or admin, got 'root'",
        ),
        (
            ["create", "--name", "x", "--expires", "0"],
            "--expires must be a time to come, in at most 100 years",
        ),
        (
            ["create", "--name", "x", "--expires", "-1"],
            "--expires must be a time to come, in at most 100 years",
        ),
        (["create", "--name", "x", "--expires", "9e9"], "flag --expires: expected a number or a duration"),
        (["create", "--name", "x", "--expires", "36501d"], "--expires must be a time to come"),
        (["list", "--name", "x"], "--name is for keys create"),
    ],
)
def test_what_makes_no_sense_changes_nothing(keys, place, words, error):
    code, out = keys(*words)
    assert (code, out.count("\n")) == (1, 1)
    assert out.startswith(f"Error: {error}")
    assert not place.exists()


def test_live_keys_are_bounded(keys, monkeypatch):
    monkeypatch.setattr(command, "MOST", 2)
    assert api_keys.MOST == 1_000
    first, _, _ = created(keys, "--name", "a")
    created(keys, "--name", "b")
    code, out = keys("create", "--name", "c")
    assert (code, out) == (1, "Error: there are 2 API keys already, and no more may be: revoke some\n")
    keys("revoke", first)
    created(keys, "--name", "c")


def test_a_server_may_have_the_file_open(keys, place):
    async def with_server():
        store = SqliteStore(str(place / "main.db"), durable=True, clock=SystemClock())
        place.mkdir()
        await store.open()
        id, secret, _ = await asyncio.to_thread(created, keys, "--name", "ci")
        (key,) = await store.api_keys.live(int(time.time() * 1_000))
        assert (key.id, key.digest) == (id, digest_of(secret))
        await asyncio.to_thread(keys, "revoke", id)
        assert await store.api_keys.live(int(time.time() * 1_000)) == []
        await store.close()

    asyncio.run(with_server())
