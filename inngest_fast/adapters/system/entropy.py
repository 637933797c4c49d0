"""Randomness from the operating system."""

import os
import random

from inngest_fast.domain.ids import ulid

_TAIL_BITS = 80
_TAIL_MAX = (1 << _TAIL_BITS) - 1
_WAIT_SEQUENCE_BITS = 20
_POOL = 4_096


class SystemEntropy:
    """domain.ids.Entropy. Ids of one process increase, also if the clock steps back."""

    __slots__ = ("_ms", "_place", "_pool", "_random", "_tail", "_wait")

    def __init__(self) -> None:
        self._random = random.SystemRandom()
        self._pool = b""
        self._place = _POOL
        self._ms = 0
        self._tail = 0
        self._wait = 0

    def ulid(self, now_ms: int) -> str:
        if now_ms > self._ms:
            self._ms = now_ms
            # The top bit stays free, so that counting up within the millisecond has room.
            self._tail = self._bytes(10) & (_TAIL_MAX >> 1)
        else:
            # Steps of random length: neighbours cannot be guessed from each other.
            self._tail += 1 + self._bytes(4)
        return ulid(self._ms, self._tail.to_bytes(10, "big"))

    def wait_id(self, now_ms: int) -> int:
        self._wait = max(self._wait + 1, now_ms << _WAIT_SEQUENCE_BITS)
        return self._wait

    def below(self, bound: int) -> int:
        return self._random.randrange(bound)

    def _bytes(self, n: int) -> int:
        """Random bytes as a number. Read in blocks: the system call lets go of the interpreter lock."""
        start = self._place
        if start + n > _POOL:
            self._pool = os.urandom(_POOL)
            start = 0
        self._place = start + n
        return int.from_bytes(self._pool[start : start + n], "big")
