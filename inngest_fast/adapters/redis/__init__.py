"""The queue of many replicas, in Redis 6.2 or later, or Valkey."""

from inngest_fast.adapters.redis.queue import RedisQueue

__all__ = ["RedisQueue"]
