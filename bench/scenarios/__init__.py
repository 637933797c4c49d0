"""One module a scenario: `play` measures it on a stage."""

from collections.abc import Awaitable, Callable
from typing import Final

from bench.result import Result
from bench.scenarios import crowd, idle, ingest, keys, lists, neighbour, noop, par10, steps3, throttle, wait
from bench.stage import Stage

Scenario = Callable[[Stage], Awaitable[list[Result]]]

SCENARIOS: Final[dict[str, Scenario]] = {
    "idle": idle.play,
    "ingest": ingest.play,
    "noop": noop.play,
    "steps3": steps3.play,
    "par10": par10.play,
    "wait": wait.play,
    "crowd": crowd.play,
    "keys": keys.play,
    "neighbour": neighbour.play,
    "throttle": throttle.play,
    "lists": lists.play,
}
# They take minutes, and are only played by their names.
APART: Final = frozenset({"crowd", "keys", "lists", "neighbour", "throttle"})
