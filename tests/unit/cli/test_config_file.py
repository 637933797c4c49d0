"""Where a config file is looked for, what it may hold, and what is said when it is wrong."""

import os
from pathlib import Path

import pytest

from inngest_fast.cli import config_file
from inngest_fast.cli.sources import resolve


def settled(cwd, env=None, flags=None):
    return resolve("dev", flags or {}, env or {}, cwd, terminal=False)


def test_nearest_directory_first_then_json_yaml_yml_then_home(tmp_path):
    near, home = tmp_path / "a" / "b", tmp_path / "home"
    near.mkdir(parents=True)
    places = [near, tmp_path / "a", home / ".config" / "inngest"]
    expected = [place / name for place in places for name in ("inngest.json", "inngest.yaml", "inngest.yml")]
    for path in expected:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")
    for path in expected:
        assert config_file.find(near, home) == path
        path.unlink()
    assert config_file.find(near, home) is None
    (near / "inngest.json").mkdir()
    assert config_file.find(near, None) is None


@pytest.mark.parametrize("name", ["c.yaml", "c.yml", "c.json", "c"])
def test_formats(name, tmp_path):
    (tmp_path / name).write_text('{"port": 9000, "sdk-url": ["http://a", "http://b"], "no-poll": true}')
    found = settled(tmp_path, flags={"config": [name]})
    assert (found.problems, found.warnings) == ([], [])
    assert found.config_path == str(tmp_path / name)
    settings = found.settings
    assert (settings.port, settings.sdk_urls, settings.poll) == (9000, ("http://a", "http://b"), False)


def test_block_yaml_and_an_empty_file(tmp_path):
    path = tmp_path / "inngest.yaml"
    path.write_text("# mine\nport: 9000\nsdk-url: http://a\npersist: on\n")
    settings = settled(tmp_path).settings
    assert (settings.port, settings.sdk_urls, settings.persist) == (9000, ("http://a",), True)
    path.write_text("# nothing\n")
    assert settled(tmp_path).config_path == str(path)
    assert settled(tmp_path).settings.port == 8288


def test_a_flag_beats_the_variable_that_names_the_file(tmp_path):
    (tmp_path / "one.yaml").write_text("port: 1")
    (tmp_path / "two.yaml").write_text("port: 2")
    env = {"INNGEST_CONFIG": "one.yaml"}
    assert settled(tmp_path, env).settings.port == 1
    assert settled(tmp_path, env, {"config": [str(tmp_path / "two.yaml")]}).settings.port == 2


BROKEN = [
    ("c.yaml", "port: [1", "line "),
    ("c.json", '{"port": }', "line 1 column 10: Expecting value"),
    ("c.yaml", "- 1", "expected keys and values, got a list"),
    ("c.toml", "port = 1", ".toml is not supported, use .yaml, .yml or .json"),
    ("c.yaml", "port: 2020-99-99", "not YAML"),
    ("c.yaml", "a: !!python/object/apply:os.getcwd []", "line 1 column 4: could not determine a constructor"),
    ("missing.yaml", None, "No such file or directory"),
    ("c.yaml", b"\xff\xfe\xfa", "not UTF-8 text"),
]


@pytest.mark.parametrize(("name", "content", "reason"), BROKEN)
def test_a_named_file_that_cannot_be_read_is_a_problem(name, content, reason, tmp_path):
    if isinstance(content, bytes):
        (tmp_path / name).write_bytes(content)
    elif content is not None:
        (tmp_path / name).write_text(content)
    found = settled(tmp_path, {"INNGEST_CONFIG": name})
    assert len(found.problems) == 1
    assert found.problems[0].startswith(f"config file {tmp_path / name}: {reason}")
    assert found.config_path == ""


def test_a_found_file_that_cannot_be_read_only_warns(tmp_path):
    (tmp_path / "inngest.yaml").write_text("signing-key: deadbeef\n\tport: x")
    found = settled(tmp_path)
    assert found.problems == []
    assert len(found.warnings) == 1
    assert found.warnings[0].startswith(f"config file {tmp_path / 'inngest.yaml'}: line 2 column ")
    assert found.warnings[0].endswith("; going on without it")
    assert "deadbeef" not in found.warnings[0]


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is unreadable to root")
def test_a_found_file_without_permission_only_warns(tmp_path):
    path = tmp_path / "inngest.yaml"
    path.write_text("port: 1")
    path.chmod(0)
    assert settled(tmp_path).warnings == [f"config file {path}: Permission denied; going on without it"]


def test_unknown_keys_are_named(tmp_path):
    (tmp_path / "inngest.yaml").write_text("prot: 1\nport: 2\nsigning-key: abcd\nconfig: x\n5: y\n")
    found = settled(tmp_path)
    where = f"config file {tmp_path / 'inngest.yaml'}"
    assert found.warnings == [f"{where}: unknown key 'prot'", f"{where}: unknown key '5'"]
    assert found.settings.port == 2


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("port: abc", "port: expected a number, got 'abc'"),
        ("port: true", "port: expected a number, got True"),
        ("port: 1.5", "port: expected a number, got 1.5"),
        ("host: 5", "host: expected text, got 5 (put it in quotes)"),
        ("sdk-url: [1]", "sdk-url: expected a list of texts, got [1] (put it in quotes)"),
        ("no-poll: maybe", "no-poll: expected true or false, got 'maybe'"),
        ("no-poll: 1", "no-poll: expected true or false, got 1"),
        (
            "poll-interval: soon",
            """poll-interval: expected a number or a duration such as "30s", got 'soon'""",
        ),
        ("poll-interval: .inf", 'poll-interval: expected a number or a duration such as "30s", got inf'),
    ],
)
def test_a_wrong_type_is_told_with_its_source(content, problem, tmp_path):
    path = tmp_path / "inngest.yaml"
    path.write_text(content)
    assert settled(tmp_path).problems == [f"config file {path}: {problem}"]


def test_a_wrong_type_shows_no_secret(tmp_path):
    (tmp_path / "inngest.yaml").write_text("signing-key: 12345678\nevent-key: [87654321]\n")
    found = resolve("start", {}, {}, tmp_path, terminal=False)
    where = f"config file {Path(tmp_path / 'inngest.yaml')}"
    assert found.problems[:2] == [
        f"{where}: signing-key: expected text, got a int (put it in quotes)",
        f"{where}: event-key: expected a list of texts, got a list (put it in quotes)",
    ]
    assert "12345678" not in str(found.problems)
    assert "87654321" not in str(found.problems)
