"""One connection to Redis that comes back by itself."""

import asyncio
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

FIRST_BACKOFF = 0.05


@dataclass(frozen=True, slots=True)
class Verbs:
    """How a Redis is spoken to: `CLASSIC`, or in a cluster `SHARDED`."""

    publish: bytes
    subscribe: bytes
    unsubscribe: bytes
    message: bytes


CLASSIC = Verbs(b"PUBLISH", b"SUBSCRIBE", b"UNSUBSCRIBE", b"message")
SHARDED = Verbs(b"SPUBLISH", b"SSUBSCRIBE", b"SUNSUBSCRIBE", b"smessage")


@dataclass(frozen=True, slots=True)
class BusLimits:
    """Bounds of a bus: times in seconds, sizes in bytes; `RedisBus` documents each."""

    timeout: float
    nonce_seconds: float
    deaf_seconds: float
    backoff_max: float
    buffer_bytes: int
    gap_topics: int
    window: int


class RedisLink(asyncio.Protocol):
    """A connection that redis-py opens (URL, TLS, sign-in, database) and that this class then reads and writes itself.

    redis-py wraps every write in a task and every read in a coroutine for each reply: 11 to 25 µs for a message. As
    the transport's protocol, a link reads a whole burst in one call and writes a whole turn of the loop in one: below
    1 µs for a message. `_adopt` is the only place that reaches into redis-py.
    """

    def __init__(
        self,
        purpose: str,
        address: str,
        make: Callable[[], AbstractConnection],
        verbs: Verbs,
        limits: BusLimits,
        logger: logging.Logger,
    ) -> None:
        self.up = False
        self.opened_at = 0.0
        self.verbs = verbs
        self.limits = limits
        self.logger = logger
        self.loop: asyncio.AbstractEventLoop
        self._name = f"{purpose} connection to Redis at {address}"
        self._make = make
        self._connection: AbstractConnection | None = None
        self._transport: asyncio.Transport | None = None
        self._lost = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._stopping = False
        self._failures = 0
        self._abort_reason = ""
        self._reported = ""

    def start(self) -> None:
        """Begin to connect, and to reconnect whenever the connection is lost."""
        self.loop = asyncio.get_running_loop()
        self._task = self.loop.create_task(self._run(), name=self._name)

    async def stop(self) -> None:
        """Close the connection and forget it."""
        self._stopping = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    def write(self, data: bytes) -> None:
        """Hand bytes to the transport; only while `up`."""
        self._transport.write(data)  # type: ignore[union-attr]

    def abort(self, reason: str) -> None:
        """Give the present connection up; a new one follows."""
        if self.up:
            self.up = False
            self._abort_reason = reason
            self._transport.abort()  # type: ignore[union-attr]

    def proven(self) -> None:
        """Start the back-off over: not connecting but a first good reply shows that Redis serves us."""
        self._failures = 0
        if self._reported:
            self._reported = ""
            self.logger.info("%s is back", self._name)

    def opened(self) -> None:
        """Called when a connection is ready for commands."""

    def closed(self) -> None:
        """Called when a connection is lost, or was not to be had."""

    def connection_lost(self, exc: Exception | None) -> None:
        self.up = False
        self._report(self._abort_reason or str(exc or "closed by the other side"))
        self._abort_reason = ""
        self._lost.set()
        self.closed()

    async def _run(self) -> None:
        while True:
            try:
                await self._connect()
                if self._stopping:
                    # redis-py's wait_for can swallow the cancellation that came with the last reply.
                    return
                await self._lost.wait()
            except asyncio.CancelledError:
                self._stopping = True
                raise
            except (RedisError, OSError, TimeoutError) as error:
                self._report(str(error) or f"no answer within {self.limits.timeout} s")
                self.closed()
            except Exception:
                # A link that ended here would leave the worker deaf for good.
                self.logger.exception("%s failed", self._name)
            finally:
                await self._discard()
            self._failures += 1
            ceiling = min(self.limits.backoff_max, FIRST_BACKOFF * 2 ** min(self._failures, 16))
            await asyncio.sleep(ceiling * random.uniform(0.5, 1))  # noqa: S311 - jitter, no secret

    async def _connect(self) -> None:
        self._connection = connection = self._make()
        async with asyncio.timeout(self.limits.timeout):
            await connection.connect()
            if await connection.can_read():
                raise RedisConnectionError("data before any command: is that a Redis server?")
        self._adopt(connection)
        self.up = True
        self.opened_at = self.loop.time()
        self.opened()

    def _adopt(self, connection: AbstractConnection) -> None:
        """Take the socket over from redis-py's streams, which have no public way to hand it out."""
        self._transport = cast(asyncio.Transport, connection._writer.transport)  # type: ignore[union-attr]
        self._lost.clear()
        self._transport.set_protocol(self)

    async def _discard(self) -> None:
        if self._transport is not None:
            self._transport.abort()
            await self._lost.wait()
            self._transport = None
        if self._connection is not None:
            await self._connection.disconnect(nowait=True)
            self._connection = None

    def _report(self, reason: str) -> None:
        """Log a loss once for each cause, not once for each attempt."""
        if self._stopping or reason == self._reported:
            return
        self._reported = reason
        self.logger.warning(
            "%s: %s. Check that Redis runs, and the URL and its password; trying again, at least every %g s",
            self._name,
            reason,
            self.limits.backoff_max + self.limits.timeout,
        )
