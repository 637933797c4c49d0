"""Scenarios of flow control: functions, what is sent to them when, and what to wait for.

All scenarios of the modules that were collected are played at once, to one app on one server; tests then look
at what was seen. A scenario that waits costs the others nothing.
"""

import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.fixtures.flow_apps import SDKS

if TYPE_CHECKING:
    from tests.e2e.flow.scene import Scene

TYPESCRIPT = ("ts3", "ts4")
EXACT = "FLOW_EXACT"  # set: every number is the reference's, and the longest scenario takes 20 s

Function = dict[str, Any]
Play = Callable[["Scene"], Awaitable[None]]


@dataclass(frozen=True)
class Scenario:
    name: str
    functions: tuple[Function, ...]
    play: Play
    takes: float  # s, about
    sdks: tuple[str, ...]


SCENARIOS: list[Scenario] = []


def scenario(
    *functions: Function,
    takes: float = 1.0,
    sdks: tuple[str, ...] = SDKS,
    among: list[Scenario] = SCENARIOS,
) -> Callable[[Play], Scenario]:
    """Played with the others `among` which it is. The longest ones begin first."""

    def add(play: Play) -> Scenario:
        made = Scenario(play.__qualname__, functions, play, takes, sdks)
        among.append(made)
        return made

    return add


def function(
    id: str, *body: list[Any], event: str = "", only_if: str = "", on_failure: bool = False, **options: Any
) -> Function:
    """`options` are those of the TypeScript SDK. In any text `~/` begins a name of one of the app's events,
    `~-` the slug of one of its functions; without `event` it is triggered by `~/id`.
    """
    return {
        "id": id,
        "event": event,
        "if": only_if,
        "body": list(body),
        "options": options,
        "onFailure": on_failure,
    }


def work(step: str, seconds: float) -> list[Any]:
    """A step that takes so long."""
    return ["work", step, seconds]


def parallel(steps: str, seconds: float) -> list[Any]:
    """A step for each letter, all at the same time, that take so long."""
    return ["parallel", steps, seconds]


def call(seconds: float = 0.0) -> list[Any]:
    """A function that has no steps, and takes so long; it returns the `n` of its events."""
    return ["call", "", seconds]


def hold() -> list[Any]:
    """A function that has no steps; its calls are held until the scenario releases them."""
    return ["hold", "", None]


def sleep(step: str, seconds: int) -> list[Any]:
    return ["sleep", step, seconds]


def invoke(step: str, target: str) -> list[Any]:
    """With the data of the event; the run fails with it."""
    return ["invoke", step, target]


def fail(message: str) -> list[Any]:
    return ["fail", message, None]


def numbered(*numbers: int, **more: Any) -> list[dict[str, Any]]:
    """Data of events."""
    return [{"n": n, **more} for n in numbers]


def exact() -> bool:
    return bool(os.environ.get(EXACT))


def seconds(reference: int, quick: int) -> int:
    """The reference's number, or one of the same proportion to the others that makes tests quick."""
    return reference if exact() else quick
