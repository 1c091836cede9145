"""One Redis server as a worker uses it: what it says there, what it hears from there, and whether it really hears."""

import asyncio
import logging
import struct
from collections.abc import Callable
from contextlib import suppress

from redis.asyncio.connection import AbstractConnection

from server.engine.redis_link import CLASSIC, BusLimits, Verbs
from server.engine.redis_publisher import Publisher
from server.engine.redis_subscriber import Deliver, Subscriber

_SENT_AT = struct.Struct("!d")


class RedisNode:
    """A publishing and a subscribing connection to one Redis, with a heartbeat through both.

    A network that swallows packets or a frozen Redis closes no connection. So each worker says the time to itself
    every `nonce_seconds`; when what it hears is older than `deaf_seconds`, the subscribing connection is replaced.
    The publishing one notices by its missing replies.

    :param own_channel: a channel of this worker alone, for the heartbeat.
    :param nonce_head: what the heartbeat's messages begin with.
    :param announce: called with the topic (None: any) of messages that are lost for the others.
    :param missed: called when messages may be lost for this worker.
    """

    def __init__(
        self,
        address: str,
        make: Callable[[], AbstractConnection],
        limits: BusLimits,
        logger: logging.Logger,
        *,
        own_channel: bytes,
        nonce_head: bytes,
        announce: Callable[[str | None], None],
        missed: Callable[[], None],
        verbs: Verbs = CLASSIC,
    ) -> None:
        link = address, make, verbs, limits, logger
        self.own_channel = own_channel
        self.publisher = Publisher(*link, announce=announce, ready=self._speak)
        self.subscriber = Subscriber(*link, resubscribed=self._resubscribed)
        self.heard_at = float("-inf")
        self._limits = limits
        self._nonce_head = nonce_head
        self._missed = missed
        self._subscribed_at = float("-inf")
        self._tick_handle: asyncio.TimerHandle | None = None
        self._heard_once = asyncio.Event()
        self.subscriber.retain(own_channel.decode(), own_channel, self._heard)

    @property
    def healthy(self) -> bool:
        """Whether all that is retained is subscribed and what was said within `deaf_seconds` has been heard."""
        return self.subscriber.caught_up and self.subscriber.loop.time() - self.heard_at <= self._limits.deaf_seconds

    @property
    def dropped(self) -> int:
        """How many messages Redis has not confirmed and never will."""
        return self.publisher.dropped

    async def start(self) -> None:
        """Connect, and wait until the node is heard, for two time-outs at most; it goes on trying in any case."""
        self.publisher.start()
        self.subscriber.start()
        self._tick(self.subscriber.loop.time())
        with suppress(TimeoutError):
            async with asyncio.timeout(2 * self._limits.timeout):
                await self._heard_once.wait()

    async def stop(self) -> None:
        """Let what is queued go out, for `timeout` at most, then close both connections."""
        if self._tick_handle is not None:
            self._tick_handle.cancel()
            self._tick_handle = None
        await self.drain()
        await self.publisher.stop()
        await self.subscriber.stop()

    async def drain(self) -> None:
        """Wait until Redis has answered all that was published, for `timeout` at most."""
        await self.publisher.drain()

    def publish(self, topic: str, channel: bytes, message: bytes) -> None:
        """Queue one message."""
        self.publisher.publish(topic, channel, message)

    def retain(self, topic: str, channel: bytes, deliver: Deliver) -> None:
        """Listen to a channel; its messages go to `deliver(topic, message)`."""
        self.subscriber.retain(topic, channel, deliver)

    def listen(self, channel: bytes, deliver: Deliver) -> None:
        """Listen to a channel that others publish on with PUBLISH."""
        self.subscriber.retain(channel.decode(), channel, deliver, CLASSIC)

    def release(self, channel: bytes) -> None:
        """Give one hold of a channel back. Raises ValueError if there is none."""
        self.subscriber.release(channel)

    async def subscribed(self, channel: bytes) -> bool:
        """Wait until Redis confirms; False while not `healthy`, after `timeout`, and for what nobody retains."""
        return self.healthy and await self.subscriber.subscribed(channel)

    def _heard(self, _topic: str, message: bytes) -> None:
        """Take this worker's own nonce back."""
        nonce = message[len(self._nonce_head) :]
        if not message.startswith(self._nonce_head) or len(nonce) != _SENT_AT.size:
            return
        now = self.subscriber.loop.time()
        was_deaf = now - max(self.heard_at, self._subscribed_at) > self._limits.deaf_seconds
        self.heard_at = _SENT_AT.unpack(nonce)[0]
        if self.healthy:
            self._heard_once.set()
            if was_deaf:
                self._missed()

    def _resubscribed(self, again: bool) -> None:
        self._subscribed_at = self.subscriber.loop.time()
        self._speak()
        if again:
            self._missed()

    def _speak(self) -> None:
        if self.publisher.up:
            nonce = self._nonce_head + _SENT_AT.pack(self.publisher.loop.time())
            self.publisher.publish(None, self.own_channel, nonce)

    def _tick(self, due: float) -> None:
        loop = self.subscriber.loop
        now = loop.time()
        # A late tick tells that this process stood still: the nonces may be waiting behind it.
        if now - due < self._limits.nonce_seconds / 2:
            self._listen(now)
        self._speak()
        due = now + self._limits.nonce_seconds
        self._tick_handle = loop.call_at(due, self._tick, due)

    def _listen(self, now: float) -> None:
        deaf_since = max(self.heard_at, self.subscriber.opened_at)
        if self.subscriber.up and now - deaf_since > self._limits.deaf_seconds:
            self.subscriber.abort(f"heard nothing for {self._limits.deaf_seconds:g} s")
