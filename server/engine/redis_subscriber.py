"""What this worker hears: the topics that it retains, subscribed in the background."""

import asyncio
from collections.abc import Callable
from typing import Any

from server.engine import resp
from server.engine.redis_link import CLASSIC, SHARDED, RedisLink, Verbs

Deliver = Callable[[str, bytes], None]


class _Topic:
    """One retained topic: how often, what was asked of Redis, what Redis still owes."""

    __slots__ = ("asked", "channel", "count", "deliver", "due", "name", "verbs", "waiters")

    def __init__(self, name: str, channel: bytes, deliver: Deliver, verbs: Verbs) -> None:
        self.name = name
        self.deliver = deliver
        self.channel = channel
        self.verbs = verbs
        self.count = 0
        self.asked = False
        self.due = 0
        self.waiters: list[asyncio.Future[bool]] = []

    @property
    def confirmed(self) -> bool:
        return self.asked and not self.due

    def settle(self, outcome: bool) -> None:
        for waiter in self.waiters:
            if not waiter.done():
                waiter.set_result(outcome)
        self.waiters.clear()


class Subscriber(RedisLink):
    """Keeps Redis subscribed to what is retained, and hands on every message as it arrives.

    Changes of one turn of the loop leave in one write; at most `window` of them are unconfirmed at a time, so that
    subscribing again to very many topics leaves Redis room for others. `resubscribed(again)` is called once all that
    was retained is confirmed on a new connection; `again` is False if nothing can have been missed before.
    """

    def __init__(self, *link: Any, resubscribed: Callable[[bool], None]) -> None:
        super().__init__("subscribing", *link)
        self._resubscribed = resubscribed
        self._topics: dict[bytes, _Topic] = {}
        self._changed: dict[_Topic, None] = {}
        self._flushing = False
        self._due = 0
        self._resuming = False
        self._catching_up: set[_Topic] = set()
        self._missed = False
        self._prefix = b"*3\r\n$%d\r\n%b\r\n$" % (len(self.verbs.message), self.verbs.message)
        self._chunks: list[bytes] = []
        self._missing = 0

    def start(self) -> None:
        super().start()
        self._missed = False

    @property
    def caught_up(self) -> bool:
        """Whether all that was retained when the connection came up is confirmed."""
        return self.up and not self._resuming

    def retain(self, topic: str, channel: bytes, deliver: Deliver, verbs: Verbs | None = None) -> None:
        """Subscribe with the first holder of a topic; its messages go to `deliver(topic, message)`."""
        entry = self._topics.get(channel)
        if entry is None:
            entry = self._topics[channel] = _Topic(topic, channel, deliver, verbs or self.verbs)
        entry.count += 1
        if entry.count == 1:
            self._change(entry)

    def release(self, channel: bytes) -> None:
        """Unsubscribe with the last holder. Raises ValueError if nobody holds the topic."""
        entry = self._topics.get(channel)
        if entry is None or not entry.count:
            raise ValueError(f"released more often than retained: {channel.decode(errors='replace')}")
        entry.count -= 1
        if not entry.count:
            entry.settle(False)
            self._change(entry)

    async def subscribed(self, channel: bytes) -> bool:
        """Wait until Redis confirms; False while disconnected, after `timeout`, and for what nobody retains."""
        entry = self._topics.get(channel)
        if not self.up or entry is None or not entry.count:
            return False
        if entry.confirmed:
            return True
        waiter = self.loop.create_future()
        entry.waiters.append(waiter)
        try:
            async with asyncio.timeout(self.limits.timeout):
                return await waiter
        except TimeoutError:
            return False

    def opened(self) -> None:
        self._chunks.clear()
        self._missing = 0
        self._due = 0
        self._topics = {channel: entry for channel, entry in self._topics.items() if entry.count}
        for entry in self._topics.values():
            entry.asked = False
            entry.due = 0
        self._changed = dict.fromkeys(self._topics.values())
        self._catching_up = set(self._changed)
        self._resuming = True
        self._flush()

    def closed(self) -> None:
        self._missed = True
        for entry in self._topics.values():
            entry.settle(False)

    def data_received(self, data: bytes) -> None:
        if self._chunks:
            # Joining only what is complete keeps a message of many reads linear in its size.
            self._chunks.append(data)
            self._missing -= len(data)
            if self._missing > 0:
                return
            data = b"".join(self._chunks)
            self._chunks.clear()
        end = self._read(data)
        if end < len(data):
            self._chunks.append(data[end:] if end else data)

    def _read(self, data: bytes) -> int:
        """Handle every complete reply. Where the first incomplete one starts; it lacks at least `_missing` bytes."""
        prefix, topics, find = self._prefix, self._topics, data.find
        start, length = 0, len(data)
        self._missing = 1
        while start < length:
            if not data.startswith(prefix, start):
                reply = resp.parse(data, start)
                if reply is None:
                    return start
                value, start = reply
                self._answered(value)
                continue
            position = start + len(prefix)
            line_end = find(b"\r\n", position)
            if line_end < 0:
                return start
            channel_end = line_end + 2 + int(data[position:line_end])
            message_start = find(b"\r\n", channel_end + 3) + 2
            if message_start < 2:
                return start
            message_end = message_start + int(data[channel_end + 3 : message_start - 2])
            if message_end + 2 > length:
                self._missing = message_end + 2 - length
                return start
            entry = topics.get(data[line_end + 2 : channel_end])
            if entry is not None and entry.count:
                entry.deliver(entry.name, data[message_start:message_end])
            start = message_end + 2
        return start

    def _answered(self, reply: Any) -> None:
        """Take Redis's confirmation of one change, or a message of a kind that is rare here."""
        if isinstance(reply, resp.ReplyError):
            self.abort(f"subscribing was refused: {reply}")
            return
        kind, channel, message = reply
        entry = self._topics.get(channel)
        if kind == CLASSIC.message:
            if entry is not None and entry.count:
                entry.deliver(entry.name, message)
            return
        if entry is None or not entry.due:
            # A cluster that moves a slot away unsubscribes its channels; a new connection is told where they are.
            self.abort(f"unexpected {kind.decode(errors='replace')}")
            return
        entry.due -= 1
        self._due -= 1
        if entry.confirmed:
            entry.settle(True)
        elif not entry.count and not entry.due and entry not in self._changed:
            del self._topics[channel]
        self._catching_up.discard(entry)
        self._flush()

    def _caught_up(self) -> None:
        self._resuming = False
        self.proven()
        missed, self._missed = self._missed, False
        self._resubscribed(missed)

    def _change(self, entry: _Topic) -> None:
        if self.up:
            self._changed[entry] = None
            if not self._flushing:
                self._flushing = True
                self.loop.call_soon(self._flush)
        else:
            self._missed = True
            if not entry.count:
                del self._topics[entry.channel]

    def _flush(self) -> None:
        self._flushing = False
        if not self.up:
            return
        commands: dict[bytes, list[bytes]] = {}
        while self._changed and self._due < self.limits.window:
            entry = next(iter(self._changed))
            del self._changed[entry]
            want = entry.count > 0
            if want == entry.asked:
                if not want and not entry.due:
                    del self._topics[entry.channel]
                    self._catching_up.discard(entry)
                continue
            entry.asked = want
            entry.due += 1
            self._due += 1
            verb = entry.verbs.subscribe if want else entry.verbs.unsubscribe
            commands.setdefault(verb, []).append(entry.channel)
        for verb, channels in commands.items():
            self._send(verb, channels)
        if self._resuming and not self._catching_up:
            self._caught_up()

    def _send(self, verb: bytes, channels: list[bytes]) -> None:
        if verb in (SHARDED.subscribe, SHARDED.unsubscribe):
            # Channels of one command would have to share a slot.
            self.write(b"".join(resp.command(verb, channel) for channel in channels))
        else:
            self.write(resp.command(verb, *channels))
