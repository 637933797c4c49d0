"""Randomness from the operating system."""

import os
import random

from inngest_fast.domain.ids import ulid

_TAIL_BITS = 80
_TAIL_MAX = (1 << _TAIL_BITS) - 1
# Waits of all servers are told apart by what is random within their millisecond. 63 bits last until 2039.
_WAIT_RANDOM_BITS = 22
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
        first = now_ms << _WAIT_RANDOM_BITS
        if first > self._wait:
            # The top bit stays free, so that counting up within the millisecond has room.
            self._wait = first + (self._bytes(3) & ((1 << _WAIT_RANDOM_BITS - 1) - 1))
        else:
            self._wait += 1 + self._bytes(1)
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
