"""Keeps the catalog as the store has it, where other servers change it too."""

import asyncio
from collections.abc import Callable

from inngest_fast.domain.apps import Function
from inngest_fast.domain.errors import StoreError
from inngest_fast.ports.pubsub import PubSub
from inngest_fast.ports.store import Store
from inngest_fast.ports.wait_search import WaitSearch
from inngest_fast.runtime.catalog import Catalog
from inngest_fast.runtime.store_watch import StoreWatch

LOOK_EVERY_S = 5.0


class CatalogUpkeep:
    """Told by others at once; every event brings the version it must be up to; and it looks now and then.

    Without a `search` this server is alone, and the catalog is what it made it itself.
    """

    def __init__(
        self, store: Store, catalog: Catalog, search: WaitSearch | None, pubsub: PubSub, watch: StoreWatch
    ) -> None:
        self._store = store
        self._catalog = catalog
        self._search = search
        self._pubsub = pubsub
        self._watch = watch
        self._version = 0
        self._lock = asyncio.Lock()
        self._told = asyncio.Event()
        self.on_change: Callable[[], None] = lambda: None
        pubsub.subscribe("apps", lambda _: self._told.set())

    @property
    def shared(self) -> bool:
        """Whether other servers change what is in the store."""
        return self._search is not None

    def tell(self) -> None:
        """This server has changed something."""
        self._pubsub.publish("apps")

    async def load(self) -> None:
        """Raises StoreError."""
        # The version first: what is changed meanwhile is read again, at worst.
        version = await self._search.apps_version() if self._search is not None else 0
        apps, functions = await self._store.apps(), await self._store.functions()
        self._catalog.replace(apps, functions)
        self._version = version
        self.on_change()

    async def catch_up(self, version: int | None = None) -> None:
        """The catalog is at least as new as `version`, by default as the store is now. Raises StoreError."""
        if self._search is None or (version is not None and version <= self._version):
            return
        async with self._lock:
            if version is None:
                version = await self._search.apps_version()
            if version > self._version:
                await self.load()

    async def function(self, function_id: str) -> Function | None:
        """By id; one that another server has just made, too. Raises StoreError."""
        function = self._catalog.function(function_id)
        if function is None:
            await self.catch_up()
            function = self._catalog.function(function_id)
        return function

    async def run(self) -> None:
        while True:
            try:
                async with asyncio.timeout(LOOK_EVERY_S):
                    await self._told.wait()
            except TimeoutError:
                pass
            self._told.clear()
            try:
                await self.catch_up()
            except StoreError as error:
                self._watch.failed(error)
