"""Help texts, from the table of options."""

import textwrap
from collections.abc import Iterable

from inngest_fast.cli.arguments import options_of
from inngest_fast.cli.options import DEV, GLOBALS, KEYS, MIGRATE, START, Kind, Option, default_text

PROGRAM = "inngest-fast"

_WIDTH = 110

_PURPOSE = {
    "dev": "Run a server for development: no keys, finds local apps, keeps data in memory.",
    "start": "Run a self-hosted server: keys required, data on disk or in PostgreSQL.",
    "migrate": "Bring the database to the version of this program; servers do so at their start.",
    "keys": "Make, list and revoke API keys, whether servers run or not.",
    "api": "Ask a server's REST API about apps, functions and runs, or change them.",
    "version": "Print the version.",
    "help": "Print this, or the help of a command.",
}
_META = {
    Kind.TEXT: " TEXT",
    Kind.LIST: " LIST",
    Kind.SWITCH: "",
    Kind.NUMBER: " NUMBER",
    Kind.DURATION: " DURATION",
    Kind.LEVEL: " LEVEL",
    Kind.FEATURES: " LIST",
}
_EXAMPLE = {
    DEV: "-u http://localhost:3000/api/inngest",
    START: "--signing-key HEX --event-key KEY",
    MIGRATE: "--postgres-uri postgres://user:password@host/database --plan",
    KEYS: "create --scope read --name ci --expires 90d",
}
_WORDS = {KEYS: " create|list|revoke ID"}


def general_help() -> str:
    commands = "\n".join(f"  {name:<9}{purpose}" for name, purpose in _PURPOSE.items())
    return (
        f"Usage: {PROGRAM} <command> [flags]\n\nCommands:\n{commands}\n\n"
        f"Global flags:\n{_listed(GLOBALS)}\n{_EVERYWHERE}\n\n"
        f"'{PROGRAM} <command> --help' lists the flags of a command."
    )


def command_help(command: str) -> str:
    """Help of a command that has flags: each that it takes, but for hidden ones."""
    shown = [
        option for option in options_of(command) if command not in option.hidden and option not in GLOBALS
    ]
    return (
        f"{_PURPOSE[command]}\n\nUsage: {PROGRAM} {command}{_WORDS.get(command, '')} [flags]\n"
        f"Example: {PROGRAM} {command} {_EXAMPLE[command]}\n\n"
        f"Flags:\n{_listed(shown)}\n\nGlobal flags:\n{_listed(GLOBALS)}\n{_EVERYWHERE}\n\n"
        + textwrap.fill(
            f"Each flag{_but_for_once(command)} can be set as INNGEST_<FLAG> in the "
            "environment, or under its name in a config file inngest.yaml or inngest.json in this directory "
            "or one above it. A flag beats the environment, which beats the file.",
            _WIDTH,
        )
    )


def _but_for_once(command: str) -> str:
    names = [f"--{option.flag}" for option in options_of(command) if option.flag_only]
    return f" but {', '.join(names)}" if names else ""


def _listed(options: Iterable[Option]) -> str:
    lines = []
    for option in options:
        short = f"-{option.short}, " if option.short else "    "
        default = default_text(option)
        note = (
            f" (default: {default})" if default not in ("", "false") and "Default" not in option.help else ""
        )
        lines.append(_entry(f"{short}--{option.flag}{_meta(option)}", option.help.replace("`", "'") + note))
    return "\n".join(lines)


def _meta(option: Option) -> str:
    return f" {'|'.join(option.choices)}" if option.choices else _META[option.kind]


def _entry(flag: str, text: str) -> str:
    head = f"  {flag:<41} "
    return textwrap.fill(
        text, _WIDTH, initial_indent=head, subsequent_indent=" " * 44, break_on_hyphens=False
    )


_EVERYWHERE = _entry("-h, --help", "Print help.") + "\n" + _entry("-v, --version", "Print the version.")
