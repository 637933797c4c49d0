"""Several server processes under one port: starts them, starts them again, stops them.

Runs by itself, as a script on the bare interpreter: it lives as long as the server and is to weigh little.
It holds the bound socket that all workers accept from, so that connections wait for the next worker where one
dies. SIGTERM, SIGINT and SIGQUIT let all workers drain, a second one kills them; SIGHUP replaces them one by
one.

To a worker it sends SIGTERM to stop, and SIGHUP to make way for its successor: then others serve the port.
"""

import json
import os
import select
import signal
import sys
import time
from collections import namedtuple
from collections.abc import Callable

VARIABLE = (
    "INNGEST_FAST_WORKER"  # of a worker: its number, the socket to listen on, the pipe to say it is ready
)

_STOPS = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
_LEVELS = ("trace", "debug", "info", "notice", "warn", "error", "emergency")
_SOON_S = 10.0  # who ends so soon after its start is started again later and later
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 30.0


# command: list[str] of a worker; workers: how many; listening: a bound socket; stops_within: seconds after
# which a worker that is to stop is killed; log_level, log_json: as in Settings.
Plan = namedtuple("Plan", "command workers listening stops_within log_level log_json")  # noqa: PYI024 no typing


class Worker:
    """One of them, whether its process lives or not."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.pid = 0  # 0: it has none
        self.pipe = -1  # on which it says that it is ready
        self.ready = False
        self.leaving = False  # it was told to
        self.began = 0.0
        self.pause = 0.0
        self.start_at: float | None = None
        self.kill_at: float | None = None


class Supervisor:
    """`run`, once."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._workers = [Worker(number) for number in range(1, plan.workers + 1)]
        self._poll = select.poll()
        self._by_fd: dict[int, Worker] = {}
        self._serving = False  # some worker was ready once
        self._stopping = False
        self._code = 0
        self._to_replace: list[Worker] = []
        self._replacing: Worker | None = None

    def run(self) -> int:
        """Returns the exit code when the last worker has ended."""
        awake = self._take_signals()
        # Alone: when it cannot start, neither can the others, and it says so once.
        self._workers[0].start_at = 0.0
        while True:
            self._do_what_is_due()
            if not self._left():
                return self._code
            for fd, _ in self._poll.poll(self._next_in_ms()):
                if fd == awake:
                    for number in os.read(awake, 64):
                        self._on_signal(number)
                else:
                    self._hear(self._by_fd[fd])
            self._reap()

    def _left(self) -> bool:
        return any(worker.pid or worker.start_at is not None for worker in self._workers)

    def _take_signals(self) -> int:
        """A pipe from which numbers of signals can be read, as they come."""
        awake, ours = os.pipe()
        os.set_blocking(ours, False)
        signal.set_wakeup_fd(ours, warn_on_full_buffer=False)
        for number in (*_STOPS, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, lambda *_: None)
        self._poll.register(awake, select.POLLIN)
        return awake

    def _on_signal(self, number: int) -> None:
        if number in _STOPS:
            if self._stopping:
                self._kill()
            else:
                self._stop()
        elif number == signal.SIGHUP and not self._stopping:
            self._log("info", "replacing the workers one by one")
            self._to_replace = list(self._workers)

    # Ends

    def _stop(self) -> None:
        self._log("info", "stopping the workers")
        self._stopping = True
        self._to_replace.clear()
        os.close(self._plan.listening)  # so that the port is closed when the last worker closes it
        for worker in self._workers:
            worker.start_at = None
            if worker.pid:
                self._tell(worker, signal.SIGTERM)

    def _kill(self) -> None:
        self._code = 130
        for worker in self._workers:
            if worker.pid:
                os.kill(worker.pid, signal.SIGKILL)

    def _tell(self, worker: Worker, number: int) -> None:
        worker.leaving = True
        worker.kill_at = time.monotonic() + self._plan.stops_within
        os.kill(worker.pid, number)

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            for worker in self._workers:
                if worker.pid == pid:
                    self._ended(worker, os.waitstatus_to_exitcode(status))

    def _ended(self, worker: Worker, code: int) -> None:
        now = time.monotonic()
        about: dict[str, object] = {"worker": worker.number, "pid": worker.pid, "exit_code": code}
        worker.pid, worker.ready, worker.kill_at = 0, False, None
        self._forget(worker)
        if self._stopping:
            # Before it can drain, a signal ends it at once: that is no failure.
            if code not in (0, -signal.SIGTERM) and not self._code:
                self._code = 128 - code if code < 0 else code
                self._log("warn", "a worker failed to stop", **about)
        elif not self._serving:
            self._log("error", "the first worker did not start", **about)
            self._code = 128 - code if code < 0 else code or 1
        else:
            soon = now - worker.began < _SOON_S
            if worker.leaving:
                worker.pause = 0.0
                self._log("info", "a worker made way for its successor", **about)
            else:
                worker.pause = min(max(worker.pause * 2, _FIRST_PAUSE_S), _LONGEST_PAUSE_S) if soon else 0.0
                self._log("warn", "a worker ended; it is started again", **about, after_s=worker.pause)
            worker.start_at = now + worker.pause
        worker.leaving = False

    # Starts

    def _do_what_is_due(self) -> None:
        now = time.monotonic()
        for worker in self._workers:
            if worker.kill_at is not None and worker.kill_at <= now:
                worker.kill_at = None
                self._log("warn", "a worker did not stop in time", worker=worker.number, pid=worker.pid)
                os.kill(worker.pid, signal.SIGKILL)
            if worker.start_at is not None and worker.start_at <= now:
                self._start(worker)
        self._replace()

    def _next_in_ms(self) -> float | None:
        times = [at for worker in self._workers for at in (worker.start_at, worker.kill_at) if at is not None]
        return max(min(times) - time.monotonic(), 0.0) * 1_000 + 1 if times else None

    def _start(self, worker: Worker) -> None:
        worker.pipe, theirs = os.pipe()
        self._by_fd[worker.pipe] = worker
        self._poll.register(worker.pipe, select.POLLIN)
        os.set_inheritable(theirs, True)
        handed = f"{worker.number}:{self._plan.listening}:{theirs}"
        worker.start_at = None
        worker.began = time.monotonic()
        try:
            # In a process group of its own: what a terminal sends comes to it by way of us.
            worker.pid = os.posix_spawn(
                self._plan.command[0],
                self._plan.command,
                {**os.environ, VARIABLE: handed},
                setpgroup=0,
                setsigmask=(),
                setsigdef=(*_STOPS, signal.SIGHUP, signal.SIGCHLD),
            )
        except OSError as error:
            self._log("error", f"cannot start a worker: {error.strerror}", worker=worker.number)
            self._ended(worker, 1)
            return
        finally:
            os.close(theirs)
        self._log("info", "started a worker", worker=worker.number, pid=worker.pid)

    def _hear(self, worker: Worker) -> None:
        if not os.read(worker.pipe, 16):
            self._forget(worker)  # it ends
            return
        worker.ready = True
        if not self._serving and not self._stopping:
            self._serving = True
            for other in self._workers[1:]:
                other.start_at = 0.0

    def _forget(self, worker: Worker) -> None:
        if worker.pipe >= 0:
            self._poll.unregister(worker.pipe)
            del self._by_fd[worker.pipe]
            os.close(worker.pipe)
            worker.pipe = -1

    def _replace(self) -> None:
        """Goes on with the next one when the one before is ready again."""
        if self._replacing is not None and not self._stopping:
            if not self._replacing.ready or self._replacing.leaving:
                return
            self._replacing = None
        while self._to_replace and self._serving:
            worker = self._to_replace[0]
            if worker.pid and not worker.ready:
                return  # it may have begun before what is new was there
            del self._to_replace[0]
            if worker.pid:
                self._replacing = worker
                self._tell(worker, signal.SIGHUP)
                return

    def _log(self, level: str, message: str, **attributes: object) -> None:
        if _LEVELS.index(level) < _LEVELS.index(self._plan.log_level):
            return
        now = time.time_ns()
        at = f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(now // 10**9))}.{now % 10**9:09d}"
        line: dict[str, object] = {"time": at + "Z", "level": level.upper(), "msg": message}
        line["logger"] = "inngest_fast.cli.supervisor"
        if self._plan.log_json:
            text = json.dumps(line | attributes, separators=(",", ":"))
        else:
            pairs = "".join(f" {name}={value}" for name, value in attributes.items())
            text = f"{at[:23]}Z {level.upper():<6} {message}{pairs}"
        try:
            os.write(2, text.encode() + b"\n")
        except OSError:
            pass  # nobody reads


def become(plan: Plan, replace: Callable[[str, list[str]], object] = os.execv) -> None:
    """Makes this process the supervisor of `plan`. Does not return.

    The interpreter begins anew: what settled the plan is not kept in memory.
    """
    os.set_inheritable(plan.listening, True)
    replace(sys.executable, [sys.executable, "-I", "-S", __file__, json.dumps(plan._asdict())])


if __name__ == "__main__":
    sys.exit(Supervisor(Plan(**json.loads(sys.argv[1]))).run())
