"""The operations in Lua, one file each. Those of one directory are one script: what a script is made of stays
in the server's memory, and the more is there, the more each call costs.
"""

import hashlib
import re
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable

import msgspec
from msgspec.structs import replace

# Stands for the file of that name in `shared`, unless that is there already. In a block it is there for the
# block.
_INCLUDE = re.compile(r"^( *)--include (\w+)\n", re.MULTILINE)


class Script(msgspec.Struct, frozen=True):
    source: bytes
    sha: bytes
    operation: str = ""  # its first argument, where it knows several


@cache
def scripts() -> dict[str, Script]:
    """By the name of the operation."""
    files = resources.files(__package__).joinpath("lua")
    directories = {path.name: _sources(path) for path in files.iterdir() if path.is_dir()}
    shared = directories.pop("shared")
    found = {name: _script(_expanded(source, shared, set())) for name, source in _sources(files).items()}
    for operations in directories.values():
        script = _script(_choice(operations, shared))
        found |= {name: replace(script, operation=name) for name in operations}
    return found


def _sources(directory: Traversable) -> dict[str, str]:
    return {
        path.name.removesuffix(".lua"): path.read_text(encoding="utf-8")
        for path in sorted(directory.iterdir(), key=lambda path: path.name)
        if path.name.endswith(".lua")
    }


def _expanded(source: str, shared: dict[str, str], included: set[str]) -> str:
    def include(found: re.Match[str]) -> str:
        block, name = found.groups()
        if name in included:
            return ""
        inner = set(included) if block else included
        inner.add(name)
        return _expanded(shared[name], shared, inner)

    return _INCLUDE.sub(include, source)


def _choice(operations: dict[str, str], shared: dict[str, str]) -> str:
    """What all of them include comes before the choice."""
    each: list[set[str]] = [set() for _ in operations]
    for source, included in zip(operations.values(), each, strict=True):
        _expanded(source, shared, included)
    common = "".join(f"--include {name}\n" for name in sorted(set.intersection(*each)))
    included = set()
    head = _expanded(common, shared, included)
    cases = "else".join(
        f"if operation == '{name}' then\n{_expanded(source, shared, set(included))}\n"
        for name, source in operations.items()
    )
    return f"{head}\nlocal operation = table.remove(ARGV, 1)\n{cases}end\n"


def _script(text: str) -> Script:
    source = text.encode()
    # The server names scripts by SHA-1; nothing is secured by it.
    return Script(source, hashlib.sha1(source, usedforsecurity=False).hexdigest().encode())
