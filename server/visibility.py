"""Visibility: when something is somebody's no longer, those who hear of it are checked on every worker.

The change stands in the log, in the transaction that made it, on a channel that every worker hears: like any event it
is read from the log when the bus did not bring it.
"""

import asyncio
import logging

from handlers import access
from handlers.base import Actor
from models import posts
from models.database import Database
from models.event_log import Event
from server.delivery import Delivery
from server.feed import Feed
from server.hearers import Hearers

log = logging.getLogger("hubbub.visibility")


class Visibility:
    """Listens for changes of who may read what.

    Args:
        delivery: brings the changes.
        hearers: checks those who hear the channels concerned.
        database: tells which posts are a story's.
    """

    actor = Actor()

    def __init__(self, delivery: Delivery, hearers: Hearers, database: Database) -> None:
        self._delivery = delivery
        self._hearers = hearers
        self._database = database
        self._tasks: set[asyncio.Task[None]] = set()
        self._feed: Feed | None = None

    async def start(self) -> None:
        """Listen from now on; whoever begins to hear something later is checked then."""
        self._feed = await self._delivery.open(access.CHANGES)
        self._feed.add(self, self)
        self._hearers.add(access.CHANGES, self, self)

    async def stop(self) -> None:
        """Listen no longer."""
        if self._feed is not None:
            self._hearers.remove(access.CHANGES, self)
            self._feed.remove(self)
            self._delivery.close(self._feed)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def hear(self, event: Event) -> None:
        """Check those who hear of a story, post or document."""
        kind, id = event.data["type"], event.data["id"]
        for channel in self._hearers.channels():
            if access.can_end(channel) and access.entity_of(channel) == (kind, id):
                self._hearers.review(channel)
        if kind == "story":
            task = asyncio.ensure_future(self._review_posts(id))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def hear_signal(self, channel: str, event: str, envelope: bytes, attachments: tuple[bytes, ...] = ()) -> None:
        """There are no signals here."""

    def send_away(self) -> None:
        """Nobody sends a worker away."""

    def reset(self) -> None:
        """Changes were missed for good: check everybody."""
        for channel in self._hearers.channels():
            if access.can_end(channel):
                self._hearers.review(channel)

    async def _review_posts(self, story_id: str) -> None:
        heard: dict[str, list[str]] = {}
        for channel in self._hearers.channels():
            kind, id = access.entity_of(channel)
            if kind == "post":
                heard.setdefault(id, []).append(channel)
        try:
            async with self._database.read() as conn:
                concerned = await posts.among(conn, story_id, list(heard))
        except Exception as error:
            log.warning("A story's posts could not be read; checking all posts", extra={"cause": repr(error)})
            concerned = set(heard)
        for id in concerned:
            for channel in heard[id]:
                self._hearers.review(channel)
