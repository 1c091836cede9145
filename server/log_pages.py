"""Pages of the log, read once for everybody who asks for the same one at a time."""

import asyncio

from models import event_log
from models.database import Database

EVENTS = 100


class LogPages:
    """Many streams that come back behind the same event, as after a restart, cost one query."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._reading: dict[tuple[str, int], asyncio.Task[event_log.Replay]] = {}

    async def after(self, channel: str, seq: int) -> event_log.Replay:
        """The first ``EVENTS`` events after ``seq``. Raises what the database raises."""
        key = (channel, seq)
        task = self._reading.get(key)
        if task is None:
            task = self._reading[key] = asyncio.create_task(self._read(channel, seq))
            task.add_done_callback(lambda done: self._done(key, done))
        # One of those who wait may go; the others still want the page.
        return await asyncio.shield(task)

    def _done(self, key: tuple[str, int], task: asyncio.Task[event_log.Replay]) -> None:
        del self._reading[key]
        if not task.cancelled():
            # Whoever waited has been told; that nobody waits any more is no reason to complain.
            task.exception()

    async def _read(self, channel: str, seq: int) -> event_log.Replay:
        async with self._database.read() as conn:
            return await event_log.after(conn, channel, seq, EVENTS)
