"""SDK releases that may not sync (sdk-protocol §1.4, point 4)."""

import re

_VERSION = re.compile(r"js:v?([0-9]{1,9})\.([0-9]{1,9})\.([0-9]{1,9})")
_FIRST_DENIED = (3, 22, 0)
_LAST_DENIED = (3, 53, 1)


def is_denied(sdk: str) -> bool:
    """Whether `sdk`, as in `js:v3.54.2`, is a release with the known security hole."""
    found = _VERSION.match(sdk)
    if found is None:
        return False
    return _FIRST_DENIED <= (int(found[1]), int(found[2]), int(found[3])) <= _LAST_DENIED
