"""The three things that an answer can be."""

import msgspec

from inngest_fast.domain.ops import Op


class Ops(msgspec.Struct, frozen=True):
    """The app reported steps. `version` is its request version, None if it named none."""

    ops: tuple[Op, ...]
    version: int | None
    no_retry: bool
    retry_at: int | None  # unix ms


class Result(msgspec.Struct, frozen=True):
    """The function returned; `data` is canonical JSON, None for a body that was empty."""

    data: bytes | None
    version: int | None


class Failure(msgspec.Struct, frozen=True):
    """A failed attempt. `error` is the standard error object, `output` what the app sent: canonical."""

    error: bytes
    output: bytes | None
    code: str  # "", "not_sdk", "output_too_large" or "unreachable"
    no_retry: bool
    retry_at: int | None
    version: int | None = None


Answer = Ops | Result | Failure
