"""Flag > environment > config file > default, for every option of the table."""

import json

import pytest

from inngest_fast.cli.options import DEV, ENVIRONMENT_ONLY, OPTIONS, START, Kind, default_text
from inngest_fast.cli.sources import resolve
from inngest_fast.domain.settings import Settings

# field → three distinct values, as (written, held): for the file, the environment, the flag.
NUMBERS = [(7001, 7001), ("7002", 7002), ("7003", 7003)]
SECONDS = [(11, 11.0), ("12s", 12.0), ("1m30s", 90.0)]
TEXTS = [("file", "file"), ("env", "env"), ("flag", "flag")]
LISTS = [(["f1", "f2,f3"], ("f1", "f2", "f3")), ("e1, e2,", ("e1", "e2")), ("a,b", ("a", "b"))]
VALUES = {
    "tick": [(100, 0.1), ("200", 0.2), ("300ms", 0.3)],
    "postgres_conn_max_idle_time": [(1, 60.0), ("2", 120.0), ("90s", 90.0)],
    "postgres_conn_max_lifetime": [(1.5, 90.0), ("2", 120.0), ("1h", 3600.0)],
    "log_level": [("warn", "warn"), ("ERROR", "error"), ("trace", "trace")],
}
BY_KIND = {Kind.NUMBER: NUMBERS, Kind.DURATION: SECONDS, Kind.TEXT: TEXTS, Kind.LIST: LISTS}

FIELD_OPTIONS = [(option, command) for option in OPTIONS if option.field for command in option.commands]


def names(pair):
    return f"{pair[1]}-{pair[0].flag}"


def settled(command, tmp_path, *, flags=None, env=None, content=None, terminal=False):
    if content is not None:
        (tmp_path / "inngest.json").write_text(json.dumps(content))
    return resolve(command, flags or {}, env or {}, tmp_path, terminal=terminal)


@pytest.mark.parametrize(
    "pair", [p for p in FIELD_OPTIONS if p[0].kind not in (Kind.SWITCH, Kind.CHOICE)], ids=names
)
def test_each_source_beats_the_next(pair, tmp_path):
    option, command = pair
    (in_file, from_file), (in_env, from_env), (in_flag, from_flag) = VALUES.get(
        option.field, BY_KIND.get(option.kind)
    )
    content, env, flags = {option.flag: in_file}, {option.env: in_env}, {option.flag: [in_flag]}

    def value(**sources):
        found = settled(command, tmp_path, **sources)
        assert found.warnings == []
        assert not any("expected" in problem for problem in found.problems)
        return getattr(found.settings, option.field)

    assert value() == getattr(Settings(), option.field)
    assert value(content=content) == from_file
    assert value(content=content, env=env) == from_env
    assert value(content=content, env=env, flags=flags) == from_flag
    assert len({from_file, from_env, from_flag, getattr(Settings(), option.field)}) == 4


@pytest.mark.parametrize("pair", [p for p in FIELD_OPTIONS if p[0].kind is Kind.SWITCH], ids=names)
def test_each_source_turns_a_switch_on_and_off(pair, tmp_path):
    option, command = pair

    def on(**sources):
        value = getattr(settled(command, tmp_path, **sources).settings, option.field)
        return value != option.negates

    assert not on()
    assert on(content={option.flag: True})
    assert not on(content={option.flag: True}, env={option.env: "False"})
    assert on(content={option.flag: False}, env={option.env: "1"})
    assert not on(content={option.flag: True}, env={option.env: "1"}, flags={option.flag: ["false"]})
    assert on(env={option.env: "0"}, flags={option.flag: ["true"]})


@pytest.mark.parametrize("command", ["dev", "start", "migrate"])
def test_each_source_beats_the_next_with_a_choice(command, tmp_path):
    def value(**sources):
        found = settled(command, tmp_path, **sources)
        assert not any("expected" in problem for problem in found.problems)
        return found.settings.postgres_pooler

    name, variable = "postgres-pooler", "INNGEST_POSTGRES_POOLER"
    assert value() == "auto"
    assert value(content={name: True}) == "yes"  # as YAML reads yes
    assert value(content={name: False}) == "no"
    assert value(content={name: "yes"}, env={variable: "No"}) == "no"
    assert value(content={name: "yes"}, env={variable: "no"}, flags={name: ["AUTO"]}) == "auto"
    found = settled(command, tmp_path, flags={name: ["maybe"]})
    assert "flag --postgres-pooler: expected auto, yes or no, got 'maybe'" in found.problems


def test_the_plan_is_asked_for_by_flag_only(tmp_path):
    assert settled("migrate", tmp_path, flags={"plan": ["true"]}).plan
    assert not settled("migrate", tmp_path, flags={"plan": ["false"]}).plan
    found = settled("migrate", tmp_path, env={"INNGEST_PLAN": "true"}, content={"plan": True})
    assert not found.plan
    assert found.warnings == [f"config file {tmp_path / 'inngest.json'}: unknown key 'plan'"]


def test_a_migration_needs_no_keys_but_a_database(tmp_path):
    found = settled("migrate", tmp_path, env={"INNGEST_SQLITE_DIR": "/srv/x", "INNGEST_PORT": "abc"})
    assert (found.problems, found.settings.database) == ([], "/srv/x/main.db")
    found = settled("migrate", tmp_path, env={"INNGEST_POSTGRES_URI": "mysql://u:hush@db/x"})
    (problem,) = found.problems
    assert problem.startswith("postgres-uri must begin with")
    assert "hush" not in problem


@pytest.mark.parametrize(
    "option", [o for o in OPTIONS if len(o.commands) == 1 and o.field], ids=lambda o: o.flag
)
def test_an_option_of_the_other_command_is_left_alone(option, tmp_path):
    other = START if option.commands == (DEV,) else DEV
    written = {Kind.SWITCH: True, Kind.NUMBER: 7, Kind.DURATION: 7}.get(option.kind, "x")
    found = settled(other, tmp_path, content={option.flag: written}, env={option.env: str(written).lower()})
    assert getattr(found.settings, option.field) == getattr(Settings(), option.field)
    assert found.warnings == []


def test_environment_only_options(tmp_path):
    env = {"TEST_MODE": "true", "INNGEST_FEATURE_FLAGS": "a=true, b=0", "PORT": "4000"}
    settings = settled(DEV, tmp_path, env=env).settings
    assert settings.test_mode
    assert settings.feature_flags == (("a", True), ("b", False))
    assert settings.discovery_port == 4000
    assert settled(START, tmp_path, env=env).settings.discovery_port == 0
    found = settled(DEV, tmp_path, env={"INNGEST_FEATURE_FLAGS": "a"})
    assert found.problems == [
        """environment INNGEST_FEATURE_FLAGS: expected "name=true,other=false", got 'a'"""
    ]


def test_every_field_but_the_mode_and_log_format_has_an_option():
    fields = {option.field for option in (*OPTIONS, *ENVIRONMENT_ONLY)} - {""}
    assert set(Settings.__struct_fields__) - fields == {"mode", "log_format"}
    assert fields <= set(Settings.__struct_fields__)


@pytest.mark.parametrize(
    ("flag", "text"),
    [
        ("port", "8288"),
        ("no-poll", "false"),
        ("persist", "false"),
        ("poll-interval", "5"),
        ("tick", "150"),
        ("postgres-conn-max-idle-time", "5"),
        ("postgres-conn-max-lifetime", "30"),
        ("drain-timeout", "30"),
        ("drain-delay", "3 with PostgreSQL and Redis, else 0"),
        ("postgres-pooler", "auto"),
        ("workers", "1"),
        ("event-key", ""),
        ("log-level", "info"),
    ],
)
def test_defaults_are_told_as_they_are_written(flag, text):
    (option,) = [option for option in OPTIONS if option.flag == flag]
    assert default_text(option) == text


@pytest.mark.parametrize("flag", ["poll-interval", "tick"])
def test_zero_is_the_default_where_the_table_says_so(flag, tmp_path):
    field = flag.replace("-", "_")
    assert getattr(settled(START, tmp_path, flags={flag: ["0"]}).settings, field) == getattr(
        Settings(), field
    )


def test_an_empty_variable_and_a_null_are_no_value(tmp_path):
    found = settled(DEV, tmp_path, env={"INNGEST_PORT": ""}, content={"port": 9000, "host": None})
    assert (found.settings.port, found.settings.host) == (9000, "")


def test_flags_repeat(tmp_path):
    found = settled(DEV, tmp_path, flags={"sdk-url": ["a", "b,c"], "port": ["1", "2"]})
    assert found.settings.sdk_urls == ("a", "b", "c")
    assert found.settings.port == 2


@pytest.mark.parametrize(
    ("flags", "env", "level"),
    [
        ({}, {}, "info"),
        ({"verbose": ["true"]}, {}, "debug"),
        ({"verbose": ["true"], "log-level": ["error"]}, {}, "error"),
        ({"verbose": ["true"]}, {"LOG_LEVEL": "Warning"}, "warn"),
        ({"log-level": ["error"]}, {"LOG_LEVEL": "trace"}, "trace"),
        ({"log-level": ["error"]}, {"LOG_LEVEL": "loud"}, "error"),
        ({}, {"INNGEST_VERBOSE": "true"}, "debug"),
    ],
)
def test_log_level(flags, env, level, tmp_path):
    found = settled(DEV, tmp_path, flags=flags, env=env)
    assert found.settings.log_level == level
    assert found.problems == []
    assert bool(found.warnings) == (env.get("LOG_LEVEL") == "loud")


@pytest.mark.parametrize(
    ("flags", "env", "terminal", "form"),
    [
        ({}, {}, True, "dev"),
        ({}, {}, False, "json"),
        ({"json": ["true"]}, {}, True, "json"),
        ({"json": ["true"]}, {"LOG_HANDLER": "dev"}, True, "json"),
        ({}, {"LOG_HANDLER": "txt"}, True, "text"),
        ({}, {"LOG_HANDLER": "TEXT"}, False, "text"),
        ({}, {"LOG_HANDLER": "dev"}, False, "dev"),
        ({}, {"LOG_HANDLER": "json"}, True, "json"),
        ({}, {"LOG_HANDLER": "xml"}, True, "dev"),
    ],
)
def test_log_format(flags, env, terminal, form, tmp_path):
    found = settled(DEV, tmp_path, flags=flags, env=env, terminal=terminal)
    assert found.settings.log_format == form
    assert found.problems == []
    assert bool(found.warnings) == (env.get("LOG_HANDLER") == "xml")
