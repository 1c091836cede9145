"""Retention: what is older than a channel keeps goes within seconds."""

import asyncio
import logging
import random
from collections.abc import Sequence

from models import conflicts, event_log, idempotency, record_versions
from models.database import Database
from models.event_log import Event
from models.types import ago

log = logging.getLogger("hubbub.retention")

EVERY_SECONDS = 2.0
# So that a setting that is lowered after years does not end in a transaction that nobody has the patience for.
AT_ONCE = 5000
# As long as a synchronised mutation is remembered (the contract's section 9).
RESULT_SECONDS = 7 * 86_400


class Retention:
    """Deletes events past the newest ``events`` of a channel or older than ``seconds``, and old results.

    What records were before, and conflicts that are resolved, go after ``history`` seconds.
    """

    def __init__(self, database: Database, events: int, seconds: float, history: float) -> None:
        self._database = database
        self._events = events
        self._seconds = seconds
        self._history = history
        self._grown: set[str] = set()
        self._task: asyncio.Task[None] | None = None

    def note(self, events: Sequence[Event]) -> None:
        """Remember which channels have grown beyond what they keep."""
        self._grown.update(event.channel for event in events if event.seq > self._events)

    def grown(self, channel: str) -> None:
        """Remember that a channel may have grown beyond what it keeps."""
        self._grown.add(channel)

    def start(self) -> None:
        """Begin, with a look at every channel: whoever died may have left something."""
        self._task = asyncio.create_task(self._work())

    async def stop(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def sweep(self, names: set[str] | None) -> int | None:
        """Delete once; returns how many events went, None when another worker was at it."""
        async with self._database.write() as conn:
            await idempotency.expire(conn, ago(RESULT_SECONDS))
            return await event_log.expire(conn, ago(self._seconds), self._events, names)

    async def sweep_history(self) -> None:
        """Delete once what is kept of records and conflicts, as much as a transaction may take."""
        async with self._database.write() as conn:
            await record_versions.expire(conn, ago(self._history), AT_ONCE)
            await conflicts.expire(conn, ago(self._history), AT_ONCE)

    async def _work(self) -> None:
        names: set[str] | None = None
        while True:
            grown, self._grown = self._grown, set()
            try:
                gone = await self.sweep(names if names is None else grown)
                if gone is None:
                    self._grown |= grown
                else:
                    names = set()
            except Exception as error:
                self._grown |= grown
                log.warning("Old events could not be deleted; trying again", extra={"cause": repr(error)})
            try:
                await self.sweep_history()
            except Exception as error:
                log.warning("Old versions could not be deleted; trying again", extra={"cause": repr(error)})
            # Not in step with the other workers, who started together.
            await asyncio.sleep(EVERY_SECONDS * random.uniform(0.5, 1))  # noqa: S311 - jitter, no secret
