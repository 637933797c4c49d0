"""Everything an operator can set, as one value. Read once at start-up; nothing here looks at the process.

Durations are seconds, whatever unit the flag is written in. How a value gets here: `cli.sources`.
"""

import re
from collections.abc import Iterator
from typing import Any, Literal

import msgspec

Mode = Literal["dev", "start"]
Pooler = Literal["auto", "yes", "no"]
LogFormat = Literal["json", "dev", "text"]

MASK = "[redacted]"
SECRET_FIELDS = frozenset(
    ("signing_key", "signing_key_fallback", "event_keys", "otlp_headers", "otlp_traces_headers")
)

_KEY_PREFIX = re.compile(r"signkey-\w+-", re.ASCII)
# The password runs to the last "@" of the authority, so that an unescaped "@" in it hides no half of it.
_URI_PASSWORD = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://[^\s/?#@:\"']*:)[^\s/?#\"']*@")
_QUERY_PASSWORD = re.compile(
    r"([?&](?:password|passwd|pwd|sslpassword|sentinel_password|token)=)([^&\s\"']+)", re.IGNORECASE
)
# The second form: with a "/" in it the password is no part of the authority, to those who go by the book.
_AUTHORITIES = (
    re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://([^/?#]*)@"),
    re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://(.*)@", re.DOTALL),
)
_CONNINFO = re.compile(r"\s*\w+\s*=")
_CONNINFO_PASSWORD = re.compile(
    r"(\b(?:ssl)?password\s*=\s*)('(?:\\.|[^'\\])*'?|(?:\\.|[^\s\\])+)", re.DOTALL
)
_POSTGRES_SCHEMES = ("postgres://", "postgresql://")
_REDIS_SCHEMES = (
    "redis://",
    "rediss://",
    "unix://",
    "redis-sentinel://",
    "rediss-sentinel://",
    "redis-cluster://",
    "rediss-cluster://",
)
_LONGEST_SCHEMA = 63  # bytes; PostgreSQL cuts off the rest of a name
_MOST_WORKERS = 256
_SECRET_LENGTH = 8
_ADDRESS = re.compile(r"(?:\[([0-9A-Fa-f:.%\w]+)\]|([^\s:/\[\]]*)):([0-9]{1,5})", re.ASCII)
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^\s/?#@\"'*]+", re.ASCII)
_NOT_IN_PREFIX = re.compile(r"[\s{}\x00-\x1f\x7f]")


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What one server process runs with. Defaults are those of `dev`; check with `validate` before use."""

    # "dev": no auth, discovery, memory unless `persist`. "start": keys required, always on disk.
    mode: Mode = "dev"

    # Address to listen on. "" means the mode's own: loopback in `dev`, all interfaces in `start`.
    host: str = ""
    # API, event ingest and GraphQL. 0 takes any free port.
    port: int = 8288

    # Serve URLs of apps, as given: not normalised.
    sdk_urls: tuple[str, ...] = ()
    # Look for apps on the usual local ports until one is known. `dev` only.
    discovery: bool = True
    # One more port for discovery to try (sdk-protocol §1.7); 0: none.
    discovery_port: int = 0
    # Sync healthy apps again each `poll_interval`; apps in error always are. `start` polls only those.
    poll: bool = True
    poll_interval: float = 5.0

    # Constant delay between attempts in place of the exponential one. 0: off, else at least 1.
    retry_interval: float = 0.0
    # Most step calls in flight at once, for each app.
    queue_workers: int = 100
    # Accepted so that existing command lines work, and ignored: nothing here polls a queue.
    tick: float = 0.15

    # Keep data on disk in `dev`; `start` always does.
    persist: bool = False
    # Directory of `main.db`; made if absent.
    sqlite_dir: str = "./.inngest"

    # Store in PostgreSQL in place of SQLite: a URI, or `key=value …` as libpq reads it. "": SQLite.
    postgres_uri: str = ""
    # Schema of all tables; made if absent.
    postgres_schema: str = "inngest_fast"
    # Whether a transaction pooler such as PgBouncer is in between: then nothing is prepared on connections.
    postgres_pooler: Pooler = "auto"
    postgres_max_idle_conns: int = 10
    postgres_max_open_conns: int = 100
    postgres_conn_max_idle_time: float = 300.0
    postgres_conn_max_lifetime: float = 1800.0
    # Queue in Redis in place of this process. "": in this process.
    redis_uri: str = ""
    # All keys begin with it, in braces: one hash slot of a cluster.
    redis_prefix: str = "inngest-fast"

    # Processes under one port. More than one needs PostgreSQL and Redis. `start` only.
    workers: int = 1

    # Hex, with or without `signkey-<word>-` in front. Required by `start`, unused by `dev`.
    signing_key: str = ""
    # The key before or after a rotation: accepted as well, never signed with. "": none.
    signing_key_fallback: str = ""
    # Keys that may send events. `start` needs one; `dev` takes any.
    event_keys: tuple[str, ...] = ()
    # Ask for no credential at these surfaces, which something else guards. `start` only: `dev` never asks.
    open_graphql: bool = False
    open_mcp: bool = False
    open_metrics: bool = False
    open_invoke: bool = False
    # Origins whose pages may call `start`, such as "https://ops.example.com"; "*" is all. `dev` lets all.
    cors_origins: tuple[str, ...] = ()
    # "host:port" where /metrics is served, with the health probes, in place of `port`. "": at `port`.
    metrics_addr: str = ""

    # Let apps have the server request (`step.fetch`, `step.ai.infer`) what is not on the internet at large:
    # loopback, private and link-local addresses. `dev` always does.
    gateway_allow_private: bool = False

    # Serve the dashboard and GraphQL.
    ui: bool = True

    # WebSocket gateway of Connect; 0 takes any free port.
    connect_gateway_port: int = 8289
    # Accepted and ignored: gateway and executor are one process here and need no gRPC between them.
    connect_gateway_grpc_port: int = 50052
    connect_gateway_grpc_ip: str = "127.0.0.1"
    connect_executor_grpc_port: int = 50053
    connect_executor_grpc_ip: str = "127.0.0.1"
    # Accepted and ignored: internals of another server.
    debug_api_port: int = 7777
    system_trace_endpoint: str = ""
    system_trace_url_path: str = "/dev/traces/system"

    # Where traces of runs go when they have ended: the standard variables of OpenTelemetry, as they are
    # written; `domain.otlp` reads them. Without an endpoint nothing is exported.
    otlp_endpoint: str = ""
    otlp_traces_endpoint: str = ""
    otlp_headers: str = ""
    otlp_traces_headers: str = ""
    otlp_protocol: str = ""
    otlp_traces_protocol: str = ""
    otlp_compression: str = ""
    otlp_timeout: float = 10.0
    otel_traces_exporter: str = ""
    otel_service_name: str = ""
    otel_resource_attributes: str = ""
    otel_traces_sampler: str = "parentbased_always_on"
    otel_traces_sampler_arg: str = ""
    otel_disabled: bool = False

    # On a stop signal `start` waits this long for calls in flight. 0: does not wait. `dev` never waits.
    drain_timeout: float = 30.0
    # `start` takes requests for so long after a stop signal, while /readyz says no. None: `drain_for`.
    drain_delay: float | None = None
    # Largest request body that is read, in bytes; more is refused with 413.
    max_body: int = 32 * 1024 * 1024

    # "trace", "debug", "info", "notice", "warn", "error" or "emergency".
    log_level: str = "info"
    # "json": one object a line. "dev": coloured for a terminal. "text": the same without colour.
    log_format: LogFormat = "json"

    # Mount `/test/*` (http-api §3.5).
    test_mode: bool = False
    # (name, value) pairs added to `features` in `/dev`.
    feature_flags: tuple[tuple[str, bool], ...] = ()

    @property
    def bind_host(self) -> str:
        """The address to listen on, never empty."""
        return self.host or ("127.0.0.1" if self.mode == "dev" else "0.0.0.0")  # noqa: S104 a server's default

    @property
    def drain_for(self) -> float:
        """Seconds in which balancers notice that this server stops: where there are others, some."""
        if self.mode == "dev":
            return 0.0
        if self.drain_delay is not None:
            return self.drain_delay
        return 3.0 if self.shared else 0.0

    @property
    def gateway_private(self) -> bool:
        """Whether apps may have the server request what is not on the internet at large."""
        return self.mode == "dev" or self.gateway_allow_private

    @property
    def exports_traces(self) -> bool:
        """Whether traces of runs go to an OTLP collector."""
        if self.otel_disabled or self.otel_traces_exporter.strip().lower() not in ("", "otlp"):
            return False
        return bool(self.otlp_endpoint or self.otlp_traces_endpoint)

    @property
    def shared(self) -> bool:
        """Whether other servers may run on the same data."""
        return bool(self.postgres_uri and self.redis_uri)

    @property
    def server_kind(self) -> str:
        """Value of `X-Inngest-Server-Kind` (http-api §0)."""
        return "dev" if self.mode == "dev" else "cloud"

    @property
    def database(self) -> str:
        """Path of the SQLite file, or ":memory:"."""
        if self.mode == "dev" and not self.persist:
            return ":memory:"
        return self.sqlite_dir.rstrip("/") + "/main.db"

    def secrets(self) -> tuple[str, ...]:
        """Every string that must not be shown: keys, their hashes (as good as the keys), URI passwords."""
        import hashlib  # loads OpenSSL, which most of those who import Settings can do without

        found: dict[str, None] = {}
        for key in (self.signing_key, self.signing_key_fallback):
            body = signing_key_body(key)
            found.update(dict.fromkeys((key, body)))
            if body and not _hex_problem("", body):
                found[hashlib.sha256(bytes.fromhex(body)).hexdigest()] = None
        found.update(dict.fromkeys(self.event_keys))
        uris = (self.postgres_uri, self.redis_uri, self.otlp_endpoint, self.otlp_traces_endpoint)
        for uri in (*uris, *self.sdk_urls):
            found.update(dict.fromkeys(_passwords(uri)))
        found.update(dict.fromkeys(_header_values(f"{self.otlp_headers},{self.otlp_traces_headers}")))
        found.pop("", None)
        return tuple(found)

    def __repr__(self) -> str:
        return f"Settings({', '.join(f'{name}={value!r}' for name, value in self.__rich_repr__())})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        shown = []
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if name in SECRET_FIELDS:
                value = MASK if value else value
            elif name == "postgres_uri":
                value = redact_postgres(value)
            elif isinstance(value, str):
                value = redact_uris(value)
            elif name == "sdk_urls":
                value = tuple(map(redact_uris, value))
            shown.append((name, value))
        return shown


def redact_uris(text: str) -> str:
    """`text` with the password of every URI in it masked."""
    if "://" not in text:
        return text
    return _QUERY_PASSWORD.sub(r"\1" + MASK, _URI_PASSWORD.sub(r"\1" + MASK + "@", text))


def redact_postgres(uri: str) -> str:
    """`uri`, which may be `key=value …` as well, with its password masked."""
    return _CONNINFO_PASSWORD.sub(r"\1" + MASK, uri) if _CONNINFO.match(uri) else redact_uris(uri)


def _passwords(uri: str) -> Iterator[str]:
    """Every password in `uri`, as written and as meant."""
    from urllib.parse import unquote

    if _CONNINFO.match(uri):
        for match in _CONNINFO_PASSWORD.finditer(uri):
            written = match[2]
            yield written
            yield re.sub(r"\\(.)", r"\1", written.strip("'") if written.startswith("'") else written)
        return
    written_ones = [match[2] for match in _QUERY_PASSWORD.finditer(uri)]
    authority = next(filter(None, (form.match(uri) for form in _AUTHORITIES)), None)
    if authority is not None:
        written_ones.append(authority[1].partition(":")[2])
    for written in written_ones:
        yield written
        yield unquote(written)


def _header_values(headers: str) -> Iterator[str]:
    """Values of `name=value,…` as written and as meant; no short ones: any log line may have such a word."""
    from urllib.parse import unquote

    for pair in headers.split(","):
        written = pair.partition("=")[2].strip()
        for value in (written, unquote(written)):
            yield from (part for part in (value, value.rpartition(" ")[2]) if len(part) >= _SECRET_LENGTH)


def signing_key_body(key: str) -> str:
    """`key` without its `signkey-<word>-` prefix: what is hashed, signed with and compared."""
    match = _KEY_PREFIX.match(key)
    return key[match.end() :] if match else key


def validate(settings: Settings) -> list[str]:
    """Every reason not to serve with `settings`, keys first; empty when there is none (http-api §1.5)."""
    problems: list[str] = []
    if settings.mode == "start":
        problems += _key_problems(settings)
    problems += store_problems(settings)
    problems += _backend_problems(settings)
    problems += _number_problems(settings)
    problems += _address_problems(settings)
    problems += _listening_problems(settings)
    if settings.exports_traces:
        from inngest_fast.domain import otlp  # few need it

        problems += otlp.problems(settings)
    return problems


def _key_problems(settings: Settings) -> Iterator[str]:
    body = signing_key_body(settings.signing_key)
    if not body:
        yield "signing-key is required"
    elif problem := _hex_problem("signing-key", body):
        yield problem
    if settings.signing_key_fallback and (
        problem := _hex_problem("signing-key-fallback", signing_key_body(settings.signing_key_fallback))
    ):
        yield problem
    if not any(settings.event_keys):
        yield "at least one event-key is required"


def _hex_problem(name: str, body: str) -> str:
    raw = body.encode("utf-8", "surrogateescape")
    if not raw:
        return f"{name} has nothing after its prefix"
    if len(raw) % 2:
        return f"{name} must be hex string with even number of chars"
    for byte in raw:
        if byte not in b"0123456789abcdefABCDEF":
            shown = f" '{chr(byte)}'" if chr(byte).isprintable() else ""
            return f"{name} must be valid hex string: encoding/hex: invalid byte: U+{byte:04X}{shown}"
    return ""


def store_problems(settings: Settings) -> Iterator[str]:
    """Every reason not to open the database of `settings`: what there is to check for a migration."""
    uri = settings.postgres_uri
    if uri and not uri.startswith(_POSTGRES_SCHEMES) and not _CONNINFO.match(uri):
        yield f"postgres-uri must begin with {' or '.join(_POSTGRES_SCHEMES)}, or be 'host=… dbname=…'"
    schema = settings.postgres_schema
    if not schema:
        yield "postgres-schema must not be empty"
    elif (length := len(schema.encode("utf-8", "surrogateescape"))) > _LONGEST_SCHEMA:
        yield f"postgres-schema has {length} bytes, at most {_LONGEST_SCHEMA} are allowed"
    elif schema.startswith("pg_") or "\0" in schema:
        yield f"postgres-schema ({schema!r}) must not begin with pg_, which PostgreSQL keeps for itself"
    if not settings.sqlite_dir:
        yield "sqlite-dir must not be empty"


def _backend_problems(settings: Settings) -> Iterator[str]:
    idle, most = settings.postgres_max_idle_conns, settings.postgres_max_open_conns
    if most <= 1:
        yield f"postgres-max-open-conns ({most}) must be greater than 1"
    if most < idle:
        yield (
            f"postgres-max-open-conns ({most}) must be greater than or equal to "
            f"postgres-max-idle-conns ({idle})"
        )
    if idle < 0:
        yield f"postgres-max-idle-conns ({idle}) must not be negative"
    if settings.redis_uri and not settings.redis_uri.startswith(_REDIS_SCHEMES):
        yield f"redis-uri must begin with {', '.join(_REDIS_SCHEMES[:-1])} or {_REDIS_SCHEMES[-1]}"
    if not settings.redis_prefix:
        yield "redis-prefix must not be empty"
    elif _NOT_IN_PREFIX.search(settings.redis_prefix):
        yield f"redis-prefix ({settings.redis_prefix!r}) must have no spaces and no braces"
    if not 1 <= settings.workers <= _MOST_WORKERS:
        yield f"workers ({settings.workers}) must be between 1 and {_MOST_WORKERS}"
    elif settings.workers > 1 and not settings.shared:
        lacking = [
            name
            for name, uri in (("postgres-uri", settings.postgres_uri), ("redis-uri", settings.redis_uri))
            if not uri
        ]
        yield (
            f"workers ({settings.workers}) share their work through PostgreSQL and Redis: "
            f"set {' and '.join(lacking)}, or run one worker"
        )


def _number_problems(settings: Settings) -> Iterator[str]:
    for name in (
        "port",
        "connect-gateway-port",
        "connect-gateway-grpc-port",
        "connect-executor-grpc-port",
        "debug-api-port",
    ):
        value = getattr(settings, name.replace("-", "_"))
        if not 0 <= value <= 65535:
            yield f"{name} ({value}) must be between 0 and 65535"
    if not 0 <= settings.discovery_port <= 65535:
        yield f"PORT ({settings.discovery_port}) must be between 0 and 65535"
    for name in ("queue-workers", "max-body"):
        value = getattr(settings, name.replace("-", "_"))
        if value < 1:
            yield f"{name} ({value}) must be at least 1"
    for name in ("poll-interval", "tick"):
        value = getattr(settings, name.replace("-", "_"))
        if value <= 0:
            yield f"{name} ({value:g} s) must be greater than 0"
    if settings.retry_interval and settings.retry_interval < 1:
        yield f"retry-interval ({settings.retry_interval:g} s) must be 0 (off) or at least 1 s"
    for name in ("drain-delay", "drain-timeout", "postgres-conn-max-idle-time", "postgres-conn-max-lifetime"):
        value = getattr(settings, name.replace("-", "_"))
        if value is not None and value < 0:
            yield f"{name} ({value:g} s) must not be negative"


def _address_problems(settings: Settings) -> Iterator[str]:
    for role in ("gateway", "executor"):
        address = getattr(settings, f"connect_{role}_grpc_ip")
        if not _is_address(address):
            yield f'invalid connect {role} gRPC IP "{address}": must be an IP address'


def _listening_problems(settings: Settings) -> Iterator[str]:
    if settings.metrics_addr and address_parts(settings.metrics_addr) is None:
        yield f'metrics-addr ("{settings.metrics_addr}") must be host:port, such as 127.0.0.1:9464'
    for origin in settings.cors_origins:
        if origin != "*" and not _ORIGIN.fullmatch(origin):
            yield f'cors-origin ("{redact_uris(origin)}") must be scheme://host or scheme://host:port, or "*"'


def address_parts(text: str) -> tuple[str, int] | None:
    """Host and port of "host:port", "[::1]:port" or ":port", which is all interfaces; None if it is none."""
    match = _ADDRESS.fullmatch(text)
    if match is None or int(match[3]) > 65535:
        return None
    return match[1] or match[2] or "0.0.0.0", int(match[3])  # noqa: S104 it was asked for


def _is_address(text: str) -> bool:
    if text == "127.0.0.1":  # the default; spares the import
        return True
    import ipaddress

    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
