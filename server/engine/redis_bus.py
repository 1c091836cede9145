"""Wake-ups between workers, through Redis."""

import logging
import os
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from redis.asyncio.connection import ConnectionPool

from server.engine.redis_link import BusLimits
from server.engine.redis_node import RedisNode
from server.engine.redis_shards import RedisShards

GAP = b"!"
NONCE = b"~"
EVERYBODY = "!"
SENDER_BYTES = 8
_HEADER_BYTES = 1 + SENDER_BYTES
_SCHEMES = {"redis": "redis", "rediss": "rediss", "valkey": "redis", "valkeys": "rediss", "unix": "unix"}
_CLUSTER = "+cluster"

Handler = Callable[[str, bytes], None]


class RedisBus:
    """Publishes to and hears from the other workers; never makes anybody wait for Redis.

    A topic is any string that doesn't begin with `!`; its Redis channel is `{prefix}:{topic}`. A message there is one
    byte for its kind, eight for its sender, and the payload. What could not be published is dropped, and its topic
    gets a message of kind `!` as soon as Redis answers again. So a message that must not be lost can only be a
    wake-up for something that is stored elsewhere, and `on_gap` says where to look.

    `url`             redis://, rediss://, unix:// or, for a node of a cluster (Redis 7 or newer, which has sharded
                      pub/sub), redis+cluster://, rediss+cluster://; valkey and valkeys stand for redis and rediss
    `redis_options`   keyword arguments of redis-py's connections, on top of the URL
    `timeout`         seconds for connecting, for a reply, and for what is queued at `stop()`
    `nonce_seconds`   how often this worker says something to itself
    `deaf_seconds`    hearing nothing of that for so long makes it unhealthy and replaces the subscribing connection
    `backoff_max`     longest pause between two attempts to connect, in seconds
    `buffer_bytes`    what may wait for Redis's answer
    `gap_topics`      how many topics of dropped messages are remembered; beyond, everybody is told to look everywhere
    `window`          how many changes of subscription may be unconfirmed at a time

    Raises ValueError for a URL that is none of these, and for braces in the prefix in front of a cluster.
    """

    def __init__(
        self,
        url: str,
        *,
        prefix: str = "hubbub",
        redis_options: Mapping[str, Any] | None = None,
        timeout: float = 1.0,
        nonce_seconds: float = 2.0,
        deaf_seconds: float = 6.0,
        backoff_max: float = 2.0,
        buffer_bytes: int = 8 * 2**20,
        gap_topics: int = 10_000,
        window: int = 1_000,
        logger: logging.Logger | None = None,
    ) -> None:
        self._sender = os.urandom(SENDER_BYTES)
        self.worker_id = self._sender.hex()
        self._logger = logger or logging.getLogger(__name__)
        self._prefix = prefix.encode() + b":"
        self._handlers: dict[int, Handler] = {}
        self._gap_callbacks: list[Callable[[str | None], None]] = []
        limits = BusLimits(timeout, nonce_seconds, deaf_seconds, backoff_max, buffer_bytes, gap_topics, window)
        options = {
            "client_name": f"bus-{self.worker_id}",
            **(redis_options or {}),
            "protocol": 2,
            "socket_connect_timeout": timeout,
        }
        self._redis = self._redis_at(url, options, limits)
        self._retain(EVERYBODY)

    def _redis_at(self, url: str, options: dict[str, Any], limits: BusLimits) -> RedisNode | RedisShards:
        scheme, _, rest = url.partition("://")
        plain = scheme.removesuffix(_CLUSTER)
        if plain not in _SCHEMES or scheme == "unix" + _CLUSTER:
            known = "://, ".join(_SCHEMES)
            raise ValueError(f"a Redis URL begins with {known}:// (or redis+cluster://), not with {scheme!r}")
        url = f"{_SCHEMES[plain]}://{rest}"
        common: dict[str, Any] = {
            "own_channel": self._channel(EVERYBODY + self.worker_id),
            "nonce_head": NONCE + self._sender,
            "announce": lambda topic: self.publish(EVERYBODY if topic is None else topic, GAP, b""),
            "missed": lambda: self._gap(None),
        }
        if scheme != plain:
            if b"{" in self._prefix:
                raise ValueError("a prefix with braces would put every channel of a cluster into one slot")
            return RedisShards(url, options, limits, self._logger, **common)
        parts = urlsplit(url)
        address = parts.path if scheme == "unix" else f"{parts.hostname or 'localhost'}:{parts.port or 6379}"
        pool = ConnectionPool.from_url(url, **options)
        return RedisNode(address, pool.make_connection, limits, self._logger, **common)

    @property
    def healthy(self) -> bool:
        """Whether this worker heard itself within `deaf_seconds` and all that it retains is subscribed.

        It is about hearing: what is published while only the other direction is down is dropped and announced later.
        """
        return self._redis.healthy

    @property
    def heard_at(self) -> float:
        """When the last own message that came back was sent (loop time); minus infinity before the first."""
        return self._redis.heard_at

    @property
    def dropped(self) -> int:
        """How many messages Redis has not confirmed and never will."""
        return self._redis.dropped

    async def start(self) -> None:
        """Connect, waiting for Redis two time-outs at most; without it the bus goes on trying, and isn't `healthy`."""
        await self._redis.start()

    async def stop(self) -> None:
        """Let what is queued go out, for `timeout` at most, and close both connections."""
        await self._redis.stop()

    def on(self, kind: bytes, handler: Handler) -> None:
        """Have `handler(topic, payload)` called for other workers' messages of one kind, in order of arrival.

        It must not block; what it raises is logged. Raises ValueError for a kind that is not one byte, is the bus's
        own (`!`, `~`) or has a handler.
        """
        if len(kind) != 1 or kind in (GAP, NONCE) or kind[0] in self._handlers:
            raise ValueError(f"not one byte, or already taken: {kind!r}")
        self._handlers[kind[0]] = handler

    def on_gap(self, callback: Callable[[str | None], None]) -> None:
        """Have `callback(topic)` called when messages of a topic may have been missed, with None for any topic."""
        self._gap_callbacks.append(callback)

    def retain(self, topic: str) -> None:
        """Listen to a topic until `release` was called as often. Raises ValueError for the bus's own topics."""
        if topic.startswith(EVERYBODY):
            raise ValueError(f"topics that begin with {EVERYBODY!r} are the bus's own: {topic!r}")
        self._retain(topic)

    def release(self, topic: str) -> None:
        """Give one hold of a topic back. Raises ValueError if there is none."""
        self._redis.release(self._channel(topic))

    async def subscribed(self, topic: str) -> bool:
        """Wait until Redis confirms a retained topic; False while not `healthy`, after `timeout`, or once released."""
        return await self._redis.subscribed(self._channel(topic))

    def publish(self, topic: str, kind: bytes, payload: bytes) -> None:
        """Tell the other workers that listen to a topic; in order, without waiting. `kind` is one byte."""
        self._redis.publish(topic, self._channel(topic), kind + self._sender + payload)

    async def drain(self) -> None:
        """Wait until Redis has answered all that was published, for `timeout` at most."""
        await self._redis.drain()

    def listen(self, channel: str, handler: Callable[[bytes], None]) -> None:
        """Have `handler(message)` called for whatever any program publishes on a Redis channel outside the prefix.

        It must not block; what it raises is logged.
        """

        def deliver(_channel: str, message: bytes) -> None:
            try:
                handler(message)
            except Exception:
                self._logger.exception("a handler of messages on the Redis channel %s failed", channel)

        self._redis.listen(channel.encode(), deliver)

    def _channel(self, topic: str) -> bytes:
        # Room names come from clients; a lone surrogate among them is no reason to fail.
        return self._prefix + topic.encode(errors="surrogatepass")

    def _retain(self, topic: str) -> None:
        self._redis.retain(topic, self._channel(topic), self._deliver)

    def _deliver(self, topic: str, message: bytes) -> None:
        if len(message) < _HEADER_BYTES or message[1:_HEADER_BYTES] == self._sender:
            return
        kind = message[0]
        if (handler := self._handlers.get(kind)) is not None:
            try:
                handler(topic, message[_HEADER_BYTES:])
            except Exception:
                self._logger.exception("a handler of bus messages of kind %r failed", chr(kind))
        elif kind == GAP[0]:
            self._gap(None if topic == EVERYBODY else topic)

    def _gap(self, topic: str | None) -> None:
        for callback in self._gap_callbacks:
            try:
                callback(topic)
            except Exception:
                self._logger.exception("a callback for missed bus messages failed")
