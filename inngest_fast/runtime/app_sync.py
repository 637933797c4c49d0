"""Registrations of apps (sdk-protocol §1)."""

import asyncio
import hashlib
import logging
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from urllib.parse import urlsplit, urlunsplit

import msgspec
from msgspec.structs import replace

from inngest_fast.domain.app_urls import normalise_app_url
from inngest_fast.domain.apps import App, Function
from inngest_fast.domain.errors import InvalidFunctionError, SyncRefusedError
from inngest_fast.domain.functions import FunctionConfig, app_id, function_id
from inngest_fast.domain.syncs import FunctionProblem, FunctionsReply, SyncReply
from inngest_fast.domain.transitions import Action, PutApp, PutFunction, RemoveApp, Transition
from inngest_fast.engine.registration import parse_registration, read_function, validate
from inngest_fast.engine.registration.changes import put, removed, synced
from inngest_fast.engine.registration.request import Registration
from inngest_fast.ports.clock import Clock
from inngest_fast.runtime.catalog import Catalog
from inngest_fast.runtime.catalog_upkeep import CatalogUpkeep
from inngest_fast.runtime.committer import Committer
from inngest_fast.runtime.counters import Counters
from inngest_fast.runtime.queue_limits import QueueLimits

UNREACHABLE = "unreachable"

_log = logging.getLogger(__name__)


class AppSync:
    """One registration at a time: two at once of one app end as the later one says."""

    def __init__(
        self,
        catalog: Catalog,
        upkeep: CatalogUpkeep,
        committer: Committer,
        limits: QueueLimits,
        clock: Clock,
        counters: Counters,
    ) -> None:
        self._catalog = catalog
        self._upkeep = upkeep
        self._committer = committer
        self._limits = limits
        self._clock = clock
        self._counters = counters
        self._lock = asyncio.Lock()

    async def register(self, body: bytes, *, platform: str = "") -> SyncReply:
        """Raises SyncRefusedError with the wire text and code, its detail kept with the app; StoreError."""
        request = parse_registration(body)
        asked = request.registration
        async with self._turn():
            known = self._catalog.app(app_id(asked.app_name))
            if known is not None and known.checksum == asked.checksum and not known.error:
                return SyncReply(modified=False, sync_id=known.sync_id, app_id=known.id)
            try:
                registration = validate(request)
            except SyncRefusedError as refused:
                await self._refused(asked, known, refused)
                raise
            app = self._app(registration, known, platform)
            await self._commit(
                synced(
                    app,
                    registration.functions,
                    self._of_app(app.id),
                    self._placeholders(app.url),
                    self._clock.now_ms(),
                )
            )
        self._counters.add("syncs")
        _log.info(
            "app synced",
            extra={"app": app.name, "url": app.url, "functions": len(registration.functions), "sdk": app.sdk},
        )
        return SyncReply(modified=True, sync_id=app.sync_id, app_id=app.id)

    async def remove(self, url: str) -> bool:
        """Removes the app of that URL, in any spelling, and archives its functions. False: unknown."""
        try:
            url = normalise_app_url(url)
        except ValueError:
            return False
        async with self._turn():
            return await self._remove(self._catalog.app_at(url))

    async def remove_app(self, app_id: str) -> bool:
        """The same by the id of the app. Raises StoreError."""
        async with self._turn():
            return await self._remove(self._catalog.app(app_id))

    async def _remove(self, app: App | None) -> bool:
        if app is None:
            return False
        await self._commit(removed(app, self._catalog.of_app(app.id), self._clock.now_ms()))
        return True

    async def move(self, app_id: str, url: str) -> App | None:
        """The app at another, normalised URL; its functions follow when it next syncs. Raises StoreError."""
        async with self._turn():
            app = self._catalog.app(app_id)
            if app is None or app.url == url:
                return app
            moved = replace(app, url=url, updated_at=self._clock.now_ms())
            await self._commit(Transition([PutApp(moved)]))
            return moved

    async def add_functions(self, body: bytes) -> FunctionsReply:
        """Functions given one by one (api-v1); each belongs to the app of its URL.

        Raises SyncRefusedError for a body that is no such list, and StoreError.
        """
        values = _functions(body)
        registered = modified = 0
        problems: list[FunctionProblem] = []
        unchanged = 0
        async with self._turn():
            for index, value in enumerate(values):
                try:
                    config = read_function(
                        value, where=f"functions[{index}]", short_form=True, generated_id=str(uuid.uuid4())
                    )
                except InvalidFunctionError as error:
                    problems.append(FunctionProblem(_id_of(value), "; ".join(error.problems)))
                    continue
                now = self._clock.now_ms()
                url = _without_query(config.url)
                app = self._catalog.app_at(url)
                new = app is None or not app.name
                if app is None or not app.name:
                    app = App(id=app_id(url), name=url, url=url, created_at=now, updated_at=now, source="api")
                known = next((f for f in self._of_app(app.id) if f.slug == config.slug), None)
                if known is not None and known.live and known.config == config:
                    unchanged += 1
                    continue
                actions = put(app, config, known, now)
                if new:
                    actions = [PutApp(app), *(RemoveApp(a.id) for a in self._placeholders(url)), *actions]
                await self._commit(Transition(actions))
                if known is not None and known.live:
                    modified += 1
                else:
                    registered += 1
        return FunctionsReply(registered, modified, unchanged + len(problems), tuple(problems))

    async def endpoint(self, domain: str, config: FunctionConfig, sdk: str) -> Function:
        """The function of a durable endpoint, made on its first request (sdk-protocol §7.2). It stays as it
        is while its retries do: `config.url` is then that of an earlier request. Raises StoreError.
        """
        known = self._catalog.function(function_id(domain, config.slug))
        if known is not None and known.live and _alike(known.config, config):
            return known
        async with self._turn():
            known = self._catalog.function(function_id(domain, config.slug))
            if known is not None and known.live and _alike(known.config, config):
                return known
            now = self._clock.now_ms()
            app = self._catalog.app(app_id(domain))
            actions: list[Action] = []
            if app is None:
                app = App(
                    id=app_id(domain),
                    name=domain,
                    url=domain,
                    created_at=now,
                    updated_at=now,
                    sdk=sdk,
                    source="endpoint",
                )
                actions.append(PutApp(app))
            made = put(app, config, known, now)
            await self._commit(Transition([*actions, *made]))
            return next(action.function for action in made if isinstance(action, PutFunction))

    async def pause(self, function_id: str, *, paused: bool) -> Function | None:
        """Holds a function's calls and skips what would start it, or lets go (flow-control §6.4).

        As it is then; None if there is no live one of that id. Raises StoreError.
        """
        async with self._turn():
            function = self._catalog.function(function_id)
            if function is None or not function.live:
                return None
            if bool(function.paused_at) is not paused:
                now = self._clock.now_ms()
                function = replace(function, paused_at=now if paused else 0, updated_at=now)
                await self._commit(Transition([PutFunction(function)]))
                _log.info(
                    "function paused" if paused else "function resumed", extra={"function": function.slug}
                )
            return function

    async def limit(
        self, function_id: str, *, steps: int | None = None, state_size: int | None = None
    ) -> Function | None:
        """Sets the limits of the function's runs, in steps and bytes; 0 lifts one, None leaves it.

        As it was before; None if there is no live one of that id. Raises StoreError.
        """
        async with self._turn():
            function = self._catalog.function(function_id)
            if function is None or not function.live:
                return None
            changed = replace(
                function,
                max_steps=function.max_steps if steps is None else steps,
                max_state_size=function.max_state_size if state_size is None else state_size,
            )
            if changed != function:
                await self._commit(Transition([PutFunction(changed)]))
            return function

    async def expect(self, url: str, source: str) -> App:
        """The app of a normalised URL; one that has never synced gets a nameless place. Raises StoreError."""
        async with self._turn():
            app = self._catalog.app_at(url)
            if app is not None:
                return app
            now = self._clock.now_ms()
            digest = hashlib.blake2b(url.encode(), digest_size=16).digest()
            app = App(
                id=str(uuid.UUID(bytes=digest)),
                name="",
                url=url,
                created_at=now,
                updated_at=now,
                error=UNREACHABLE,
                source=source,
            )
            await self._commit(Transition([PutApp(app)]))
            return app

    async def note(self, app_id: str, error: str, detail: str = "") -> None:
        """Keeps what a ping found wrong with an app, "" when it is well. Raises StoreError."""
        async with self._turn():
            app = self._catalog.app(app_id)
            if app is None or (app.error, app.error_detail) == (error, detail):
                return
            changed = replace(app, error=error, error_detail=detail, updated_at=self._clock.now_ms())
            await self._commit(Transition([PutApp(changed)]))
        if error:
            _log.warning("app in error", extra={"url": app.url, "app": app.name, "error": detail or error})

    async def _refused(self, asked: Registration, known: App | None, refused: SyncRefusedError) -> None:
        now = self._clock.now_ms()
        base = known or App(
            id=app_id(asked.app_name), name=asked.app_name, url=asked.url, created_at=now, updated_at=now
        )
        error = refused.code or refused.message
        app = replace(base, error=error, error_detail=refused.detail, updated_at=now)
        actions: list[Action] = [PutApp(app), *(RemoveApp(a.id) for a in self._placeholders(app.url))]
        await self._commit(Transition(actions))
        _log.warning("sync refused", extra={"app": app.name, "url": asked.url, "error": refused.detail})

    def _app(self, asked: Registration, known: App | None, platform: str) -> App:
        now = self._clock.now_ms()
        return App(
            id=app_id(asked.app_name),
            name=asked.app_name,
            url=asked.url,
            created_at=now if known is None else known.created_at,
            updated_at=now,
            sdk=asked.sdk,
            framework=asked.framework,
            checksum=asked.checksum,
            sync_id=str(uuid.uuid4()),
            app_version=asked.app_version,
            platform=platform or asked.platform,
        )

    def _of_app(self, id: str) -> list[Function]:
        """Every function that an app ever had."""
        return self._catalog.all_of_app(id)

    def _placeholders(self, url: str) -> list[App]:
        return [app for app in self._catalog.apps() if not app.name and app.url == url]

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """One change at a time, on what all servers have made of the catalog so far. Raises StoreError."""
        async with self._lock:
            await self._upkeep.catch_up()
            yield

    async def _commit(self, transition: Transition) -> None:
        """Stores, then makes it count from now on."""
        await self._committer.commit(transition)
        self._upkeep.tell()
        for action in transition.actions:
            if isinstance(action, PutApp):
                self._catalog.put_app(action.app)
            elif isinstance(action, PutFunction):
                self._catalog.put_function(action.function)
            elif isinstance(action, RemoveApp):
                self._catalog.remove_app(action.app_id)
        self._limits.apply()


def _alike(known: FunctionConfig, config: FunctionConfig) -> bool:
    return (known.retries, known.endpoint) == (config.retries, config.endpoint)


def _functions(body: bytes) -> Sequence[object]:
    try:
        decoded = msgspec.json.decode(body)
    except RecursionError:
        raise SyncRefusedError("Invalid request: nested too deeply") from None
    except ValueError as error:
        raise SyncRefusedError(f"Invalid request: {error}") from None
    functions = decoded.get("functions") if isinstance(decoded, dict) else None
    if not isinstance(functions, list):
        raise SyncRefusedError('Invalid request: expected an object with a list "functions"')
    return functions


def _id_of(value: object) -> str:
    found = value.get("id") if isinstance(value, dict) else None
    return found if isinstance(found, str) else ""


def _without_query(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))
