"""What an app sends at a sync, checked and turned into function configs."""

from inngest_fast.engine.registration.function import read_function
from inngest_fast.engine.registration.request import (
    Registration,
    SyncRequest,
    parse_registration,
    read_registration,
    validate,
)

__all__ = [
    "Registration",
    "SyncRequest",
    "parse_registration",
    "read_function",
    "read_registration",
    "validate",
]
