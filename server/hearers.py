"""Hearers: who hears which channel on this worker, through whatever door, and whether they still may."""

import asyncio
import logging
from collections.abc import Awaitable, Coroutine
from typing import Any, Protocol

from handlers import access
from handlers.base import Actor
from handlers.errors import NotFound
from models.database import Database
from models.event_log import Event
from server.delivery import Delivery
from server.feed import Feed

log = logging.getLogger("hubbub.hearers")

RETRY_SECONDS = 2.0


class Hearer(Protocol):
    """Somebody who hears a channel: a Socket.IO connection's subscription, or a stream."""

    actor: Actor

    def send_away(self) -> None:
        """Hear no longer: access has ended. Must not raise."""

    def reset(self) -> None:
        """Come back to learn that one must reload: the channel lost events for good. Must not raise."""


class Hearers:
    """Lets each hearer go from a channel that it may read no longer.

    What ends access either is an event of the channel itself (``access.ENDS_ACCESS``), before which everybody is
    checked, or somebody calls ``review``.

    Args:
        delivery: asks before it delivers an event that may end access.
        database: asked who may still read.
    """

    def __init__(self, delivery: Delivery, database: Database) -> None:
        self._database = database
        self._of_channel: dict[str, dict[object, Hearer]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        delivery.recheck = self._recheck
        delivery.on_reset = self._reset
        delivery.on_gap(self._missed)

    def add(self, channel: str, key: object, hearer: Hearer) -> None:
        """Somebody begins to hear."""
        self._of_channel.setdefault(channel, {})[key] = hearer

    def remove(self, channel: str, key: object) -> None:
        """Somebody hears no longer; nothing happens when they did not."""
        mine = self._of_channel.get(channel, {})
        mine.pop(key, None)
        if not mine:
            self._of_channel.pop(channel, None)

    def channels(self) -> list[str]:
        """The channels that somebody hears here."""
        return list(self._of_channel)

    async def require(self, channel: str, actor: Actor) -> None:
        """Look again: who lost access just before they were added is not sent away by what told of it.

        Raises ``NotFound`` when the actor may no longer read the channel, and what the database raises.
        """
        if not access.can_end(channel):
            return
        async with self._database.read() as conn:
            if not await access.still_readers(conn, channel, {"": actor}):
                raise NotFound(f"There is no channel {channel[:100]}.")

    def review(self, channel: str) -> None:
        """Check everybody who hears the channel on this worker, soon and for certain."""
        if channel in self._of_channel:
            self._spawn(self._until_checked(channel))

    async def stop(self) -> None:
        """End every check."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _until_checked(self, channel: str) -> None:
        while True:
            try:
                await self._check(channel)
                return
            except Exception as error:
                log.warning("Access could not be checked; trying again", extra={"cause": repr(error)})
                await asyncio.sleep(RETRY_SECONDS)

    async def _check(self, channel: str) -> None:
        asked = dict(self._of_channel.get(channel, {}))
        if not asked:
            return
        async with self._database.read() as conn:
            kept = await access.still_readers(conn, channel, {key: hearer.actor for key, hearer in asked.items()})
        for key, hearer in asked.items():
            if key not in kept and self._of_channel.get(channel, {}).get(key) is hearer:
                hearer.send_away()

    def _recheck(self, feed: Feed, event: Event) -> Awaitable[None] | None:
        """Before an event that may end access is delivered, those who may hear no longer are sent away."""
        gone = access.leaver(event)
        if gone is None:
            return self._check(feed.channel) if access.narrows(event) else None
        for hearer in list(self._of_channel.get(feed.channel, {}).values()):
            if hearer.actor.user is not None and hearer.actor.user.id == gone:
                hearer.send_away()
        return None

    def _reset(self, channel: str) -> None:
        for hearer in list(self._of_channel.get(channel, {}).values()):
            hearer.reset()

    def _missed(self, channel: str | None) -> None:
        for each in list(self._of_channel) if channel is None else [channel]:
            if access.can_end(each):
                self.review(each)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
