"""The command line: `dev`, `start`, `migrate`, `keys`, `api`, `version`, `help`.

Problems go to standard output (http-api §1.5).
"""

import sys
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 refused or failed, 3 unknown command."""
    from inngest_fast.cli.arguments import UsageError, parse

    try:
        asked = parse(list(sys.argv[1:] if argv is None else argv))
    except UsageError as error:
        print(error)
        return error.status
    if asked.command == "version":
        from inngest_fast.version import VERSION

        print(VERSION)
        return 0
    if asked.command == "api" or asked.topic == "api":
        from inngest_fast.cli.api import api

        return api(asked.words)
    if asked.command == "help":
        from inngest_fast.cli.help import command_help, general_help

        print(command_help(asked.topic) if asked.topic else general_help())
        return 0
    if asked.command == "migrate":
        from inngest_fast.cli.migrate import migrate

        return migrate(asked.flags)
    if asked.command == "keys":
        from inngest_fast.cli.keys import keys

        return keys(asked.flags, asked.words)
    from inngest_fast.cli.serve import serve

    return serve("dev" if asked.command == "dev" else "start", asked.flags)
