"""Limits of the protocol (sdk-protocol §9). Sizes in bytes, times in ms."""

from typing import Final

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
KEY_LIFE: Final = DAY  # of an idempotency key
READY_SOON: Final = 2 * SECOND  # jobs due by then are ordered by their run's age (flow-control §8.1)
REDISCOVERY_DELAY: Final = SECOND  # after an answer that says nothing
