"""docs/configuration.md is in step with the table of options."""

from pathlib import Path

import pytest

from inngest_fast.cli.options import ENVIRONMENT_ONLY, OPTIONS, markdown

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("page", ["docs/configuration.md", "README.md"])
def test_the_table_is_what_the_options_print(page):
    lines = (ROOT / page).read_text(encoding="utf-8").splitlines()
    table = list(markdown())
    start = lines.index(table[0])
    assert lines[start : start + len(table)] == table
    assert lines[start + len(table)] == ""
    assert len(table) == 2 + len(OPTIONS) + len(ENVIRONMENT_ONLY)


def test_flags_and_variables_are_unique():
    flags = [name for option in OPTIONS for name in (option.flag, option.short) if name]
    assert len(flags) == len(set(flags))
    variables = [option.env for option in (*OPTIONS, *ENVIRONMENT_ONLY) if option.env]
    assert len(variables) == len(set(variables))
