"""The queue of many replicas, and what they tell each other, in Redis 6.2 or later, or Valkey."""

from inngest_fast.adapters.redis.pubsub import RedisPubSub
from inngest_fast.adapters.redis.queue import RedisQueue

__all__ = ["RedisPubSub", "RedisQueue"]
