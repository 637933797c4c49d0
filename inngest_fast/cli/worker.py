"""What a worker of `--workers` has from its supervisor."""

import os
import select
import signal
import socket
import threading
from collections.abc import MutableMapping
from typing import NamedTuple

from inngest_fast.cli.supervisor import VARIABLE


class Worker(NamedTuple):
    """`number` counts from 1; `listening` is the socket that all workers share, bound already."""

    number: int
    listening: socket.socket
    pipe: int

    def ready(self) -> None:
        """Tells the supervisor that this worker serves."""
        try:
            os.write(self.pipe, b"1")
        except OSError:
            pass  # there is no supervisor any more, which `follow` sees too

    def follow(self) -> None:
        """From now on this process stops when the supervisor is gone, even killed: nobody else would."""
        threading.Thread(target=self._follow, name="supervisor watch", daemon=True).start()

    def _follow(self) -> None:
        watch = select.poll()
        watch.register(self.pipe, 0)  # what is told in any case: that the other end is closed
        watch.poll()
        # As to make way for a successor: the port is free at once, for the next supervisor.
        os.kill(os.getpid(), signal.SIGHUP)


def handed(env: MutableMapping[str, str]) -> Worker | None:
    """What the supervisor handed to this process, and takes it out of `env`; None without one."""
    given = env.pop(VARIABLE, "")
    if not given:
        return None
    number, listening, pipe = map(int, given.split(":"))
    for fd in (listening, pipe):
        os.set_inheritable(fd, False)
    return Worker(number, socket.socket(fileno=listening), pipe)
