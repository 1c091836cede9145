"""Which workers there are and where they can be reached: leased keys in Redis."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from dataclasses import asdict, dataclass
from typing import Any

from redis.exceptions import RedisError

# A request that names an unknown worker costs a look-up; so many of them may run at a time.
LOOK_UPS = 8


@dataclass(frozen=True, slots=True)
class PeerRecord:
    """How other workers reach one: by sockets of its machine, and over TCP where it listens for other machines."""

    relay: str
    handover: str
    host: str | None
    port: int
    token: str


class PeerDirectory:
    """This worker's record under a lease, and the records of the others.

    A worker's name is new with each start and its record never changes, so a record once found holds until the worker
    cannot be reached any more.
    """

    def __init__(self, redis: Any, prefix: str, lease_seconds: float, logger: logging.Logger) -> None:
        self._redis = redis
        self._prefix = prefix
        self._lease_seconds = lease_seconds
        self._logger = logger
        self._slots = asyncio.Semaphore(LOOK_UPS)
        self._renewing: asyncio.Task[None] | None = None
        self._key = ""
        self._away = False

    async def announce(self, name: str, record: PeerRecord) -> None:
        """Store this worker's record, and again and again until `withdraw`; without Redis it goes on trying."""
        self._key = self._key_of(name)
        value = json.dumps(asdict(record))
        await self._store(value)
        self._renewing = asyncio.create_task(self._renew(value))

    async def withdraw(self) -> None:
        """Remove the record."""
        if self._renewing is None:
            return
        self._renewing.cancel()
        await asyncio.wait([self._renewing])
        self._renewing = None
        # What cannot be removed now ends with its lease.
        with contextlib.suppress(RedisError, OSError, TimeoutError):
            await self._redis.delete(self._key)

    async def find(self, name: str) -> PeerRecord | None:
        """Return the record of a worker; None if there is none, or Redis cannot tell."""
        try:
            async with self._slots:
                value = await self._redis.get(self._key_of(name))
            self._heard()
            return None if value is None else PeerRecord(**json.loads(value))
        except (RedisError, OSError, TimeoutError) as error:
            self._missed(error)
        except (ValueError, TypeError):
            self._logger.warning("The Redis key %s holds no record of a worker; remove it", self._key_of(name))
        return None

    def _key_of(self, name: str) -> str:
        return f"{self._prefix}:peer:{name}"

    async def _renew(self, value: str) -> None:
        while True:
            await asyncio.sleep(self._lease_seconds / 3)
            await self._store(value)

    async def _store(self, value: str) -> None:
        try:
            await self._redis.set(self._key, value, px=int(self._lease_seconds * 1000))
            self._heard()
        except (RedisError, OSError, TimeoutError) as error:
            self._missed(error)

    def _heard(self) -> None:
        if self._away:
            self._away = False
            self._logger.info("Redis knows the workers again")

    def _missed(self, error: BaseException) -> None:
        if not self._away:
            self._away = True
            self._logger.warning(
                "Redis cannot tell which workers there are: %s. Requests for sessions of workers not met before are"
                " refused. Check that Redis runs, and its URL and password; trying again every %g s",
                str(error) or type(error).__name__,
                self._lease_seconds / 3,
            )
