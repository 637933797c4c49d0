"""Settings from flags, environment, config file and defaults, in that order (http-api §1.3)."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from inngest_fast.cli import config_file
from inngest_fast.cli.options import ENVIRONMENT_ONLY, OPTIONS, Kind, Option
from inngest_fast.cli.values import read
from inngest_fast.domain.settings import LogFormat, Mode, Settings, store_problems, validate

Command = Literal[Mode, "migrate", "keys", "api"]

_FORMATS: dict[str, LogFormat] = {
    "json": "json",
    "dev": "dev",
    "text": "text",
    "txt": "text",
}
_ABSENT = object()


class Resolution(NamedTuple):
    """Settings to serve with if there are no `problems`. `warnings` are worth telling in either case."""

    settings: Settings
    problems: list[str]
    warnings: list[str]
    config_path: str  # "" when no file was used
    plan: bool = False  # `migrate` is only to say what it would do
    own: Mapping[str, Any] = MappingProxyType({})  # by flag: options of the command that are no settings


def resolve(
    command: Command,
    flags: Mapping[str, Sequence[str]],
    env: Mapping[str, str],
    cwd: Path,
    *,
    terminal: bool,
) -> Resolution:
    """Never raises. An option given by several sources is taken, and checked, from the first of them only.

    `terminal`: whether standard output is one, which decides the form of logs that nothing else decides.
    """
    problems: list[str] = []
    warnings: list[str] = []
    path, content = _config(flags, env, cwd, problems, warnings)
    sources = _Sources(flags, env, content, path)
    warnings += [f"config file {path}: unknown key '{key}'" for key in content if key not in _FLAGS]

    fields: dict[str, Any] = {"mode": "dev" if command == "dev" else "start"}
    own: dict[str, Any] = {}
    for option in (*OPTIONS, *ENVIRONMENT_ONLY):
        if command not in option.commands:
            continue
        raw, source = sources.look_up(option)
        if raw is _ABSENT:
            continue
        try:
            value = read(option, raw)
        except ValueError as error:
            (warnings if option.foreign else problems).append(f"{source}: {error}")
            continue
        if option.zero_is_default and value == 0:
            continue
        if option.field:
            fields[option.field] = not value if option.negates else value
        else:
            own[option.flag or option.env] = value

    if own.get("verbose"):
        fields.setdefault("log_level", "debug")
    if own.get("LOG_LEVEL"):
        fields["log_level"] = own["LOG_LEVEL"]
    fields["log_format"] = _log_format(own, warnings, terminal=terminal)
    settings = Settings(**fields)
    problems += validate(settings) if command in ("dev", "start") else store_problems(settings)
    return Resolution(settings, problems, warnings, path, plan=own.get("plan", False), own=own)


class _Sources(NamedTuple):
    flags: Mapping[str, Sequence[str]]
    env: Mapping[str, str]
    content: Mapping[str, Any]
    path: str

    def look_up(self, option: Option) -> tuple[object, str]:
        """The raw value and what to call its source. An empty variable and a null in a file are no value."""
        given = self.flags.get(option.flag)
        if given and option.flag:
            return (list(given) if option.kind is Kind.LIST else given[-1]), f"flag --{option.flag}"
        if option.flag_only:
            return _ABSENT, ""
        if text := self.env.get(option.env):
            return text, f"environment {option.env}"
        value = self.content.get(option.flag) if option.flag else None
        if value is not None:
            return value, f"config file {self.path}: {option.flag}"
        return _ABSENT, ""


_FLAGS = frozenset(option.flag for option in OPTIONS if not option.flag_only)


def _config(
    flags: Mapping[str, Sequence[str]],
    env: Mapping[str, str],
    cwd: Path,
    problems: list[str],
    warnings: list[str],
) -> tuple[str, dict[str, Any]]:
    """Path and content. A file that was asked for must be readable; one that was found need not be."""
    given = flags.get("config")
    asked = given[-1] if given else env.get("INNGEST_CONFIG", "")
    if asked:
        path: Path | None = cwd / asked
    else:
        home = env.get("HOME")
        path = config_file.find(cwd, Path(home) if home else None)
    if path is None:
        return "", {}
    try:
        return str(path), config_file.read(path)
    except config_file.ConfigFileError as error:
        if asked:
            problems.append(str(error))
        else:
            warnings.append(f"{error}; going on without it")
        return "", {}


def _log_format(own: Mapping[str, Any], warnings: list[str], *, terminal: bool) -> LogFormat:
    if own.get("json"):
        return "json"
    handler = own.get("LOG_HANDLER", "")
    if form := _FORMATS.get(handler.strip().lower()):
        return form
    if handler:
        warnings.append(f"environment LOG_HANDLER: expected json, dev, text or txt, got {handler!r}")
    return "dev" if terminal else "json"
