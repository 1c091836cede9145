"""Streams: who hears which channels by server-sent events on this worker.

Streams of the same channels form a group: an event is framed once for all of them, and its id, which tells how far each
of the channels has come, is the same bytes for everybody. A stream comes to its group once it has caught up.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Iterable, Mapping

import orjson

from handlers import access, views
from handlers.filters import Filter
from models.event_log import Event, Replay
from server import resume, sse_frames
from server.audience import Audience
from server.delivery import Delivery
from server.feed import Feed
from server.hearers import Hearers
from server.log_pages import LogPages
from server.sse_frames import Frame
from server.stream import Stream

log = logging.getLogger("hubbub.streams")

Channels = tuple[str, ...]

# When clients come back by themselves; not all of a restarted worker's at the same moment.
RETRY_MS = (1000, 3000)


class StreamGroup:
    """The streams of the same channels, through the same filter, that have caught up: the feeds' listener that stands
    for all of them."""

    def __init__(self, feeds: Mapping[str, Feed], view: Filter | None) -> None:
        self._feeds = feeds
        self._view = view
        self._level: dict[Stream, None] = {}
        self._ahead: dict[Stream, dict[str, int]] = {}
        # Streams whose client does not know of the newest number, because the event was not for them.
        self._skipped: dict[Stream, None] = {}
        for feed in feeds.values():
            feed.add(self, self)

    def __len__(self) -> int:
        return len(self._level) + len(self._ahead)

    def join(self, stream: Stream, positions: dict[str, int]) -> None:
        """A stream that has all events up to these positions, which no feed is beyond, hears whatever comes."""
        if all(self._feeds[channel].seq == seq for channel, seq in positions.items()):
            self._level[stream] = None
        else:
            self._ahead[stream] = positions

    def leave(self, stream: Stream) -> None:
        """A stream hears no longer; nothing happens when it does not."""
        self._level.pop(stream, None)
        self._ahead.pop(stream, None)
        self._skipped.pop(stream, None)

    def end(self) -> None:
        """Nobody is left."""
        for feed in self._feeds.values():
            feed.remove(self)

    def hear(self, event: Event) -> None:
        """Write the event to all that may see it."""
        found = views.seen(event, self._view)
        if found is None:
            self._skipped.update(self._level)
        else:
            self._write(found)
        if self._ahead:
            for stream, positions in list(self._ahead.items()):
                self._hear_ahead(stream, positions, event)

    def _write(self, event: Event) -> None:
        frame = sse_frames.of_event(event, self._resume_id())
        if event.audience is None:
            for stream in self._level:
                stream.write(frame)
            if self._skipped:
                self._skipped.clear()
        else:
            for stream in self._level:
                self._write_to_some(stream, event, frame)

    def hear_signal(self, channel: str, event: str, envelope: bytes, attachments: tuple[bytes, ...] = ()) -> None:
        """Write the signal to all, unless it has bytes, which a stream of text cannot carry."""
        if attachments:
            return
        frame = sse_frames.of_signal(envelope)
        for stream in (*self._level, *self._ahead):
            stream.write(frame)

    def beat(self) -> None:
        """Write the heartbeat to all; who skipped events learns how far the channels are."""
        for stream in (*self._level, *self._ahead):
            stream.write(sse_frames.HEARTBEAT)
        if self._skipped:
            skipped, self._skipped = self._skipped, {}
            frame = sse_frames.position(self._resume_id())
            for stream in skipped:
                stream.write(frame)

    def _resume_id(self) -> str:
        return resume.encode({channel: feed.seq for channel, feed in self._feeds.items()})

    def _write_to_some(self, stream: Stream, event: Event, frame: Frame) -> None:
        if access.may_see(event, stream.actor):
            stream.write(frame)
            self._skipped.pop(stream, None)
        else:
            self._skipped[stream] = None

    def _hear_ahead(self, stream: Stream, positions: dict[str, int], event: Event) -> None:
        """The log was read beyond what this worker had delivered: of that, the stream gets nothing twice."""
        if event.seq > positions[event.channel]:
            positions[event.channel] = event.seq
            found = views.told(event, stream.actor, self._view)
            if found is not None:
                stream.write(sse_frames.of_event(found, resume.encode(positions)))
        if all(self._feeds[channel].seq == seq for channel, seq in positions.items()):
            del self._ahead[stream]
            self._level[stream] = None


class Streams:
    """Brings streams to their channels, behind what their clients have had.

    Args:
        delivery: the feeds.
        hearers: lets those go who lost access.
        pages: the log.
        audience: watches what is told of people and viewers.
        heartbeat_seconds: between two signs of life of a stream; one timer serves all.
    """

    def __init__(
        self, delivery: Delivery, hearers: Hearers, pages: LogPages, audience: Audience, heartbeat_seconds: float
    ) -> None:
        self._delivery = delivery
        self._hearers = hearers
        self._pages = pages
        self._audience = audience
        self._heartbeat_seconds = heartbeat_seconds
        self._groups: dict[tuple[Channels, Filter | None], StreamGroup] = {}
        self._open: dict[Stream, None] = {}
        self._next_beat: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._open)

    async def serve(
        self,
        stream: Stream,
        channels: Iterable[str],
        after: Mapping[str, int] | None,
        view: Filter | None = None,
    ) -> None:
        """Let a stream hear the channels until it is closed.

        Args:
            stream: not started yet.
            channels: their canonical names.
            after: how far the client has come, in those that it knows; None when it never heard any.
            view: what is left of the one channel.

        Raises ``NotFound`` when access has ended meanwhile, and what the database raises, before anything is sent.
        """
        names = tuple(sorted(set(channels)))
        feeds: dict[str, Feed] = {}
        self._open[stream] = None
        try:
            for name in names:
                self._hearers.add(name, stream, stream)
            await self._open_feeds(names, feeds)
            for name in names:
                await self._hearers.require(name, stream.actor)
                await self._audience.watching(name)
            try:
                await stream.start()
                self._beat_soon()
                await self._catch_up(stream, names, feeds, after or {}, view)
                if after is not None:
                    await self._bring_up_to_date(stream, names)
                await stream.closed
            except ConnectionError:
                # The client left before it had caught up.
                return
            except Exception as error:
                log.warning("A stream is cut, its client comes back", extra={"cause": repr(error)})
                stream.cut()
        finally:
            del self._open[stream]
            self._leave(stream, names, view)
            for name in names:
                self._hearers.remove(name, stream)
            for feed in feeds.values():
                self._delivery.close(feed)

    def end_all(self, farewell: Callable[[], Frame]) -> None:
        """End every stream, each with a last frame of its own."""
        for stream in list(self._open):
            stream.write(farewell())
            stream.end()

    async def all_closed(self, seconds: float) -> None:
        """Wait until no stream is open, and cut what is after so long."""
        if self._open:
            await asyncio.wait([stream.closed for stream in self._open], timeout=seconds)
        for stream in self._open:
            stream.cut()

    async def _open_feeds(self, names: Channels, feeds: dict[str, Feed]) -> None:
        """Open all at a time, so that they share a query. Those that were opened stand in ``feeds`` in any case."""
        opened = await asyncio.gather(*(self._delivery.open(name) for name in names), return_exceptions=True)
        for name, found in zip(names, opened, strict=True):
            if isinstance(found, Feed):
                feeds[name] = found
        for found in opened:
            if isinstance(found, BaseException):
                raise found

    async def _catch_up(
        self,
        stream: Stream,
        names: Channels,
        feeds: Mapping[str, Feed],
        after: Mapping[str, int],
        view: Filter | None,
    ) -> None:
        """Send what follows ``after``, and join the group at a moment when nothing is missing."""
        positions = {name: after.get(name, feed.seq) for name, feed in feeds.items()}
        # Numbers that this worker has not seen: the log knows more than it, or they were never given.
        unsure = {name for name, feed in feeds.items() if positions[name] > feed.seq}
        retry = random.randint(*RETRY_MS)  # noqa: S311 - spreads clients, guards nothing
        frames = [sse_frames.retry(retry), sse_frames.position(resume.encode(positions))]
        while True:
            await stream.send_all(frames)
            name = next((each for each in names if each in unsure or positions[each] < feeds[each].seq), None)
            if name is None:
                break
            unsure.discard(name)
            found = await self._pages.after(name, positions[name])
            frames = self._replayed(stream, view, name, found, positions)
        group = self._groups.get((names, view))
        if group is None:
            group = self._groups[names, view] = StreamGroup(feeds, view)
        group.join(stream, positions)

    async def _bring_up_to_date(self, stream: Stream, names: Channels) -> None:
        """Signals are kept for nobody: who was away gets what holds now."""
        for name in names:
            for _, envelope in await self._audience.missed(name, None):
                stream.write(sse_frames.of_signal(envelope))

    def _replayed(
        self, stream: Stream, view: Filter | None, name: str, found: Replay, positions: dict[str, int]
    ) -> list[Frame]:
        """The frames of a page, whose events ``positions`` goes beyond."""
        if not found.recovered:
            positions[name] = found.newest
            data = orjson.dumps({"channel": name, "seq": found.newest})
            return [sse_frames.reset(data, resume.encode(positions))]
        frames, seen = [], None
        for event in found.events:
            positions[name] = event.seq
            seen = views.told(event, stream.actor, view)
            if seen is not None:
                frames.append(sse_frames.of_event(seen, resume.encode(positions)))
        if found.events and seen is None:
            frames.append(sse_frames.position(resume.encode(positions)))
        return frames

    def _leave(self, stream: Stream, names: Channels, view: Filter | None) -> None:
        group = self._groups.get((names, view))
        if group is None:
            return
        group.leave(stream)
        if not group:
            group.end()
            del self._groups[names, view]

    def _beat_soon(self) -> None:
        if self._next_beat is None:
            self._next_beat = asyncio.get_running_loop().call_later(self._heartbeat_seconds, self._beat)

    def _beat(self) -> None:
        self._next_beat = None
        for group in self._groups.values():
            group.beat()
        if self._open:
            self._beat_soon()
