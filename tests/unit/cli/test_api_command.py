"""`api`: command lines, help, and where a request goes; nothing is asked here."""

import io
import re
import socket
import threading

import pytest

from inngest_fast.api.operations.v2 import OFFERED
from inngest_fast.cli import api_client, main
from inngest_fast.cli.api_words import COMMANDS

RUN = "01M83V3VHB3Y6YYE5HMY6P2T7Q"


@pytest.fixture
def asked(monkeypatch, tmp_path):
    """Requests that would have been sent."""
    sent = []

    def ask(place, method, path, body):
        sent.append((place, method, path, body))
        return 200, b'{"data":{}}'

    monkeypatch.setattr(api_client, "ask", ask)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("API_KEY", "SIGNING_KEY", "ENV", "API_HOST", "API_PORT", "CONFIG", "TIMEOUT"):
        monkeypatch.delenv(f"INNGEST_{name}", raising=False)
    return sent


def request(asked, *argv):
    assert main(["api", *argv]) == 0
    _, method, path, body = asked[-1]
    return method, path, body


def place(asked, *argv):
    assert main(["api", "health", *argv]) == 0
    return asked[-1][0]


def test_requests(asked):
    assert request(asked, "health") == ("GET", "/health", None)
    assert request(asked, "get-function-run", RUN) == ("GET", f"/runs/{RUN}", None)
    assert request(asked, "get-run", "--run-id", RUN) == ("GET", f"/runs/{RUN}", None)
    assert request(asked, "get-app", "a/b ö") == ("GET", "/apps/a%2Fb%20%C3%B6", None)
    assert request(
        asked, "list-runs", "--limit=3", "--include-output", "--status", "FAILED", "--status=QUEUED"
    ) == (
        "GET",
        "/runs?status=FAILED&status=QUEUED&includeOutput=true&limit=3",
        None,
    )
    assert request(asked, "rerun", RUN) == ("POST", f"/runs/{RUN}/rerun", b"{}")
    assert request(asked, "invoke-function", "--function-id", "f", "app", "--data", '{"a":1}') == (
        "POST",
        "/apps/app/functions/f/invoke",
        b'{"data": {"a": 1}}',
    )


def test_a_body_on_standard_input(asked, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO('{"stepId": "s"}'))
    assert request(asked, "rerun", RUN, "--from-step", "@-")[2] == b'{"fromStep": {"stepId": "s"}}'


def test_where_it_goes(asked, monkeypatch):
    assert place(asked).url == "http://localhost:8288"
    assert place(asked).timeout == 30
    assert place(asked, "--api-port", "9", "--timeout", "1m").url == "http://localhost:9"
    assert asked[-1][0].timeout == 60
    assert place(asked, "--api-host", "ops").url == "http://ops:8288"
    assert place(asked, "--api-host", "ops:80").url == "http://ops:80"
    assert place(asked, "--api-host", "https://ops/below/").url == "https://ops/below"
    assert place(asked, "--api-host", "http://[::1]:7").url == "http://[::1]:7"
    assert place(asked, "--prod").url == "https://api.inngest.com"
    monkeypatch.setenv("INNGEST_API_HOST", "env")
    monkeypatch.setenv("INNGEST_API_PORT", "5")
    assert place(asked).url == "http://env:5"


def test_what_goes_with_it(asked, monkeypatch):
    assert "Authorization" not in place(asked).headers
    signing = ("--signing-key", "signkey-test-616263")
    hashed = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert place(asked, *signing).headers["Authorization"] == f"Bearer signkey-test-{hashed}"
    assert place(asked, "--signing-key", "616263").headers["Authorization"] == f"Bearer {hashed}"
    assert place(asked, *signing, "--api-key", "infk_x").headers["Authorization"] == "Bearer infk_x"
    monkeypatch.setenv("INNGEST_API_KEY", "infk_y")
    monkeypatch.setenv("INNGEST_ENV", "branch")
    assert place(asked).headers["Authorization"] == "Bearer infk_y"
    assert place(asked).headers["X-Inngest-Env"] == "branch"
    assert place(asked, "--env", "other").headers["X-Inngest-Env"] == "other"


def test_keys_of_a_file_that_was_found_do_not_go_to_the_hosted_service(asked, tmp_path, monkeypatch):
    (tmp_path / "inngest.yaml").write_text('signing-key: "abcd"\n')
    assert "Authorization" in place(asked).headers
    assert "Authorization" not in place(asked, "--prod").headers
    assert "Authorization" in place(asked, "--prod", "--config", "inngest.yaml").headers
    assert place(asked, "--prod", "--api-key", "k").headers["Authorization"] == "Bearer k"


REFUSED = [
    (["nope"], 3, "there is no operation 'nope'"),
    (["health", "x"], 1, "health takes no further argument, got 'x'"),
    (
        ["health", "--nope"],
        1,
        "unknown flag --nope: 'inngest-fast api health --help' lists those that there are",
    ),
    (["--limit", "1", "get-apps"], 1, "unknown flag --limit: 'inngest-fast api --help'"),
    (["get-apps", "--limit"], 1, "flag --limit needs a value"),
    (["get-apps", "--limit", "1", "--limit", "2"], 1, "--limit is given twice"),
    (["get-function-run"], 1, "get-function-run needs RUN_ID as an argument or with --run-id"),
    (["get-function-run", ""], 1, "get-function-run needs RUN_ID"),
    (["invoke-function", "a", "f"], 1, "invoke-function needs DATA with --data"),
    (["invoke-function", "a", "f", "--data", "{"], 1, "--data is no JSON"),
    (["invoke-function", "a", "f", "--data", "[]"], 1, "--data must be a JSON object"),
    (["invoke-function", "a", "f", "--data", "@none.json"], 1, "cannot read none.json"),
    (["health", "--timeout", "soon"], 1, "flag --timeout: expected a number or a duration"),
    (["health", "--timeout", "0"], 1, "--timeout must be more than 0, such as 30s"),
    (["health", "--api-port", "x"], 1, "flag --api-port: expected a number"),
    (["health", "--api-host", "ftp://x"], 1, "--api-host must be a host or a URL"),
    (["health", "--api-host", "http://x:y"], 1, "--api-host must be a host or a URL"),
    (["health", "--api-key", "a\nb"], 1, "has a line break in it"),
    (["health", "--config", "none.yaml"], 1, "none.yaml"),
]


@pytest.mark.parametrize(
    ("argv", "code", "text"),
    REFUSED,
    ids=lambda value: " ".join(value)[:60] if isinstance(value, list) else "",
)
def test_refusals(asked, capsys, argv, code, text):
    assert main(["api", *argv]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("Error: ")
    assert text in err
    assert asked == []


def test_every_operation_has_a_command_and_its_help(capsys):
    assert main(["help", "api"]) == 0
    listed = capsys.readouterr().out
    for operation in OFFERED:
        assert f"\n  {operation.command} " in listed
        assert main(["api", operation.command, "--help"]) == 0
        shown = capsys.readouterr().out
        flags = set(re.findall(r"^  --([\w-]+)", shown, re.MULTILINE))
        assert {field.flag for field in operation.fields} <= flags
        assert {"api-host", "api-key", "timeout"} <= flags
    assert len(COMMANDS) > len(OFFERED)


@pytest.mark.parametrize(
    ("status", "body", "text"),
    [
        (404, b'{"errors":[{"code":"not_found","message":"Run not found"}]}', "404 not_found: Run not found"),
        (401, b"Authentication failed", "give --api-key (INNGEST_API_KEY)"),
        (502, b"<html>", "502: <html>"),
        (500, b"[]", "500: []"),
    ],
)
def test_what_the_server_refuses(asked, monkeypatch, capsys, status, body, text):
    monkeypatch.setattr(api_client, "ask", lambda *_: (status, body))
    assert main(["api", "health"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert text in err


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as found:
        yield found


def failure_at(listener, capsys, monkeypatch, tmp_path, *argv):
    monkeypatch.chdir(tmp_path)
    port = listener.getsockname()[1]
    assert main(["api", "health", "--api-host", f"http://127.0.0.1:{port}", *argv]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    return err.replace(str(port), "PORT")


def test_a_server_that_does_not_answer(listener, capsys, monkeypatch, tmp_path):
    error = failure_at(listener, capsys, monkeypatch, tmp_path, "--timeout", "50ms")
    assert error == (
        "Error: no answer from http://127.0.0.1:PORT within 0.05 s: raise --timeout, or look at the server\n"
    )


def test_what_is_no_http_server(listener, capsys, monkeypatch, tmp_path):
    def answer():
        connection, _ = listener.accept()
        with connection:
            connection.recv(65_536)
            connection.sendall(b"220 mail\r\n")

    thread = threading.Thread(target=answer)
    thread.start()
    error = failure_at(listener, capsys, monkeypatch, tmp_path)
    thread.join()
    assert error.startswith("Error: cannot ask http://127.0.0.1:PORT: ")
    assert error.endswith("; check --api-host\n")
