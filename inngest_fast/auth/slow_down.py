"""Makes guessing slow: those who fail again and again wait longer and longer for their refusals."""

import asyncio
from collections import OrderedDict
from typing import Final

FREE: Final = 3  # failures that are answered at once: somebody's old key
FIRST_S: Final = 0.1
LONGEST_S: Final = 3.0
FORGOTTEN_AFTER_S: Final = 300.0
MOST_PEERS: Final = 10_000
MOST_HELD: Final = 64
MOST_HELD_OF_PEER: Final = 4


class SlowDown:
    """Counts failures by peer. Whoever shows a good credential is never kept waiting by this."""

    def __init__(self) -> None:
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()  # with the last one's time
        self._held: dict[str, int] = {}
        self._all_held = 0

    def failed(self, peer: str) -> int:
        """Notes one more failure of a peer; how many there are now, since the last five minutes without."""
        now = asyncio.get_running_loop().time()
        count, last = self._failures.pop(peer, (0, now))
        count = 1 if now - last > FORGOTTEN_AFTER_S else count + 1
        self._failures[peer] = count, now
        if len(self._failures) > MOST_PEERS:
            self._failures.popitem(last=False)
        return count

    async def hold(self, peer: str, failures: int) -> float:
        """Returns 0 once the refusal may be sent; at once, with seconds to come back after, if too many are
        held already.
        """
        delay = delay_after(failures)
        if not delay:
            return 0.0
        held = self._held.get(peer, 0)
        if self._all_held >= MOST_HELD or held >= MOST_HELD_OF_PEER:
            return delay
        self._held[peer] = held + 1
        self._all_held += 1
        try:
            await asyncio.sleep(delay)
        finally:
            self._all_held -= 1
            self._held[peer] -= 1
            if not self._held[peer]:
                del self._held[peer]
        return 0.0


def delay_after(failures: int) -> float:
    """Seconds before so many failures in a row are answered."""
    if failures <= FREE:
        return 0.0
    return min(LONGEST_S, FIRST_S * 2.0 ** min(failures - FREE - 1, 30))


def network_of(address: str) -> str:
    """What stands for a caller: an IPv6 address is one of very many that its holder has."""
    if ":" not in address:
        return address
    import ipaddress  # only those who fail come here

    try:
        parsed = ipaddress.IPv6Address(address)
    except ValueError:
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(parsed) >> 64 << 64, 64)))
