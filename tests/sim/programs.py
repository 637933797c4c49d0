"""Function programs: what a user might have written, as data, and how it runs on memos."""

import hashlib
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from tests.sim.controls import Controls

Memo = Any
Json = Any


@dataclass(frozen=True)
class Run:
    """A step whose body fails so many times before it works. `final`: its error may not be retried."""

    id: str
    fails: int = 0
    final: bool = False
    caught: bool = True


@dataclass(frozen=True)
class Sleep:
    id: str
    seconds: int


@dataclass(frozen=True)
class Fetch:
    """Has the server make a request."""

    id: str
    caught: bool = True


@dataclass(frozen=True)
class WaitEvent:
    """Waits for an event; `match` only for one with the `n` of the trigger."""

    id: str
    event: str
    match: bool
    timeout: int


@dataclass(frozen=True)
class WaitSignal:
    id: str
    signal: str
    timeout: int


@dataclass(frozen=True)
class Invoke:
    id: str
    target: str
    timeout: int
    caught: bool = True


@dataclass(frozen=True)
class Send:
    """Sends an event from within a step."""

    id: str
    event: str
    n: int
    caught: bool = True


@dataclass(frozen=True)
class All:
    branches: tuple["Body", ...]


@dataclass(frozen=True)
class Race:
    branches: tuple["Body", ...]


@dataclass(frozen=True)
class Throw:
    """The function throws here until the call's attempt is so high. `final`: it says not to retry."""

    until: int
    final: bool = False


Step = Run | Sleep | Fetch | WaitEvent | WaitSignal | Invoke | Send
Statement = Step | All | Race | Throw
Body = tuple[Statement, ...]


@dataclass(frozen=True)
class Program:
    """A function: its triggers, its code, and how its SDK talks."""

    slug: str
    body: Body
    event: str = ""
    above: int = -1  # starts only for events whose `n` is above this
    cron: str = ""
    version: int = 2  # of the requests: 1 or 2
    keeps_losers: bool = False  # ends only when nothing of a race is open
    run_complete: bool = False  # ends by an op in place of a 200
    checkpoints: bool = False  # goes on after a step, and reports it meanwhile
    retries: int = 3
    cancel: str = ""  # the event that cancels a run of the same `n`
    start_s: int = 0
    finish_s: int = 0
    late: bool = False  # registered only while the simulation runs
    controls: Controls = Controls()


@lru_cache(maxsize=4096)
def step_id(name: str) -> str:
    """As SDKs hash them (sdk-protocol §4.1)."""
    return hashlib.sha1(name.encode()).hexdigest()


def steps_of(body: Body) -> Generator[Step, None, None]:
    for statement in body:
        if isinstance(statement, All | Race):
            for branch in statement.branches:
                yield from steps_of(branch)
        elif not isinstance(statement, Throw):
            yield statement


class StepFailedError(Exception):
    """A step's error as user code gets it."""


class ThrownError(Exception):
    def __init__(self, message: str, *, final: bool) -> None:
        super().__init__(message)
        self.final = final


@dataclass
class Outcome:
    """Where a function got: `done` with its output, or thrown, or waiting for `open` steps."""

    done: bool
    output: Json
    thrown: ThrownError | None
    open: list[Step]


class _Thread:
    __slots__ = ("code", "finished", "parent", "place")

    def __init__(self, code: Generator[Any, Any, Any], parent: "_Join | None", place: int) -> None:
        self.code = code
        self.parent = parent
        self.place = place


class _Join:
    __slots__ = ("left", "race", "results", "settled", "thread")

    def __init__(self, thread: _Thread, n: int, *, race: bool) -> None:
        self.thread = thread
        self.left = n
        self.race = race
        self.results: list[Any] = [None] * n
        self.settled = False


class _Machine:
    """Runs branches side by side; memos are given in the order in which they were made."""

    def __init__(self, body: Body, attempt: int) -> None:
        self.waiting: dict[str, tuple[Step, _Thread]] = {}
        self.done = False
        self.output: Json = None
        self.thrown: ThrownError | None = None
        self._attempt = attempt
        self._resume(_Thread(self._code(body), None, 0), None, None)

    def _code(self, body: Body) -> Generator[Any, Any, Any]:
        out = []
        for statement in body:
            if isinstance(statement, Throw):
                if self._attempt < statement.until:
                    raise ThrownError("thrown", final=statement.final)
                continue
            try:
                out.append((yield statement))
            except StepFailedError as error:
                if not getattr(statement, "caught", True):
                    raise
                out.append(f"caught {error}")
        return out

    def _resume(self, thread: _Thread, value: Any, error: Exception | None) -> None:
        try:
            asked = thread.code.throw(error) if error is not None else thread.code.send(value)
        except StopIteration as end:
            self._finished(thread, end.value, None)
            return
        except (StepFailedError, ThrownError) as failed:
            self._finished(thread, None, failed)
            return
        if isinstance(asked, All | Race):
            join = _Join(thread, len(asked.branches), race=isinstance(asked, Race))
            for place, branch in enumerate(asked.branches):
                self._resume(_Thread(self._code(branch), join, place), None, None)
        else:
            self.waiting[step_id(asked.id)] = (asked, thread)

    def _finished(self, thread: _Thread, value: Any, error: Exception | None) -> None:
        join = thread.parent
        if join is None:
            self.done = error is None
            self.output = value
            if isinstance(error, StepFailedError):
                error = ThrownError(f"uncaught {error}", final=True)
            self.thrown = error  # type: ignore[assignment]
            return
        if join.settled:
            return
        join.results[thread.place] = value
        join.left -= 1
        if error is not None or join.race or not join.left:
            join.settled = True
            result = [thread.place, value] if join.race else join.results
            self._resume(join.thread, result, error)

    @property
    def ended(self) -> bool:
        return self.done or self.thrown is not None


def interpret(body: Body, memos: Mapping[str, Memo], stack: Sequence[str], attempt: int = 0) -> Outcome:
    """Runs a function as far as its memos go; of those that it may take, the earliest in the stack is next."""
    machine = _Machine(body, attempt)
    again = True
    while again and machine.waiting and not machine.thrown:
        again = False
        for id in stack:
            found = machine.waiting.pop(id, None)
            if found is not None:
                step, thread = found
                value, error = _value(step, memos[id])
                machine._resume(thread, value, error)
                again = True
                break
    open = [step for step, _ in machine.waiting.values()]
    return Outcome(machine.done, machine.output, machine.thrown, open)


def _value(step: Step, memo: Memo) -> tuple[Json, Exception | None]:
    """A memo as user code sees it (sdk-protocol §2.2)."""
    if isinstance(step, Sleep):
        if memo is not None:
            raise AssertionError(f"the memo of the sleep {step.id} is {memo!r}")
        return None, None
    if isinstance(step, WaitEvent):
        return (None if memo is None else memo["data"]["n"]), None
    if memo is None:
        return None, None
    if "error" in memo:
        return None, StepFailedError(memo["error"].get("name", "?"))
    return memo["data"], None


Oracle = Callable[[str], Program]
