"""Run as a program: commits until its files may grow no more, then with room again; prints what it met."""

import asyncio
import os
import resource
import sys

import msgspec

from inngest_fast.adapters.sqlite import SqliteStore
from inngest_fast.domain.errors import StoreError
from inngest_fast.domain.transitions import PutEvent, Transition
from tests.conformance.store.making import Clock, event

LIMIT = 400_000


def large(n: int) -> Transition:
    return Transition([PutEvent(event(n, wire=b"x" * 10_000))])


async def main(path: str) -> None:
    store = SqliteStore(path, durable=True, clock=Clock())
    await store.open()
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, hard))
    acknowledged, failed, messages = [], [], []
    for start in range(0, 100, 5):
        group = range(start, start + 5)
        results = await asyncio.gather(*(store.commit(large(n)) for n in group), return_exceptions=True)
        for n, result in zip(group, results, strict=True):
            if isinstance(result, StoreError):
                failed.append(n)
                messages.append(str(result))
            else:
                acknowledged.append(n)
    readable = [n for n in acknowledged if await store.event(event(n).id)]
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    await store.commit(large(1_000))
    await store.commit(large(failed[0] if failed else 0))
    out = {
        "acknowledged": acknowledged,
        "failed": failed,
        "messages": messages,
        "readable": readable,
        "again": failed[:1],
    }
    sys.stdout.write(msgspec.json.encode(out).decode())
    sys.stdout.flush()
    os._exit(0)  # no clean end: what was acknowledged does not need one


asyncio.run(main(sys.argv[1]))
