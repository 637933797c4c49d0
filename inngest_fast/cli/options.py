"""The table of options: flags, environment, config file, help and docs/configuration.md all follow it.

`python -m inngest_fast.cli.options` prints the table of docs/configuration.md.
"""

import enum
from collections.abc import Iterator
from typing import NamedTuple

DEV = "dev"
START = "start"
MIGRATE = "migrate"
BOTH = (DEV, START)
ALL = (*BOTH, MIGRATE)
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
        ALL,
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
        "Required. Hex key that apps and this server share; a `signkey-<word>-` prefix is allowed.",
        (START,),
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
        "plan",
        "",
        Kind.SWITCH,
        "Only print which migrations would be applied.",
        (MIGRATE,),
        default="false",
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
