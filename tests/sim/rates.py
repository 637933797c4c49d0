"""Rate limits as they must be: what may pass, and what must (flow-control §5.2)."""

from dataclasses import dataclass

from inngest_fast.domain.functions import RateLimit
from tests.sim.controls import Key, admission_rate
from tests.sim.when import When

_CHARGED_FOR = 300_000
_MS = 1_000_000


@dataclass
class _Charge:
    """Until when, at least and at most, ms."""

    least: int
    most: int


class Rates:
    """Arrival times between bounds, in ns: the earliest and the latest that they may be."""

    def __init__(self) -> None:
        self._arrivals: dict[Key, tuple[int, int]] = {}
        self._charged: dict[tuple[Key, str], _Charge] = {}

    def may(self, limit: RateLimit, key: Key, again: str, when: When) -> set[str]:
        """What may have become of an event: "paid", "free" or "refused". `again`: what it is known by when it
        comes again.
        """
        if not when.known:
            return {"paid", "free", "refused"}
        charge = self._charged.get((key, again)) if again else None
        if charge is not None and when.last < charge.least:
            return {"free"}
        found = {"free"} if charge is not None and when.first < charge.most else set()
        rate = admission_rate(limit)
        least, most = self._arrivals.get(key, (0, 0))
        if rate.opens(self._known(least, when), when.last * _MS) <= when.last * _MS:
            found.add("paid")
        if rate.opens(most, when.first * _MS) > when.first * _MS:
            found.add("refused")
        return found

    def paid(self, limit: RateLimit, key: Key, again: str, when: When) -> None:
        rate = admission_rate(limit)
        least, most = self._arrivals.get(key, (0, 0))
        first, last = when.first * _MS, when.last * _MS
        self._arrivals[key] = rate.paid(self._known(least, when), first), rate.paid(most, last)
        if again:
            self._charged[key, again] = _Charge(when.first + _CHARGED_FOR, when.last + _CHARGED_FOR)

    def refused(self, limit: RateLimit, key: Key, when: When) -> None:
        """What is further ahead than a full bucket is so no more."""
        rate = admission_rate(limit)
        least, most = self._arrivals.get(key, (0, 0))
        self._arrivals[key] = min(least, when.first * _MS + rate.emission * rate.cap), most

    @staticmethod
    def _known(arrival: int, when: When) -> int:
        """The row may say nothing any more by the time of the commit."""
        return arrival if arrival > when.last * _MS else 0
