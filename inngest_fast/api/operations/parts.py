"""What an operation is made of."""

from typing import Any, Final, Literal, NamedTuple

Schema = dict[str, Any]  # JSON Schema 2020-12
Place = Literal["path", "query", "body"]

ULID_PATTERN: Final = "^[0-7][0-9A-HJKMNP-TV-Z]{25}$"


class Field(NamedTuple):
    """One value that an operation takes. `name` is lowerCamel; the snake_case one is accepted too."""

    name: str
    place: Place
    schema: Schema
    description: str
    required: bool = False

    @property
    def many(self) -> bool:
        """Whether it may be given several times."""
        return self.schema.get("type") == "array"

    @property
    def flag(self) -> str:
        """In kebab-case, as on a command line."""
        return kebab(self.name)


class Operation(NamedTuple):
    """One route. `path` has the names of path fields in braces, and begins below the surface's prefix.

    `returns` names the schema of what is under `data`, or with `listed` of each item there. `body` is the
    schema of a body that is no object of fields. Those with a `tool` are offered to MCP clients under that
    name, and on the command line as `command`.
    """

    id: str
    method: str
    path: str
    summary: str
    returns: str
    fields: tuple[Field, ...] = ()
    description: str = ""
    listed: bool = False
    writes: bool = False
    refusals: tuple[int, ...] = ()  # statuses that it answers with, besides those that all do
    body: Schema | None = None
    tool: str = ""
    command: str = ""
    tag: str = ""

    def of(self, place: Place) -> tuple[Field, ...]:
        return tuple(field for field in self.fields if field.place == place)

    @property
    def arguments(self) -> Schema:
        """The schema of an object that holds all its fields, wherever they go."""
        found: Schema = {
            "type": "object",
            "properties": {
                field.name: {**field.schema, "description": field.description} for field in self.fields
            },
            "additionalProperties": False,
        }
        if required := [field.name for field in self.fields if field.required]:
            found["required"] = required
        return found


def kebab(name: str) -> str:
    """`functionId` as `function-id`."""
    return "".join(f"-{c.lower()}" if c.isupper() else c for c in name).replace("_", "-")


def camel(name: str) -> str:
    """`function_id` as `functionId`; what is lowerCamel already stays."""
    first, *more = name.split("_")
    return first + "".join(word[:1].upper() + word[1:] for word in more)
