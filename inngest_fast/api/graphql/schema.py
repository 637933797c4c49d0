"""The schema: its text, and what resolves each of its fields."""

from importlib.resources import files
from inspect import iscoroutinefunction
from typing import Any

from graphql import GraphQLObjectType, GraphQLSchema, GraphQLUnionType, build_schema

from inngest_fast.api.graphql import (
    apps,
    debugging,
    defers,
    events,
    functions,
    mutations,
    older,
    paging,
    runs,
    scalars,
    traces,
    triggers,
    workers,
)
from inngest_fast.api.graphql.request import Info, Resolver, Resolvers

_TOPICS = (
    *(apps, debugging, defers, events, functions, mutations),
    *(older, paging, runs, traces, triggers, workers),
)


def make_schema() -> GraphQLSchema:
    """Built anew each time; costs some ten milliseconds."""
    text = files("inngest_fast.api.graphql").joinpath("schema.graphql").read_text(encoding="utf-8")
    schema = build_schema(text, assume_valid=True)
    scalars.attach(schema)
    for topic in _TOPICS:
        _attach(schema, topic.RESOLVERS)
    # What nothing was said of is a part of a dict: counted as well.
    for type in schema.type_map.values():
        if isinstance(type, GraphQLObjectType) and not type.name.startswith("__"):
            for name, field in type.fields.items():
                field.resolve = field.resolve or _counted(_part(name))
    return schema


def async_resolvers() -> set[str]:
    """The names of those that are coroutines."""
    all_of_them = (
        each for topic in _TOPICS for fields in topic.RESOLVERS.values() for each in fields.values()
    )
    return {each.__qualname__ for each in all_of_them if iscoroutinefunction(each)}


def _attach(schema: GraphQLSchema, resolvers: Resolvers) -> None:
    for type_name, fields in resolvers.items():
        type = schema.type_map[type_name]
        if isinstance(type, GraphQLUnionType):
            type.resolve_type = fields[""]
            continue
        assert isinstance(type, GraphQLObjectType)
        for name, resolver in fields.items():
            type.fields[name].resolve = _counted(resolver)


def _part(name: str) -> Resolver:
    return lambda source, _: source[name]


def _counted(resolver: Resolver) -> Resolver:
    def resolve(source: Any, info: Info, **arguments: Any) -> Any:
        # Null is the quickest way out of all that is left, once a bound is reached.
        return resolver(source, info, **arguments) if info.context.resolves() else None

    return resolve
