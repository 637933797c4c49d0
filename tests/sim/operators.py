"""Whoever registers apps anew, pauses functions and cancels runs in bulk."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from inngest_fast.domain.functions import function_id
from inngest_fast.domain.ids import ulid
from tests.sim.process import Process
from tests.sim.registration import registration
from tests.sim.write_controls import other_controls

if TYPE_CHECKING:
    from tests.sim.world import World

import asyncio

_CONDITIONS = ("", "", "event.data.n > 0", "event.data.n > 1")


class Operators:
    def __init__(self, world: "World") -> None:
        self._world = world
        self._asked = 0

    async def meddle(self, within: float) -> None:
        """A few things at random times."""
        random = self._world.random
        for _ in range(random.choice((0, 1, 3, 6)) if self._slugs() else 0):
            await asyncio.sleep(within * random.random() ** 2)
            kind = random.random()
            if kind < 0.3:
                await self.register()
            elif kind < 0.55:
                slug = random.choice(self._slugs())
                await self.pause(slug, paused=not self._world.model.flow.standings.now(slug).paused)
            else:
                await self.cancel()

    def _slugs(self) -> list[str]:
        return [slug for slug, program in self._world.programs.items() if not program.late]

    async def register(self) -> None:
        """The app again, with other controls."""
        world = self._world
        for slug in self._slugs():
            program = world.programs[slug]
            if program.event.startswith("app/") and world.random.random() < 0.7:
                world.programs[slug] = replace(program, controls=other_controls(world.random, program))
        body = json.dumps(registration([world.programs[slug] for slug in self._slugs()], "app")).encode()
        await self._until_told(lambda process: process.assembly.apps.register(body))
        world.note("registered again", [world.programs[slug].controls for slug in self._slugs()])

    async def pause(self, slug: str, *, paused: bool) -> None:
        id = function_id("app", slug)
        await self._until_told(lambda process: process.assembly.apps.pause(id, paused=paused))
        self._world.note("paused" if paused else "resumed", slug)

    async def resume_all(self) -> None:
        for slug in self._slugs():
            if self._world.model.flow.standings.now(slug).paused:
                await self.pause(slug, paused=False)

    async def cancel(self) -> None:
        """Some runs of a function in bulk."""
        world = self._world
        random, now = world.random, world.clock.now_ms()
        slug = random.choice(self._slugs())
        after = random.choice((0, 0, now - 8_000, now - 2_000))
        before = now + random.choice((0, 0, -3_000, 2_000))
        expression = random.choice(_CONDITIONS)
        self._asked += 1
        id = ulid(now, self._asked.to_bytes(10, "big"))

        def ask(process: Process) -> Awaitable[Any]:
            function = process.assembly.catalog.by_slug(slug)
            assert function is not None
            return process.assembly.cancellations.add(
                function, started_after=after, started_before=before, expression=expression, id=id
            )

        await self._until_told(ask)
        world.note("cancels in bulk", slug, after, before, expression)

    async def _until_told(self, what: Callable[[Process], Awaitable[Any]]) -> Any:
        """The answer of the first server that gives one; all go by what was changed then."""
        world = self._world
        while True:
            process = world.contact()
            if process is not None:
                said = await world.senders.answer(process.do(what(process)))
                if said is not None:
                    world.model.flow.standings.applied(world.loop.time())
                    return said
            await asyncio.sleep(0.2)
