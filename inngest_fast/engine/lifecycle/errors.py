"""Errors that a run gets from the server itself."""

import msgspec


class RunFatalError(Exception):
    """What an app asked for ends its run at once, whatever attempts are left (sdk-protocol §4.3, §9).

    `error_object` is the standard error object as canonical JSON.
    """

    def __init__(self, name: str, message: str, error: str = "") -> None:
        super().__init__(message)
        self.error_object = error_object(name, message, error)


class AttemptError(Exception):
    """What an app asked for cannot be done: this attempt failed."""


def error_object(name: str, message: str, error: str = "") -> bytes:
    """The standard error object (sdk-protocol §3.2)."""
    return msgspec.json.encode({"error": error or f"{name}: {message}", "message": message, "name": name})
