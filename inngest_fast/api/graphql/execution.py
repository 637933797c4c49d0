"""Executes documents. The first one loads the library and builds the schema."""

import asyncio
import logging
import re
import warnings
from typing import Any, Final

from graphql import (
    DocumentNode,
    GraphQLError,
    OperationDefinitionNode,
    OperationType,
    execute,
    get_operation_ast,
)
from graphql.execution import ExecutionResult
from graphql.execution.values import get_variable_values

from inngest_fast.api.graphql.documents import Documents, InvalidDocumentError
from inngest_fast.api.graphql.request import Asked
from inngest_fast.api.graphql.schema import async_resolvers, make_schema
from inngest_fast.api.services import Services
from inngest_fast.domain.errors import InngestFastError
from inngest_fast.runtime.run_search import RunSearch

TIMEOUT_S: Final = 10.0
WRITING_TIMEOUT_S: Final = 30.0  # an app that is added has time to answer
AT_ONCE: Final = 16  # documents; others wait for their turn
_MAX_ERRORS: Final = 50  # that are told of one document
INVALID: Final = "GRAPHQL_VALIDATION_FAILED"
_NAMED: Final = re.compile(r"'([\w$@!\[\]{}:. ]+)'")  # the library quotes names so, clients know "…"

_log = logging.getLogger(__name__)


class Prepared:
    """A document that may be executed."""

    def __init__(
        self,
        document: DocumentNode,
        operation: OperationDefinitionNode,
        name: str | None,
        variables: dict[str, Any],
    ) -> None:
        self.document = document
        self.name = name
        self.variables = variables
        self.writes = operation.operation is not OperationType.QUERY


def _leave_unsaid() -> None:
    """The library drops what it has not begun when another field fails; no line on stderr is due for that."""
    names = "|".join(map(re.escape, sorted(async_resolvers())))
    message = rf"coroutine '(Executor\..*|{names})' was never awaited"
    warnings.filterwarnings("ignore", message, RuntimeWarning)


class Execution:
    def __init__(self, services: Services) -> None:
        _leave_unsaid()
        self._services = services
        self._schema = make_schema()
        self._documents = Documents(self._schema)
        self._search = RunSearch(services.store, services.clock)
        self._turns = asyncio.Semaphore(AT_ONCE)

    def prepare(self, query: str, variables: dict[str, Any], name: str | None) -> Prepared:
        """Raises InvalidDocumentError."""
        if not query.strip():
            raise _invalid("no operation provided")
        document = self._documents.get(query)
        operation = get_operation_ast(document, name)
        if operation is None:
            raise _invalid(
                f'operation "{name}" not found' if name else "operationName is required: there are several"
            )
        definitions = operation.variable_definitions or ()
        try:
            read = get_variable_values(self._schema, definitions, variables, max_errors=_MAX_ERRORS)
        except RecursionError:
            raise _invalid("the variables are nested too deeply") from None
        if isinstance(read, list):
            raise InvalidDocumentError(read, INVALID)
        return Prepared(document, operation, name, variables)

    async def run(self, prepared: Prepared) -> dict[str, Any]:
        """The whole answer, as JSON values."""
        asked = Asked(self._services, self._search)
        seconds = WRITING_TIMEOUT_S if prepared.writes else TIMEOUT_S
        try:
            async with asyncio.timeout(seconds), self._turns:
                result = execute(
                    self._schema,
                    prepared.document,
                    context_value=asked,
                    variable_values=prepared.variables,
                    operation_name=prepared.name,
                )
                if not isinstance(result, ExecutionResult):
                    result = await result
        except TimeoutError:
            return answer([GraphQLError(f"the query took more than {seconds:g} s")])
        except RecursionError:
            return answer([GraphQLError("the query is nested too deeply")])
        if asked.stopped:
            return answer([GraphQLError(asked.stopped)])
        if not result.errors:
            return {"data": result.data}
        told = [_told(error) for error in result.errors[:_MAX_ERRORS]]
        return {"errors": told, "data": result.data}


def answer(errors: list[GraphQLError], code: str = "") -> dict[str, Any]:
    """The answer to what was not executed, or not to its end."""
    told: list[dict[str, Any]] = []
    for error in errors:
        one: dict[str, Any] = {"message": _NAMED.sub(r'"\1"', error.message) if code else error.message}
        if error.locations:
            one["locations"] = [{"line": at.line, "column": at.column} for at in error.locations]
        if code:
            one["extensions"] = {"code": code}
        told.append(one)
    return {"errors": told, "data": None}


def _told(error: GraphQLError) -> dict[str, Any]:
    cause = error.original_error
    message = error.message
    if cause is not None and not isinstance(cause, GraphQLError):
        if isinstance(cause, InngestFastError):
            _log.warning("field failed", extra={"path": error.path, "cause": str(cause)})
            message = _OUTSIDE.get(cause.code, str(cause))
        else:
            _log.error("field failed", extra={"path": error.path}, exc_info=cause)
            message = "internal server error"
    return {"message": message, "path": error.path}


_OUTSIDE: Final = {"store_unavailable": "the store is unavailable, try again"}


def _invalid(message: str) -> InvalidDocumentError:
    return InvalidDocumentError([GraphQLError(message)], INVALID)
