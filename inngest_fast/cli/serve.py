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
from inngest_fast.cli.supervisor import Plan, become
from inngest_fast.cli.worker import Worker, handed
from inngest_fast.domain.errors import InngestFastError, SettingsError
from inngest_fast.domain.settings import Mode, Settings

_STOPS_WITHIN_S = 15.0  # on top of what draining may take

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
    worker = handed(os.environ)
    common = {"worker": worker.number} if worker else None
    log.configure(settings.log_level, settings.log_format, settings.secrets(), common=common)
    if worker is None:  # the supervisor of workers has said it all
        if found.config_path:
            _log.info("using config", extra={"path": found.config_path})
        for warning in found.warnings:
            _log.warning(warning)
        _warn_if_ephemeral(settings)
        _warn_if_alone(settings)
        _warn_if_exposed(settings)
        if terminal:
            print(banner(settings), flush=True)
    try:
        if worker is not None:
            return _work(settings, worker)
        if settings.workers > 1:
            return _supervise(settings)
        from inngest_fast.server import run

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


def _supervise(settings: Settings) -> int:
    """Becomes the supervisor of workers, each of which is this very command again."""
    from inngest_fast.api.listener import bound

    place = bound(settings.bind_host, settings.port, search=False)
    host, port = place.getsockname()[:2]
    address = f"{host}:{port}"
    _log.info("supervising", extra={"address": address, "workers": settings.workers})
    sys.stdout.flush()
    plan = Plan(
        command=[sys.executable, *sys.orig_argv[1:]],
        workers=settings.workers,
        listening=place.detach(),
        stops_within=settings.drain_for + settings.drain_timeout + _STOPS_WITHIN_S,
        log_level=settings.log_level,
        log_json=settings.log_format == "json",
    )
    become(plan)
    return 0


def _work(settings: Settings, worker: Worker) -> int:
    from inngest_fast.server import run

    worker.follow()
    return run(settings, listening=worker.listening, on_serving=worker.ready, worker=worker.number)


def _refused(problems: Sequence[str]) -> int:
    for problem in problems:
        print(f"Error: {problem}")
    return 1


def _use_utc() -> None:
    """Times that libraries format by themselves are UTC as well (http-api §1.4)."""
    os.environ["TZ"] = "UTC"
    time.tzset()


def _warn_if_ephemeral(settings: Settings) -> None:
    if settings.mode != "start" or settings.postgres_uri:
        return
    reason = why_ephemeral(settings.sqlite_dir)
    if reason:
        _log.warning(
            "runs, events, apps and queued work may be lost: sqlite-dir is %s; "
            "set --sqlite-dir to a directory on a lasting disk or volume",
            reason,
            extra={"sqlite_dir": os.path.realpath(settings.sqlite_dir)},
        )


def _warn_if_exposed(settings: Settings) -> None:
    host = settings.bind_host
    if settings.mode == "dev" and not (host.startswith("127.") or host in ("localhost", "::1")):
        _log.warning(
            "dev asks nobody for a key: whoever reaches %s may do everything; use start, or --host 127.0.0.1",
            host,
        )


def _warn_if_alone(settings: Settings) -> None:
    if settings.postgres_uri and not settings.redis_uri:
        _log.warning(
            "only one server may run on this database: the queue is in its memory, and a second one would do "
            "all work twice; set --redis-uri to run several"
        )
    elif settings.redis_uri and not settings.postgres_uri:
        _log.warning(
            "only one server may run with this redis-uri and redis-prefix: runs are in its SQLite file, that "
            "others do not see; set --postgres-uri to run several"
        )
