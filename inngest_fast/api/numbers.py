"""Whole numbers in query strings."""


def whole(text: str, default: int, low: int, high: int) -> int:
    """The number, moved into its bounds; `default` for what is none."""
    if not (text.isascii() and text.isdecimal() and len(text) <= 18):
        return default
    return min(max(int(text), low), high)
