"""Random valid documents over a schema."""

import json

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLUnionType,
    get_named_type,
    is_composite_type,
)

TEXTS = (
    *(
        "",
        "x",
        "{}",
        "[]",
        "[1]",
        "null",
        "no cursor",
        "\x00",
        "é",
        "01M83V3VHB3Y6YYE5HMY6P2T7Q",
        "shop",
        "shop-flaky",
        "shop-nobody",
    ),
    *(
        "http://nobody:1/x",
        "event.data.n == 7",
        "output.x == 1\nerror.message == 'thrown'",
        "has(event.x)",
        "try it",
        "eyJJRCI6IngifQ==",
    ),
    *("00000000-0000-0000-0000-000000000000", "2023-11-14T22:13:21Z"),
)
TIMES = (
    "2023-01-01T00:00:00Z",
    "2023-11-14",
    "2023-11-14T22:13:25.5Z",
    "1969-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
)


class Documents:
    def __init__(self, schema, random, known):
        self.schema = schema
        self.random = random
        self.aliases = 0
        self.texts = (*TEXTS, *known, *known)

    def query(self):
        return "query {" + self._fields(self.schema.query_type, 7) + " }"

    def mutation(self):
        return "mutation {" + self._fields(self.schema.mutation_type, 4) + " }"

    def _fields(self, type, depth, *, apart=False):
        random = self.random
        if isinstance(type, GraphQLUnionType):
            parts = [f" ... on {one.name} {{{self._fields(one, depth, apart=True)} }}" for one in type.types]
            return " __typename" + "".join(parts)
        fields = [
            (name, field)
            for name, field in type.fields.items()
            if depth > 1 or not is_composite_type(get_named_type(field.type))
        ]
        chosen = random.sample(fields, min(len(fields), random.randint(1, 6)))
        out = [" __typename"] if random.random() < 0.1 or not chosen else []
        for name, field in chosen:
            self.aliases += 1  # no two alike: what stands apart may come together under one name
            alias = f" a{self.aliases}: " if apart or random.random() < 0.3 else " "
            named = get_named_type(field.type)
            below = f" {{{self._fields(named, depth - 1)} }}" if is_composite_type(named) else ""
            one = f"{alias}{name}{self._arguments(field.args)}{below}"
            if isinstance(type, GraphQLObjectType) and random.random() < 0.1:
                one = f" ... on {type.name} {{{one} }}"
            out.append(one)
        return "".join(out)

    def _arguments(self, arguments):
        given = []
        for name, argument in arguments.items():
            if (
                isinstance(argument.type, GraphQLNonNull)
                and argument.default is None
                or self.random.random() < 0.6
            ):
                given.append(f"{name}: {self._value(argument.type)}")
        return f"({', '.join(given)})" if given else ""

    def _value(self, type):
        random = self.random
        if isinstance(type, GraphQLNonNull):
            return self._value(type.of_type)
        if isinstance(type, GraphQLList):
            return "[" + ", ".join(self._value(type.of_type) for _ in range(random.randint(0, 3))) + "]"
        if isinstance(type, GraphQLEnumType):
            return random.choice(list(type.values))
        if isinstance(type, GraphQLInputObjectType):
            return "{" + self._inputs(type) + "}"
        name = type.name
        if name == "Int":
            return str(random.choice((-1, 0, 1, 2, 40, 51, 399, 1_000, 2**31 - 1)))
        if name == "Boolean":
            return random.choice(("true", "false"))
        if name == "Time":
            return json.dumps(random.choice(TIMES))
        if name == "Map":
            return random.choice(("{}", "{n: 1}", '{sessions: {a: "b"}}', "{n: {n: [1, null, true, 1.5]}}"))
        return json.dumps(random.choice(self.texts), ensure_ascii=True)

    def _inputs(self, type):
        given = []
        for name, field in type.fields.items():
            if isinstance(field.type, GraphQLNonNull) and field.default is None or self.random.random() < 0.5:
                given.append(f"{name}: {self._value(field.type)}")
        return ", ".join(given)
