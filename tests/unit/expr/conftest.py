"""Short ways to ask the event of the tables."""

from collections.abc import Callable

import pytest
from expr_event import BOTH, EVENT, NOW_MS, wire

from inngest_fast._native import expr

Evaluate = Callable[[str], object]


@pytest.fixture
def evaluate() -> Evaluate:
    def evaluate(source: str) -> object:
        return expr.compile(source, check=False).evaluate(wire(EVENT), now_ms=NOW_MS)

    return evaluate


@pytest.fixture
def matches() -> Callable[[str], bool]:
    def matches(source: str) -> bool:
        return expr.compile(source, check=False).matches(wire(EVENT), now_ms=NOW_MS)

    return matches


@pytest.fixture
def residue() -> Callable[..., str]:
    def residue(source: str, event: object = EVENT) -> str:
        return expr.compile(source, names=BOTH).interpolate(wire(event), now_ms=NOW_MS)

    return residue
