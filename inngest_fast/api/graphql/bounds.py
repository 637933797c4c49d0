"""What a document may ask for at all; how much it really asks for is counted while it is executed."""

from typing import Final

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
)

# The introspection query of the newest tools goes 15 deep, a trace with five levels of spans 10.
MAX_DEPTH: Final = 20
MAX_FIELDS: Final = 2_000  # with what fragments stand for, at every place where they are spread
MAX_ALIASES: Final = 15  # of one field in one selection: each is asked for by itself
MAX_TOKENS: Final = 5_000


def check(document: DocumentNode) -> None:
    """Raises GraphQLError for a document that is too deep or too large. It need not be valid."""
    fragments = {
        node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
    }
    measure = _Measure(fragments)
    for node in document.definitions:
        if isinstance(node, OperationDefinitionNode):
            depth, fields = measure.of(node.selection_set)
            if depth > MAX_DEPTH:
                raise GraphQLError(f"the query is {depth} levels deep, at most {MAX_DEPTH} are allowed")
            if fields > MAX_FIELDS:
                raise GraphQLError(f"the query has {fields} fields, at most {MAX_FIELDS} are allowed")


class _Measure:
    """Depth and number of fields of selections; each fragment is measured once."""

    def __init__(self, fragments: dict[str, FragmentDefinitionNode]) -> None:
        self._fragments = fragments
        self._known: dict[str, tuple[int, int]] = {}

    def of(self, selections: SelectionSetNode | None) -> tuple[int, int]:
        if selections is None:
            return 0, 0
        deepest = fields = 0
        seen: dict[str, int] = {}
        for node in selections.selections:
            below = extra = 0
            if isinstance(node, FieldNode):
                name = node.name.value
                seen[name] = seen.get(name, 0) + 1
                if seen[name] > MAX_ALIASES:
                    raise GraphQLError(f"{name} is asked for more than {MAX_ALIASES} times in one selection")
                below, extra = self.of(node.selection_set)
                below, extra = below + 1, extra + 1
            elif isinstance(node, InlineFragmentNode):
                below, extra = self.of(node.selection_set)
            elif isinstance(node, FragmentSpreadNode):
                below, extra = self._fragment(node.name.value)
            deepest, fields = max(deepest, below), fields + extra
        return deepest, fields

    def _fragment(self, name: str) -> tuple[int, int]:
        if name not in self._known:
            self._known[name] = 0, 0  # one that spreads itself is refused by the validation
            fragment = self._fragments.get(name)
            if fragment is not None:
                self._known[name] = self.of(fragment.selection_set)
        return self._known[name]
