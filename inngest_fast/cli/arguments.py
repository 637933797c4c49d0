"""Takes a command line apart: `--flag value`, `--flag=value`, one dash or two (http-api §1.1, §1.5)."""

from collections.abc import Iterator
from typing import NamedTuple

from inngest_fast.cli.options import ALL, API, COMMAND_OPTIONS, GLOBALS, KEYS, Kind, Option

COMMANDS = (*ALL, API, "version", "help")


class UsageError(Exception):
    """A command line that means nothing; the text is what to print, `status` the exit code."""

    def __init__(self, text: str, status: int = 1) -> None:
        super().__init__(text)
        self.status = status


class Invocation(NamedTuple):
    """What was asked. `flags` maps an option's flag to the values given, in order; `topic` is for help,
    `words` are of a command that has commands of its own.
    """

    command: str
    flags: dict[str, list[str]]
    topic: str = ""
    words: tuple[str, ...] = ()


def parse(argv: list[str]) -> Invocation:
    """Raises `UsageError`. No arguments at all, or --help anywhere, is the command "help"."""
    command = ""
    words: list[str] = []
    flags: dict[str, list[str]] = {}
    known = _named(GLOBALS)
    rest = iter(argv)
    for word in rest:
        if word.startswith("-") and word.strip("-"):
            name, has_value, value = word.lstrip("-").partition("=")
            if name in ("help", "h"):
                return Invocation("help", {}, topic=command if command in ALL else "")
            if name in ("version", "v"):
                return Invocation("version", {})
            option = known.get(name)
            if option is None:
                raise UsageError(f"flag provided but not defined: -{name}")
            if not has_value:
                value = "true" if option.kind is Kind.SWITCH else _following(rest, name)
            flags.setdefault(option.flag, []).append(value)
        elif command:
            words.append(word)
        elif word == API:
            return Invocation(API, flags, words=tuple(rest))
        elif word in COMMANDS or word == "h":
            command = "help" if word == "h" else word
            if command in ALL:
                known = _named(options_of(command))
        else:
            raise UsageError(f"No help topic for '{word}'", status=3)
    if command == "help" and words:
        if words[0] not in COMMANDS:
            raise UsageError(f"No help topic for '{words[0]}'", status=3)
        return Invocation("help", {}, topic=words[0] if words[0] in (*ALL, API) else "")
    if command == KEYS:
        return Invocation(command, flags, words=tuple(words))
    if words:
        raise UsageError(f"{command} takes no arguments besides flags, got '{words[0]}'")
    return Invocation(command or "help", flags)


def options_of(command: str) -> tuple[Option, ...]:
    """What `command` takes as flags, the global ones included."""
    options = (*COMMAND_OPTIONS, *GLOBALS)
    return tuple(option for option in options if command in option.commands)


def _named(options: tuple[Option, ...]) -> dict[str, Option]:
    return {name: option for option in options for name in (option.flag, option.short) if name}


def _following(rest: Iterator[str], name: str) -> str:
    value = next(rest, None)
    if value is None:
        raise UsageError(f"flag needs an argument: -{name}")
    return value
