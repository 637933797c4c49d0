"""Logs on standard error: one JSON object a line, or text for people. No line leaves with a secret in it.

Attributes go through `extra`: `log.info("run ended", extra={"run": run_id})`. For names that
`logging.LogRecord` keeps for itself, such as `name`, pass a mapping as `extra={"attributes": {…}}`.
"""

import logging
import re
import sys
import time
from collections.abc import Iterable, Mapping
from typing import Any, TextIO

import msgspec

from inngest_fast.domain.settings import MASK, LogFormat, redact_uris

TRACE = 5
NOTICE = 25
EMERGENCY = logging.CRITICAL

LEVELS = {
    "trace": TRACE,
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "notice": NOTICE,
    "warn": logging.WARNING,
    "error": logging.ERROR,
    "emergency": EMERGENCY,
}

_ALIASES = {"warning": "warn", "critical": "emergency", "fatal": "emergency"}
_COLOURS = {"TRACE": "90", "DEBUG": "90", "INFO": "36", "NOTICE": "32", "WARN": "33"}
_RED = "31"
# After the header's name anything is a credential; elsewhere only what is too long for an English word.
_AUTHORIZATION = re.compile(
    r"""(?ix) ( authorization ["']? \s* [:=] \s* ["']? (?: (?:bearer|basic) \s+ )? ) [^\s"',;]+
    | ( \b (?:bearer|basic) \s+ ) [\w.~+/=-]{16,}"""
)
_SECRET_NAMES = frozenset(("authorization", "proxy-authorization", "password", "signing_key", "event_key"))
_OWN = frozenset((*vars(logging.makeLogRecord({})), "message", "asctime", "taskName", "attributes"))
_SHORT = 8  # a shorter secret is masked only where it stands alone: "ek1" is, the "ek1" in "week12" is not
_DEPTH = 8
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_PLAIN_VALUE = re.compile(r"[^\s\"=\x00-\x1f\x7f-\x9f]+")


def level_name(text: str) -> str:
    """The name in `LEVELS` that `text` means, in any case and with the usual aliases; "" if it is none."""
    name = text.strip().lower()
    name = _ALIASES.get(name, name)
    return name if name in LEVELS else ""


class Redactor:
    """Masks the given secrets (also percent-encoded), bearer and basic credentials, and URI passwords."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        from urllib.parse import quote

        every = {form for secret in secrets if secret for form in (secret, quote(secret, safe=""))}
        patterns = [
            re.escape(secret) if len(secret) >= _SHORT else rf"(?<!\w){re.escape(secret)}(?!\w)"
            for secret in sorted(every, key=lambda secret: (-len(secret), secret))  # longest first
        ]
        self._secrets = re.compile("|".join(patterns)) if patterns else None

    def __call__(self, text: str) -> str:
        text = redact_uris(text)
        if self._secrets is not None:
            text = self._secrets.sub(MASK, text)
        return _AUTHORIZATION.sub(rf"\1\2{MASK}", text)

    def value(self, value: object, depth: int = 0) -> Any:
        """`value` as JSON can hold it, masked throughout."""
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, bytes | bytearray | memoryview):
            return self._text(bytes(value).decode("utf-8", "backslashreplace"))
        if depth < _DEPTH:
            if isinstance(value, Mapping):
                named = ((str(key), item) for key, item in value.items())
                return {self._text(key): self.named(key, item, depth + 1) for key, item in named}
            if isinstance(value, list | tuple | set | frozenset):
                return [self.value(item, depth + 1) for item in value]
        return self._text(str(value))

    def named(self, name: str, value: object, depth: int = 0) -> Any:
        """As `value`, and masked whole if the name alone says that it is a secret."""
        if value and name.lower() in _SECRET_NAMES:
            return MASK
        return self.value(value, depth)

    def _text(self, text: str) -> str:
        text = self(text)
        # Lone surrogates, as in file names, have no UTF-8.
        return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


class _LineFormatter(logging.Formatter):
    """What both forms share: the parts of a record, masked."""

    def __init__(self, redactor: Redactor, common: Mapping[str, object]) -> None:
        super().__init__()
        self._redactor = redactor
        self._common = common

    def parts(self, record: logging.LogRecord) -> tuple[str, dict[str, Any]]:
        """The message and the attributes, `error` holding a traceback if there is one."""
        redactor = self._redactor
        try:
            message = record.getMessage()
        except Exception:  # the arguments do not fit the text: a log call must not raise, nor print them raw
            message = f"{record.msg} {record.args}"
        given = dict(self._common)
        given.update((name, value) for name, value in vars(record).items() if name not in _OWN)
        more = vars(record).get("attributes")
        if isinstance(more, Mapping):
            given.update((str(name), value) for name, value in more.items())
        attributes: dict[str, Any] = redactor.value(given)
        if record.exc_info and record.exc_info[1] is not None:
            attributes["exception"] = redactor.value(self.formatException(record.exc_info))
        if record.stack_info:
            attributes["stack"] = redactor.value(record.stack_info)
        return redactor.value(message), attributes


class JsonFormatter(_LineFormatter):
    """One JSON object: `time`, `level`, `msg`, `logger`, then the attributes (http-api §1.4)."""

    def format(self, record: logging.LogRecord) -> str:
        message, attributes = self.parts(record)
        line: dict[str, Any] = {
            "time": _timestamp(record.created),
            "level": _level(record.levelno),
            "msg": message,
            "logger": record.name,
        }
        for name, value in attributes.items():
            line[name + "_" if name in ("time", "level", "msg", "logger") else name] = value
        return msgspec.json.encode(line).decode()


class TextFormatter(_LineFormatter):
    """`time LEVEL message name=value …`, in colour if asked; tracebacks on lines of their own."""

    def __init__(self, redactor: Redactor, common: Mapping[str, object], *, colour: bool) -> None:
        super().__init__(redactor, common)
        self._colour = colour

    def format(self, record: logging.LogRecord) -> str:
        message, attributes = self.parts(record)
        level = _level(record.levelno)
        tail = [attributes.pop(name) for name in ("exception", "stack") if name in attributes]
        pairs = "".join(
            f" {self._dim(_escaped(name) + '=')}{_shown(value)}" for name, value in attributes.items()
        )
        time_of_day = self._dim(_timestamp(record.created)[:23] + "Z")
        # Text from outside must not forge lines or drive the terminal.
        first = f"{time_of_day} {self._painted(level)} {_escaped(message)}{pairs}"
        return "\n".join((first, *map(str, tail)))

    def _dim(self, text: str) -> str:
        return f"\x1b[90m{text}\x1b[0m" if self._colour else text

    def _painted(self, level: str) -> str:
        name = f"{level:<6}"
        return f"\x1b[{_COLOURS.get(level, _RED)}m{name}\x1b[0m" if self._colour else name


def configure(
    level: str = "info",
    form: LogFormat = "json",
    secrets: Iterable[str] = (),
    stream: TextIO | None = None,
    common: Mapping[str, object] | None = None,
) -> None:
    """Send all logs of the process to `stream` (standard error). Replaces what an earlier call set up.

    `common` are attributes of every line.
    """
    redactor, common = Redactor(secrets), common or {}
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        JsonFormatter(redactor, common)
        if form == "json"
        else TextFormatter(redactor, common, colour=form == "dev")
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(LEVELS[level])
    # It warns of pipelines that end with an error which whoever sent them sees, and mends.
    logging.getLogger("psycopg").setLevel(logging.ERROR)
    # What cannot be written (a closed pipe) is dropped: the report of it would show raw arguments.
    logging.raiseExceptions = False


def _timestamp(created: float) -> str:
    seconds = int(created)
    nanos = int((created - seconds) * 1e9)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{nanos:09d}Z"


def _level(number: int) -> str:
    """The name of the highest level that `number` reaches."""
    reached = "trace"
    for name, floor in LEVELS.items():  # rising
        if floor <= number:
            reached = name
    return reached.upper()


def _escaped(text: str) -> str:
    return _CONTROL.sub(lambda found: repr(found[0])[1:-1], text)


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    if isinstance(value, str) and not _PLAIN_VALUE.fullmatch(text):
        return msgspec.json.encode(text).decode()
    return text
