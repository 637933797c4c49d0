"""Run as a program: commits runs and counts them, without end; prints each one's id once it is acknowledged."""

import asyncio
import itertools
import sys

from inngest_fast.adapters.sqlite import SqliteStore
from inngest_fast.domain.transitions import Admit
from tests.conformance.store.making import Clock, Counting, run_id, started


async def main(path: str) -> None:
    store = SqliteStore(path, durable=True, clock=Clock())
    await store.open()
    print("open", flush=True)
    numbers = itertools.count(1)

    async def commit() -> None:
        for n in numbers:
            await store.commit(started(n, Admit(Counting("count:1"))))
            sys.stdout.write(run_id(n) + "\n")
            sys.stdout.flush()

    await asyncio.gather(*(commit() for _ in range(20)))


asyncio.run(main(sys.argv[1]))
