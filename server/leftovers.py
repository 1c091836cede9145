"""Leftovers: removes the files of pictures that were deleted, or never came to be, on whichever worker comes first."""

import asyncio
import logging
import random

from models import leftovers
from models.database import Database
from models.types import ahead
from server.media import Media

log = logging.getLogger("hubbub.leftovers")

# How often each worker looks by itself: for what others left behind, and what could not be removed.
EVERY_SECONDS = 5.0
AT_ONCE = 50
# After which what one worker took is tried again; if that one is merely slow, two do the same.
AGAIN_SECONDS = 15.0


class Leftovers:
    """Looks for files that are to be removed: at once when woken, and again and again.

    Args:
        database: where they are entered.
        media: where they lie.
    """

    def __init__(self, database: Database, media: Media) -> None:
        self._database = database
        self._media = media
        self._woken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def wake(self) -> None:
        """Look at once."""
        self._woken.set()

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._work())

    async def stop(self) -> None:
        """End. What is left is found by whoever looks next."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def sweep(self) -> int:
        """Remove the files of some that are due; how many pictures these were."""
        async with self._database.read() as conn:
            if not await leftovers.is_due(conn):
                return 0
        async with self._database.write() as conn:
            due = await leftovers.take(conn, AT_ONCE, ahead(AGAIN_SECONDS))
        if due:
            await self._media.remove(due)
            async with self._database.write() as conn:
                await leftovers.forget(conn, due)
        return len(due)

    async def _work(self) -> None:
        while True:
            self._woken.clear()
            try:
                while await self.sweep() == AT_ONCE:
                    pass
            except Exception as error:
                log.warning("Files of pictures could not be removed; trying again", extra={"cause": repr(error)})
            try:
                # Not in step with the other workers, who started together.
                async with asyncio.timeout(EVERY_SECONDS * random.uniform(0.5, 1)):  # noqa: S311 - jitter, no secret
                    await self._woken.wait()
            except TimeoutError:
                pass
