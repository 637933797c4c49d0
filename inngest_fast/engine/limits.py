"""Limits of the protocol (sdk-protocol §9). Sizes in bytes, times in ms."""

from typing import Final

from inngest_fast.domain.apps import Function

SECOND: Final = 1_000
DAY: Final = 86_400_000

MAX_STEPS: Final = 1_000
MAX_STATE_SIZE: Final = 32 * 1024 * 1024
MAX_REQUEST_SIZE: Final = 4 * 1024 * 1024
MAX_STEP_SIZE: Final = 4 * 1024 * 1024  # of the input or output of one step
MAX_STATE_IN_REQUEST: Final = MAX_REQUEST_SIZE - 1024
MAX_RESPONSE_SIZE: Final = 8 * 1024 * 1024
MAX_REDIRECTS: Final = 60
CALL_TIMEOUT: Final = 2 * 3_600 * SECOND
PING_TIMEOUT: Final = 10 * SECOND
MAX_SUSPENSION: Final = 366 * DAY  # of a sleep or a wait for an event
DEFAULT_WAIT: Final = 365 * DAY  # of an invoke, a signal or a cancelOn without a timeout
MAX_DEFERS: Final = 20  # of a run
MAX_DEFERS_NOTED: Final = 100  # with those that were rejected
MAX_DEFER_SIZE: Final = 4 * 1024 * 1024  # of all that a run defers, which is in bytes
MAX_DEFER_META: Final = 32 * 1024
KEY_LIFE: Final = DAY  # of an idempotency key
READY_SOON: Final = 2 * SECOND  # jobs due by then are ordered by their run's age (flow-control §8.1)
SILENCE: Final = 600 * SECOND  # of an endpoint that works by itself, until it is called instead
REDISCOVERY_DELAY: Final = SECOND  # after an answer that says nothing


def max_steps(function: Function) -> int:
    """Of a run; a test may set it lower (http-api §3.1)."""
    return function.max_steps or MAX_STEPS


def max_state_size(function: Function) -> int:
    return function.max_state_size or MAX_STATE_SIZE
