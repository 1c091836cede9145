"""Rate limits: token buckets that hold over all workers, and on each by itself while Redis is away."""

import asyncio
import math
import time
from dataclasses import dataclass
from typing import Any, Protocol

from redis.exceptions import RedisError

from server.batcher import Batcher

_SWEEP_SECONDS = 60


class Limiter(Protocol):
    """Takes one token from a bucket that holds ``burst`` and gains ``rate`` a second."""

    async def take(self, key: str, rate: float, burst: int) -> float:
        """0 when there was a token, else the seconds until there is one."""


class LocalLimiter:
    """Buckets in this process's memory."""

    def __init__(self) -> None:
        self._buckets: dict[str, tuple[float, float, float]] = {}
        self._swept = time.monotonic()

    async def take(self, key: str, rate: float, burst: int) -> float:
        """0 when there was a token, else the seconds until there is one."""
        now = time.monotonic()
        if now - self._swept > _SWEEP_SECONDS:
            self._sweep(now)
        tokens, since, _ = self._buckets.get(key, (float(burst), now, 0.0))
        tokens = min(float(burst), tokens + (now - since) * rate)
        wait = 0.0 if tokens >= 1 else (1 - tokens) / rate
        tokens -= 0 if wait else 1
        self._buckets[key] = (tokens, now, now + (burst - tokens) / rate)
        return wait

    def _sweep(self, now: float) -> None:
        """Forget the buckets that are full again: a new one is just like them."""
        self._swept = now
        self._buckets = {key: bucket for key, bucket in self._buckets.items() if bucket[2] > now}


# Redis's own clock counts, so that the workers' clocks need not agree.
_TAKE = """
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1000000
local rate, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local bucket = redis.call('HMGET', KEYS[1], 'tokens', 'since')
local tokens = math.min(burst, (tonumber(bucket[1]) or burst) + (now - (tonumber(bucket[2]) or now)) * rate)
local wait = 0
if tokens >= 1 then tokens = tokens - 1 else wait = (1 - tokens) / rate end
redis.call('HSET', KEYS[1], 'tokens', string.format('%.6f', tokens), 'since', string.format('%.6f', now))
redis.call('PEXPIRE', KEYS[1], math.ceil((burst - tokens) / rate * 1000) + 1000)
return string.format('%.6f', wait)
"""


@dataclass(slots=True)
class _Request:
    key: str
    rate: float
    burst: int
    wait: float = 0.0


class RedisLimiter:
    """Buckets in Redis; what is asked within one turn of the loop goes there in one pipeline.

    While Redis is away the buckets of this process count, and Redis is asked again after ``retry`` seconds.
    """

    def __init__(self, redis: Any, prefix: str, timeout: float, retry: float = 1.0) -> None:
        self._redis = redis
        self._prefix = prefix
        self._timeout = timeout
        self._retry = retry
        self._away_until = 0.0
        self._local = LocalLimiter()
        self._batcher: Batcher[_Request] = Batcher(self._ask, 500)

    async def take(self, key: str, rate: float, burst: int) -> float:
        """0 when there was a token, else the seconds until there is one."""
        if time.monotonic() < self._away_until:
            return await self._local.take(key, rate, burst)
        request = _Request(f"{self._prefix}:limit:{key}", rate, burst)
        try:
            await self._batcher.submit(request)
        except (RedisError, OSError, TimeoutError):
            self._away_until = time.monotonic() + self._retry
            return await self._local.take(key, rate, burst)
        return request.wait

    async def _ask(self, requests: list[_Request]) -> None:
        async with asyncio.timeout(self._timeout):
            pipeline = self._redis.pipeline(transaction=False)
            for request in requests:
                pipeline.eval(_TAKE, 1, request.key, request.rate, request.burst)
            for request, wait in zip(requests, await pipeline.execute(), strict=True):
                request.wait = math.ceil(float(wait) * 1000) / 1000
