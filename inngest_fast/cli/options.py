"""The table of options: flags, environment, config file, help and docs/configuration.md all follow it.

`python -m inngest_fast.cli.options` prints the table of docs/configuration.md.
"""

import enum
from collections.abc import Iterator
from typing import Final, NamedTuple

DEV = "dev"
START = "start"
MIGRATE = "migrate"
KEYS = "keys"
API: Final = "api"
BOTH = (DEV, START)
ALL = (*BOTH, MIGRATE, KEYS)
LEVEL_NAMES = ("trace", "debug", "info", "notice", "warn", "error", "emergency")


class Kind(enum.Enum):
    """How the value of an option is written; `cli.values` reads them."""

    TEXT = "text"
    LIST = "list"  # repeatable as a flag, split on commas everywhere
    SWITCH = "switch"  # a flag alone means true
    NUMBER = "number"
    DURATION = "duration"  # "1m30s", or a bare number of the option's unit
    LEVEL = "level"
    FEATURES = "features"  # "a=true,b=false"
    CHOICE = "choice"  # one of the option's `choices`


class Option(NamedTuple):
    """One row. `field` names the field of `Settings` it sets; "" for what only the command line needs."""

    flag: str  # without dashes; also the key in a config file. "": environment only
    field: str
    kind: Kind
    help: str
    commands: tuple[str, ...] = BOTH
    hidden: tuple[str, ...] = ()  # commands that take it but do not show it in their help
    short: str = ""
    unit: float = 1.0  # DURATION: seconds that a bare number counts
    negates: bool = False  # SWITCH: true makes the field false
    zero_is_default: bool = False
    secret: bool = False
    default: str = ""  # shown where there is no field to ask
    choices: tuple[str, ...] = ()
    flag_only: bool = False  # what to do this once: no variable, no key in a file
    env_only: str = ""

    @property
    def env(self) -> str:
        """Its variable; "" for none."""
        if self.flag_only:
            return ""
        return self.env_only or "INNGEST_" + self.flag.upper().replace("-", "_")

    @property
    def foreign(self) -> bool:
        """Its variable is shared with other programs, so that a value we cannot read is no error."""
        return bool(self.env_only) and not self.env_only.startswith("INNGEST_")


GLOBALS = (
    Option("json", "", Kind.SWITCH, "Log JSON, one object a line, even to a terminal.", ALL, default="false"),
    Option(
        "verbose", "", Kind.SWITCH, "Log at level debug, unless log-level is given.", ALL, default="false"
    ),
    Option(
        "log-level",
        "log_level",
        Kind.LEVEL,
        f"Least level that is logged: {', '.join(LEVEL_NAMES)}.",
        ALL,
        short="l",
    ),
)

COMMAND_OPTIONS = (
    Option(
        "config",
        "",
        Kind.TEXT,
        "Config file to read; without it `inngest.json`, `inngest.yaml` or `inngest.yml` is looked for.",
        (*ALL, API),
    ),
    Option(
        "host",
        "host",
        Kind.TEXT,
        "Address to listen on. Default: 127.0.0.1 for dev, 0.0.0.0 (all IPv4 interfaces) for start; "
        "`::` for IPv6.",
        default="127.0.0.1 / 0.0.0.0",
    ),
    Option(
        "port", "port", Kind.NUMBER, "Port of the API and of event ingest; 0 takes a free one.", short="p"
    ),
    Option("sdk-url", "sdk_urls", Kind.LIST, "Serve URL of an app. Repeatable.", short="u"),
    Option(
        "no-discovery", "discovery", Kind.SWITCH, "Do not look for apps on local ports.", (DEV,), negates=True
    ),
    Option(
        "no-poll",
        "poll",
        Kind.SWITCH,
        "Do not sync healthy apps again; apps in error still are.",
        (DEV,),
        negates=True,
    ),
    Option(
        "poll-interval",
        "poll_interval",
        Kind.DURATION,
        "Seconds between syncs of apps; 0 means the default. start syncs only apps in error.",
        zero_is_default=True,
    ),
    Option(
        "retry-interval",
        "retry_interval",
        Kind.DURATION,
        "Constant delay in seconds (at least 1) before a retry, in place of the growing one. 0: off.",
    ),
    Option(
        "queue-workers",
        "queue_workers",
        Kind.NUMBER,
        "Most step calls of a process in flight at once, for each app.",
    ),
    Option(
        "tick",
        "tick",
        Kind.DURATION,
        "Milliseconds. Accepted and ignored: nothing here polls a queue.",
        unit=0.001,
        zero_is_default=True,
    ),
    Option("persist", "persist", Kind.SWITCH, "Keep data on disk, in sqlite-dir, between restarts.", (DEV,)),
    Option(
        "sqlite-dir",
        "sqlite_dir",
        Kind.TEXT,
        "Directory of the database `main.db`; made if absent. Unused with PostgreSQL, and by dev without "
        "persist.",
        ALL,
    ),
    Option(
        "postgres-uri",
        "postgres_uri",
        Kind.TEXT,
        "Store in PostgreSQL in place of SQLite: `postgres://user:password@host:5432/database`, or "
        "`host=… dbname=…`.",
        ALL,
        hidden=(DEV,),
        secret=True,
    ),
    Option(
        "postgres-schema",
        "postgres_schema",
        Kind.TEXT,
        "Schema of all tables in PostgreSQL; made if absent.",
        ALL,
        hidden=(DEV,),
    ),
    Option(
        "postgres-pooler",
        "postgres_pooler",
        Kind.CHOICE,
        "Whether a pooler of transactions, such as PgBouncer, stands before PostgreSQL: then statements are "
        "not prepared. `auto` finds out.",
        ALL,
        hidden=(DEV,),
        choices=("auto", "yes", "no"),
    ),
    Option(
        "postgres-max-idle-conns",
        "postgres_max_idle_conns",
        Kind.NUMBER,
        "Checked and otherwise ignored: idle connections to PostgreSQL are closed by their age.",
        hidden=(DEV,),
    ),
    Option(
        "postgres-max-open-conns",
        "postgres_max_open_conns",
        Kind.NUMBER,
        "Most connections of a process to PostgreSQL; more than 1, and not less than the idle ones.",
        hidden=(DEV,),
    ),
    Option(
        "postgres-conn-max-idle-time",
        "postgres_conn_max_idle_time",
        Kind.DURATION,
        "Minutes after which a connection to PostgreSQL that is not used is closed.",
        hidden=(DEV,),
        unit=60,
    ),
    Option(
        "postgres-conn-max-lifetime",
        "postgres_conn_max_lifetime",
        Kind.DURATION,
        "Minutes after which a connection to PostgreSQL is replaced.",
        hidden=(DEV,),
        unit=60,
    ),
    Option(
        "redis-uri",
        "redis_uri",
        Kind.TEXT,
        "Queue in Redis, so that several servers share the work: `redis://:password@host:6379/0`; also "
        "`rediss://`, `unix://`, `redis-sentinel://`, `redis-cluster://`, and the latter two as `rediss-…`.",
        (START,),
        secret=True,
    ),
    Option(
        "redis-prefix",
        "redis_prefix",
        Kind.TEXT,
        "All keys in Redis begin with it, in braces: servers with the same one share a queue.",
        (START,),
    ),
    Option(
        "workers",
        "workers",
        Kind.NUMBER,
        "Server processes under this one port; more than 1 needs postgres-uri and redis-uri.",
        (START,),
    ),
    Option(
        "signing-key",
        "signing_key",
        Kind.TEXT,
        "Hex key that apps and this server share; start needs it. A `signkey-<word>-` prefix is allowed.",
        (START, API),
        secret=True,
    ),
    Option(
        "signing-key-fallback",
        "signing_key_fallback",
        Kind.TEXT,
        "Second key accepted from apps while keys are rotated.",
        (START,),
        secret=True,
    ),
    Option(
        "event-key",
        "event_keys",
        Kind.LIST,
        "Key that may send events. Repeatable; at least one is required.",
        (START,),
        secret=True,
    ),
    Option(
        "open-graphql",
        "open_graphql",
        Kind.SWITCH,
        "Ask for no credential at GraphQL: something else guards it.",
        (START,),
    ),
    Option(
        "open-mcp",
        "open_mcp",
        Kind.SWITCH,
        "Ask for no credential at `/mcp`: something else guards it.",
        (START,),
    ),
    Option(
        "open-metrics",
        "open_metrics",
        Kind.SWITCH,
        "Ask for no credential at `/metrics`: something else guards it.",
        (START,),
    ),
    Option(
        "open-invoke",
        "open_invoke",
        Kind.SWITCH,
        "Ask for no credential at `/invoke`: something else guards it.",
        (START,),
    ),
    Option(
        "cors-origin",
        "cors_origins",
        Kind.LIST,
        "Origin whose pages may call this server, such as `https://ops.example.com`; `*` is all. Repeatable. "
        "dev lets all.",
        (START,),
    ),
    Option(
        "metrics-addr",
        "metrics_addr",
        Kind.TEXT,
        "`host:port` on which `/metrics` is served, with the health probes, in place of port.",
    ),
    Option(
        "gateway-allow-private",
        "gateway_allow_private",
        Kind.SWITCH,
        "Let `step.fetch` and `step.ai.infer` reach addresses that are not public. dev always does.",
        (START,),
    ),
    Option("no-ui", "ui", Kind.SWITCH, "Serve neither the dashboard nor GraphQL.", (START,), negates=True),
    Option(
        "connect-gateway-port",
        "connect_gateway_port",
        Kind.NUMBER,
        "Port of the Connect WebSocket gateway; 0 takes a free one.",
    ),
    Option("connect-gateway-grpc-port", "connect_gateway_grpc_port", Kind.NUMBER, "Accepted and ignored."),
    Option(
        "connect-gateway-grpc-ip",
        "connect_gateway_grpc_ip",
        Kind.TEXT,
        "Accepted and ignored, if it is an IP address.",
    ),
    Option("connect-executor-grpc-port", "connect_executor_grpc_port", Kind.NUMBER, "Accepted and ignored."),
    Option(
        "connect-executor-grpc-ip",
        "connect_executor_grpc_ip",
        Kind.TEXT,
        "Accepted and ignored, if it is an IP address.",
    ),
    Option("debug-api-port", "debug_api_port", Kind.NUMBER, "Accepted and ignored.", (DEV,), hidden=(DEV,)),
    Option(
        "system-trace-endpoint",
        "system_trace_endpoint",
        Kind.TEXT,
        "Accepted and ignored.",
        (DEV,),
        hidden=(DEV,),
    ),
    Option(
        "system-trace-url-path",
        "system_trace_url_path",
        Kind.TEXT,
        "Accepted and ignored.",
        (DEV,),
        hidden=(DEV,),
    ),
    Option(
        "drain-delay",
        "drain_delay",
        Kind.DURATION,
        "Seconds in which a stopping server still takes requests, while `/readyz` says no: balancers notice.",
        (START,),
        default="3 with PostgreSQL and Redis, else 0",
    ),
    Option(
        "drain-timeout",
        "drain_timeout",
        Kind.DURATION,
        "Seconds to wait for calls in flight on a stop signal; 0 does not wait. dev never waits.",
        (START,),
    ),
    Option("max-body", "max_body", Kind.NUMBER, "Largest request body that is read, in bytes."),
    Option(
        "api-host",
        "",
        Kind.TEXT,
        "Server to ask: a host, or a URL such as `https://ops.example.com`.",
        (API,),
        default="localhost",
    ),
    Option("api-port", "", Kind.NUMBER, "Port of that server.", (API,), default="8288"),
    Option("api-key", "", Kind.TEXT, "API key to ask with, in place of a signing key.", (API,), secret=True),
    Option("env", "", Kind.TEXT, "Environment to ask about; this server has one.", (API,)),
    Option(
        "timeout",
        "",
        Kind.DURATION,
        "How long to wait for an answer; a bare number counts seconds.",
        (API,),
        default="30",
    ),
    Option("prod", "", Kind.SWITCH, "Ask the hosted service.", (API,), default="false", flag_only=True),
    Option(
        "raw",
        "",
        Kind.SWITCH,
        "Print the answer as it came, whatever it is.",
        (API,),
        default="false",
        flag_only=True,
    ),
    Option(
        "plan",
        "",
        Kind.SWITCH,
        "Only print which migrations would be applied.",
        (MIGRATE,),
        default="false",
        flag_only=True,
    ),
    Option(
        "scope",
        "",
        Kind.CHOICE,
        "What the new key may do; each includes the one before.",
        (KEYS,),
        choices=("read", "write", "admin"),
        default="read",
        flag_only=True,
    ),
    Option("name", "", Kind.TEXT, "What the new key is for.", (KEYS,), flag_only=True),
    Option(
        "expires",
        "",
        Kind.DURATION,
        "How long the new key is good for, such as `90d` or `12h`; a bare number counts days.",
        (KEYS,),
        unit=86_400,
        default="never",
        flag_only=True,
    ),
)

ENVIRONMENT_ONLY = (
    Option("", "", Kind.LEVEL, "Beats verbose and log-level.", ALL, env_only="LOG_LEVEL"),
    Option(
        "",
        "",
        Kind.TEXT,
        "`json`, `dev` (coloured), `text` or `txt`; json (the flag) beats it.",
        ALL,
        default="dev on a terminal, else json",
        env_only="LOG_HANDLER",
    ),
    Option("", "test_mode", Kind.SWITCH, "`true` mounts the test API `/test/*`.", env_only="TEST_MODE"),
    Option(
        "",
        "feature_flags",
        Kind.FEATURES,
        "`a=true,b=false`: added to `features` in `/dev`.",
        env_only="INNGEST_FEATURE_FLAGS",
    ),
    Option(
        "",
        "discovery_port",
        Kind.NUMBER,
        "One more local port on which to look for apps.",
        (DEV,),
        env_only="PORT",
    ),
    Option(
        "",
        "otlp_endpoint",
        Kind.TEXT,
        "Base URL of an OTLP/HTTP collector, such as `http://localhost:4318`: traces of runs go to its "
        "`/v1/traces`. See docs/observability.md.",
        env_only="OTEL_EXPORTER_OTLP_ENDPOINT",
    ),
    Option(
        "",
        "otlp_traces_endpoint",
        Kind.TEXT,
        "The whole URL for traces, in place of that one.",
        env_only="OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    ),
    Option(
        "",
        "otlp_headers",
        Kind.TEXT,
        "`name=value,…`, percent-encoded: sent with each export.",
        secret=True,
        env_only="OTEL_EXPORTER_OTLP_HEADERS",
    ),
    Option(
        "",
        "otlp_traces_headers",
        Kind.TEXT,
        "In place of these.",
        secret=True,
        env_only="OTEL_EXPORTER_OTLP_TRACES_HEADERS",
    ),
    Option(
        "",
        "otlp_protocol",
        Kind.TEXT,
        "`http/protobuf` or `http/json`.",
        default="http/protobuf",
        env_only="OTEL_EXPORTER_OTLP_PROTOCOL",
    ),
    Option(
        "",
        "otlp_traces_protocol",
        Kind.TEXT,
        "In place of that one.",
        env_only="OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
    ),
    Option(
        "",
        "otlp_compression",
        Kind.TEXT,
        "`gzip` or `none`.",
        default="none",
        env_only="OTEL_EXPORTER_OTLP_COMPRESSION",
    ),
    Option(
        "",
        "otlp_timeout",
        Kind.DURATION,
        "For an answer of the collector; a bare number counts milliseconds.",
        unit=0.001,
        env_only="OTEL_EXPORTER_OTLP_TIMEOUT",
    ),
    Option(
        "",
        "otel_traces_exporter",
        Kind.TEXT,
        "Anything but `otlp` exports nothing.",
        default="otlp",
        env_only="OTEL_TRACES_EXPORTER",
    ),
    Option(
        "",
        "otel_service_name",
        Kind.TEXT,
        "`service.name` of exported traces.",
        default="inngest-fast",
        env_only="OTEL_SERVICE_NAME",
    ),
    Option(
        "",
        "otel_resource_attributes",
        Kind.TEXT,
        "`name=value,…`, percent-encoded: further attributes of the server.",
        env_only="OTEL_RESOURCE_ATTRIBUTES",
    ),
    Option(
        "",
        "otel_traces_sampler",
        Kind.TEXT,
        "`always_on`, `always_off`, `traceidratio`, or one of these after `parentbased_`: then what the "
        "sender of the event decided counts first.",
        env_only="OTEL_TRACES_SAMPLER",
    ),
    Option(
        "",
        "otel_traces_sampler_arg",
        Kind.TEXT,
        "The ratio of `traceidratio`, from 0 to 1.",
        default="1",
        env_only="OTEL_TRACES_SAMPLER_ARG",
    ),
    Option("", "otel_disabled", Kind.SWITCH, "`true` exports nothing.", env_only="OTEL_SDK_DISABLED"),
)

OPTIONS = GLOBALS + COMMAND_OPTIONS


def default_text(option: Option) -> str:
    """The default as an operator would write it; "" for none."""
    if option.default or not option.field:
        return option.default
    from inngest_fast.domain.settings import Settings

    value = getattr(Settings(), option.field)
    match option.kind:
        case Kind.SWITCH:
            return str(value != option.negates).lower()
        case Kind.DURATION:
            return f"{value / option.unit:g}"
        case Kind.LIST | Kind.FEATURES:
            return ",".join(value)
    return str(value)


def markdown() -> Iterator[str]:
    """The lines of the table in docs/configuration.md."""
    yield "| Flag and file key | Environment | Commands | Default | Meaning |"
    yield "|---|---|---|---|---|"
    for option in (*OPTIONS, *ENVIRONMENT_ONLY):
        flag = f"`--{option.flag}`" if option.flag else "–"
        if option.short:
            flag += f", `-{option.short}`"
        default = default_text(option)
        cells = (
            flag,
            f"`{option.env}`" if option.env else "–",
            " ".join(option.commands),
            f"`{default}`" if default else "–",
            option.help,
        )
        yield f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    print("\n".join(markdown()))
