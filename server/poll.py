"""The polling door: a channel's events in answers, for whoever can hold neither a socket nor a stream."""

import asyncio
import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
from aiohttp import ETag, web

from handlers import views
from handlers.base import Actor
from handlers.errors import Invalid, NotFound
from handlers.filters import Filter
from models import event_log
from models.database import Database
from models.event_log import Event
from models.ids import new_id
from server.connections import Connection, Connections
from server.delivery import Delivery
from server.dispatch import failure
from server.engine import watch_abort
from server.hearers import Hearers
from server.listening import Listener, Listening, resume_point
from server.log_pages import LogPages
from server.rest import respond
from server.roster import Roster

WAIT_SECONDS = 25.0
# By how long ago the channel's newest event was, in seconds: when to ask again. Steps, so that answers stay the same.
_PACES = ((10, 2), (30, 3), (60, 5), (120, 7))
_SLOWEST = 10


@dataclass(slots=True)
class _Found:
    """What a poll answers: ``events`` that the actor may see, up to ``seq``."""

    events: list[Event]
    more: bool
    seq: int
    recovered: bool


class _Waiting:
    """A poll that waits: a listener of the feed, which any event that its actor may see wakes."""

    def __init__(self, actor: Actor, view: Filter | None) -> None:
        self.actor = actor
        self.view = view
        self.over = False
        self.allowed = True
        self._woken = asyncio.Event()

    def hear(self, event: Event) -> None:
        """Look into the log."""
        if views.told(event, self.actor, self.view) is not None:
            self._woken.set()

    def hear_signal(self, channel: str, event: str, envelope: bytes, attachments: tuple[bytes, ...] = ()) -> None:
        """Signals are not for who comes later."""

    def send_away(self) -> None:
        """Access has ended."""
        self.allowed = False
        self._woken.set()

    def reset(self) -> None:
        """The log tells what is lost."""
        self._woken.set()

    def end(self) -> None:
        """Answer with what there is."""
        self.over = True
        self._woken.set()

    async def wait(self, deadline: float) -> None:
        """Until something came, the end, or ``deadline`` (loop time), which is an end as well."""
        try:
            async with asyncio.timeout_at(deadline):
                await self._woken.wait()
        except TimeoutError:
            self.over = True
        self._woken.clear()


class PollDoor:
    """Answers polls, at once or with the first event.

    Args:
        listening: lets requests in.
        database, pages: the log.
        delivery: wakes those who wait.
        hearers: ends the waiting of those who lost access.
        connections: ends the waiting of those who may no longer be here.
        roster: holds the limits on connections, of which one that waits is one.
        observe: called with the outcome of each poll: ``ok``, ``unchanged`` or an error's code.
    """

    def __init__(
        self,
        listening: Listening,
        database: Database,
        pages: LogPages,
        delivery: Delivery,
        hearers: Hearers,
        connections: Connections,
        roster: Roster,
        observe: Callable[[str], None],
    ) -> None:
        self._listening = listening
        self._database = database
        self._pages = pages
        self._delivery = delivery
        self._hearers = hearers
        self._connections = connections
        self._roster = roster
        self._observe = observe
        self._waiting: set[_Waiting] = set()

    def routes(self) -> list[web.RouteDef]:
        """The routes of this door."""
        return [web.get("/api/poll", self._poll, allow_head=False)]

    def drain(self) -> None:
        """Answer everybody who waits, with what there is."""
        for each in self._waiting:
            each.end()

    async def _poll(self, request: web.Request) -> web.Response:
        try:
            response = await self._answer(request)
        except Exception as error:
            reply = failure(error)
            self._observe(reply.body["error"]["code"])
            return respond(reply)
        self._observe("ok" if response.status == 200 else "unchanged")
        return response

    async def _answer(self, request: web.Request) -> web.Response:
        names = request.query.getall("channel", [])
        if len(names) > 1:
            raise Invalid("A poll asks for one channel.", {"channel": ["Must be one."]})
        wait = _seconds(request.query.get("wait"))
        listener = await self._listening.admit(request, names, query_token=False)
        (channel,) = listener.channels
        given = resume_point(request, listener.channels)
        after = None if given is None else given.get(channel)
        if wait:
            found = await self._within(request, listener, channel, after, wait)
        else:
            found = await self._read(listener.actor, listener.view, channel, after)
        return _respond(request, found, await self._pace(channel, found))

    async def _read(self, actor: Actor, view: Filter | None, channel: str, after: int | None) -> _Found:
        if after is None:
            async with self._database.read() as conn:
                return _Found([], False, await event_log.newest(conn, channel), True)
        page = await self._pages.after(channel, after)
        if not page.recovered:
            return _Found([], False, page.newest, False)
        seq = page.events[-1].seq if page.events else page.newest
        seen = [found for event in page.events if (found := views.told(event, actor, view)) is not None]
        return _Found(seen, seq < page.newest, seq, True)

    async def _within(
        self, request: web.Request, listener: Listener, channel: str, after: int | None, wait: float
    ) -> _Found:
        """The first events after ``after``, which may take ``wait`` seconds to come."""
        deadline = asyncio.get_running_loop().time() + wait
        waiting = _Waiting(listener.actor, listener.view)
        connection = _connection(listener, waiting)
        await self._roster.admit(listener.actor)
        try:
            self._connections.add(connection)
            feed = await self._delivery.open(channel)
            try:
                feed.add(waiting, waiting)
                self._hearers.add(channel, waiting, waiting)
                self._waiting.add(waiting)
                watch_abort(request, waiting.end)
                await self._hearers.require(channel, listener.actor)
                found = await self._first(waiting, channel, feed.seq if after is None else after, deadline)
                self._connections.admit(connection)
                return found
            finally:
                self._waiting.discard(waiting)
                self._hearers.remove(channel, waiting)
                feed.remove(waiting)
                self._delivery.close(feed)
        finally:
            self._connections.remove(connection.id)
            await self._roster.leave(listener.actor)

    async def _first(self, waiting: _Waiting, channel: str, after: int, deadline: float) -> _Found:
        while True:
            found = await self._read(waiting.actor, waiting.view, channel, after)
            if found.events or not found.recovered or (waiting.over and not found.more):
                return found
            after = found.seq
            if not found.more:
                await waiting.wait(deadline)
            if not waiting.allowed:
                raise NotFound(f"There is no channel {channel[:100]}.")

    async def _pace(self, channel: str, found: _Found) -> int:
        """When to ask again, in seconds: soon, where something happens."""
        if found.events:
            return _PACES[0][1]
        async with self._database.read() as conn:
            at = await event_log.newest_at(conn, channel)
        if at is None:
            return _SLOWEST
        age = (datetime.now(UTC) - datetime.fromisoformat(at)).total_seconds()
        return next((pace for seconds, pace in _PACES if age < seconds), _SLOWEST)


def _connection(listener: Listener, waiting: _Waiting) -> Connection:
    """The poll as what a ban or a revocation ends."""
    return Connection(
        new_id(),
        "poll",
        listener.actor,
        listener.credential.expires_at,
        tell=lambda event, envelope: None,
        close=lambda reason: waiting.end(),
        issued_at=listener.credential.issued_at,
    )


def _seconds(text: str | None) -> float:
    try:
        seconds = float(text or 0)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds <= WAIT_SECONDS:
        raise Invalid(fields={"wait": [f"Must be a number of seconds from 0 to {WAIT_SECONDS:g}."]})
    return seconds


def _respond(request: web.Request, found: _Found, retry_after: int) -> web.Response:
    data: dict[str, Any] = {
        "events": [orjson.Fragment(event.envelope) for event in found.events],
        "hasMore": found.more,
        "seq": found.seq,
        "recovered": found.recovered,
        "retryAfter": retry_after,
    }
    body = orjson.dumps({"ok": True, "data": data})
    tag = hashlib.blake2s(body, digest_size=12).hexdigest()
    # Kept by browsers, and asked for again each time.
    headers = {"Cache-Control": "private, no-cache", "Vary": "Authorization, Cookie"}
    asked = request.if_none_match or ()
    unchanged = any(each.value in {tag, "*"} for each in asked)
    response = (
        web.Response(status=304, headers=headers)
        if unchanged
        else web.Response(body=body, content_type="application/json", headers=headers)
    )
    response.etag = ETag(tag)
    return response
