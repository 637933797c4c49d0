"""`validate`, and what `Settings` shows of itself."""

import hashlib

import msgspec
import pytest

from inngest_fast.domain.settings import (
    Settings,
    address_parts,
    redact_postgres,
    redact_uris,
    signing_key_body,
    validate,
)

HEX = "0123456789abcdefABCDEF0123456789"


def start(**fields):
    return Settings(**{"mode": "start", "signing_key": HEX, "event_keys": ("ek1",), **fields})


BOTH = {"postgres_uri": "postgres://db/x", "redis_uri": "redis://r"}


@pytest.mark.parametrize(
    "settings",
    [
        Settings(),
        start(),
        start(signing_key="signkey-prod-" + HEX),
        start(signing_key="signkey-test-" + HEX, signing_key_fallback="signkey-prod-abcd"),
        start(signing_key="signkey-prd-abcd1234"),
        start(signing_key="signkey-my_env2-abcd"),
        Settings(signing_key="not hex"),  # unused by dev
        start(port=0, connect_gateway_grpc_ip="::1"),
        start(retry_interval=1, drain_timeout=0),
        start(postgres_max_open_conns=10),
        start(postgres_uri="postgres://u:p@db/x"),
        start(postgres_uri="postgresql://u:p@h1:1,h2:2/x?target_session_attrs=read-write"),
        start(postgres_uri="host=db dbname=x password='a b://c'"),
        Settings(postgres_uri="postgres:///x"),
        start(postgres_schema="s" * 63),
        *(
            start(redis_uri=uri)
            for uri in (
                "redis://:p@r",
                "rediss://r:6380/1",
                "unix:///run/redis.sock",
                "redis-sentinel://:pw@h1:1,h2:2/name",
                "rediss-sentinel://h/name",
                "redis-cluster://h1,h2",
                "rediss-cluster://h",
            )
        ),
        start(**BOTH, workers=256, drain_delay=0.0),
        *(
            start(metrics_addr=address)
            for address in ("127.0.0.1:9464", ":0", "[::1]:9464", "host.example:1")
        ),
        start(
            cors_origins=("*", "https://ops.example.com", "http://localhost:3000", "chrome-extension://abc")
        ),
    ],
)
def test_good_settings_have_no_problem(settings):
    assert validate(settings) == []


POSTGRES = "postgres-uri must begin with postgres:// or postgresql://, or be 'host=… dbname=…'"
REDIS = (
    "redis-uri must begin with redis://, rediss://, unix://, redis-sentinel://, rediss-sentinel://, "
    "redis-cluster:// or rediss-cluster://"
)
INVALID_HEX = "must be valid hex string: encoding/hex: invalid byte: "


@pytest.mark.parametrize(
    ("fields", "problems"),
    [
        ({"signing_key": ""}, ["signing-key is required"]),
        ({"signing_key": "signkey-prod-"}, ["signing-key is required"]),
        ({"signing_key": "abc"}, ["signing-key must be hex string with even number of chars"]),
        ({"signing_key": "signkey-prod-abc"}, ["signing-key must be hex string with even number of chars"]),
        ({"signing_key": "zz"}, [f"signing-key {INVALID_HEX}U+007A 'z'"]),
        ({"signing_key": "abcé"}, ["signing-key must be hex string with even number of chars"]),
        ({"signing_key": "é"}, [f"signing-key {INVALID_HEX}U+00C3 'Ã'"]),
        ({"signing_key": "abc\n"}, [f"signing-key {INVALID_HEX}U+000A"]),
        ({"signing_key": "signkey--abcd"}, ["signing-key must be hex string with even number of chars"]),
        (
            {"signing_key_fallback": "abc"},
            ["signing-key-fallback must be hex string with even number of chars"],
        ),
        ({"signing_key_fallback": "signkey-x-"}, ["signing-key-fallback has nothing after its prefix"]),
        ({"event_keys": ()}, ["at least one event-key is required"]),
        ({"event_keys": ("",)}, ["at least one event-key is required"]),
        ({"postgres_max_open_conns": 11}, []),
        (
            {"postgres_max_open_conns": 1, "postgres_max_idle_conns": 1},
            ["postgres-max-open-conns (1) must be greater than 1"],
        ),
        (
            {"postgres_max_open_conns": 9},
            ["postgres-max-open-conns (9) must be greater than or equal to postgres-max-idle-conns (10)"],
        ),
        ({"postgres_max_idle_conns": -1}, ["postgres-max-idle-conns (-1) must not be negative"]),
        (
            {"connect_gateway_grpc_ip": "foo"},
            ['invalid connect gateway gRPC IP "foo": must be an IP address'],
        ),
        (
            {"connect_executor_grpc_ip": ""},
            ['invalid connect executor gRPC IP "": must be an IP address'],
        ),
        ({"port": 65536}, ["port (65536) must be between 0 and 65535"]),
        ({"connect_gateway_port": -1}, ["connect-gateway-port (-1) must be between 0 and 65535"]),
        ({"discovery_port": 70000}, ["PORT (70000) must be between 0 and 65535"]),
        ({"queue_workers": 0}, ["queue-workers (0) must be at least 1"]),
        ({"max_body": 0}, ["max-body (0) must be at least 1"]),
        ({"poll_interval": -1.0}, ["poll-interval (-1 s) must be greater than 0"]),
        ({"retry_interval": 0.5}, ["retry-interval (0.5 s) must be 0 (off) or at least 1 s"]),
        ({"drain_timeout": -1.0}, ["drain-timeout (-1 s) must not be negative"]),
        ({"sqlite_dir": ""}, ["sqlite-dir must not be empty"]),
        *(
            ({"postgres_uri": uri}, [POSTGRES])
            for uri in ("mysql://u:p@db/x", "db:5432/x", "postgres:/x", "x")
        ),
        *(
            ({"redis_uri": uri}, [REDIS])
            for uri in ("http://:p@r", "r:6379", "redis-sentinels://h/n", ":p@r")
        ),
        ({"postgres_schema": ""}, ["postgres-schema must not be empty"]),
        ({"postgres_schema": "é" * 32}, ["postgres-schema has 64 bytes, at most 63 are allowed"]),
        (
            {"postgres_schema": "pg_mine"},
            ["postgres-schema ('pg_mine') must not begin with pg_, which PostgreSQL keeps for itself"],
        ),
        ({"redis_prefix": ""}, ["redis-prefix must not be empty"]),
        *(
            ({"redis_prefix": text}, [f"redis-prefix ({text!r}) must have no spaces and no braces"])
            for text in ("a b", "{a", "a}", "a\n", "\x00")
        ),
        ({"drain_delay": -0.5}, ["drain-delay (-0.5 s) must not be negative"]),
        ({"workers": 0}, ["workers (0) must be between 1 and 256"]),
        ({**BOTH, "workers": 257}, ["workers (257) must be between 1 and 256"]),
        *(
            (
                {**given, "workers": 4},
                [
                    f"workers (4) share their work through PostgreSQL and Redis: set {lacking}, or run one worker"
                ],
            )
            for given, lacking in (
                ({}, "postgres-uri and redis-uri"),
                ({"redis_uri": "redis://r"}, "postgres-uri"),
                ({"postgres_uri": "postgres://db/x"}, "redis-uri"),
            )
        ),
    ],
)
def test_problems(fields, problems):
    assert validate(start(**fields)) == problems


def test_all_problems_are_collected_keys_first():
    settings = start(
        signing_key="", event_keys=(), port=-1, connect_gateway_grpc_ip="x", redis_uri="http://r"
    )
    texts = validate(settings)
    assert texts[:2] == ["signing-key is required", "at least one event-key is required"]
    assert len(texts) == 5


def test_what_the_mode_decides():
    assert (Settings().bind_host, start().bind_host, start(host="::1").bind_host) == (
        "127.0.0.1",
        "0.0.0.0",
        "::1",
    )
    assert (Settings().server_kind, start().server_kind) == ("dev", "cloud")
    assert Settings().database == ":memory:"
    assert Settings(persist=True).database == "./.inngest/main.db"
    assert start(sqlite_dir="/data/").database == "/data/main.db"
    assert [settings.drain_for for settings in (Settings(), start(), start(**BOTH))] == [0, 0, 3]
    assert start(postgres_uri="postgres://db/x").drain_for == 0
    assert start(drain_delay=7.0).drain_for == start(**BOTH, drain_delay=7.0).drain_for == 7
    assert start(**BOTH, drain_delay=0.0).drain_for == Settings(drain_delay=7.0).drain_for == 0


def test_signing_key_body():
    assert signing_key_body("signkey-prod-abcd") == "abcd"
    assert signing_key_body("abcd") == "abcd"


def test_settings_show_no_secret():
    settings = start(
        signing_key="signkey-prod-" + HEX,
        signing_key_fallback="feedface",
        event_keys=("event-key-one",),
        postgres_uri="postgres://u:pg-pass@db/x",
        redis_uri="redis://:redis@pass@host:6379/0",
        sdk_urls=("http://me:basic-pass@app/api/inngest",),
    )
    hidden = [HEX, "feedface", "event-key-one", "pg-pass", "redis@pass", "@pass", "basic-pass"]
    for shown in (repr(settings), str(settings), f"{settings}", str(settings.__rich_repr__())):
        assert "port=8288" in shown or "('port', 8288)" in shown
        assert "postgres://u:[redacted]@db/x" in shown
        for secret in hidden:
            assert secret not in shown
    assert set(settings.secrets()) == {
        "signkey-prod-" + HEX,
        HEX,
        hashlib.sha256(bytes.fromhex(HEX)).hexdigest(),
        "feedface",
        hashlib.sha256(bytes.fromhex("feedface")).hexdigest(),
        "event-key-one",
        "pg-pass",
        "redis@pass",
        "basic-pass",
    }
    assert Settings().secrets() == ()
    assert start(signing_key="zz").secrets() == ("zz", "ek1")


@pytest.mark.parametrize(
    ("fields", "shown", "secrets"),
    [
        (
            {"redis_uri": "redis-sentinel://:pa%40ss@h1:1,h2:2/name?sentinel_password=other"},
            "redis-sentinel://:[redacted]@h1:1,h2:2/name?sentinel_password=[redacted]",
            {"pa%40ss", "pa@ss", "other"},
        ),
        ({"redis_uri": "redis-cluster://h1:1,h2:2"}, "redis-cluster://h1:1,h2:2", set()),
        (
            {"postgres_uri": "postgresql://u:hush@h1:1,h2:2/x?application_name=a@b"},
            "postgresql://u:[redacted]@h1:1,h2:2/x?application_name=a@b",
            {"hush"},
        ),
        (
            {"postgres_uri": "postgres://u@h/x?sslpassword=hush&password=also"},
            "postgres://u@h/x?sslpassword=[redacted]&password=[redacted]",
            {"hush", "also"},
        ),
        (
            {"postgres_uri": "host=h password=hu\\ sh dbname=x"},
            "host=h password=[redacted] dbname=x",
            {"hu\\ sh", "hu sh"},
        ),
        (
            {"postgres_uri": r"password = 'it\'s a' sslpassword=x host=postgres://h"},
            "password = [redacted] sslpassword=[redacted] host=postgres://h",
            {r"'it\'s a'", "it's a", "x"},
        ),
    ],
)
def test_passwords_of_backends_are_masked_and_known(fields, shown, secrets):
    settings = start(**fields)
    ((name, _),) = fields.items()
    assert dict(settings.__rich_repr__())[name] == shown
    assert not any(secret in repr(settings) for secret in secrets if len(secret) > 1)
    assert set(settings.secrets()) - set(start().secrets()) == secrets
    assert redact_postgres(redact_postgres(shown)) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgres://u:p@h/d?x=1", "postgres://u:[redacted]@h/d?x=1"),
        ("at redis://:p@w@h, later", "at redis://:[redacted]@h, later"),
        ("postgres://u@h/d?password=hush&x=1", "postgres://u@h/d?password=[redacted]&x=1"),
        ("a http://h:80/x and me@example.com", "a http://h:80/x and me@example.com"),
        ('"amqp://u:p@h" "http://v:q@i"', '"amqp://u:[redacted]@h" "http://v:[redacted]@i"'),
        ("no uri, u:p@h", "no uri, u:p@h"),
    ],
)
def test_redact_uris(text, shown):
    assert redact_uris(text) == shown


def test_settings_are_frozen():
    with pytest.raises(AttributeError):
        Settings().port = 1
    assert msgspec.structs.replace(Settings(), port=1).port == 1


@pytest.mark.parametrize(
    "address",
    ["9464", "localhost", "127.0.0.1:", "127.0.0.1:65536", "::1:9464", "http://a:1", "a b:1", "a:1x"],
)
def test_an_address_for_metrics_has_host_and_port(address):
    assert validate(start(metrics_addr=address)) == [
        f'metrics-addr ("{address}") must be host:port, such as 127.0.0.1:9464'
    ]


@pytest.mark.parametrize(
    "origin",
    [
        "example.com",
        "https://",
        "https://a.example/",
        "https://a.example/x",
        "https://*.example.com",
        "null",
        "",
    ],
)
def test_an_origin_is_what_browsers_send(origin):
    assert validate(start(cors_origins=(origin,))) == [
        f'cors-origin ("{origin}") must be scheme://host or scheme://host:port, or "*"'
    ]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("127.0.0.1:9464", ("127.0.0.1", 9464)),
        ("[::1]:0", ("::1", 0)),
        (":9464", ("0.0.0.0", 9464)),
        ("", None),
    ],
)
def test_parts_of_an_address(text, parts):
    assert address_parts(text) == parts
