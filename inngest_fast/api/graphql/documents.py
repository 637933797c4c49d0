"""Documents, parsed and validated once for each text."""

from collections import OrderedDict
from typing import Final

from graphql import DocumentNode, GraphQLError, GraphQLSchema, GraphQLSyntaxError, parse, validate

from inngest_fast.api.graphql import bounds

KEPT_LENGTH: Final = 128 * 1024  # characters in all; in memory each is a hundred bytes
_LONGEST_KEPT: Final = 16 * 1024
_MAX_ERRORS: Final = 20
MAX_LENGTH: Final = 64 * 1024


class InvalidDocumentError(Exception):
    """A document that cannot be executed, and why."""

    def __init__(self, errors: list[GraphQLError], code: str) -> None:
        super().__init__(code)
        self.errors = errors
        self.code = code


class Documents:
    """Those used last are kept; what is wrong is judged again each time."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema
        self._known: OrderedDict[str, DocumentNode] = OrderedDict()
        self.length = 0  # of those that are kept

    def get(self, text: str) -> DocumentNode:
        """Raises InvalidDocumentError."""
        known = self._known.get(text)
        if known is not None:
            self._known.move_to_end(text)
            return known
        document = self._read(text)
        if len(text) <= _LONGEST_KEPT:
            self._known[text] = document
            self.length += len(text)
            while self.length > KEPT_LENGTH:
                oldest, _ = self._known.popitem(last=False)
                self.length -= len(oldest)
        return document

    def _read(self, text: str) -> DocumentNode:
        if len(text) > MAX_LENGTH:
            raise _invalid(GraphQLError(f"the query is longer than {MAX_LENGTH} characters"))
        try:
            document = parse(text, max_tokens=bounds.MAX_TOKENS)
        except GraphQLSyntaxError as error:
            raise InvalidDocumentError([error], "GRAPHQL_PARSE_FAILED") from None
        except RecursionError:
            raise _invalid(GraphQLError("the query is nested too deeply")) from None
        try:
            bounds.check(document)
            errors = validate(self._schema, document, max_errors=_MAX_ERRORS)
        except GraphQLError as error:
            raise _invalid(error) from None
        except RecursionError:
            raise _invalid(GraphQLError("the query is nested too deeply")) from None
        if errors:
            raise InvalidDocumentError(errors, "GRAPHQL_VALIDATION_FAILED")
        return document


def _invalid(error: GraphQLError) -> InvalidDocumentError:
    return InvalidDocumentError([error], "GRAPHQL_VALIDATION_FAILED")
