"""Whoever sends events and signals and cancels runs, from outside and from within steps."""

import asyncio
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from inngest_fast.domain.errors import OverloadedError, StoreError
from inngest_fast.domain.ids import Seed
from inngest_fast.engine.intake.events import read_events
from tests.sim.generate import CANCEL, EVENTS, SIGNALS, WAITED
from tests.sim.process import Process

if TYPE_CHECKING:
    from tests.sim.world import World


class Senders:
    def __init__(self, world: "World") -> None:
        self._world = world
        self._posts = 0
        self.cancelled_n: set[int] = set()
        self.cancelled_runs: set[str] = set()

    async def blunder(self, within: float) -> None:
        """One sender: a few things at random times."""
        random = self._world.random
        for _ in range(random.choice((2, 4, 8) if self._world.controlled else (1, 2, 4))):
            await asyncio.sleep(within * random.random() ** 3)
            kind = random.random()
            if kind < 0.08:
                await self.signal(random.choice(SIGNALS))
            elif kind < 0.12:
                await self._cancel_some_run()
            else:
                await self._some_events(EVENTS if kind < 0.65 else (*WAITED, *WAITED, CANCEL))

    async def _some_events(self, names: tuple[str, ...]) -> None:
        random, controlled = self._world.random, self._world.controlled
        n = random.randrange(3)
        if controlled and names is EVENTS:  # what is limited is to be in demand
            names = tuple(p.event for p in self._world.programs.values() if p.event in EVENTS)
        events: list[dict[str, Any]] = [
            {"name": random.choice(names), "data": {"n": n}}
            for _ in range(random.choice((1, 2, 5) if controlled else (1, 1, 1, 2)))
        ]
        self._posts += 1
        again = random.random() < 0.6
        if again:
            for place, event in enumerate(events):
                event["id"] = f"id-{self._posts}-{place}"
        if controlled:
            for event in events:
                self._vary(event)
        body = json.dumps(events).encode()
        await self.post(body, resend=again)
        if again and random.random() < 0.3:
            await asyncio.sleep(random.random())
            await self.post(body, resend=True)

    def _vary(self, event: dict[str, Any]) -> None:
        """What keys, priorities and debounces look at; sometimes the id of an earlier event."""
        random = self._world.random
        event["data"] |= random.choice(({}, {"k": "a"}, {"k": "b"}, {"k": "b"}, {"k": False}))
        event["data"] |= random.choice(({}, {"p": 30}, {"p": -30}, {"p": 2.5}))
        if random.random() < 0.3:
            event["ts"] = self._world.clock.now_ms() + random.choice((-5_000, -1_000, 1_500))
        if "id" in event and random.random() < 0.2:
            event["id"] = f"id-{random.randint(1, self._posts)}-0"

    async def post(self, body: bytes, *, seed: str = "", resend: bool) -> list[str] | None:
        """Sends events, with `resend` until they are acknowledged. Their ids then, else None."""
        while True:
            process = self._world.contact()
            if process is not None:
                acked = await self._post_to(process, body, seed)
                if acked is not None:
                    return acked
            if not resend:
                return None
            await asyncio.sleep(0.2)

    async def _post_to(self, process: Process, body: bytes, seed: str) -> list[str] | None:
        world = self._world
        seeded = Seed.read(seed) if seed else None
        events = read_events(body, now_ms=world.clock.now_ms(), entropy=process.entropy, seed=seeded).events
        for event in events:
            world.model.arrived[event.id] = world.loop.steps
            world.model.flow.arrived_at[event.id] = world.loop.time()
            if event.name == CANCEL:
                self.cancelled_n.add(json.loads(event.wire)["data"]["n"])
        world.note("post", body, seed)
        accepting = process.do(process.assembly.ingest.accept(events))
        accepted = await self.answer(accepting)
        if accepted is None:
            return None
        for event, did in zip(events, accepted, strict=True):
            world.note("acknowledged", event.name, event.external_id, did)
            world.check(world.model.acknowledged, event, did, world.disk.tables)
        return [event.external_id for event in events]

    async def signal(self, signal: str) -> None:
        world = self._world
        run_id = await self._ask(lambda process: process.assembly.runs.signal(signal, b'{"n":1}'))
        world.note("signalled", signal, run_id)
        if run_id is not None:
            world.check(world.model.signalled, run_id, world.disk.tables)

    async def _cancel_some_run(self) -> None:
        world = self._world
        live = sorted(world.model.live)
        if live:
            run_id = world.random.choice(live)
            self.cancelled_runs.add(run_id)
            said = await self._ask(lambda process: process.assembly.runs.cancel(run_id))
            world.note("cancelled", run_id, said)
            if said is not None:
                ended = world.model.runs[run_id].ended
                world.check(world.model.must, ended, "the run", run_id, "was called", said, "and is not")

    async def _ask(self, what: Callable[[Process], Any]) -> Any:
        process = self._world.contact()
        if process is None:
            return None
        return await self.answer(process.do(what(process)))

    async def answer(self, asked: "asyncio.Task[Any]") -> Any:
        """What the server answers; None if it does not, or cannot now."""
        await asyncio.wait((asked,))
        if asked.cancelled():
            return None
        error = asked.exception()
        if error is None:
            return asked.result()
        self._world.note("refused", error)
        if not isinstance(error, StoreError | OverloadedError):
            self._world.broken(error)
        return None
