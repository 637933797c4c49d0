"""The table of what flow control does, observed: `python -m tests.e2e.flow_table` prints Markdown.

Plays tests/e2e/flow with the reference's own numbers; takes some minutes. Arguments go to pytest.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from tests.e2e.flow.scenario import EXACT

TABLE = "FLOW_TABLE"  # a directory: what was expected and observed is written there

Row = dict[str, str]
Told = Callable[[str, str, str], None]  # test, expected, observed


def write(sdk: str, backend: str, test: str, expected: str, observed: str) -> None:
    """Keeps one cell of the table, if one is wanted."""
    directory = os.environ.get(TABLE)
    if directory:
        row = {"sdk": sdk, "backend": backend, "test": test, "expected": expected, "observed": observed}
        with (Path(directory) / f"{os.getpid()}.jsonl").open("a") as file:
            file.write(json.dumps(row) + "\n")


def main(arguments: Sequence[str]) -> int:
    with tempfile.TemporaryDirectory() as directory:
        environment = os.environ | {TABLE: directory, EXACT: "1"}
        command = [sys.executable, "-m", "pytest", "-q", "tests/e2e/flow", *arguments]
        done = subprocess.run(command, env=environment, stdout=sys.stderr, check=False)
        lines = [line for file in Path(directory).iterdir() for line in file.read_text().splitlines()]
    rows: list[Row] = [json.loads(line) for line in lines]
    usual = [row for row in rows if row["backend"] in ("embedded", "production")]
    print(table(usual))
    print()
    print(table([row for row in rows if row not in usual]))
    return done.returncode


def table(rows: Iterable[Row]) -> str:
    """A line for each test, a column for each SDK and backend."""
    columns: list[str] = []
    expected: dict[str, str] = {}
    observed: dict[str, dict[str, str]] = defaultdict(dict)
    for row in rows:
        column = f"{row['sdk']}, {row['backend']}"
        if column not in columns:
            columns.append(column)
        expected[row["test"]] = row["expected"]
        observed[row["test"]][column] = row["observed"]
    lines = [["Test", "Expected", *columns], ["---"] * (len(columns) + 2)]
    for test, of in observed.items():
        cells = [of.get(column, "–") for column in columns]
        lines.append([test, expected[test], *cells])
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
