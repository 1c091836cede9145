"""The broadcaster: brings notifications to everyone, or to whole roles, behind the requests.

All workers are broadcasters. Each is woken by what was sent through it, and looks now and then by itself for what
others left undone; the database lets one at a time be at a broadcast (see ``models.broadcasts``).
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence

from handlers import notices
from handlers.base import Actor, Context, Services
from models import broadcasts, event_log
from models.broadcasts import Broadcast
from models.database import Database, is_retryable
from models.event_log import Event
from models.types import ago

log = logging.getLogger("hubbub.broadcaster")

# How often a worker looks for what nobody woke it for.
LOOK_SECONDS = 2.0
# How often a long broadcast says how far it is.
_REPORT_SECONDS = 5.0
_KEPT_SECONDS = 7 * 86_400
# A batch takes some hundredths of a second.
_STOP_SECONDS = 1.0


class Broadcaster:
    """Writes broadcasts in batches, a transaction each.

    Args:
        database: where they stand.
        services: the handlers' ports.
        deliver: called with the events of each commit, in their order.
        batch: how many people one transaction reaches.
        share: how much of a worker's time a broadcast may take, from 0 to 1; the rest is for everything else.
    """

    def __init__(
        self,
        database: Database,
        services: Services,
        deliver: Callable[[Sequence[Event]], None],
        *,
        batch: int,
        share: float,
    ) -> None:
        self._database = database
        self._services = services
        self._deliver = deliver
        self._batch = batch
        self._share = share
        self._woken = asyncio.Event()
        self._stopped = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._reported: tuple[str, float] = ("", 0.0)
        self.reached = 0
        """How many people this worker has reached."""
        self.open = 0
        self.left = 0
        """Broadcasts that are not done, and the people whom they have yet to reach, when this worker last looked."""

    def wake(self) -> None:
        """There is a new broadcast."""
        self._woken.set()

    def start(self) -> None:
        """Begin, with what others left undone."""
        self._task = asyncio.create_task(self._work())

    async def stop(self) -> None:
        """End, after the batch that is under way; one that takes too long is undone, for whoever goes on."""
        if self._task is not None:
            self._stopped.set()
            await asyncio.wait({self._task}, timeout=_STOP_SECONDS)
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _work(self) -> None:
        while not self._stopped.is_set():
            self._woken.clear()
            try:
                while await self._look():
                    took = await self._timed_batch()
                    if took is None or await self._stopped_within(took * (1 - self._share) / self._share):
                        break
            except Exception as error:
                log.warning("A broadcast could not go on; trying again", extra={"cause": repr(error)})
            await self._rest()

    async def _rest(self) -> None:
        waiting = {asyncio.ensure_future(each.wait()) for each in (self._woken, self._stopped)}
        try:
            await asyncio.wait(waiting, timeout=LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waiting:
                each.cancel()

    async def _stopped_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._stopped.wait()
        except TimeoutError:
            return False
        return True

    async def _look(self) -> bool:
        """Whether a broadcast is not done."""
        async with self._database.read() as conn:
            self.open, self.left = await broadcasts.waiting(conn)
        return self.open > 0

    async def _timed_batch(self) -> float | None:
        """How many seconds a batch took; None when others are at every broadcast."""
        begun = time.monotonic()
        try:
            reached = await self._reach()
        except Exception as error:
            if not is_retryable(error):
                raise
            reached = 0
        return None if reached is None else time.monotonic() - begun

    async def _reach(self) -> int | None:
        """Write one batch of the oldest broadcast that nobody else is at; returns how many people that was."""
        async with self._database.write() as conn:
            broadcast = await broadcasts.claim(conn)
            if broadcast is None:
                return None
            people = await broadcasts.following(conn, broadcast, self._batch)
            ctx = Context(Actor(), self._services, conn)
            await notices.notify(ctx, people, broadcast.notice)
            done = len(people) < self._batch
            await broadcasts.advance(conn, broadcast, people, done=done)
            if done:
                await broadcasts.expire(conn, ago(_KEPT_SECONDS))
            events = await event_log.append(conn, ctx.drafts)
        self._deliver(events)
        for step in ctx.after_commit:
            step()
        self.reached += len(people)
        self._report(broadcast, broadcast.reached + len(people), done)
        return len(people)

    def _report(self, broadcast: Broadcast, reached: int, done: bool) -> None:
        told = {"broadcast": broadcast.id, "reached": reached, "recipients": broadcast.recipients}
        known, at = self._reported
        if done:
            log.info("A broadcast is done", extra=told)
        elif known != broadcast.id or time.monotonic() - at >= _REPORT_SECONDS:
            self._reported = (broadcast.id, time.monotonic())
            log.info("A broadcast goes on", extra=told)
