"""One Redis server as a worker uses it: what it says there, what it hears from there, and whether it really hears."""

import asyncio
import logging
import struct
from collections.abc import Callable
from contextlib import suppress

from redis.asyncio.connection import AbstractConnection

from server.engine.redis_link import BusLimits
from server.engine.redis_publisher import Publisher
from server.engine.redis_subscriber import Subscriber

_SENT_AT = struct.Struct("!d")


class RedisNode:
    """A publishing and a subscribing connection to one Redis, with a heartbeat through both.

    A network that swallows packets or a frozen Redis closes no connection. So each worker says the time to itself
    every `nonce_seconds`; when what it hears is older than `deaf_seconds`, the subscribing connection is replaced.
    The publishing one notices by its missing replies.
    """

    def __init__(
        self,
        address: str,
        make: Callable[[], AbstractConnection],
        limits: BusLimits,
        logger: logging.Logger,
        *,
        say_nonce: Callable[[bytes], None],
        announce: Callable[[str | None], None],
        missed: Callable[[], None],
    ) -> None:
        self.publisher = Publisher(address, make, limits, logger, announce=announce, ready=self._speak)
        self.subscriber = Subscriber(address, make, limits, logger, resubscribed=self._resubscribed)
        self.heard_at = float("-inf")
        self._limits = limits
        self._logger = logger
        self._say_nonce = say_nonce
        self._missed = missed
        self._subscribed_at = float("-inf")
        self._tick_handle: asyncio.TimerHandle | None = None
        self._heard_once = asyncio.Event()

    @property
    def healthy(self) -> bool:
        """Whether all that is retained is subscribed and what was said within `deaf_seconds` has been heard."""
        return self.subscriber.caught_up and self.subscriber.loop.time() - self.heard_at <= self._limits.deaf_seconds

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
        await self.publisher.drain()
        await self.publisher.stop()
        await self.subscriber.stop()

    def heard(self, nonce: bytes) -> None:
        """Take this worker's own nonce back."""
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
            self._say_nonce(_SENT_AT.pack(self.subscriber.loop.time()))

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
