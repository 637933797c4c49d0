"""Finds the route of a request."""

from collections.abc import Iterable
from urllib.parse import unquote

import msgspec

from inngest_fast.api.http import Route


class Found(msgspec.Struct):
    """The routes of one path by method, and the values of its parameters."""

    methods: dict[str, tuple[Route, tuple[str, ...]]]
    values: tuple[str, ...]


class _Node:
    __slots__ = ("below", "methods", "parameter")

    def __init__(self) -> None:
        self.below: dict[str, _Node] = {}
        self.parameter: _Node | None = None
        self.methods: dict[str, tuple[Route, tuple[str, ...]]] = {}


class Router:
    """A tree of path segments; a literal segment goes before a parameter."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._static: dict[str, Found] = {}
        self._root = _Node()
        for route in routes:
            self._add(route)

    def find(self, path: str, raw_path: bytes = b"") -> Found | None:
        """The routes of a decoded path; `raw_path` is the same as it was sent, if known.

        None if there is none. An encoded slash is part of its segment.
        """
        found = self._static.get(path)
        if found is not None:
            return found
        if b"%" in raw_path:
            segments = [unquote(segment) for segment in raw_path.decode("latin-1").split("/")]
        else:
            segments = path.split("/")
        values: list[str] = []
        node = self._walk(self._root, segments, 1, values)
        return None if node is None else Found(node.methods, tuple(values))

    def _walk(self, node: _Node, segments: list[str], place: int, values: list[str]) -> _Node | None:
        if place == len(segments):
            return node if node.methods else None
        segment = segments[place]
        below = node.below.get(segment)
        if below is not None:
            found = self._walk(below, segments, place + 1, values)
            if found is not None:
                return found
        if node.parameter is not None and segment:
            values.append(segment)
            found = self._walk(node.parameter, segments, place + 1, values)
            if found is not None:
                return found
            values.pop()
        return None

    def _add(self, route: Route) -> None:
        node = self._root
        names: list[str] = []
        for segment in route.pattern.split("/")[1:]:
            if segment.startswith("{"):
                names.append(segment[1:-1])
                node.parameter = node.parameter or _Node()
                node = node.parameter
            else:
                node = node.below.setdefault(segment, _Node())
        if route.method in node.methods:
            raise ValueError(f"{route.method} {route.pattern} is given twice")
        node.methods[route.method] = (route, tuple(names))
        if not names:
            self._static[route.pattern] = Found(node.methods, ())
