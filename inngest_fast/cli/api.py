"""`api`: asks a server's REST v2 one thing, and prints its answer (http-api §1.1).

Answers go to standard output, what went wrong to standard error, so that both can be piped.
"""

import json
import os
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from inngest_fast.api.operations.parts import Field, Operation
from inngest_fast.api.operations.v2 import OFFERED
from inngest_fast.cli.api_words import FAILED, PROGRAM, AskError, Words, meta, request
from inngest_fast.cli.arguments import options_of
from inngest_fast.cli.options import API, Kind
from inngest_fast.cli.sources import resolve

_WIDTH: Final = 110


def api(argv: Sequence[str]) -> int:
    """The exit code: 0 done, 1 refused or failed, 3 unknown operation."""
    try:
        return _run(list(argv))
    except AskError as error:
        print(f"Error: {error}", file=sys.stderr)
        return error.status


def _run(argv: list[str]) -> int:
    asked = Words(argv)
    if asked.help or asked.operation is None:
        print(operation_help(asked.operation) if asked.operation else help_text())
        return 0
    found = resolve(API, asked.flags, os.environ, Path.cwd(), terminal=sys.stdout.isatty())
    if found.problems:
        raise AskError("\nError: ".join(found.problems))
    path, body = request(asked.operation, asked.values)
    from inngest_fast.cli.api_client import ask, target

    place = target(found, asked.flags, os.environ)
    status, reply = ask(place, asked.operation.method, path, body)
    if found.own.get("raw"):
        sys.stdout.buffer.write(reply)
        sys.stdout.buffer.flush()
        return 0 if status < 300 else FAILED
    if status >= 300:
        raise AskError(_refusal(status, reply))
    print(_shown(reply, indented=sys.stdout.isatty()))
    return 0


def _shown(reply: bytes, *, indented: bool) -> str:
    try:
        found = json.loads(reply)
    except ValueError:
        return reply.decode("utf-8", "replace")
    if indented:
        return json.dumps(found, indent=2, ensure_ascii=False)
    return json.dumps(found, separators=(",", ":"), ensure_ascii=False)


def _refusal(status: int, reply: bytes) -> str:
    if status == 401:
        return (
            "401: the server asks for a key: give --api-key (INNGEST_API_KEY) or --signing-key "
            "(INNGEST_SIGNING_KEY); an API key needs the scope write to change anything"
        )
    try:
        errors = json.loads(reply)["errors"]
        return "; ".join(f"{status} {each['code']}: {each['message']}" for each in errors)
    except (ValueError, KeyError, TypeError):
        return f"{status}: {_shown(reply, indented=False)[:500]}"


def help_text() -> str:
    operations = "\n".join(f"  {each.command:<20} {each.summary}." for each in OFFERED)
    return (
        f"Ask a server's REST API.\n\nUsage: {PROGRAM} <operation> [arguments] [flags]\n"
        f"Example: {PROGRAM} get-function-trace 01M83V3VHB3Y6YYE5HMY6P2T7Q --include-output\n\n"
        f"Operations:\n{operations}\n\nFlags:\n{_flags_of_all()}\n\n"
        f"'{PROGRAM} <operation> --help' lists the arguments and flags of an operation."
    )


def operation_help(operation: Operation) -> str:
    places = "".join(f" {meta(field)}" for field in operation.of("path"))
    flags = [
        _entry(f"--{field.flag}{_value(field)}", field.description.replace("`", "'"))
        for field in operation.fields
    ]
    about = f"{operation.summary}. {operation.description}".rstrip()
    usage = f"{about}\n\nUsage: {PROGRAM} {operation.command}{places} [flags]\n"
    own = f"\nArguments and flags:\n{chr(10).join(flags)}\n" if flags else ""
    return f"{usage}{own}\nFlags of all operations:\n{_flags_of_all()}"


def _flags_of_all() -> str:
    return "\n".join(
        _entry(
            f"--{option.flag}{'' if option.kind is Kind.SWITCH else ' VALUE'}",
            option.help.replace("`", "'") + (f" ({option.env})" if option.env else ""),
        )
        for option in options_of(API)
    )


def _value(field: Field) -> str:
    match field.schema:
        case {"type": "boolean"}:
            return ""
        case {"enum": choices} | {"items": {"enum": choices}}:
            return f" {'|'.join(choices)}"
        case {"type": "object"}:
            return " JSON"
    return f" {meta(field)}"


def _entry(head: str, text: str) -> str:
    if len(head) > 38:
        first = f"  {head}\n"
        return first + textwrap.fill(text, _WIDTH, initial_indent=" " * 42, subsequent_indent=" " * 42)
    return textwrap.fill(text, _WIDTH, initial_indent=f"  {head:<40}", subsequent_indent=" " * 42)
