"""The supervisor of workers, with workers that do nothing but what they are told."""

import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from inngest_fast.cli import supervisor
from inngest_fast.cli.supervisor import Plan, become
from tests.fixtures.waiting import eventually

# Answers each connection with its number and pid. It is ready when `slow-<number>` is not there. On SIGHUP it
# leaves at once, on SIGTERM when `drained` is there.
STUB = textwrap.dedent(
    """
    import os, signal, socket, sys, time
    from pathlib import Path
    from inngest_fast.cli.worker import handed

    place = Path(sys.argv[1])
    worker = handed(os.environ)
    stop = []
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: stop.append(number))
    (place / f"started-{worker.number}-{os.getpid()}").touch()
    if (place / "broken").exists():
        sys.exit(3)
    worker.follow()
    listening = worker.listening
    listening.listen()
    listening.settimeout(0.01)
    ready = False
    while not stop:
        if not ready and not (place / f"slow-{worker.number}").exists():
            ready = True
            worker.ready()
        try:
            connection, _ = listening.accept()
        except TimeoutError:
            continue
        connection.settimeout(None)
        connection.sendall(f"{worker.number} {os.getpid()}".encode())
        connection.close()
    (place / f"told-{worker.number}-{signal.Signals(stop[0]).name}").touch()
    while stop == [signal.SIGTERM] and not (place / "drained").exists():
        time.sleep(0.01)
    """
)


class Supervised:
    def __init__(self, place: Path, workers: int = 2, **plan):
        (place / "stub.py").write_text(STUB)
        self.place = place
        self.listening = socket.socket()
        self.listening.bind(("127.0.0.1", 0))
        self.address = self.listening.getsockname()
        self.listening.set_inheritable(True)
        plan = {
            "command": [sys.executable, str(place / "stub.py"), str(place)],
            "workers": workers,
            "listening": self.listening.fileno(),
            "stops_within": 30.0,
            "log_level": "info",
            "log_json": True,
            **plan,
        }
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", supervisor.__file__, json.dumps(plan)],
            stderr=(place / "log").open("wb"),
            env={**os.environ, "PYTHONPATH": str(Path(supervisor.__file__).parents[2])},
            pass_fds=(self.listening.fileno(),),
        )
        self.listening.close()

    def lines(self):
        return [json.loads(line) for line in (self.place / "log").read_bytes().splitlines()]

    def said(self, message):
        return [line for line in self.lines() if line["msg"] == message]

    def pids(self):
        """Of the workers that live, by number."""
        return {line["worker"]: line["pid"] for line in self.said("started a worker") if alive(line["pid"])}

    def ask(self):
        """Number and pid of the worker that answers."""
        with socket.create_connection(self.address, timeout=10) as connection:
            number, pid = connection.makefile().read().split()
            return int(number), int(pid)

    def answering(self, count):
        """Waits until so many workers have answered; their pids by number."""
        seen = {}

        def ask():
            try:
                number, pid = self.ask()
            except (ConnectionRefusedError, ConnectionResetError, ValueError):
                return None
            seen[number] = pid
            return dict(seen) if len(seen) == count else None

        return eventually(ask, what=f"answers of {count} workers")

    def send(self, number):
        self.process.send_signal(number)

    def has(self, name):
        return eventually((self.place / name).exists, what=name)

    def ends(self):
        return self.process.wait(15)


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.fixture
def supervised(tmp_path):
    started = []

    def start(*arguments, **plan):
        started.append(Supervised(tmp_path, *arguments, **plan))
        return started[-1]

    yield start
    for one in started:
        pids = [int(path.name.rpartition("-")[2]) for path in one.place.glob("started-*")]
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()
        # They stop by themselves: the supervisor is gone.
        eventually(lambda pids=pids: not any(map(alive, pids)), what="the end of the workers")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_a_signal_lets_all_of_them_drain(supervised, number):
    one = supervised(3)
    pids = one.answering(3)
    assert pids == one.pids()
    one.send(number)
    for worker in (1, 2, 3):
        one.has(f"told-{worker}-SIGTERM")
    assert one.process.poll() is None
    (one.place / "drained").touch()
    assert one.ends() == 0
    assert not any(map(alive, pids.values()))
    with pytest.raises(ConnectionRefusedError):
        one.ask()


def test_a_second_signal_kills(supervised):
    one = supervised()
    pids = one.answering(2)
    one.send(signal.SIGTERM)
    one.has("told-1-SIGTERM")
    one.has("told-2-SIGTERM")
    one.send(signal.SIGINT)
    assert one.ends() == 130
    assert not any(map(alive, pids.values()))


def test_who_does_not_stop_in_time_is_killed(supervised):
    one = supervised(stops_within=0.1)
    one.answering(2)
    one.send(signal.SIGTERM)
    assert one.ends() == 128 + signal.SIGKILL
    assert {line["worker"] for line in one.said("a worker did not stop in time")} == {1, 2}


def test_the_dead_are_replaced_and_connections_wait_for_them(supervised):
    one = supervised(1)
    for pause in (0.5, 1.0):
        number, pid = one.answering(1).popitem()
        os.kill(pid, signal.SIGKILL)
        # While nobody accepts: the supervisor holds the socket.
        assert one.ask() == (number, one.pids()[1])
        ended = one.said("a worker ended; it is started again")[-1]
        assert (ended["pid"], ended["exit_code"], ended["after_s"]) == (pid, -9, pause)
        assert (ended["level"], ended["worker"]) == ("WARN", 1)
    assert one.process.poll() is None


def test_the_others_go_on(supervised):
    one = supervised()
    pids = one.answering(2)
    os.kill(pids[1], signal.SIGKILL)
    eventually(lambda: not alive(pids[1]))
    assert [one.ask() for _ in range(20)] == [(2, pids[2])] * 20
    assert one.answering(2)[2] == pids[2]


@pytest.mark.parametrize("workers", [1, 3])
def test_when_the_first_does_not_start_the_server_does_not(supervised, tmp_path, workers):
    (tmp_path / "broken").touch()
    one = supervised(workers)
    assert one.ends() == 3
    assert len(list(tmp_path.glob("started-*"))) == 1
    assert one.said("the first worker did not start")[0]["exit_code"] == 3


def test_a_command_that_is_not_there(supervised):
    one = supervised(command=["/nowhere/python"])
    assert one.ends() == 1
    assert one.said("cannot start a worker: No such file or directory")


def test_later_failures_are_tried_again(supervised):
    one = supervised()
    pids = one.answering(2)
    (one.place / "broken").touch()
    os.kill(pids[2], signal.SIGKILL)
    ends = "a worker ended; it is started again"
    eventually(lambda: [line["exit_code"] for line in one.said(ends)] == [-9, 3])
    assert [line["after_s"] for line in one.said(ends)] == [0.5, 1.0]
    assert one.ask() == (1, pids[1])
    (one.place / "broken").unlink()
    assert one.answering(2)[1] == pids[1]


def test_hangup_replaces_them_one_by_one(supervised):
    one = supervised()
    before = one.answering(2)
    (one.place / "slow-1").touch()  # its successor is not ready
    one.send(signal.SIGHUP)
    one.has("told-1-SIGHUP")
    eventually(lambda: one.pids().get(1, before[1]) != before[1])
    after = one.answering(2)
    assert after[1] != before[1]
    assert after[2] == before[2]
    assert not (one.place / "told-2-SIGHUP").exists()
    (one.place / "slow-1").unlink()
    one.has("told-2-SIGHUP")
    eventually(lambda: one.answering(2)[2] != before[2])
    assert len(one.said("a worker made way for its successor")) == 2


def test_a_hangup_while_the_first_starts_is_kept(supervised, tmp_path):
    (tmp_path / "slow-1").touch()
    one = supervised()
    first = one.answering(1)[1]
    one.send(signal.SIGHUP)
    eventually(lambda: one.said("replacing the workers one by one"))
    assert one.ask() == (1, first)
    (tmp_path / "slow-1").unlink()
    one.has("told-1-SIGHUP")
    assert one.answering(2)[1] != first


def test_workers_stop_when_the_supervisor_is_killed(supervised):
    one = supervised()
    pids = one.answering(2)
    one.process.kill()
    one.process.wait()
    eventually(lambda: not any(map(alive, pids.values())), what="the end of the workers")
    one.has("told-1-SIGHUP")
    one.has("told-2-SIGHUP")
    with pytest.raises(ConnectionRefusedError):
        one.ask()


def test_a_terminal_reaches_the_supervisor_only(supervised):
    one = supervised()
    pids = one.answering(2)
    assert {os.getpgid(pid) for pid in pids.values()} == set(pids.values())


@pytest.mark.parametrize("level", ["info", "warn"])
def test_logs_as_text(supervised, level):
    one = supervised(1, log_json=False, log_level=level)
    one.answering(1) if level == "info" else eventually(lambda: list(one.place.glob("started-1-*")))
    text = (one.place / "log").read_text()
    assert (" INFO   started a worker worker=1 pid=" in text) is (level == "info")


def test_it_is_small(supervised):
    """The bare interpreter is 8.5 MB; the settled command line was 20 MB, which `become` leaves behind."""
    one = supervised()
    one.answering(2)
    (kilobytes,) = [
        int(line.split()[1])
        for line in Path(f"/proc/{one.process.pid}/status").read_text().splitlines()
        if line.startswith("VmRSS:")
    ]
    assert kilobytes < 14_000
    loaded = subprocess.run(
        [
            sys.executable,
            "-I",
            "-S",
            "-X",
            "importtime",
            "-c",
            f"exec(open({supervisor.__file__!r}).read(), {{}})",
        ],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    ).stderr
    assert "json" in loaded
    for name in ("msgspec", "uvloop", "asyncio", "logging", "socket", "subprocess", "typing", "inngest_fast"):
        assert f"| {name}\n" not in loaded.replace(" ", "").replace("|", "| ")


def test_become_hands_over_all_of_the_plan():
    with socket.socket() as place:
        plan = Plan(["a", "b"], 2, place.fileno(), 3.5, "info", True)
        ran = []
        become(plan, lambda *arguments: ran.append(arguments))
        assert place.get_inheritable()
    ((program, arguments),) = ran
    assert (program, arguments[:4]) == (sys.executable, [sys.executable, "-I", "-S", supervisor.__file__])
    assert Plan(**json.loads(arguments[4])) == plan


def test_times_are_those_of_the_other_logs(supervised):
    one = supervised(1)
    one.answering(1)
    (line,) = one.said("started a worker")
    assert list(line) == ["time", "level", "msg", "logger", "worker", "pid"]
    at = time.strptime(line["time"][:19], "%Y-%m-%dT%H:%M:%S")
    assert abs(time.mktime(at) - time.mktime(time.gmtime())) < 60
    assert len(line["time"]) == len("2026-01-01T00:00:00.000000000Z")
