"""Redis URIs."""

import pytest

from inngest_fast.adapters.redis.address import Address, Tls


@pytest.mark.parametrize(
    ("uri", "address"),
    [
        ("redis://localhost", Address("localhost")),
        ("redis://h:7000/3", Address("h", 7000, database=3)),
        ("redis://:p%40ss@h", Address("h", password="p@ss")),
        ("rediss://u:p@h:1/", Address("h", 1, tls=Tls(), user="u", password="p")),
        ("redis://[::1]:6380", Address("::1", 6380)),
        ("unix:///run/redis.sock", Address("", 0, path="/run/redis.sock")),
        (
            "unix://u:p@/run/r.sock?db=2",
            Address("", 0, path="/run/r.sock", user="u", password="p", database=2),
        ),
        ("redis://h?db=4", Address("h", database=4)),
        (
            "rediss://h?ssl_ca_certs=/ca.pem&ssl_certfile=/c.pem&ssl_keyfile=/c.key&ssl_check_hostname=false",
            Address("h", tls=Tls("/ca.pem", "/c.pem", "/c.key", ssl_check_hostname=False)),
        ),
        ("rediss://h?ssl_cert_reqs=none", Address("h", tls=Tls(ssl_cert_reqs="none"))),
        (
            "redis-sentinel://u:p@a,b:1,[::1]:2/m/5?sentinel_username=su&sentinel_password=s%26p",
            Address(
                "a",
                26379,
                user="u",
                password="p",
                database=5,
                seeds=(("a", 26379), ("b", 1), ("::1", 2)),
                master="m",
                sentinel_user="su",
                sentinel_password="s&p",
            ),
        ),
        (
            "rediss-sentinel://a/m?ssl_cert_reqs=none",
            Address("a", 26379, tls=Tls(ssl_cert_reqs="none"), seeds=(("a", 26379),), master="m"),
        ),
        ("redis-cluster://:p@a:1,b", Address("a", 1, password="p", seeds=(("a", 1), ("b", 6379)))),
        ("rediss-cluster://a", Address("a", tls=Tls(), seeds=(("a", 6379),))),
    ],
)
def test_what_is_understood(uri: str, address: Address) -> None:
    assert Address.parse(uri) == address


@pytest.mark.parametrize(
    ("uri", "why"),
    [
        ("http://u:secret@h", "starts with redis://"),
        ("redis://u:secret@h:99999", "port"),
        ("redis://u:secret@h:x", "port"),
        ("redis://u:secret@[::1", "brackets"),
        ("redis://u:secret@h/x", "number of a database"),
        ("redis://u:secret@h,g", "redis-sentinel://"),
        ("redis://u:secret@h?ssl_cert_reqs=none", "no option 'ssl_cert_reqs'"),
        ("rediss://u:secret@h?ssl_cert_reqs=maybe", "ssl_cert_reqs"),
        ("rediss://u:secret@h?ssl_check_hostname=maybe", "ssl_check_hostname"),
        ("rediss://u:secret@h?sentinel_password=secret", "no option 'sentinel_password'"),
        ("redis-sentinel://u:secret@h", "names the master"),
        ("redis-sentinel://u:secret@h/m/x", "number of a database"),
        ("redis-cluster://u:secret@h/1", "no database but 0"),
    ],
)
def test_what_is_not(uri: str, why: str) -> None:
    with pytest.raises(ValueError, match=why) as refused:
        Address.parse(uri)
    assert "secret" not in str(refused.value)


def test_credentials_are_not_shown() -> None:
    assert str(Address.parse("redis://u:secret@h:1")) == "h:1"
    assert str(Address.parse("redis://u:secret@[::1]:1")) == "[::1]:1"
    assert str(Address.parse("redis-cluster://u:secret@h:1,g:2")) == "h:1,g:2"
    sentinel = Address.parse("redis-sentinel://u:secret@h:1,g:2/m?sentinel_password=secret")
    assert str(sentinel) == "h:1,g:2/m"
    assert str(sentinel.at("master", 3)) == "master:3"


def test_another_server_is_told_the_same() -> None:
    home = Address.parse("rediss-cluster://u:p@h:1,g:2?ssl_cert_reqs=none")
    assert home.at("", 5) == Address("h", 5, tls=Tls(ssl_cert_reqs="none"), user="u", password="p")
