"""Does what the table of operations has, for routes and for callers within the server."""

from collections.abc import Awaitable, Callable

from inngest_fast.api.http import Request, Response
from inngest_fast.api.operations.parts import Operation
from inngest_fast.api.rest_v2 import replies
from inngest_fast.api.rest_v2.account import Account
from inngest_fast.api.rest_v2.acts import Acts
from inngest_fast.api.rest_v2.catalogue import Catalogue
from inngest_fast.api.rest_v2.input import Values, read
from inngest_fast.api.rest_v2.replies import RefusedError
from inngest_fast.api.rest_v2.runs import Runs
from inngest_fast.api.services import Services

Handle = Callable[[Values, Request], Awaitable[Response]]


class Operations:
    def __init__(self, services: Services) -> None:
        account, self.catalogue = Account(services), Catalogue(services)
        runs = Runs(services, self.catalogue)
        acts = Acts(services, self.catalogue, runs)
        self._handles: dict[str, Handle] = {
            "health": account.health,
            "getAccount": account.account,
            "getEnvs": account.envs,
            "getEventKeys": account.event_keys,
            "getSigningKeys": account.signing_keys,
            "getApps": self.catalogue.apps,
            "getApp": self.catalogue.app,
            "getFunctions": self.catalogue.functions,
            "getFunction": self.catalogue.function,
            "invokeFunction": acts.invoke,
            "getFunctionRuns": runs.runs,
            "getRunsOfFunction": runs.of_function,
            "getEventRuns": runs.of_event,
            "getFunctionRun": runs.run,
            "getFunctionTrace": runs.trace,
            "cancelRun": acts.cancel,
            "rerun": acts.rerun,
            "scoreRun": acts.score,
            "sendEvent": acts.send,
        }

    async def answer(self, operation: Operation, request: Request) -> Response:
        """Raises what handlers may raise: BodyTooLargeError, OverloadedError, StoreError."""
        try:
            return await self._handles[operation.id](await read(operation, request), request)
        except RefusedError as error:
            return replies.refused(error)
