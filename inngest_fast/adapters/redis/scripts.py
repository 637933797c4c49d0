"""The operations in Lua, one file each, behind what they share."""

import hashlib
from functools import cache
from importlib import resources

import msgspec

_SHARED = "shared"


class Script(msgspec.Struct, frozen=True):
    name: str
    source: bytes
    sha: bytes


@cache
def scripts() -> dict[str, Script]:
    """By name."""
    sources = {
        file.name.removesuffix(".lua"): file.read_bytes()
        for file in resources.files(__package__).joinpath("lua").iterdir()
        if file.name.endswith(".lua")
    }
    shared = sources.pop(_SHARED)
    return {name: _script(name, shared + b"\n" + source) for name, source in sorted(sources.items())}


def _script(name: str, source: bytes) -> Script:
    # The server names scripts by SHA-1; nothing is secured by it.
    return Script(name, source, hashlib.sha1(source, usedforsecurity=False).hexdigest().encode())
