"""Redis URIs."""

import pytest

from inngest_fast.adapters.redis.address import Address


@pytest.mark.parametrize(
    ("uri", "address"),
    [
        ("redis://localhost", Address("localhost")),
        ("redis://h:7000/3", Address("h", 7000, database=3)),
        ("redis://:p%40ss@h", Address("h", password="p@ss")),
        ("rediss://u:p@h:1/", Address("h", 1, tls=True, user="u", password="p")),
        ("redis://[::1]:6380", Address("::1", 6380)),
        ("unix:///run/redis.sock", Address("", 0, path="/run/redis.sock")),
    ],
)
def test_what_is_understood(uri: str, address: Address) -> None:
    assert Address.parse(uri) == address


@pytest.mark.parametrize("uri", ["http://u:secret@h", "redis://u:secret@h:99999", "redis://u:secret@h/x"])
def test_what_is_not(uri: str) -> None:
    with pytest.raises(ValueError) as refused:
        Address.parse(uri)
    assert "secret" not in str(refused.value)


def test_credentials_are_not_shown() -> None:
    assert str(Address.parse("redis://u:secret@h:1")) == "h:1"
