"""The queue and the wait index of a single process, rebuilt from the store at start."""

from inngest_fast._native.match import WaitIndex as MemoryWaitIndex
from inngest_fast.adapters.memory.pubsub import LocalPubSub
from inngest_fast.adapters.memory.queue import MemoryQueue

__all__ = ["LocalPubSub", "MemoryQueue", "MemoryWaitIndex"]
