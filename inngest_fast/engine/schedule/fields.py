"""The five fields of a cron expression as bit sets (flow-control §3)."""

import msgspec

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_MAX_DIGITS = 4


class CronField(msgspec.Struct, frozen=True):
    """Bit n of `bits` is set when n matches. `star`: the field restricts nothing; a step above 1 ends that.

    `wildcard`: the field is written with `*` or `?`, whatever its step, or matches every value.
    """

    bits: int
    star: bool
    wildcard: bool


class Range(msgspec.Struct, frozen=True):
    """What a field may hold."""

    title: str
    low: int
    high: int
    names: dict[str, int] = {}

    def number(self, text: str) -> int:
        """Raises ValueError with the reason."""
        named = self.names.get(text.lower())
        if named is not None:
            return named
        if not (text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS):
            raise ValueError(f"the {self.title} has {text!r}, which is no {self._kind()}")
        value = int(text)
        if not self.low <= value <= self.high:
            raise ValueError(f"the {self.title} {value} is not from {self.low} to {self.high}")
        return value

    def _kind(self) -> str:
        return "number or name" if self.names else "number"


MINUTE = Range("minute", 0, 59)
HOUR = Range("hour", 0, 23)
DAY_OF_MONTH = Range("day of month", 1, 31)
MONTH = Range("month", 1, 12, {name: index for index, name in enumerate(_MONTHS, 1)})
DAY_OF_WEEK = Range("day of week", 0, 6, {name: index for index, name in enumerate(_WEEKDAYS)})


def parse_field(text: str, within: Range) -> CronField:
    """A list of `*`, `?`, numbers, names, ranges, and any of these with `/step`.

    `5/10` counts from 5 to the end. Empty list items are passed over. Raises ValueError with the reason.
    """
    bits = 0
    star = wildcard = False
    items = [item for item in text.split(",") if item]
    if not items:
        raise ValueError(f"the {within.title} is an empty list")
    for item in items:
        item_bits, starred, step = _parse_item(item, within)
        bits |= item_bits
        star = star or (starred and step == 1)
        wildcard = wildcard or starred
    every = (1 << within.high + 1) - (1 << within.low)
    return CronField(bits, star, wildcard or bits == every)


def _parse_item(item: str, within: Range) -> tuple[int, bool, int]:
    """The item's bits, whether it is a star, and its step."""
    span, slash, step_text = item.partition("/")
    starred = span in ("*", "?")
    if starred:
        first, last = within.low, within.high
    else:
        first_text, dash, last_text = span.partition("-")
        first = within.number(first_text)
        last = within.number(last_text) if dash else within.high if slash else first
        if last < first:
            raise ValueError(f"the {within.title} range {span!r} ends before it begins")
    step = 1
    if slash:
        if not (step_text.isascii() and step_text.isdigit() and len(step_text) <= _MAX_DIGITS):
            raise ValueError(f"the {within.title} step {step_text!r} is no number")
        step = int(step_text)
        if not step:
            raise ValueError(f"the {within.title} step must be at least 1")
    return sum(1 << value for value in range(first, last + 1, step)), starred, step
