"""Delivery: from a committed event to every subscriber on every worker.

The log is the truth and the bus a wake-up: a worker that misses a message on the bus reads the log instead.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

from models import audience, event_log
from models.database import Database
from models.event_log import Event
from server.batcher import Batcher
from server.engine import RedisBus, topic_of
from server.feed import Feed

log = logging.getLogger("hubbub.delivery")

EVENT, SIGNAL = b"e", b"s"
# Feeds whose first number one query reads.
OPENINGS = 500
# How often the numbers of all feeds are compared with the log although the bus seems well.
_BACKSTOP_SECONDS = 15.0

Signal = Callable[[str, bytes], None]
Recheck = Callable[[Feed, Event], Awaitable[None] | None]


class Delivery:
    """The feeds of this worker, and what brings events to them.

    Args:
        database: where the log stands.
        bus: to and from the other workers; None where there is only this one.
        catch_up_seconds: how often the log is asked while the bus is away.
        ends_access: names of events after which ``recheck`` decides who may hear on.
    """

    def __init__(
        self, database: Database, bus: RedisBus | None, *, catch_up_seconds: float, ends_access: Iterable[str]
    ) -> None:
        self._database = database
        self._bus = bus
        self._catch_up_seconds = catch_up_seconds
        self._ends_access = frozenset(ends_access)
        self._feeds: dict[str, Feed] = {}
        self._openings: Batcher[Feed] = Batcher(self._open_all, OPENINGS)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._urgent = asyncio.Event()
        self.recheck: Recheck | None = None
        self._signals: dict[str, Signal] = {}
        self._opened: list[Callable[[str], None]] = []
        self._closed: list[Callable[[str], None]] = []
        self._gap_callbacks: list[Callable[[str | None], None]] = []
        self._sources: list[Callable[[], bool]] = []
        self.on_reset: Callable[[str], None] = lambda channel: None
        self.appended: Callable[[Sequence[Event]], None] = lambda events: None
        if bus is not None:
            self._sources.append(lambda: bus.healthy)
            bus.on(EVENT, self._heard)
            bus.on(SIGNAL, self._heard_signal)
            bus.on_gap(self._gap)

    def __len__(self) -> int:
        return len(self._feeds)

    def start(self) -> None:
        """Begin to watch for what other sources than this worker did not bring."""
        if self._sources:
            self._spawn(self._watch())

    async def stop(self) -> None:
        """End every task of this object."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def committed(self, events: Sequence[Event]) -> None:
        """Deliver what was committed here, to this worker's subscribers and to the other workers."""
        for event in events:
            feed = self._feeds.get(event.channel)
            if feed is not None:
                feed.offer(event)
            if self._bus is not None:
                seen_by = b"" if event.audience is None else event.audience.text().encode()
                head = b"%d\n%b\n%b\n" % (event.seq, event.event.encode(), seen_by)
                self._bus.publish(topic_of(event.channel), EVENT, head + event.envelope)
        self.appended(events)

    def add_source(self, healthy: Callable[[], bool]) -> None:
        """Before the start: there is one more that brings events, or tells of them; while it is not well, the log is
        looked into often."""
        self._sources.append(healthy)

    def wake(self, channel: str | None) -> None:
        """Look into the log: something was committed to the channel, or (None) to any."""
        if channel is None:
            self._urgent.set()
            return
        feed = self._feeds.get(channel)
        if feed is None:
            return
        if feed.seq < 0 or feed.filling:
            feed.stale = True
        else:
            self._fill_soon(feed)

    def signal(self, channel: str, name: str, payload: bytes) -> None:
        """Send what is worthless a moment later to the other workers that hear the channel."""
        if self._bus is not None:
            self._bus.publish(topic_of(channel), SIGNAL, b"%b\n%b" % (name.encode(), payload))

    def hear_signals(self, channel: str) -> None:
        """Hear a channel's signals although nobody here hears the channel."""
        if self._bus is not None:
            self._bus.retain(topic_of(channel))

    def on_signal(self, name: str, handler: Signal) -> None:
        """Call ``handler(channel, payload)`` for the signals of that name that other workers send."""
        self._signals[name] = handler

    def on_gap(self, callback: Callable[[str | None], None]) -> None:
        """Call ``callback(channel)`` when signals of a channel may have been missed, with None for any channel."""
        self._gap_callbacks.append(callback)

    def on_feed(self, opened: Callable[[str], None], closed: Callable[[str], None]) -> None:
        """Call ``opened(channel)`` with the first here who hears a channel, ``closed(channel)`` after the last."""
        self._opened.append(opened)
        self._closed.append(closed)

    def show(self, channel: str, name: str, envelope: bytes, attachments: tuple[bytes, ...] = ()) -> None:
        """Send a signal to everybody on this worker who hears the channel, through whatever door."""
        feed = self._feeds.get(channel)
        if feed is not None:
            feed.signal(name, envelope, attachments)

    async def open(self, channel: str) -> Feed:
        """The feed of a channel, which the caller gives back with ``close``."""
        feed = self._feeds.get(channel)
        if feed is None:
            feed = self._feeds[channel] = Feed(channel, self._fill_soon, self._hold)
            if self._bus is not None:
                self._bus.retain(topic_of(channel))
            for opened in self._opened:
                opened(channel)
        feed.users += 1
        try:
            while feed.seq < 0:
                if feed.opened is None:
                    feed.opened = asyncio.get_running_loop().create_future()
                    await self._open(feed)
                else:
                    await asyncio.wait([feed.opened])
        except BaseException:
            self.close(feed)
            raise
        return feed

    async def _open(self, feed: Feed) -> None:
        opened = feed.opened
        assert opened is not None
        try:
            if self._bus is not None:
                # Subscribed first, read afterwards: what is committed in between is heard, or read, or both.
                await self._bus.subscribed(topic_of(feed.channel))
            await self._openings.submit(feed)
        finally:
            feed.opened = None
            opened.set_result(None)

    async def _open_all(self, feeds: list[Feed]) -> None:
        """Feeds that are opened at a time, as when many people connect, share a query."""
        async with self._database.read() as conn:
            newest = await event_log.newest_of(conn, [feed.channel for feed in feeds])
        for feed in feeds:
            feed.open(newest.get(feed.channel, 0))
            if feed.stale:
                self._fill_soon(feed)

    def close(self, feed: Feed) -> None:
        """Give a feed back; with its last user it goes."""
        feed.users -= 1
        if feed.users == 0:
            del self._feeds[feed.channel]
            if self._bus is not None:
                self._bus.release(topic_of(feed.channel))
            for closed in self._closed:
                closed(feed.channel)

    async def replay(self, feed: Feed, after: int) -> event_log.Replay:
        """What follows ``after``, up to the feed's present position at least."""
        while True:
            async with self._database.read() as conn:
                found = await event_log.after(conn, feed.channel, after)
            # A query that began before the newest event was committed would leave a hole: look again.
            if found.newest >= feed.seq:
                return found

    async def level(self, feeds: Sequence[Feed]) -> None:
        """Bring feeds to where the log is. Raises what the database raises."""
        async with self._database.read() as conn:
            newest = await event_log.newest_of(conn, [feed.channel for feed in feeds])
        for feed in feeds:
            if newest.get(feed.channel, 0) > feed.seq:
                await self._fill(feed)

    def _hold(self, feed: Feed, event: Event) -> bool:
        if event.event not in self._ends_access or self.recheck is None:
            return False
        check = self.recheck(feed, event)
        if check is None:
            return False
        self._spawn(self._held(feed, event, check))
        return True

    async def _held(self, feed: Feed, event: Event, check: Awaitable[None]) -> None:
        """Deliver an event once it is certain who may hear it, however long that takes."""
        while feed.users:
            try:
                await check
                break
            except Exception as error:
                log.warning("Access could not be checked; trying again", extra={"cause": repr(error)})
                await asyncio.sleep(self._catch_up_seconds)
                again = self.recheck(feed, event) if self.recheck else None
                if again is None:
                    break
                check = again
        feed.resume()

    def _heard(self, topic: str, payload: bytes) -> None:
        seq, name, seen_by, envelope = payload.split(b"\n", 3)
        feed = self._feeds.get(channel_of(topic))
        if feed is not None:
            seen = audience.parse(seen_by.decode()) if seen_by else None
            feed.offer(Event(feed.channel, int(seq), name.decode(), envelope, seen))

    def _heard_signal(self, topic: str, payload: bytes) -> None:
        name, body = payload.split(b"\n", 1)
        self._signals[name.decode()](channel_of(topic), body)

    def _gap(self, topic: str | None) -> None:
        for callback in self._gap_callbacks:
            callback(None if topic is None else channel_of(topic))
        self.wake(None if topic is None else channel_of(topic))

    async def _watch(self) -> None:
        """Ask the log while a source is away, at once when it is back, and now and then in any case."""
        loop = asyncio.get_running_loop()
        looked = loop.time()
        while True:
            try:
                # Short steps, because a source may go away at any moment without a word.
                async with asyncio.timeout(min(self._catch_up_seconds, _BACKSTOP_SECONDS)):
                    await self._urgent.wait()
            except TimeoutError:
                if all(healthy() for healthy in self._sources) and loop.time() - looked < _BACKSTOP_SECONDS:
                    continue
            looked = loop.time()
            self._urgent.clear()
            try:
                await self._catch_up()
            except Exception as error:
                log.warning("The log could not be read; trying again", extra={"cause": repr(error)})
                await asyncio.sleep(self._catch_up_seconds)
                self._urgent.set()

    async def _catch_up(self) -> None:
        names = [channel for channel, feed in self._feeds.items() if feed.seq >= 0]
        for start in range(0, len(names), 1000):
            async with self._database.read() as conn:
                newest = await event_log.newest_of(conn, names[start : start + 1000])
            for name, seq in newest.items():
                feed = self._feeds.get(name)
                if feed is not None and seq > feed.seq:
                    self._fill_soon(feed)

    def _fill_soon(self, feed: Feed) -> None:
        if not feed.filling:
            feed.filling = True
            self._spawn(self._fill(feed))

    async def _fill(self, feed: Feed) -> None:
        try:
            while feed.users:
                feed.stale = False
                try:
                    async with self._database.read() as conn:
                        found = await event_log.after(conn, feed.channel, feed.seq)
                    break
                except Exception as error:
                    log.warning("A hole could not be filled; trying again", extra={"cause": repr(error)})
                    await asyncio.sleep(self._catch_up_seconds)
            else:
                return
        finally:
            feed.filling = False
        for event in found.events:
            feed.offer(event)
        if feed.stale:
            self._fill_soon(feed)
        if not found.recovered and found.newest > feed.seq:
            log.warning("A channel fell behind what is retained", extra={"channel": feed.channel, "seq": feed.seq})
            self.on_reset(feed.channel)
            feed.skip_to(found.newest)

    def _spawn(self, work: Awaitable[Any]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def channel_of(topic: str) -> str:
    """The channel of a topic of the bus."""
    return topic.removeprefix(topic_of(""))
