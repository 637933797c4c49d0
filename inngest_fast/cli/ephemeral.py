"""Tells whether a directory is likely to be gone after a restart."""

import os
from pathlib import Path

_VOLATILE = ("/tmp", "/dev/shm", "/run", "/var/run")  # noqa: S108 compared with, never written to
_LOST_WITH = {
    "tmpfs": "on tmpfs, which a reboot or a container restart empties",
    "ramfs": "on ramfs, which a reboot or a container restart empties",
    "overlay": "on the container's own layer, which goes with the container",
}


def why_ephemeral(directory: str, mounts: Path = Path("/proc/mounts")) -> str:
    """Why data in `directory`, which need not exist, would be lost; "" when nothing says so.

    `mounts` is in the form of proc_mounts(5); where it cannot be read, only the path tells.
    """
    path = os.path.realpath(directory)
    for place in _VOLATILE:
        if _within(path, place):
            return f"under {place}, which is emptied by a reboot"
    try:
        lines = mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return ""
    longest, kind = "", ""
    for line in lines:
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        point = _unescaped(fields[1])
        if len(point) >= len(longest) and _within(path, point):  # of equals, the later mount lies on top
            longest, kind = point, fields[2]
    return _LOST_WITH.get(kind, "")


def _within(path: str, place: str) -> bool:
    return path == place or path.startswith(place.rstrip("/") + "/")


def _unescaped(point: str) -> str:
    for code, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        point = point.replace(code, character)
    return point
