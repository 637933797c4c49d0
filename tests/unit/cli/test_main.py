"""Commands, texts and exit codes of http-api §1.1 and §1.5, through `main`."""

import json
import re
import subprocess
import sys

import pytest

from inngest_fast.cli import main
from inngest_fast.cli.arguments import options_of
from inngest_fast.cli.options import COMMAND_OPTIONS, GLOBALS
from inngest_fast.domain.errors import SettingsError, StoreVersionError
from inngest_fast.version import VERSION

KEYS = ["--signing-key", "abcd1234", "--event-key", "ek1"]


def run(capsys, *argv):
    code = main(list(argv))
    return code, *capsys.readouterr()


REFUSED = [
    (["start"], "Error: signing-key is required\nError: at least one event-key is required\n"),
    (["start", "--event-key", "k"], "Error: signing-key is required\n"),
    (
        ["start", "--event-key", "k", "--signing-key", "abc"],
        "Error: signing-key must be hex string with even number of chars\n",
    ),
    (
        ["start", "--event-key", "k", "--signing-key", "zz"],
        "Error: signing-key must be valid hex string: encoding/hex: invalid byte: U+007A 'z'\n",
    ),
    (["start", "--signing-key", "abcd"], "Error: at least one event-key is required\n"),
    (
        ["start", *KEYS, "--postgres-max-open-conns", "1", "--postgres-max-idle-conns", "1"],
        "Error: postgres-max-open-conns (1) must be greater than 1\n",
    ),
    (
        ["start", *KEYS, "--connect-gateway-grpc-ip", "foo"],
        'Error: invalid connect gateway gRPC IP "foo": must be an IP address\n',
    ),
    (
        ["dev", "--connect-executor-grpc-ip", "foo"],
        'Error: invalid connect executor gRPC IP "foo": must be an IP address\n',
    ),
    (
        ["dev", "--postgres-uri", "postgres://u:hush@db/x"],
        "Error: postgres-uri is not served by this version: it stores in SQLite or memory only, remove postgres-uri\n",
    ),
    (["dev", "--port", "abc"], "Error: flag --port: expected a number, got 'abc'\n"),
    (["dev", "--nope"], "flag provided but not defined: -nope\n"),
    (["dev", "-nope=1"], "flag provided but not defined: -nope\n"),
    (["--nope"], "flag provided but not defined: -nope\n"),
    (["--port", "1", "dev"], "flag provided but not defined: -port\n"),
    (["dev", "--signing-key", "abcd"], "flag provided but not defined: -signing-key\n"),
    (["start", "--no-discovery"], "flag provided but not defined: -no-discovery\n"),
    (["dev", "--port"], "flag needs an argument: -port\n"),
    (["dev", "http://localhost:3000"], "dev takes no arguments besides flags, got 'http://localhost:3000'\n"),
]


@pytest.mark.parametrize(("argv", "output"), REFUSED, ids=lambda value: " ".join(value)[:60])
def test_refusals(argv, output, capsys, served):
    assert run(capsys, *argv) == (1, output, "")
    assert served == []


@pytest.mark.parametrize("argv", [["nope"], ["help", "nope"], ["--json", "nope"]])
def test_unknown_command(argv, capsys):
    assert run(capsys, *argv) == (3, "No help topic for 'nope'\n", "")


@pytest.mark.parametrize("argv", [["version"], ["--version"], ["-v"], ["dev", "--version"]])
def test_version(argv, capsys):
    assert run(capsys, *argv) == (0, VERSION + "\n", "")


@pytest.mark.parametrize("argv", [[], ["help"], ["--help"], ["-h"], ["help", "version"], ["version", "-h"]])
def test_general_help(argv, capsys):
    code, out, err = run(capsys, *argv)
    assert (code, err) == (0, "")
    for word in ("dev", "start", "version", "help"):
        assert re.search(rf"^  {word} ", out, re.MULTILINE)
    for option in GLOBALS:
        assert f"--{option.flag}" in out


@pytest.mark.parametrize("argv", [["{}", "--help"], ["{}", "--port", "1", "-h"], ["help", "{}"]])
@pytest.mark.parametrize("command", ["dev", "start"])
def test_command_help_names_each_flag(command, argv, capsys, served):
    code, out, err = run(capsys, *(word.format(command) for word in argv))
    assert (code, err, served) == (0, "", [])
    listed = set(re.findall(r"^  (?:-\w, |    )--([\w-]+)", out, re.MULTILINE)) - {"help", "version"}
    taken = options_of(command)
    assert listed == {option.flag for option in taken if command not in option.hidden}
    assert all(f"-{option.short}, --{option.flag}" in out for option in taken if option.short)
    assert all(option.help for option in taken)
    assert max(map(len, out.splitlines())) <= 110


def test_hidden_flags_are_taken():
    hidden = {option.flag for option in COMMAND_OPTIONS if "dev" in option.hidden}
    assert {"postgres-uri", "debug-api-port", "system-trace-endpoint"} <= hidden
    assert hidden <= {option.flag for option in options_of("dev")}


@pytest.mark.parametrize(
    "argv",
    [
        ["dev", "--port", "9000", "--no-poll", "-u", "http://a", "--sdk-url=http://b,http://c", "-l", "warn"],
        [
            "-l=warn",
            "dev",
            "-port",
            "9000",
            "--no-poll=true",
            "-u=http://a",
            "-u",
            "http://b",
            "-u",
            "http://c",
        ],
        ["dev", "-p", "9000", "--no-poll", "--sdk-url", "http://a,http://b,http://c", "--log-level", "WARN"],
    ],
)
def test_flag_forms(argv, served):
    assert main(argv) == 0
    (settings,) = served
    assert (settings.mode, settings.port, settings.poll, settings.log_level) == ("dev", 9000, False, "warn")
    assert settings.sdk_urls == ("http://a", "http://b", "http://c")


@pytest.mark.parametrize(
    ("result", "code", "output"),
    [
        (0, 0, ""),
        (1, 1, ""),
        (KeyboardInterrupt(), 0, ""),
        (
            StoreVersionError("main.db is newer than redis://:hush@x"),
            1,
            "Error: main.db is newer than redis://:[redacted]@x\n",
        ),
        (SettingsError(["one ek1", "two"]), 1, "Error: one [redacted]\nError: two\n"),
    ],
)
def test_the_server_decides_the_exit_code(result, code, output, capsys, served):
    served.result = result
    assert run(capsys, "start", *KEYS, "-l", "error") == (code, output, "")
    (settings,) = served
    assert settings.mode == "start"


def test_an_unexpected_error_is_logged_without_secrets(capsys, served):
    served.result = RuntimeError("cannot use abcd1234")
    code, out, err = run(capsys, "start", *KEYS)
    assert (code, out) == (1, "")
    line = json.loads(err.splitlines()[-1])
    assert (line["level"], line["msg"]) == ("ERROR", "the server failed")
    assert "RuntimeError: cannot use [redacted]" in line["exception"]
    assert "abcd1234" not in err


def test_environment_problem_names_its_source(capsys, served, monkeypatch):
    monkeypatch.setenv("INNGEST_PORT", "tcp://10.0.0.1:8288")
    code, out, _ = run(capsys, "dev")
    assert (code, out) == (
        1,
        "Error: environment INNGEST_PORT: expected a number, got 'tcp://10.0.0.1:8288'\n",
    )
    assert run(capsys, "dev", "--port", "1")[0] == 0


def test_named_config_missing_ends_with_a_message_on_stdout(capsys, served, tmp_path):
    path = tmp_path / "gone.yaml"
    assert run(capsys, "dev", "--config", str(path)) == (
        1,
        f"Error: config file {path}: No such file or directory\n",
        "",
    )


def test_warnings_come_before_problems(capsys, served, tmp_path):
    path = tmp_path / "work" / "inngest.yaml"
    path.write_text("signing-ky: abcd\nevent-key: k\n")
    assert run(capsys, "start") == (
        1,
        f"Warning: config file {path}: unknown key 'signing-ky'\nError: signing-key is required\n",
        "",
    )


def test_the_config_in_use_and_warnings_are_logged(capsys, served, tmp_path):
    path = tmp_path / "work" / "inngest.yaml"
    path.write_text("prot: 1\n")
    code, out, err = run(capsys, "dev")
    assert (code, out) == (0, "")
    first, second = map(json.loads, err.splitlines())
    assert (first["level"], first["msg"], first["path"]) == ("INFO", "using config", str(path))
    assert (second["level"], second["msg"]) == ("WARN", f"config file {path}: unknown key 'prot'")


def test_start_warns_of_an_ephemeral_directory(capsys, served):
    code, _, err = run(capsys, "start", *KEYS, "--sqlite-dir", "/tmp/x")
    line = json.loads(err)
    assert code == 0
    assert line["level"] == "WARN"
    assert line["msg"] == (
        "runs, events, apps and queued work may be lost: sqlite-dir is under /tmp, which is emptied by a reboot; "
        "set --sqlite-dir to a directory on a lasting disk or volume"
    )
    assert line["sqlite_dir"] == "/tmp/x"
    assert run(capsys, "dev", "--persist", "--sqlite-dir", "/tmp/x") == (0, "", "")


def test_banner_only_on_a_terminal(capsys, served, monkeypatch):
    assert run(capsys, "dev")[1] == ""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    code, out, _ = run(capsys, "dev", "--port", "9000")
    assert code == 0
    for part in (f"inngest-fast {VERSION} (dev)", "http://127.0.0.1:9000", "memory", "--sdk-url"):
        assert part in out
    assert served[-1].log_format == "dev"
    _, out, _ = run(capsys, "start", *KEYS, "--sqlite-dir", "/srv/x")
    for part in (
        "(start)",
        "http://localhost:8288 (all interfaces)",
        "SQLite /srv/x/main.db",
        "memory, rebuilt",
    ):
        assert part in out
    assert "abcd1234" not in out
    assert run(capsys, "dev", "--host", "::1", "-u", "http://a")[1].count("http://[::1]:8288") == 1


def test_as_a_module_and_cheap_to_import():
    heavy = ("yaml", "asyncio", "logging", "msgspec", "argparse", "json")
    code = (
        "import sys; from inngest_fast.cli import main; code = main(['version']); "
        f"print([name for name in {heavy!r} if name in sys.modules]); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{VERSION}\n[]\n", "")
    command = [sys.executable, "-m", "inngest_fast", "nope"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (3, "No help topic for 'nope'\n", "")
