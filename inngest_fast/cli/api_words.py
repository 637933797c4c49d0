"""The command line of `api` taken apart, and the request that it stands for."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from inngest_fast.api.operations.parts import Field, Operation, kebab
from inngest_fast.api.operations.v2 import OFFERED
from inngest_fast.cli.arguments import options_of
from inngest_fast.cli.options import API, Kind, Option

COMMANDS: Final = {operation.command: operation for operation in OFFERED} | {
    kebab(operation.tool): operation for operation in OFFERED
}
PROGRAM: Final = "inngest-fast api"
FAILED: Final = 1
UNKNOWN: Final = 3


class AskError(Exception):
    """What is wrong with the command line, or came of it; the text names the fix."""

    def __init__(self, text: str, status: int = FAILED) -> None:
        super().__init__(text)
        self.status = status


class Words:
    """The command line taken apart. `values` are of the operation's fields, by name, as they were written."""

    def __init__(self, argv: list[str]) -> None:
        self.operation: Operation | None = None
        self.flags: dict[str, list[str]] = {}
        self.values: dict[str, list[str]] = {}
        self.help = False
        self._options: dict[str, Option] = {option.flag: option for option in options_of(API)}
        self._fields: dict[str, Field] = {}
        self._places: list[Field] = []
        rest = iter(argv)
        for word in rest:
            if word.startswith("-") and word.strip("-"):
                self._flag(word, rest)
            elif self.operation is None:
                self._begin(word)
            elif self._places:
                self.values.setdefault(self._places.pop(0).name, []).append(word)
            else:
                raise AskError(f"{self.operation.command} takes no further argument, got '{word}'")

    def _begin(self, word: str) -> None:
        if word == "help":
            self.help = True
            return
        operation = COMMANDS.get(word)
        if operation is None:
            raise AskError(f"there is no operation '{word}': '{PROGRAM} --help' lists them", UNKNOWN)
        self.operation = operation
        self._fields = {field.flag: field for field in operation.fields}
        self._places = list(operation.of("path"))

    def _flag(self, word: str, rest: Iterator[str]) -> None:
        name, has_value, value = word.lstrip("-").partition("=")
        if name in ("help", "h"):
            self.help = True
            return
        field, option = self._fields.get(name), self._options.get(name)
        if field is None and option is None:
            where = f"{PROGRAM} {self.operation.command}" if self.operation else PROGRAM
            raise AskError(f"unknown flag --{name}: '{where} --help' lists those that there are")
        switch = field.schema.get("type") == "boolean" if field else option and option.kind is Kind.SWITCH
        if not has_value:
            following = "true" if switch else next(rest, None)
            if following is None:
                raise AskError(f"flag --{name} needs a value")
            value = following
        if field is None:
            self.flags.setdefault(name, []).append(value)
            return
        self.values.setdefault(field.name, []).append(value)
        if field in self._places:
            self._places.remove(field)


def request(operation: Operation, values: Mapping[str, Sequence[str]]) -> tuple[str, bytes | None]:
    """Path with query, and body. Raises AskError."""
    from urllib.parse import quote, urlencode

    path = operation.path
    query: list[tuple[str, str]] = []
    body: dict[str, Any] = {}
    for field in operation.fields:
        given = values.get(field.name, ())
        if field.required and not any(given):
            how = (
                f"as an argument or with --{field.flag}" if field.place == "path" else f"with --{field.flag}"
            )
            raise AskError(f"{operation.command} needs {meta(field)} {how}")
        if len(given) > 1 and not field.many:
            raise AskError(f"--{field.flag} is given twice")
        match field.place:
            case "path":
                path = path.replace(f"{{{field.name}}}", quote(given[0], safe=""))
            case "query":
                query += [(field.name, value) for value in given]
            case "body" if given:
                body[field.name] = _part(field, given[0])
    if query:
        path += f"?{urlencode(query)}"
    return path, json.dumps(body).encode() if operation.method == "POST" else None


def _part(field: Field, text: str) -> Any:
    """A part of a body. One that is JSON may be in a file, or come on standard input: `@path`, `@-`."""
    if field.schema.get("type") != "object":
        return text
    source = f"--{field.flag}"
    if text.startswith("@"):
        source = text[1:]
        try:
            text = sys.stdin.read() if source == "-" else Path(source).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise AskError(f"cannot read {source}: {error}") from None
    try:
        found = json.loads(text)
    except ValueError as error:
        raise AskError(f"{source} is no JSON: {error}") from None
    if not isinstance(found, dict):
        raise AskError(f"{source} must be a JSON object, such as '{{\"id\": 1}}'")
    return found


def meta(field: Field) -> str:
    """What stands for its value in help texts."""
    return field.flag.replace("-", "_").upper()
