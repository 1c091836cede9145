"""Workers that hold leases, inside a test: started on any store, cut off from it, and gone without a word."""

from collections.abc import Awaitable, Callable, Collection
from contextlib import AsyncExitStack
from typing import Any
from urllib.parse import urlsplit

from redis import asyncio as aioredis

from server.leases_memory import MemoryLeases
from server.leases_redis import RedisLeases
from tests.server.engine.black_hole import BlackHole
from tests.support.waiting import eventually

LEASE_SECONDS = 0.6
TIMEOUT_SECONDS = 2.0


class Worker:
    """A worker's leases, and what they told it. Other names are those of the port."""

    def __init__(self, leases: Any) -> None:
        self.leases = leases
        self.lost: list[tuple[str, str]] = []
        self.restored = 0
        leases.on_lost(self._lose)
        leases.on_restored(self._restore)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.leases, name)

    def _lose(self, topic: str, members: Collection[str]) -> None:
        self.lost += [(topic, member) for member in members]

    def _restore(self) -> None:
        self.restored += 1

    async def sees(self, topic: str, expected: dict[str, list[str]]) -> bool:
        """Whether everyone of a topic is as expected, whatever the order of their values."""
        return values_of(await self.read(topic)) == values_of(expected)


def values_of(found: dict[str, list[str]]) -> dict[str, list[str]]:
    """The same with the values of each member in order: they come in no order that means anything."""
    return {member: sorted(values) for member, values in found.items()}


def client(url: str, timeout: float = TIMEOUT_SECONDS) -> Any:
    """What Hubbub itself uses: a client of a Redis, or of a Redis Cluster."""
    options: dict[str, Any] = {
        "decode_responses": True,
        "socket_timeout": timeout,
        "socket_connect_timeout": timeout,
    }
    scheme, cluster, rest = url.partition("+cluster://")
    if cluster:
        return aioredis.RedisCluster.from_url(f"{scheme}://{rest}", **options)
    return aioredis.Redis.from_url(url, **options)


class Deployment:
    """Workers that share a store; ``url`` is None for the one worker in memory."""

    def __init__(self, stack: AsyncExitStack, url: str | None, prefix: str) -> None:
        self._stack = stack
        self.url = url
        self._prefix = prefix
        self._paths: dict[str, BlackHole] = {}
        self._count = 0

    async def start(
        self, *, lease_seconds: float = LEASE_SECONDS, timeout: float = TIMEOUT_SECONDS, severable: bool = False
    ) -> Worker:
        """A worker more; a ``severable`` one can be cut off."""
        self._count += 1
        name = f"w{self._count}"
        if self.url is None:
            worker = Worker(MemoryLeases(name))
        else:
            url = await self._path(name) if severable else self.url
            redis = client(url, timeout)
            self._stack.push_async_callback(redis.aclose)
            leases = RedisLeases(redis, name, self._prefix, lease_seconds=lease_seconds, timeout=timeout)
            worker = Worker(leases)
        self._stack.push_async_callback(worker.stop)
        await worker.start()
        return worker

    def cut(self, worker: Worker) -> None:
        """Let nothing more pass between a worker and the store: to the others it is dead."""
        self._paths[worker.worker].swallow()

    def join(self, worker: Worker) -> None:
        """Let it reach the store again."""
        self._paths[worker.worker].forward()

    async def keys(self) -> set[str]:
        """All keys that the store has of this deployment, without their common beginning."""
        assert self.url is not None
        redis = client(self.url)
        try:
            start = f"{self._prefix}:{{leases}}:"
            return {key.removeprefix(start) async for key in redis.scan_iter(match=f"{start}*")}
        finally:
            await redis.aclose()

    async def has_told_all(self, worker: Worker) -> bool:
        """Whether the store has been told everything that a worker holds and said, since it last lost its data."""
        redis = client(self.url or "")
        try:
            return bool(await redis.sismember(f"{self._prefix}:{{leases}}:filled", worker.worker))
        finally:
            await redis.aclose()

    async def renewals(self, count: int = 2) -> None:
        """Wait until every worker has renewed its lease so often, and so has heard of all the others."""
        redis = client(self.url or "")
        try:
            for _ in range(count):
                before = dict(await redis.zrange(f"{self._prefix}:{{leases}}:workers", 0, -1, withscores=True))

                async def all_later(before: dict[str, float] = before) -> bool:
                    now = dict(await redis.zrange(f"{self._prefix}:{{leases}}:workers", 0, -1, withscores=True))
                    return all(now[name] > until for name, until in before.items())

                await eventually(all_later, "every worker to renew its lease")
        finally:
            await redis.aclose()

    async def _path(self, name: str) -> str:
        parts = urlsplit(self.url or "")
        path = await self._stack.enter_async_context(BlackHole(parts.port or 6379))
        self._paths[name] = path
        return parts._replace(netloc=f"127.0.0.1:{path.port}").geturl()


StartWorker = Callable[..., Awaitable[Worker]]
