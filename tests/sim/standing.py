"""How functions stood with the store, and when: what a decision may have been made on."""

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from inngest_fast.domain.apps import Function
from tests.sim.controls import Controls


@dataclass
class Standing:
    """Decisions may rest on it from `since` to `until`, in seconds of the loop."""

    version: int
    controls: Controls
    paused: bool
    since: float
    until: float = math.inf


class Standings:
    """A server goes by the old one until it has heard of the new one, at most until `applied`."""

    def __init__(self) -> None:
        self._of: defaultdict[str, list[Standing]] = defaultdict(list)
        self._slugs: dict[str, str] = {}
        self._unheard: dict[str, list[Standing]] = {}

    def put(self, function: Function, now: float) -> None:
        """The store has a function as this."""
        slug = function.slug
        self._slugs[function.id] = slug
        known = self._of[slug]
        if known:
            self._unheard.setdefault(slug, []).append(known[-1])
        controls = Controls.of(function.config)
        known.append(Standing(function.version, controls, bool(function.paused_at), now))

    def applied(self, now: float) -> None:
        """Nobody goes by what was before any more."""
        for standings in self._unheard.values():
            for standing in standings:
                standing.until = min(standing.until, now)
        self._unheard.clear()

    def slug(self, function_id: str) -> str:
        return self._slugs[function_id]

    def now(self, slug: str) -> Standing:
        """As the store has it."""
        return self._of[slug][-1]

    def between(self, slug: str, first: float, last: float) -> list[Standing]:
        """Those that a decision made between these times may rest on."""
        return [s for s in self._of[slug] if s.since <= last and s.until >= first]

    def absent(self, slug: str, first: float) -> bool:
        """Whether it may have been unknown then."""
        known = self._of[slug]
        return not known or known[0].since >= first

    def newest_first(self, slug: str) -> Iterator[Standing]:
        return reversed(self._of[slug])
