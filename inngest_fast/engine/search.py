"""What a search asks of runs and events: expressions, a line each, all of which must hold (http-api §6.4)."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from inngest_fast._native import expr
from inngest_fast.domain.events import Event
from inngest_fast.domain.runs import Run

MAX_LINES: Final = 20
OF_RUNS: Final = frozenset(("event", "output", "error"))
OF_EVENTS: Final = frozenset(("event",))

_MACROS: Final = frozenset(("all", "exists", "exists_one", "filter", "has", "map"))
_WORDS: Final = frozenset(("true", "false", "null", "in"))
_BETWEEN: Final = frozenset(("&&", "||", "(", ")", "!", "?", ":"))
_TOKEN: Final = re.compile(
    r"""
    (?P<text>(?:\b[bBrR]{1,2})?(?:\"{3}(?:\\.|[^\\])*?\"{3}|'{3}(?:\\.|[^\\])*?'{3}
        |"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'))
    |(?P<blank>\s+|//.*)
    |(?P<number>\d[\w.]*)
    |(?P<name>[A-Za-z_]\w*)
    |(?P<mark>&&|\|\||[=!<>]=|.)
    """,
    re.VERBOSE | re.DOTALL,
)
_NAMES: Final = frozenset(("event", "async"))


class SearchError(Exception):
    """A search that cannot be made; the message is the wire text."""


class Search(msgspec.Struct, frozen=True):
    """`over_event`: whether it looks into events at all."""

    lines: tuple[expr.Program, ...]
    over_event: bool

    def matches_event(self, event: Event) -> bool:
        return all(line.matches(event.wire, b"{}") for line in self.lines)

    def matches_run(self, run: Run, events: Sequence[bytes]) -> bool:
        """`events` are the wire forms of those that triggered it: one of them must do, for each line."""
        error = run.error if run.error is not None else b"null"
        output = run.output if run.output is not None and run.error is None else b"null"
        results = b'{"error":%b,"output":%b}' % (error, output)
        return all(any(line.matches(event, results) for event in events or (b"{}",)) for line in self.lines)


def read_search(source: str, names: frozenset[str]) -> Search | None:
    """None for a search that asks nothing. Raises SearchError.

    Names other than `names` are unknown here, and what is said of them holds.
    """
    lines = [line for line in source.splitlines() if line.strip()]
    if len(lines) > MAX_LINES:
        raise SearchError(f"Syntax error: more than {MAX_LINES} lines")
    programs = [_read_line(line, names) for line in lines]
    if not programs:
        return None
    return Search(tuple(programs), any("event" in program.names() for program in programs))


def _read_line(line: str, names: frozenset[str]) -> expr.Program:
    meant = _resolved(list(_tokens(line)), names)
    _compile(line, check=False)  # so that what is left out is well formed, too
    return _compile(meant, check=True)


def _tokens(line: str) -> Iterator[tuple[str, str]]:
    """Kind and text of each; blanks are left out."""
    for found in _TOKEN.finditer(line):
        kind = found.lastgroup or ""
        if kind != "blank":
            yield kind, found.group()


def _resolved(tokens: list[tuple[str, str]], names: frozenset[str]) -> str:
    """The line over `event` and `async`, which is what a run came to; unknown comparisons are true."""
    out: list[str] = []
    comparison: list[str] = []
    unknown = False
    before = ""
    for place, (kind, text) in enumerate(tokens):
        after = tokens[place + 1][1] if place + 1 < len(tokens) else ""
        if kind == "name" and after == "(" and text != "in":
            known = "macros are currently not supported" if text in _MACROS else "invalid syntax detected"
            raise SearchError(known)
        if kind == "mark" and text in _BETWEEN and not (text == "!" and after != "("):
            out += (*(("true",) if unknown else comparison), text)
            comparison, unknown = [], False
        elif kind == "name" and before != "." and text not in _WORDS:
            unknown = unknown or text not in names
            comparison.append(text if text == "event" else f"async.{text}")
        else:
            comparison.append(text)
        before = text
    out += ("true",) if unknown else comparison
    return " ".join(out).replace(" . ", ".")


def _compile(source: str, *, check: bool) -> expr.Program:
    try:
        return expr.compile(source, names=_NAMES, policy="restricted", check=check)
    except expr.PolicyError:
        raise SearchError("invalid syntax detected") from None
    except expr.CompileError as error:
        raise SearchError(f"Syntax error: {error.message}") from None
