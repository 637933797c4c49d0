"""Apps that people add, move and take out by hand (http-api §6.6)."""

from collections.abc import Awaitable, Callable

from inngest_fast.domain.app_urls import normalise_app_url, with_scheme
from inngest_fast.domain.apps import App
from inngest_fast.domain.errors import SyncRefusedError
from inngest_fast.runtime.app_sync import UNREACHABLE, AppSync
from inngest_fast.runtime.catalog import Catalog

Ask = Callable[[str], Awaitable[tuple[str, str]]]


async def _nobody(_: str) -> tuple[str, str]:
    return UNREACHABLE, "the server does not serve yet"


class AppEdits:
    """`ask` sends an app the request to register: what was wrong, as code and detail."""

    def __init__(self, sync: AppSync, catalog: Catalog) -> None:
        self._sync = sync
        self._catalog = catalog
        self.ask: Ask = _nobody

    async def add(self, url: str) -> App:
        """Has the app at a URL register; as it is then, with an `error` if that came to nothing.

        Raises SyncRefusedError for what is no URL, and StoreError.
        """
        return await self._synced(await self._sync.expect(_normal(url), "url"))

    async def move(self, app_id: str, url: str) -> App | None:
        """The app at another URL, where it is asked to register; None if there is no such app.

        Raises as `add`.
        """
        moved = await self._sync.move(app_id, _normal(url))
        return None if moved is None else await self._synced(moved)

    async def remove(self, app_id: str) -> bool:
        """Takes out an app, and archives its functions. False: unknown. Raises StoreError."""
        return await self._sync.remove_app(app_id)

    async def _synced(self, app: App) -> App:
        error, detail = await self.ask(app.url)
        if error:
            await self._sync.note(app.id, error, detail)
        # A placeholder has given way to the app that it stood for.
        return self._catalog.app_at(app.url) or self._catalog.app(app.id) or app


def _normal(url: str) -> str:
    try:
        return normalise_app_url(with_scheme(url))
    except ValueError as error:
        raise SyncRefusedError(str(error)) from None
