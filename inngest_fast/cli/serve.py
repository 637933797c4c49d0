"""`dev` and `start`: settle the settings, set up logs, run the server."""

import logging
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from inngest_fast import log
from inngest_fast.cli.banner import banner
from inngest_fast.cli.ephemeral import why_ephemeral
from inngest_fast.cli.sources import resolve
from inngest_fast.domain.errors import InngestFastError, SettingsError
from inngest_fast.domain.settings import Mode, Settings

_log = logging.getLogger(__name__)


def serve(command: Mode, flags: Mapping[str, Sequence[str]]) -> int:
    """Run `command` ("dev" or "start") until it is told to stop, and return the exit code."""
    _use_utc()
    terminal = sys.stdout.isatty()
    found = resolve(command, flags, os.environ, Path.cwd(), terminal=terminal)
    if found.problems:
        for warning in found.warnings:
            print(f"Warning: {warning}")
        return _refused(found.problems)
    settings = found.settings
    log.configure(settings.log_level, settings.log_format, settings.secrets())
    if found.config_path:
        _log.info("using config", extra={"path": found.config_path})
    for warning in found.warnings:
        _log.warning(warning)
    _warn_if_ephemeral(settings)
    if terminal:
        print(banner(settings), flush=True)
    from inngest_fast.server import run

    try:
        return run(settings)
    except SettingsError as error:
        return _refused([log.Redactor(settings.secrets())(problem) for problem in error.problems])
    except InngestFastError as error:
        print(f"Error: {log.Redactor(settings.secrets())(str(error))}")
        return 1
    except KeyboardInterrupt:
        return 0
    except Exception:  # a bug: its trace goes through the redacting log, not the interpreter's own hook
        _log.exception("the server failed")
        return 1


def _refused(problems: Sequence[str]) -> int:
    for problem in problems:
        print(f"Error: {problem}")
    return 1


def _use_utc() -> None:
    """Times that libraries format by themselves are UTC as well (http-api §1.4)."""
    os.environ["TZ"] = "UTC"
    time.tzset()


def _warn_if_ephemeral(settings: Settings) -> None:
    if settings.mode != "start":
        return
    reason = why_ephemeral(settings.sqlite_dir)
    if reason:
        _log.warning(
            "runs, events, apps and queued work may be lost: sqlite-dir is %s; "
            "set --sqlite-dir to a directory on a lasting disk or volume",
            reason,
            extra={"sqlite_dir": os.path.realpath(settings.sqlite_dir)},
        )
