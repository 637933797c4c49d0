"""The guard that keeps a database file to one process."""

import fcntl
import os
from typing import Self

from inngest_fast.domain.errors import StoreError


class FileLock:
    """Held from `take` to `release`, or to the end of the process however that comes.

    It lies beside the database: locks on that file itself are SQLite's own.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd

    @classmethod
    def take(cls, database: str) -> Self:
        """Raises StoreError when another process or store has it, OSError when the directory refuses."""
        path = database + ".lock"
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(fd, 32).decode("ascii", "replace").strip()
            os.close(fd)
            by = "another store of this process"
            if holder != str(os.getpid()):
                by = f"another process ({holder or 'of unknown number'})"
            raise StoreError(
                f'the database "{database}" is in use by {by}, which holds "{path}": '
                "stop that one first, or give this one its own directory"
            ) from None
        except OSError:
            os.close(fd)
            raise
        try:
            os.ftruncate(fd, 0)
            os.pwrite(fd, b"%d\n" % os.getpid(), 0)
        except OSError:
            pass  # the number only helps a reader of the message above; a full disk does not matter
        return cls(fd)

    def release(self) -> None:
        os.close(self._fd)
