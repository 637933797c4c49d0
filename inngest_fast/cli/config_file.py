"""Finds and reads the config file (http-api §1.3)."""

import os
from pathlib import Path
from typing import Any

NAMES = ("inngest.json", "inngest.yaml", "inngest.yml")


class ConfigFileError(Exception):
    """A config file that cannot be read; the text names the file and shows none of its content."""


def find(cwd: Path, home: Path | None) -> Path | None:
    """The first of `NAMES` in `cwd`, in each directory above it, then in `home`/.config/inngest."""
    places = [cwd, *cwd.parents]
    if home is not None:
        places.append(home / ".config" / "inngest")
    for place in places:
        for name in NAMES:
            path = place / name
            if os.path.isfile(path):  # noqa: PTH113 Path.is_file raises where a directory may not be entered
                return path
    return None


def read(path: Path) -> dict[str, Any]:
    """Keys and values of the file; JSON or YAML by its extension, YAML without one. `ConfigFileError`."""
    suffix = path.suffix.lower()
    if suffix not in (".json", ".yaml", ".yml", ""):
        raise ConfigFileError(f"config file {path}: {suffix} is not supported, use .yaml, .yml or .json")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigFileError(f"config file {path}: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise ConfigFileError(f"config file {path}: not UTF-8 text") from None
    content = _json(path, text) if suffix == ".json" else _yaml(path, text)
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ConfigFileError(f"config file {path}: expected keys and values, got a {type(content).__name__}")
    return {str(key): value for key, value in content.items()}


def _json(path: Path, text: str) -> object:
    import json

    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigFileError(
            f"config file {path}: line {error.lineno} column {error.colno}: {error.msg}"
        ) from None
    except RecursionError:
        raise ConfigFileError(f"config file {path}: nested too deep") from None


def _yaml(path: Path, text: str) -> object:
    import yaml

    try:
        # JSON is YAML but for tabs, which only indent there.
        return yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 both are safe loaders
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f" line {mark.line + 1} column {mark.column + 1}:" if mark else ""
        raise ConfigFileError(f"config file {path}:{where} {error.problem or 'not YAML'}") from None
    except (yaml.YAMLError, ValueError, RecursionError):  # ValueError: a date that does not exist
        raise ConfigFileError(f"config file {path}: not YAML") from None
