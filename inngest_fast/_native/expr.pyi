"""The expression dialect of triggers, flow-control keys and waits (flow-control §2.5-2.9)."""

from typing import Literal, TypeAlias, final

MAX_LENGTH: int
"""Characters of source. The contents of string literals do not count, up to 1 MiB in all."""
MAX_DEPTH: int
"""Levels of nesting, of values put into a residue as well."""

class ExpressionError(Exception):
    message: str
    position: int  # characters into the source, -1 where unknown

class CompileError(ExpressionError):
    """Wrong syntax, an unknown name or function, or a limit passed."""

class PolicyError(CompileError):
    """Well formed, but not allowed under the restricted policy."""

class EvaluationError(ExpressionError):
    """This event gives no value: operands of the wrong types, a bad pattern, too much work, broken JSON."""

@final
class _Missing:
    def __bool__(self) -> Literal[False]: ...

MISSING: _Missing

_Key: TypeAlias = tuple[tuple[str, ...], str | float | bool | None]
"""A path below `async`, and the value it must have."""

@final
class Program:
    """A compiled expression: immutable, safe to share."""

    source: str

    def evaluate(self, event: bytes, later: bytes = b"", *, now_ms: int = 0) -> object:
        """The value over JSON texts, `later` being `async`; something missing gives False.

        Timestamps and durations come as text. Raises EvaluationError; texts are checked only as far as
        they are read.
        """

    def matches(self, event: bytes, later: bytes = b"", *, now_ms: int = 0) -> bool:
        """Whether the value is the boolean true. An error is none (flow-control §2.2, §7.3)."""

    def interpolate(self, event: bytes, *, now_ms: int = 0) -> str:
        """What is left to ask of `async`: source that compiles, unchecked, under the same limits.

        "true" or "false" where the event decides the match alone. The clock is read later, when the residue
        is evaluated. As in the reference (flow-control §2.9) a missing value of the event becomes null on
        the left of `==` and `!=`; on the right it equals nothing. Raises EvaluationError if the
        event's values do not fit into an expression's limits.
        """

    def index_keys(self) -> tuple[_Key | None, ...]:
        """Equalities of a residue: a later event that matches has one of them by `lookup`.

        None stands for any event; () says that none can match. Numbers are floats. An absent field is
        found as null.
        """

    def names(self) -> frozenset[str]:
        """The variables it reads."""

def compile(
    source: str,
    *,
    names: frozenset[str] = ...,
    policy: Literal["full", "restricted"] = "full",
    check: bool = True,
) -> Program:
    """Compiles an expression over `names`, by default `event` alone. Raises CompileError.

    `check` is what a registration does (flow-control §2.6): it also refuses unknown names and functions,
    and operands of `&& || ! ?:` that cannot be booleans. Without it, unknown names are missing values
    and calls of unknown functions fail when evaluated. The restricted policy raises PolicyError.
    """

def lookup(event: bytes, path: tuple[str, ...]) -> str | float | bool | _Missing | None:
    """The plain value at a path of a JSON object; MISSING if absent, an object or a list. Never fails."""
