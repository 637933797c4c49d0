"""What an expression costs: compile, match, interpolate, look up. Run as a script."""

import json
import platform
import timeit
from collections.abc import Callable

from inngest_fast._native import expr

BOTH = frozenset({"event", "async"})


def event(size: int) -> bytes:
    """An event of about `size` bytes, what the expressions read at its end."""
    data = {"filler": "x" * size, "id": "u-1", "total": 120, "tags": ["a", "b"], "quoted": 'a"b'}
    wire = {"data": data, "id": "01", "name": "app/order.placed", "ts": 1_767_225_600_000, "user": {}}
    return json.dumps(wire).encode()


def nanoseconds(work: Callable[[], object]) -> float:
    timer = timeit.Timer(work)
    rounds, _ = timer.autorange()
    return min(timer.repeat(3, max(1, rounds // 4))) / max(1, rounds // 4) * 1e9


def main() -> None:
    small, large = event(200), event(100_000)
    source = 'event.data.id == "u-1" && event.data.total > 100'
    wait = "event.data.id == async.data.id && async.data.total > 100"
    equality = expr.compile('event.data.id == "u-1"')
    condition = expr.compile(source)
    loop = expr.compile('event.data.tags.exists(t, t == "b")')
    both = expr.compile(wait, names=BOTH)
    residue = expr.compile(both.interpolate(small), names=BOTH)
    path = ("data", "id")
    cases: dict[str, Callable[[], object]] = {
        "compile a condition": lambda: expr.compile(source),
        "match an equality": lambda: equality.matches(small),
        "match two comparisons": lambda: condition.matches(small),
        "match two comparisons, 100 KB": lambda: condition.matches(large),
        "match a loop": lambda: loop.matches(small),
        "interpolate a wait": lambda: both.interpolate(small),
        "match a residue": lambda: residue.matches(b"{}", small),
        "look up a field": lambda: expr.lookup(small, path),
        "look up a field, 100 KB": lambda: expr.lookup(large, path),
    }
    print(f"{platform.python_implementation()} {platform.python_version()} on {platform.machine()}")
    for name, work in cases.items():
        print(f"{name:32}{nanoseconds(work):12,.0f} ns")


if __name__ == "__main__":
    main()
