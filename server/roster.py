"""The roster: how many connections each person and each address has, over all workers.

Each worker counts its own under its own name in Redis, and holds a lease; the counts of a worker whose lease has run
out no longer count.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from redis.exceptions import RedisError
from sqlalchemy.ext.asyncio import AsyncConnection

from handlers.base import Actor
from handlers.errors import RateLimited
from models import users
from models.users import User

log = logging.getLogger("hubbub.roster")

_KEPT_SECONDS = 86_400
RETRY_SECONDS = 5.0


class Roster:
    """Admits connections within their limits and says who is online. The port ``Presence`` of the handlers.

    Args:
        redis: shared with the other workers, None where there is only this one.
        worker: this worker's name.
        prefix: of the keys in Redis.
        lease_seconds: after how long a silent worker counts no more.
        per_address, per_user: the limits; 0 is none.
        timeout: seconds to wait for Redis.
    """

    def __init__(
        self,
        redis: Any,
        worker: str,
        prefix: str,
        *,
        lease_seconds: float,
        per_address: int,
        per_user: int,
        timeout: float,
    ) -> None:
        self._redis = redis
        self._worker = worker
        self._prefix = prefix
        self._lease_seconds = lease_seconds
        self._per_address = per_address
        self._per_user = per_user
        self._timeout = timeout
        self._local: Counter[str] = Counter()
        self._alive: set[str] = {worker}
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Take the lease and keep it."""
        if self._redis is not None:
            await self._renew()
            self._task = asyncio.create_task(self._keep())

    async def stop(self) -> None:
        """Give the lease up, so that nobody counts who was connected here."""
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        try:
            async with asyncio.timeout(self._timeout):
                await self._redis.delete(f"{self._prefix}:worker:{self._worker}")
                await self._redis.srem(f"{self._prefix}:workers", self._worker)
        except (RedisError, OSError, TimeoutError) as error:
            log.info("The lease could not be given up; it ends by itself", extra={"cause": repr(error)})

    async def admit(self, actor: Actor) -> None:
        """Count a connection in. Raises ``RateLimited`` when its address or its user has as many as they may."""
        keys = self._keys(actor)
        for key, _ in keys:
            self._local[key] += 1
        totals = await self._shared([key for key, _ in keys], 1)
        if any(limit and total > limit for (_, limit), total in zip(keys, totals, strict=True)):
            await self.leave(actor)
            raise RateLimited(RETRY_SECONDS, "There are too many connections from here; close some first.")

    async def leave(self, actor: Actor) -> None:
        """Count a connection out."""
        keys = [key for key, _ in self._keys(actor)]
        for key in keys:
            self._local[key] -= 1
            if self._local[key] <= 0:
                del self._local[key]
        await self._shared(keys, -1)

    async def of(self, conn: AsyncConnection, people: Mapping[str, User]) -> dict[str, dict[str, Any]]:
        """The presence of each of the users: ``{userId, isOnline, status, lastSeenAt, …}``."""
        ids = list(people)
        counts = await self._shared([f"user:{each}" for each in ids], 0)
        seen = await users.last_seen(conn, ids)
        return {
            each: {
                "userId": each,
                "isOnline": count > 0,
                "status": "online" if count > 0 else "offline",
                "lastSeenAt": seen.get(each),
                "currentPage": None,
                "activity": None,
                "user": people[each].wire(),
            }
            for each, count in zip(ids, counts, strict=True)
        }

    def is_here(self, user_id: str) -> bool:
        """Whether the user has a connection to this worker."""
        return f"user:{user_id}" in self._local

    def _keys(self, actor: Actor) -> list[tuple[str, int]]:
        keys = [] if actor.backend else [(f"address:{actor.address}", self._per_address)]
        if actor.user is not None:
            keys.append((f"user:{actor.user.id}", self._per_user))
        return keys

    async def _shared(self, keys: Sequence[str], difference: int) -> list[int]:
        """Change this worker's counts and return the sums of all living workers'; without Redis this worker's own."""
        local = [self._local[key] for key in keys]
        if self._redis is None or not keys:
            return local
        try:
            async with asyncio.timeout(self._timeout):
                pipeline = self._redis.pipeline(transaction=False)
                for key, count in zip(keys, local, strict=True):
                    name = f"{self._prefix}:roster:{key}"
                    if difference and count:
                        pipeline.hset(name, self._worker, count)
                        pipeline.expire(name, _KEPT_SECONDS)
                    elif difference:
                        pipeline.hdel(name, self._worker)
                    pipeline.hgetall(name)
                found = [each for each in await pipeline.execute() if isinstance(each, dict)]
        except (RedisError, OSError, TimeoutError):
            return local
        return [
            count + sum(int(n) for worker, n in each.items() if worker != self._worker and worker in self._alive)
            for count, each in zip(local, found, strict=True)
        ]

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(self._lease_seconds / 4)
            try:
                await self._renew()
            except (RedisError, OSError, TimeoutError) as error:
                log.warning("The lease could not be renewed", extra={"cause": repr(error)})

    async def _renew(self) -> None:
        async with asyncio.timeout(self._timeout):
            lease = f"{self._prefix}:worker:"
            await self._redis.set(lease + self._worker, 1, px=int(self._lease_seconds * 1000))
            await self._redis.sadd(f"{self._prefix}:workers", self._worker)
            names = sorted(await self._redis.smembers(f"{self._prefix}:workers"))
            pipeline = self._redis.pipeline(transaction=False)
            for name in names:
                pipeline.exists(lease + name)
            leases = dict(zip(names, await pipeline.execute(), strict=True))
            self._alive = {name for name, held in leases.items() if held}
            gone = set(names) - self._alive
            if gone:
                await self._redis.srem(f"{self._prefix}:workers", *gone)
