"""Commands, texts and exit codes of http-api §1.1 and §1.5, through `main`."""

import json
import logging
import os
import re
import socket
import subprocess
import sys

import pytest

from inngest_fast.cli import main
from inngest_fast.cli.arguments import options_of
from inngest_fast.cli.options import COMMAND_OPTIONS, GLOBALS
from inngest_fast.cli.worker import Worker
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
        ["dev", "--postgres-uri", "mysql://u:hush@db/x"],
        "Error: postgres-uri must begin with postgres:// or postgresql://, or be 'host=… dbname=…'\n",
    ),
    (
        ["start", *KEYS, "--workers", "2"],
        (
            "Error: workers (2) share their work through PostgreSQL and Redis: set postgres-uri and redis-uri, "
            "or run one worker\n"
        ),
    ),
    (["dev", "--port", "abc"], "Error: flag --port: expected a number, got 'abc'\n"),
    (["dev", "--nope"], "flag provided but not defined: -nope\n"),
    (["dev", "-nope=1"], "flag provided but not defined: -nope\n"),
    (["--nope"], "flag provided but not defined: -nope\n"),
    (["--port", "1", "dev"], "flag provided but not defined: -port\n"),
    (["dev", "--signing-key", "abcd"], "flag provided but not defined: -signing-key\n"),
    (["start", "--no-discovery"], "flag provided but not defined: -no-discovery\n"),
    (["dev", "--redis-uri", "redis://r"], "flag provided but not defined: -redis-uri\n"),
    (["dev", "--workers", "1"], "flag provided but not defined: -workers\n"),
    (["migrate", "--port", "1"], "flag provided but not defined: -port\n"),
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
    for word in ("dev", "start", "migrate", "keys", "version", "help"):
        assert re.search(rf"^  {word} ", out, re.MULTILINE)
    for option in GLOBALS:
        assert f"--{option.flag}" in out


@pytest.mark.parametrize("argv", [["{}", "--help"], ["{}", "--config", "1", "-h"], ["help", "{}"]])
@pytest.mark.parametrize("command", ["dev", "start", "migrate", "keys"])
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
    backends = ["--postgres-uri", "postgres://db/x", "--redis-uri", "redis://r"]
    assert run(capsys, "start", *KEYS, "--sqlite-dir", "/tmp/x", *backends) == (0, "", "")


@pytest.mark.parametrize(
    ("argv", "warning"),
    [
        (["dev", "--postgres-uri", "postgres://db/x"], "may run on this database"),
        (["start", *KEYS, "--postgres-uri", "postgres://db/x"], "may run on this database"),
        (
            ["start", *KEYS, "--sqlite-dir", "/srv/x", "--redis-uri", "redis://r"],
            "may run with this redis-uri and redis-prefix",
        ),
    ],
)
def test_one_backend_without_the_other_is_for_one_server(argv, warning, capsys, served, monkeypatch):
    monkeypatch.setattr("inngest_fast.cli.serve.why_ephemeral", lambda _: "")
    code, _, err = run(capsys, *argv)
    line = json.loads(err)
    assert (code, line["level"]) == (0, "WARN")
    assert line["msg"].startswith(f"only one server {warning}")
    assert len(served) == 1


@pytest.mark.parametrize(
    ("argv", "warned"),
    [
        (["dev", "--host", "0.0.0.0"], True),
        (["dev", "--host", "::"], True),
        (["dev", "--host", "192.0.2.1"], True),
        (["dev"], False),
        (["dev", "--host", "127.0.0.2"], False),
        (["dev", "--host", "localhost"], False),
        (["dev", "--host", "::1"], False),
    ],
)
def test_dev_on_a_network_is_warned_of(argv, warned, capsys, served):
    code, _, err = run(capsys, *argv)
    assert (code, len(served)) == (0, 1)
    assert ("dev asks nobody for a key" in err) is warned


@pytest.mark.parametrize(
    ("flags", "names", "printed"),
    [
        ([], ["0001_a", "0002_b"], "applied 0001_a\napplied 0002_b\n"),
        (["--plan"], ["0001_a", "0002_b"], "would apply 0001_a\nwould apply 0002_b\n"),
        ([], [], "nothing to do\n"),
        (["--plan"], [], "nothing to do\n"),
    ],
)
def test_migrate(flags, names, printed, capsys, migrated):
    migrated.names = names
    options = ["--postgres-uri", "postgres://u:hush@db/x", "--postgres-schema", "mine"]
    assert run(capsys, "migrate", *options, *flags) == (0, printed, "")
    ((settings, plan),) = migrated
    assert (settings.postgres_uri, settings.postgres_schema) == ("postgres://u:hush@db/x", "mine")
    assert plan is bool(flags)


def test_migrate_fails_without_the_password(capsys, migrated):
    migrated.error = StoreVersionError("hush at postgres://u:hush@db/x is newer")
    assert run(capsys, "migrate", "--postgres-uri", "postgres://u:hush@db/x") == (
        1,
        "Error: [redacted] at postgres://u:[redacted]@db/x is newer\n",
        "",
    )


def test_migrate_tells_all_problems(capsys, migrated, tmp_path):
    path = tmp_path / "work" / "inngest.yaml"
    path.write_text("prot: 1\npostgres-uri: x\n")
    assert run(capsys, "migrate", "--postgres-schema", "", "--postgres-pooler", "maybe") == (
        1,
        (
            f"Warning: config file {path}: unknown key 'prot'\n"
            "Error: flag --postgres-pooler: expected auto, yes or no, got 'maybe'\n"
            "Error: postgres-uri must begin with postgres:// or postgresql://, or be 'host=… dbname=…'\n"
            "Error: postgres-schema must not be empty\n"
        ),
        "",
    )
    assert migrated == []


def test_migrate_without_postgres_is_about_the_file(capsys, tmp_path):
    """The real thing."""
    place = ["--sqlite-dir", str(tmp_path / "data")]
    code, planned, _ = run(capsys, "migrate", "--plan", *place)
    assert (code, planned.splitlines()[0]) == (0, "would apply 0001_tables")
    assert not (tmp_path / "data").exists()
    code, done, _ = run(capsys, "migrate", *place)
    assert (code, done) == (0, planned.replace("would apply", "applied"))
    assert (
        run(capsys, "migrate", *place)
        == run(capsys, "migrate", "--plan", *place)
        == (0, "nothing to do\n", "")
    )


@pytest.mark.parametrize("form", ["json", "text"])
def test_more_workers_make_it_their_supervisor(form, capfd, served, monkeypatch):
    became = []
    monkeypatch.setattr("inngest_fast.cli.serve.become", became.append)
    monkeypatch.setattr(sys, "orig_argv", ["python", "-m", "inngest_fast", "start", "…"])
    monkeypatch.setenv("LOG_HANDLER", form)
    backends = ["--postgres-uri", "postgres://u:hush@db/x", "--redis-uri", "redis://r"]
    more = ["--workers", "3", "--port", "0", "--host", "127.0.0.1", "--drain-timeout", "7"]
    assert main(["start", *KEYS, *backends, *more]) == 0
    (plan,) = became
    assert plan.command == [sys.executable, "-m", "inngest_fast", "start", "…"]
    assert (plan.workers, plan.stops_within, plan.log_level, plan.log_json) == (3, 25, "info", form == "json")
    with socket.socket(fileno=plan.listening) as place:
        host, port = place.getsockname()
        assert host == "127.0.0.1"
        assert port > 0
        with pytest.raises(ConnectionRefusedError), socket.create_connection((host, port)):
            pass
    assert f"127.0.0.1:{port}" in capfd.readouterr().err
    assert served == []


def test_a_busy_port_is_told_before_there_are_workers(capsys, served, monkeypatch):
    monkeypatch.setattr("inngest_fast.cli.serve.become", None)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        backends = ["--postgres-uri", "postgres://db/x", "--redis-uri", "redis://r", "--workers", "2"]
        code, out, _ = run(capsys, "start", *KEYS, *backends, "--host", "127.0.0.1", "--port", port)
    assert code == 1
    assert out == (
        f"Error: cannot listen on 127.0.0.1:{port}: it is in use by another program; choose another with --port\n"
    )


def test_a_worker_serves_what_it_was_handed(capsys, served, monkeypatch):
    reading, writing = os.pipe()
    place = socket.create_server(("127.0.0.1", 0))
    port = place.getsockname()[1]
    monkeypatch.setenv("INNGEST_FAST_WORKER", f"2:{place.detach()}:{writing}")
    monkeypatch.setattr(Worker, "follow", lambda _: None)
    backends = ["--postgres-uri", "postgres://db/x", "--workers", "2", "--redis-uri", "redis://r"]
    code, out, err = run(capsys, "start", *KEYS, *backends)
    assert (code, out, err) == (0, "", "")
    assert "INNGEST_FAST_WORKER" not in os.environ
    (told,) = served.told
    with told["listening"] as listening:
        assert listening.getsockname()[1] == port
        assert not listening.get_inheritable()
    told["on_serving"]()
    assert os.read(reading, 9) == b"1"
    logging.getLogger("x").warning("one line")
    assert json.loads(capsys.readouterr().err)["worker"] == 2
    os.close(reading)
    told["on_serving"]()  # to nobody: no matter
    os.close(writing)


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
    _, out, _ = run(
        capsys,
        "dev",
        "--postgres-uri",
        "postgres://u:hush@db/x",
    )
    assert "PostgreSQL postgres://u:[redacted]@db/x, schema inngest_fast" in out
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
