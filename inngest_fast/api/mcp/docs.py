"""The documentation, as tools. Pages are looked up by name among those that there are."""

import functools
from pathlib import Path
from typing import Any, Final

import re2

from inngest_fast.api.http import Request
from inngest_fast.api.mcp.parts import Arguments, Tool, ToolError, read, schema_of

MOST_HITS: Final = 100
_PACKAGE: Final = Path(__file__).parents[2]
_PLACES: Final = (_PACKAGE / "docs", _PACKAGE.parent / "docs")  # of an installed package, of a source tree

_PATH: Final = schema_of("path", path={"type": "string", "description": "As list_docs has it."})
_PATTERN: Final = schema_of(
    "pattern",
    pattern={"type": "string", "description": "A regular expression; case does not matter."},
    limit={"type": "integer", "minimum": 1, "maximum": MOST_HITS, "default": 10},
)
_NOTHING: Final = schema_of()


@functools.cache
def pages() -> dict[str, str]:
    """All pages by name."""
    place = next((place for place in _PLACES if place.is_dir()), None)
    if place is None:
        return {}
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(place.glob("*.md"))}


async def _list(arguments: Arguments, _: Request) -> Any:
    read(arguments, _NOTHING)
    return {"docs": [{"path": path, "title": _title(text)} for path, text in pages().items()]}


async def _read(arguments: Arguments, _: Request) -> str:
    path = read(arguments, _PATH)["path"]
    if path not in pages():
        raise ToolError(f"there is no page {path[:64]!r}; there are {', '.join(pages())}")
    return pages()[path]


async def _grep(arguments: Arguments, _: Request) -> Any:
    asked = read(arguments, _PATTERN)
    options = re2.Options()
    options.case_sensitive = False
    options.log_errors = False
    try:
        pattern = re2.compile(asked["pattern"], options)
    except re2.error as error:
        raise ToolError(f"the pattern is no regular expression: {error}") from None
    hits = [
        {"path": path, "line": number, "text": line}
        for path, text in pages().items()
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]
    return {"matches": hits[: int(asked.get("limit", 10))], "total": len(hits)}


def _title(text: str) -> str:
    return text.partition("\n")[0].lstrip("# ")


DOCS_TOOLS: Final = (
    Tool("list_docs", "List the pages of the server's documentation.", _NOTHING, _list),
    Tool("read_doc", "Read a page of the server's documentation.", _PATH, _read),
    Tool("grep_docs", "Search the server's documentation for a pattern.", _PATTERN, _grep),
)
