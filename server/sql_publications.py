"""What SQL publishes: ``hubbub_publish`` writes into the log, and PostgreSQL wakes every worker with the commit."""

import asyncio
import logging
import random

from models.announcements import open_line
from models.database import Database
from server.delivery import Delivery
from server.retention import Retention

log = logging.getLogger("hubbub.sql")

_BACKOFF_SECONDS = (0.1, 2.0)


class SqlPublications:
    """Listens on a connection of its own and tells delivery where to look.

    It speaks to itself now and then. While it does not hear that (the connection is lost, or goes through a pool that
    lends it to others between transactions), delivery looks into the log by itself, as without the bus.

    Args:
        database: PostgreSQL.
        delivery: looks into the log.
        retention: cuts the channels that grow.
        nonce_seconds: between two words to itself.
        deaf_seconds: after which one that does not hear them is deaf.
    """

    def __init__(
        self, database: Database, delivery: Delivery, retention: Retention, *, nonce_seconds: float, deaf_seconds: float
    ) -> None:
        self._database = database
        self._delivery = delivery
        self._retention = retention
        self._nonce_seconds = nonce_seconds
        self._deaf_seconds = deaf_seconds
        self._heard_at = float("-inf")
        self._task: asyncio.Task[None] | None = None
        delivery.add_source(lambda: self.healthy)

    @property
    def healthy(self) -> bool:
        """Whether it heard itself of late."""
        return asyncio.get_running_loop().time() - self._heard_at < self._deaf_seconds

    def start(self) -> None:
        """Begin to listen; a database that is away is waited for."""
        self._task = asyncio.create_task(self._work())

    async def stop(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _work(self) -> None:
        shortest, pause = _BACKOFF_SECONDS[0], _BACKOFF_SECONDS[0]
        while True:
            try:
                await self._listen()
            except Exception as error:
                log.warning("What SQL publishes is not announced now; trying again", extra={"cause": repr(error)})
            was_heard = self.healthy
            self._heard_at = float("-inf")
            pause = shortest if was_heard else min(2 * pause, _BACKOFF_SECONDS[1])
            # Not in step with the other workers, which lost it at the same moment.
            await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311 - jitter, no secret

    async def _listen(self) -> None:
        async with open_line(self._database) as line:
            line.heard = self._heard
            line.heard_itself = self._heard_itself
            await line.listen()
            # What was published before that, nobody announces again.
            self._delivery.wake(None)
            while True:
                await line.speak()
                await line.until_cut(self._nonce_seconds)

    def _heard(self, channel: str) -> None:
        self._retention.grown(channel)
        self._delivery.wake(channel)

    def _heard_itself(self) -> None:
        self._heard_at = asyncio.get_running_loop().time()
