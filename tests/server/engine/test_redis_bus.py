"""The bus between workers, while its Redis is well."""

import asyncio
import random
import sys
from collections.abc import Callable, Iterator

import pytest
import redis

from server.engine.redis_bus import RedisBus
from tests.server.engine.fortified_redis import FortifiedRedis
from tests.server.engine.listener import SHORT, WAKE, StartBus, connections, subscribers
from tests.support.process import ROOT
from tests.support.redis_server import RedisServer
from tests.support.waiting import eventually

# A connection that nobody closed says so when it is collected; `start_bus` collects.
pytestmark = pytest.mark.filterwarnings("error::ResourceWarning")


@pytest.fixture(scope="module")
def fortified_redis() -> Iterator[FortifiedRedis]:
    """A Redis behind a password, with TLS and a Unix socket."""
    server = FortifiedRedis()
    server.start()
    yield server
    server.stop()


async def test_a_message_reaches_the_other_workers_that_listen_and_not_its_sender(
    redis_server: RedisServer, start_bus: StartBus
) -> None:
    sender, listener, elsewhere = [await start_bus(redis_server.url) for _ in range(3)]
    await sender.listen("room:1")
    await listener.listen("room:1")
    await elsewhere.listen("room:2")
    sender.say("room:1", b"hello")
    sender.say("room:2", b"bye")
    await eventually(lambda: listener.heard and elsewhere.heard, "both messages")
    assert listener.heard == [("room:1", b"hello")]
    assert elsewhere.heard == [("room:2", b"bye")]
    assert sender.heard == []
    assert sender.gaps == listener.gaps == elsewhere.gaps == []


async def test_two_processes_hear_each_other(
    redis_server: RedisServer, start_bus: StartBus, request: pytest.FixtureRequest
) -> None:
    here = await start_bus(redis_server.url)
    await here.listen("pong")
    program = (
        "import asyncio, sys\n"
        "from server.engine.redis_bus import RedisBus\n"
        "async def main():\n"
        "    bus = RedisBus(sys.argv[1], prefix=sys.argv[2])\n"
        "    done = asyncio.Event()\n"
        "    def echo(topic, payload):\n"
        "        bus.publish('pong', b'w', payload[::-1])\n"
        "        done.set()\n"
        "    bus.on(b'w', echo)\n"
        "    await bus.start()\n"
        "    bus.retain('ping')\n"
        "    print(await bus.subscribed('ping'), flush=True)\n"
        "    await done.wait()\n"
        "    await bus.stop()\n"
        "asyncio.run(main())\n"
    )
    there = await asyncio.create_subprocess_exec(
        sys.executable,
        "-W",
        "error",
        "-c",
        program,
        redis_server.url,
        request.node.name,
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    assert there.stdout is not None
    assert await there.stdout.readline() == b"True\n"
    here.say("ping", b"abc")
    await eventually(lambda: here.heard, "the other process's answer")
    assert here.heard == [("pong", b"cba")]
    assert await there.wait() == 0


async def test_8000_concurrent_emits_arrive_in_order_over_one_connection_each_way(
    redis_server: RedisServer, start_bus: StartBus
) -> None:
    sender, listener = await start_bus(redis_server.url), await start_bus(redis_server.url)
    await listener.listen("a", "b")
    order = []

    async def emit(number: int) -> None:
        await asyncio.sleep(0)
        order.append(str(number).encode())
        sender.say("ab"[number % 2], order[-1])

    await asyncio.gather(*(emit(number) for number in range(8000)))
    await eventually(lambda: len(listener.heard) == 8000, "8,000 messages")
    assert listener.payloads() == order
    assert connections(redis_server, f"bus-{sender.bus.worker_id}") == 2


@pytest.mark.parametrize("size", [0, 1, 4096, 65_536, 3_000_000])
async def test_payloads_of_any_size_and_content_arrive_whole(
    redis_server: RedisServer, start_bus: StartBus, size: int
) -> None:
    sender, listener = await start_bus(redis_server.url), await start_bus(redis_server.url)
    await listener.listen("zug:zürich 🚆")
    payloads = [(b"*3\r\n$7\r\nmessage\r\n$1\r\n" * (size // 21 + 1))[:size], bytes(range(256)), b"\r\n"]
    for payload in payloads:
        sender.say("zug:zürich 🚆", payload)
    await eventually(lambda: len(listener.heard) == 3, "three messages")
    assert listener.payloads() == payloads


async def test_a_topic_is_subscribed_with_its_first_holder_and_left_with_its_last(
    redis_server: RedisServer, start_bus: StartBus, request: pytest.FixtureRequest
) -> None:
    worker = await start_bus(redis_server.url)
    channel = f"{request.node.name}:room"
    await worker.listen("room", "room")
    assert subscribers(redis_server, channel) == 1
    worker.bus.release("room")
    assert await worker.bus.subscribed("room")
    assert subscribers(redis_server, channel) == 1
    worker.bus.release("room")
    assert not await worker.bus.subscribed("room")
    await eventually(lambda: subscribers(redis_server, channel) == 0, "the last holder to let go")
    with pytest.raises(ValueError, match="released more often"):
        worker.bus.release("room")
    await worker.listen("room")
    assert subscribers(redis_server, channel) == 1


@pytest.mark.parametrize("seed", range(5))
async def test_topics_that_flap_end_as_their_holders_want_them(
    redis_server: RedisServer, start_bus: StartBus, request: pytest.FixtureRequest, seed: int
) -> None:
    worker = await start_bus(redis_server.url, window=3)
    chance = random.Random(seed)
    holders = {f"room-{number}": 0 for number in range(6)}
    for _ in range(2000):
        topic = chance.choice(list(holders))
        if holders[topic] and chance.random() < 0.6:
            holders[topic] -= 1
            worker.bus.release(topic)
        else:
            holders[topic] += 1
            worker.bus.retain(topic)
        if chance.random() < 0.3:
            await asyncio.sleep(chance.choice([0, 0, 0, 0.001]))
    for topic, count in holders.items():
        assert await worker.bus.subscribed(topic) == bool(count)
    channels = {topic: f"{request.node.name}:{topic}" for topic in holders}
    await eventually(
        lambda: all(subscribers(redis_server, channels[topic]) == bool(count) for topic, count in holders.items()),
        "exactly what is held to be subscribed",
    )
    # Nothing was so unexpected that the connection had to be replaced.
    assert worker.gaps == []


async def test_what_is_said_in_a_topic_never_reaches_a_worker_without_members(
    redis_server: RedisServer, start_bus: StartBus, request: pytest.FixtureRequest
) -> None:
    sender, bystander = await start_bus(redis_server.url), await start_bus(redis_server.url)
    await sender.listen("here")
    await bystander.listen("elsewhere")
    with redis.Redis.from_url(redis_server.url) as client:
        # The number that PUBLISH returns is how many connections Redis sent the message to: the sender's own.
        assert client.publish(f"{request.node.name}:here", b"-" * 9) == 1


@pytest.mark.parametrize("way", ["password and database", "TLS", "Unix socket"])
async def test_redis_is_reached_in_every_way_that_a_url_can_name(
    fortified_redis: FortifiedRedis, start_bus: StartBus, way: str
) -> None:
    url = fortified_redis.urls[way]
    sender, listener = await start_bus(url), await start_bus(url)
    assert sender.bus.healthy
    await listener.listen("room")
    sender.say("room", b"x" * 300_000)
    await eventually(lambda: listener.heard, "the message")
    assert listener.heard == [("room", b"x" * 300_000)]


async def test_a_refused_sign_in_is_logged_with_its_cause_and_without_the_password(
    own_redis: Callable[[], RedisServer], start_bus: StartBus, caplog: pytest.LogCaptureFixture
) -> None:
    server = own_redis()
    url = f"redis://:hunter2@127.0.0.1:{server.port}/0"
    worker = await start_bus(url, **SHORT)
    assert not worker.bus.healthy
    assert "AUTH" in caplog.text
    assert "hunter2" not in caplog.text


async def test_a_channel_that_redis_forbids_is_logged_with_its_cause(
    own_redis: Callable[[], RedisServer], start_bus: StartBus, caplog: pytest.LogCaptureFixture
) -> None:
    server = own_redis()
    with redis.Redis.from_url(server.url) as client:
        client.execute_command("ACL", "SETUSER", "bus", "on", ">pass", "+@all", "resetchannels")
    worker = await start_bus(f"redis://bus:pass@127.0.0.1:{server.port}/0", **SHORT)
    worker.say("room", b"forbidden")
    await eventually(lambda: "Redis refused a message: NOPERM" in caplog.text, "the refused message in the log")
    assert "subscribing was refused: NOPERM" in caplog.text
    assert not worker.bus.healthy


async def test_a_handler_that_raises_is_logged_and_the_next_message_is_handled(
    redis_server: RedisServer, start_bus: StartBus, caplog: pytest.LogCaptureFixture
) -> None:
    sender, listener = await start_bus(redis_server.url), await start_bus(redis_server.url)

    def fail(_topic: str, _payload: bytes) -> None:
        raise LookupError("no such thing")

    listener.bus.on(b"f", fail)
    await listener.listen("room")
    sender.bus.publish("room", b"f", b"")
    sender.bus.publish("room", b"?", b"of a kind that nobody knows")
    sender.say("room", b"next")
    await eventually(lambda: listener.heard, "the message after the failing one")
    assert "no such thing" in caplog.text


async def test_what_was_said_before_stop_still_goes_out(redis_server: RedisServer, start_bus: StartBus) -> None:
    sender, listener = await start_bus(redis_server.url), await start_bus(redis_server.url)
    await listener.listen("room")
    for number in range(500):
        sender.say("room", str(number).encode())
    await sender.bus.stop()
    await eventually(lambda: len(listener.heard) == 500, "what was said before the stop")


async def test_a_stopped_bus_leaves_no_connection(redis_server: RedisServer, start_bus: StartBus) -> None:
    worker = await start_bus(redis_server.url)
    name = f"bus-{worker.bus.worker_id}"
    assert connections(redis_server, name) == 2
    await worker.bus.stop()
    await eventually(lambda: connections(redis_server, name) == 0, "the connections to be closed")


@pytest.mark.parametrize("url", ["http://127.0.0.1", "127.0.0.1:6379", ""])
def test_a_url_that_is_no_redis_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="a Redis URL begins with"):
        RedisBus(url)


@pytest.mark.parametrize("kind", [b"!", b"~", b"", b"ab", WAKE])
def test_a_kind_that_is_reserved_taken_or_no_byte_is_refused(kind: bytes) -> None:
    bus = RedisBus("redis://127.0.0.1")
    bus.on(WAKE, print)
    with pytest.raises(ValueError, match="not one byte, or already taken"):
        bus.on(kind, print)


def test_the_buses_own_topics_are_refused() -> None:
    with pytest.raises(ValueError, match="bus's own"):
        RedisBus("redis://127.0.0.1").retain("!everybody")


def test_redis_py_is_the_one_whose_inside_is_known() -> None:
    assert redis.__version__.startswith("8.1."), (
        "RedisLink._adopt takes the socket out of redis-py's private `_writer`, and `_run` knows how its `connect` can "
        "swallow a cancellation: look at both in this version, then name it here"
    )
