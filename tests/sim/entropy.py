"""Randomness from a seed."""

from random import Random

from inngest_fast.domain.ids import ulid


class SeededEntropy:
    """domain.ids.Entropy as the system's own: what it remembers is lost with its process."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._ms = 0
        self._tail = 0
        self._wait = 0

    def ulid(self, now_ms: int) -> str:
        if now_ms > self._ms:
            self._ms = now_ms
            self._tail = self._random.getrandbits(79)
        else:
            self._tail += 1 + self._random.getrandbits(32)
        return ulid(self._ms, self._tail.to_bytes(10, "big"))

    def wait_id(self, now_ms: int) -> int:
        self._wait = max(self._wait + 1, now_ms << 20 | self._random.getrandbits(20))
        return self._wait

    def below(self, bound: int) -> int:
        return self._random.randrange(bound)
