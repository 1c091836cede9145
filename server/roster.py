"""The roster: how many connections each person and each address has, over all workers.

Each worker counts its own under its own name in Redis, and holds a lease; the counts of a worker whose lease has run
out no longer count.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from redis.exceptions import RedisError
from sqlalchemy.ext.asyncio import AsyncConnection

from handlers.base import Actor
from handlers.errors import RateLimited
from models import users
from models.users import User
from server.batcher import Batcher

log = logging.getLogger("hubbub.roster")

_KEPT_SECONDS = 86_400
# After no answer from Redis, how long this worker counts alone before it asks again.
_AWAY_SECONDS = 1.0
_QUESTIONS = 500
RETRY_SECONDS = 5.0


@dataclass(slots=True)
class _Question:
    """How many of each of the keys are elsewhere; ``changed`` when this worker's own counts are to be told."""

    keys: Sequence[str]
    changed: bool
    elsewhere: dict[str, int] = field(default_factory=dict)


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
        self._untold: set[str] = set()
        self._alive: set[str] = {worker}
        self._away_until = 0.0
        # One question at a time: counts are absolute, and the newest must be the last that Redis is told.
        self._questions: Batcher[_Question] = Batcher(self._ask, _QUESTIONS)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Take the lease and keep it; while Redis is away this worker counts alone."""
        if self._redis is not None:
            await self._try_to_renew()
            self._task = asyncio.create_task(self._keep())

    async def stop(self) -> None:
        """Give the lease up, so that nobody counts who was connected here."""
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        try:
            async with asyncio.timeout(self._timeout):
                await self._redis.delete(self._lease(self._worker))
                await self._redis.srem(f"{self._prefix}:workers", self._worker)
        except (RedisError, OSError, TimeoutError) as error:
            log.info("The lease could not be given up; it ends by itself", extra={"cause": repr(error)})

    async def admit(self, actor: Actor) -> None:
        """Count a connection in. Raises ``RateLimited`` when its address or its user has as many as they may."""
        keys = self._keys(actor)
        for key, _ in keys:
            self._local[key] += 1
        totals = await self._shared([key for key, _ in keys], changed=True)
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
        await self._shared(keys, changed=True)

    async def of(self, conn: AsyncConnection, people: Mapping[str, User]) -> dict[str, dict[str, Any]]:
        """The presence of each of the users: ``{userId, isOnline, status, lastSeenAt, …}``."""
        ids = list(people)
        counts = await self._shared([f"user:{each}" for each in ids])
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

    async def statuses(self, ids: Iterable[str]) -> dict[str, str]:
        """``online`` or ``offline`` for each of the ids."""
        wanted = list(ids)
        counts = await self._shared([f"user:{each}" for each in wanted])
        return {each: "online" if count > 0 else "offline" for each, count in zip(wanted, counts, strict=True)}

    def is_here(self, user_id: str) -> bool:
        """Whether the user has a connection to this worker."""
        return f"user:{user_id}" in self._local

    def _keys(self, actor: Actor) -> list[tuple[str, int]]:
        keys = [] if actor.backend else [(f"address:{actor.address}", self._per_address)]
        if actor.user is not None:
            keys.append((f"user:{actor.user.id}", self._per_user))
        return keys

    async def _shared(self, keys: Sequence[str], *, changed: bool = False) -> list[int]:
        """The sums of all living workers' counts, which hear of a change; without Redis this worker's own."""
        local = [self._local[key] for key in keys]
        if self._redis is None or not keys:
            return local
        question = _Question(keys, changed)
        try:
            if time.monotonic() < self._away_until:
                raise TimeoutError("Redis did not answer a moment ago")
            await self._questions.submit(question)
        except (RedisError, OSError, TimeoutError):
            self._untold.update(keys if changed else ())
            return local
        return [count + question.elsewhere.get(key, 0) for key, count in zip(keys, local, strict=True)]

    async def _ask(self, questions: Sequence[_Question]) -> None:
        try:
            async with asyncio.timeout(self._timeout):
                pipeline = self._redis.pipeline(transaction=False)
                for question in questions:
                    for key in question.keys:
                        if question.changed:
                            self._tell(pipeline, key)
                        pipeline.hgetall(self._name(key))
                found = iter([each for each in await pipeline.execute() if isinstance(each, dict)])
                counts = [{key: next(found) for key in question.keys} for question in questions]
                await self._meet({worker for each in counts for count in each.values() for worker in count})
        except (RedisError, OSError, TimeoutError):
            self._away_until = time.monotonic() + _AWAY_SECONDS
            raise
        for question, by_key in zip(questions, counts, strict=True):
            question.elsewhere = {
                key: sum(int(n) for worker, n in count.items() if worker != self._worker and worker in self._alive)
                for key, count in by_key.items()
            }

    def _tell(self, pipeline: Any, key: str) -> None:
        name, count = self._name(key), self._local[key]
        if count:
            pipeline.hset(name, self._worker, count)
            pipeline.expire(name, _KEPT_SECONDS)
        else:
            pipeline.hdel(name, self._worker)

    async def _meet(self, workers: Iterable[str]) -> None:
        """Look whether workers live that the last renewal has not seen: they may have started since."""
        strangers = sorted(set(workers) - self._alive)
        if strangers:
            self._alive |= await self._living(strangers)

    async def _living(self, workers: Sequence[str]) -> set[str]:
        pipeline = self._redis.pipeline(transaction=False)
        for worker in workers:
            pipeline.exists(self._lease(worker))
        return {worker for worker, held in zip(workers, await pipeline.execute(), strict=True) if held}

    def _name(self, key: str) -> str:
        return f"{self._prefix}:roster:{key}"

    def _lease(self, worker: str) -> str:
        return f"{self._prefix}:worker:{worker}"

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(self._lease_seconds / 4)
            await self._try_to_renew()

    async def _try_to_renew(self) -> None:
        try:
            await self._renew()
        except (RedisError, OSError, TimeoutError) as error:
            log.warning("The lease could not be renewed", extra={"cause": repr(error)})

    async def _renew(self) -> None:
        async with asyncio.timeout(self._timeout):
            lease_ms = int(self._lease_seconds * 1000)
            known = await self._redis.set(self._lease(self._worker), 1, px=lease_ms, get=True)
            await self._redis.sadd(f"{self._prefix}:workers", self._worker)
            names = sorted(await self._redis.smembers(f"{self._prefix}:workers"))
            self._alive = await self._living(names)
            gone = set(names) - self._alive
            if gone:
                await self._redis.srem(f"{self._prefix}:workers", *gone)
        if known is None:
            # Redis has lost its data, or the lease ran out and others may have cleared up behind us.
            self._untold.update(self._local)
        untold, self._untold = list(self._untold), set()
        for start in range(0, len(untold), _QUESTIONS):
            await self._shared(untold[start : start + _QUESTIONS], changed=True)
