"""`keys`: makes, lists and revokes API keys, in the store of the settings (docs/auth.md)."""

import asyncio
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from inngest_fast import log
from inngest_fast.auth.api_keys import MOST, digest_of, new_secret
from inngest_fast.cli.sources import resolve
from inngest_fast.domain.api_keys import ApiKey, Scope
from inngest_fast.domain.durations import format_rfc3339
from inngest_fast.domain.errors import InngestFastError
from inngest_fast.domain.ids import ulid
from inngest_fast.ports.api_keys import ApiKeys

_LONGEST_NAME: Final = 100
_LONGEST_LIFE_S: Final = 100 * 365 * 86_400.0
_OF_CREATE: Final = ("scope", "name", "expires")
_USAGE: Final = "keys takes one of create, list and revoke ID"


class _RefusedError(InngestFastError):
    """What was asked for makes no sense; nothing was changed."""

    code = "keys"


def keys(flags: Mapping[str, Sequence[str]], words: Sequence[str]) -> int:
    """Does what `words` say, and prints what came of it. The exit code."""
    found = resolve("keys", flags, os.environ, Path.cwd(), terminal=sys.stdout.isatty())
    for warning in found.warnings:
        print(f"Warning: {warning}")
    problems = [*_problems(words, found.own), *found.problems]
    for problem in problems:
        print(f"Error: {problem}")
    if problems:
        return 1
    settings = found.settings
    secrets = settings.secrets()
    log.configure(settings.log_level, settings.log_format, secrets)
    from inngest_fast import server

    try:
        lines = asyncio.run(_done(server.api_keys(settings), words, found.own, int(time.time() * 1_000)))
    except InngestFastError as error:
        print(f"Error: {log.Redactor(secrets)(str(error))}")
        return 1
    print("\n".join(lines))
    return 0


def _problems(words: Sequence[str], own: Mapping[str, Any]) -> list[str]:
    if not words or len(words) != {"create": 1, "list": 1, "revoke": 2}.get(words[0], 0):
        return [_USAGE]
    if words[0] != "create":
        return [f"--{flag} is for keys create" for flag in _OF_CREATE if flag in own]
    problems = []
    name = own.get("name", "")
    if not name or len(name) > _LONGEST_NAME or not name.isprintable():
        problems.append(f"--name must say what the key is for, in at most {_LONGEST_NAME} characters")
    if not 0 < own.get("expires", 1) <= _LONGEST_LIFE_S:
        problems.append("--expires must be a time to come, in at most 100 years")
    return problems


async def _done(store: ApiKeys, words: Sequence[str], own: Mapping[str, Any], now: int) -> list[str]:
    if words[0] == "create":
        return await _created(store, own, now)
    if words[0] == "list":
        return _table(await store.all(), now)
    if not await store.revoke(words[1], now):
        raise _RefusedError(f"there is no API key {words[1]}: 'keys list' shows those that there are")
    return [f"revoked {words[1]}: servers that run refuse it within seconds"]


async def _created(store: ApiKeys, own: Mapping[str, Any], now: int) -> list[str]:
    if len(await store.live(now)) >= MOST:
        raise _RefusedError(f"there are {MOST} API keys already, and no more may be: revoke some")
    secret = new_secret()
    expires = own.get("expires")
    key = ApiKey(
        id=ulid(now, os.urandom(10)),
        name=own["name"],
        scope=Scope[own.get("scope", "read").upper()],
        digest=digest_of(secret),
        created_at=now,
        expires_at=now + int(expires * 1_000) if expires else 0,
    )
    await store.put(key)
    until = f", until {_time(key.expires_at)}" if expires else ""
    return [f"created {key.id} ({key.scope.text}){until}; the key, which is not shown again:", secret]


def _table(found: Sequence[ApiKey], now: int) -> list[str]:
    rows: list[tuple[str, ...]] = [("ID", "NAME", "SCOPE", "CREATED", "EXPIRES", "LAST USED", "STATE")]
    for key in found:
        times = map(_time, (key.created_at, key.expires_at, key.used_at))
        rows.append((key.id, key.name, key.scope.text, *times, _state(key, now)))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]


def _state(key: ApiKey, now: int) -> str:
    if key.revoked_at:
        return f"revoked {_time(key.revoked_at)}"
    return "live" if key.live(now) else "expired"


def _time(ms: int) -> str:
    return format_rfc3339(ms // 1_000 * 1_000) if ms else "never"
