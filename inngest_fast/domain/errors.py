"""The errors this program raises on purpose. HTTP status codes are given at the edge, by `api`."""


class InngestFastError(Exception):
    """Base of every error below. `code` is stable; the message names the thing and the fix."""

    code = "internal"


class SettingsError(InngestFastError):
    """Settings that cannot be served with; `problems` holds every one that was found."""

    code = "settings_invalid"

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class InvalidEventError(InngestFastError):
    """An event that ingest refuses (http-api §2.1); the message is the wire text."""

    code = "event_invalid"


class InvalidFunctionError(InngestFastError):
    """A function config that a sync refuses (sdk-protocol §1.3); `problems` holds every one found."""

    code = "config_invalid"

    def __init__(self, problems: list[str], code: str = "config_invalid") -> None:
        super().__init__("; ".join(problems))
        self.problems = problems
        self.code = code


class SyncRefusedError(InngestFastError):
    """A registration refused as a whole; `message` is the wire text, `code` the wire code or ""."""

    def __init__(self, message: str, code: str = "", detail: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.detail = detail or message


class CheckpointRefusedError(InngestFastError):
    """A checkpoint that is not taken (sdk-protocol §7); nothing of it was stored.

    `code` is "invalid", "unknown" (no such run), "stale" (its dispatch is over), "exists", "too_many" or
    "too_large".
    """

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


class RerunRefusedError(InngestFastError):
    """A rerun that is not made (http-api §5.2, §6.6); the message is REST v2's wire text.

    `code` is "unknown" (no such run), "function_unknown" (its function is gone), "step_unknown",
    "input_invalid", "no_input" (the step takes none) or "too_large".
    """

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


class AnnotationRefusedError(InngestFastError):
    """Metadata that is not taken (http-api §4.4); the message is the wire text.

    `code` is "invalid", "unknown" (no such run) or "too_large".
    """

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


class InvalidDurationError(InngestFastError):
    """Text that is no duration."""

    code = "duration_invalid"


class StoreError(InngestFastError):
    """The store cannot serve: disk full, locked, read-only, gone. Nothing of the call was committed."""

    code = "store_unavailable"


class QueueError(InngestFastError):
    """The queue cannot be asked now. Changes to it are kept and sent later; the store knows every job."""

    code = "queue_unavailable"


class StoreVersionError(StoreError):
    """The store was written by a newer version of this program, or is none of ours."""

    code = "store_version"


class OverloadedError(InngestFastError):
    """A bound was reached; the caller may try again after `retry_after` seconds."""

    code = "overloaded"

    def __init__(self, message: str, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after
