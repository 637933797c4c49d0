"""Typed reading of decoded JSON with case-insensitive keys; what is wrong is collected, not raised."""

from inngest_fast.domain.durations import parse_extended
from inngest_fast.domain.errors import InvalidDurationError

_MAX_INTEGER = 2**31 - 1


class Problems:
    """What was found wrong with one thing; every text begins with what `owner` names."""

    def __init__(self, owner: str) -> None:
        self.owner = owner
        self.texts: list[str] = []
        self.code = ""  # the first specific wire code, "" while there is none

    def add(self, text: str, code: str = "") -> None:
        self.texts.append(f"{self.owner}: {text}")
        self.code = self.code or code


class Fields:
    """One JSON object. Readers take an absent field and a null alike, and return their default for both.

    A value of the wrong type is reported to `problems`, named by its path, and read as absent.
    """

    __slots__ = ("_exact", "_folded", "path", "problems")

    def __init__(self, value: dict[str, object], problems: Problems, path: str = "") -> None:
        self._exact = value
        self._folded = {key.lower(): item for key, item in value.items()}
        self.problems = problems
        self.path = path

    def path_of(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name

    def get(self, name: str) -> object:
        """The raw value of the field; an exactly spelled key goes before one in other case."""
        value = self._exact.get(name)
        return value if value is not None else self._folded.get(name.lower())

    def refuse(self, name: str, text: str, code: str = "") -> None:
        self.problems.add(f"{self.path_of(name)}: {text}", code)

    def text(self, name: str) -> str:
        value = self.get(name)
        if value is None or isinstance(value, str):
            return value or ""
        self.refuse(name, f"expected text, got {kind_of(value)}")
        return ""

    def required_text(self, name: str, reason: str) -> str:
        """As `text`, but an absent or empty value is refused with the reason."""
        value = self.get(name)
        if value is None or value == "":
            self.refuse(name, reason)
            return ""
        return self.text(name)

    def integer(self, name: str, default: int = 0) -> int:
        value = self.get(name)
        if value is None:
            return default
        number = whole_number(value)
        if number is None:
            self.refuse(name, f"expected a whole number of at most {_MAX_INTEGER}, got {kind_of(value)}")
            return default
        return number

    def section(self, name: str) -> "Fields | None":
        value = self.get(name)
        if value is None:
            return None
        if isinstance(value, dict):
            return Fields(value, self.problems, self.path_of(name))
        self.refuse(name, f"expected an object, got {kind_of(value)}")
        return None

    def items(self, name: str) -> list[object]:
        value = self.get(name)
        if value is None:
            return []
        if isinstance(value, list):
            return value
        self.refuse(name, f"expected a list, got {kind_of(value)}")
        return []

    def objects(self, name: str) -> list["Fields"]:
        found = []
        for index, value in enumerate(self.items(name)):
            where = f"{name}[{index}]"
            if isinstance(value, dict):
                found.append(Fields(value, self.problems, self.path_of(where)))
            else:
                self.refuse(where, f"expected an object, got {kind_of(value)}")
        return found

    def duration(self, name: str) -> int | None:
        """Nanoseconds of an extended duration; None if the field is absent, empty or refused."""
        text = self.text(name)
        if not text:
            return None
        try:
            return parse_extended(text)
        except InvalidDurationError as error:
            self.refuse(name, str(error))
            return None


def whole_number(value: object) -> int | None:
    """The number if it is whole and fits 32 bits, else None; JSON may write it as `3.0`."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if abs(value) > _MAX_INTEGER or value != int(value):
        return None
    return int(value)


def kind_of(value: object) -> str:
    """What a JSON value is, in the words of the problem texts."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, int | float):
        return f"the number {value}" if abs(value) < 1e18 else "a number out of range"
    if isinstance(value, str):
        return "text"
    return "a list" if isinstance(value, list) else "an object"
