"""`migrate`: brings the database to the version of this program."""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from inngest_fast import log
from inngest_fast.cli.sources import resolve
from inngest_fast.domain.errors import InngestFastError


def migrate(flags: Mapping[str, Sequence[str]]) -> int:
    """Apply what is missing, or with --plan say what that is; one line a migration. The exit code."""
    found = resolve("migrate", flags, os.environ, Path.cwd(), terminal=sys.stdout.isatty())
    for warning in found.warnings:
        print(f"Warning: {warning}")
    for problem in found.problems:
        print(f"Error: {problem}")
    if found.problems:
        return 1
    settings = found.settings
    secrets = settings.secrets()
    log.configure(settings.log_level, settings.log_format, secrets)
    from inngest_fast import server

    try:
        names = server.migrate(settings, plan=found.plan)
    except InngestFastError as error:
        print(f"Error: {log.Redactor(secrets)(str(error))}")
        return 1
    done = "would apply" if found.plan else "applied"
    print("\n".join(f"{done} {name}" for name in names) or "nothing to do")
    return 0
