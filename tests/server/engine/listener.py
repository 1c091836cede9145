"""A worker's bus as the tests see it."""

from collections.abc import Awaitable, Callable

import redis

from server.engine.redis_bus import RedisBus
from tests.support.redis_server import RedisServer
from tests.support.waiting import eventually

# For tests in which Redis fails: it is missed, and found again, sooner.
SHORT = {"timeout": 0.4, "nonce_seconds": 0.2, "deaf_seconds": 0.8, "backoff_max": 0.2}
WAKE = b"w"


class Listener:
    """A worker's bus with everything that came out of it."""

    def __init__(self, bus: RedisBus) -> None:
        self.bus = bus
        self.heard: list[tuple[str, bytes]] = []
        self.gaps: list[str | None] = []
        bus.on(WAKE, lambda topic, payload: self.heard.append((topic, payload)))
        bus.on_gap(self.gaps.append)

    def payloads(self) -> list[bytes]:
        return [payload for _topic, payload in self.heard]

    def say(self, topic: str, payload: bytes) -> None:
        self.bus.publish(topic, WAKE, payload)

    async def listen(self, *topics: str) -> None:
        for topic in topics:
            self.bus.retain(topic)
        for topic in topics:
            assert await self.bus.subscribed(topic), f"Redis did not confirm {topic}"


async def assert_messages_flow(sender: Listener, listener: Listener, topic: str) -> None:
    """What the sender says arrives; what it said while its connection was still coming back may be lost."""

    def heard() -> bool:
        sender.say(topic, b"flowing")
        return (topic, b"flowing") in listener.heard

    await eventually(heard, f"messages to flow on {topic}", timeout=5)


StartBus = Callable[..., Awaitable[Listener]]


def subscribers(server: RedisServer, channel: str) -> int:
    """How many connections are subscribed to a channel."""
    with redis.Redis.from_url(server.url) as client:
        return client.pubsub_numsub(channel)[0][1]


def connections(server: RedisServer, name: str) -> int:
    """How many connections of that name Redis has."""
    with redis.Redis.from_url(server.url) as client:
        return sum(entry["name"] == name for entry in client.client_list())
