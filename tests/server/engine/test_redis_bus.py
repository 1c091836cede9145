"""The bus between workers, against real Redis servers that stop, freeze and vanish behind a black hole."""

import asyncio
import gc
import sys
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import redis

from server.engine.redis_bus import RedisBus
from tests.server.engine.black_hole import BlackHole
from tests.support.process import ROOT
from tests.support.redis_server import RedisServer
from tests.support.waiting import eventually

# A connection that nobody closed says so when it is collected; `start_bus` collects.
pytestmark = pytest.mark.filterwarnings("error::ResourceWarning")

SHORT = {"timeout": 0.3, "nonce_seconds": 0.1, "deaf_seconds": 0.5, "backoff_max": 0.2}
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


@pytest.fixture
async def start_bus(request: pytest.FixtureRequest) -> AsyncIterator[StartBus]:
    """Factory of started buses: `start_bus(url, **options)`, with short times. Nothing of them may remain."""
    started: list[Listener] = []

    async def start(url: str, **options: object) -> Listener:
        listener = Listener(RedisBus(url, **{"prefix": request.node.name, **SHORT, **options}))
        started.append(listener)
        await listener.bus.start()
        return listener

    yield start
    for listener in started:
        await listener.bus.stop()
    started.clear()
    assert [task for task in asyncio.all_tasks() if "Redis" in task.get_name()] == []
    gc.collect()


def subscribers(server: RedisServer, channel: str) -> int:
    with redis.Redis.from_url(server.url) as client:
        return client.pubsub_numsub(channel)[0][1]


def connections(server: RedisServer, name: str) -> int:
    with redis.Redis.from_url(server.url) as client:
        return sum(entry["name"] == name for entry in client.client_list())


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


async def test_2000_concurrent_emits_arrive_in_order_over_one_connection_each_way(
    redis_server: RedisServer, start_bus: StartBus
) -> None:
    sender, listener = await start_bus(redis_server.url), await start_bus(redis_server.url)
    await listener.listen("a", "b")
    order = []

    async def emit(number: int) -> None:
        await asyncio.sleep(0)
        order.append(str(number).encode())
        sender.say("ab"[number % 2], order[-1])

    await asyncio.gather(*(emit(number) for number in range(2000)))
    await eventually(lambda: len(listener.heard) == 2000, "2,000 messages")
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


async def test_a_topic_that_flaps_ends_as_its_holders_want_it(
    redis_server: RedisServer, start_bus: StartBus, request: pytest.FixtureRequest
) -> None:
    worker = await start_bus(redis_server.url, window=3)
    for round_number in range(40):
        for topic in range(10):
            worker.bus.retain(f"kept-{topic}")
            worker.bus.retain(f"left-{topic}")
            if round_number:
                worker.bus.release(f"kept-{topic}")
            worker.bus.release(f"left-{topic}")
        await asyncio.sleep(0)
    for topic in range(10):
        assert await worker.bus.subscribed(f"kept-{topic}")
    await eventually(
        lambda: all(subscribers(redis_server, f"{request.node.name}:left-{topic}") == 0 for topic in range(10)),
        "everything released to be left",
    )
    assert all(subscribers(redis_server, f"{request.node.name}:kept-{topic}") == 1 for topic in range(10))


async def test_what_is_said_in_a_topic_never_reaches_a_worker_without_members(
    redis_server: RedisServer, start_bus: StartBus, request: pytest.FixtureRequest
) -> None:
    sender, bystander = await start_bus(redis_server.url), await start_bus(redis_server.url)
    await sender.listen("here")
    await bystander.listen("elsewhere")
    with redis.Redis.from_url(redis_server.url) as client:
        # The number that PUBLISH returns is how many connections Redis sent the message to: the sender's own.
        assert client.publish(f"{request.node.name}:here", b"-" * 9) == 1


async def test_redis_down_drops_what_is_said_and_tells_the_listeners_after(
    own_redis: Callable[[], RedisServer], start_bus: StartBus
) -> None:
    server = own_redis()
    sender, listener = await start_bus(server.url), await start_bus(server.url)
    await listener.listen("lost", "quiet")
    server.stop()
    await eventually(lambda: not listener.bus.healthy and not sender.bus.healthy, "both to notice")
    assert not await listener.bus.subscribed("lost")
    for number in range(10):
        sender.say("lost", str(number).encode())
    server.start()
    await eventually(lambda: None in listener.gaps, "the listener to be told", timeout=5)
    await eventually(lambda: listener.bus.healthy and sender.bus.healthy, "both to be healthy again", timeout=5)
    assert set(listener.gaps) <= {None, "lost"}
    assert await listener.bus.subscribed("lost")
    await assert_messages_flow(sender, listener, "lost")
    assert set(listener.heard) == {("lost", b"flowing")}
    assert sender.bus.dropped >= 10


async def test_a_sender_cut_off_alone_announces_the_topics_of_what_it_lost(
    redis_server: RedisServer, start_bus: StartBus
) -> None:
    async with BlackHole(redis_server.port) as network:
        sender = await start_bus(f"redis://127.0.0.1:{network.port}")
        listener = await start_bus(redis_server.url)
        await listener.listen("lost", "unanswered", "quiet")
        network.swallow()
        sender.say("unanswered", b"into the void")
        await eventually(lambda: sender.bus.dropped, "the sender to notice missing replies")
        sender.say("lost", b"said while away")
        network.forward()
        await eventually(lambda: set(listener.gaps) == {"lost", "unanswered"}, "the lost topics to be announced")
        assert listener.heard == []
        assert listener.bus.healthy


async def test_too_many_lost_topics_become_one_announcement_to_everybody(
    redis_server: RedisServer, start_bus: StartBus
) -> None:
    async with BlackHole(redis_server.port) as network:
        sender = await start_bus(f"redis://127.0.0.1:{network.port}", gap_topics=5)
        listener = await start_bus(redis_server.url)
        await listener.listen("room-1")
        network.swallow()
        sender.say("room-0", b"into the void")
        await eventually(lambda: sender.bus.dropped, "the sender to notice missing replies")
        for number in range(10):
            sender.say(f"room-{number}", b"said while away")
        network.forward()
        await eventually(lambda: listener.gaps, "the announcement")
        assert listener.gaps == [None]


async def test_what_waits_for_a_frozen_redis_is_bounded_and_publishing_never_blocks(
    own_redis: Callable[[], RedisServer], start_bus: StartBus
) -> None:
    server = own_redis()
    sender = await start_bus(server.url, buffer_bytes=100_000, timeout=2.0)
    listener = await start_bus(server.url, deaf_seconds=60)
    await listener.listen("flood")
    server.pause()
    for _ in range(300):
        sender.say("flood", b"x" * 1000)
    assert sender.bus.dropped >= 200
    server.resume()
    await eventually(lambda: "flood" in listener.gaps, "the drops to be announced")
    arrived = len(listener.heard)
    assert arrived <= 100
    await assert_messages_flow(sender, listener, "flood")


@pytest.mark.parametrize("listening_since", ["before", "while frozen"])
async def test_a_frozen_redis_is_noticed_and_healed(
    own_redis: Callable[[], RedisServer], start_bus: StartBus, listening_since: str
) -> None:
    server = own_redis()
    sender, listener = await start_bus(server.url), await start_bus(server.url)
    if listening_since == "before":
        await listener.listen("room")
    server.pause()
    await eventually(lambda: not listener.bus.healthy and not sender.bus.healthy, "both to notice")
    if listening_since == "while frozen":
        listener.bus.retain("room")
    assert not await listener.bus.subscribed("room")
    sender.say("room", b"lost")
    server.resume()
    await eventually(lambda: None in listener.gaps, "the listener to be told", timeout=5)
    await eventually(lambda: sender.bus.healthy and listener.bus.healthy, "both to be healthy", timeout=5)
    assert await listener.bus.subscribed("room")
    await assert_messages_flow(sender, listener, "room")


async def test_a_black_holed_subscription_is_noticed_and_healed(redis_server: RedisServer, start_bus: StartBus) -> None:
    sender = await start_bus(redis_server.url)
    async with BlackHole(redis_server.port) as network:
        listener = await start_bus(f"redis://127.0.0.1:{network.port}")
        await listener.listen(*(f"room-{number}" for number in range(3000)))
        network.swallow()
        await eventually(lambda: not listener.bus.healthy, "the silence to be noticed")
        assert not await listener.bus.subscribed("room-1")
        sender.say("room-1", b"swallowed")
        network.forward()
        await eventually(lambda: listener.gaps, "the listener to be told", timeout=5)
        await eventually(lambda: listener.bus.healthy, "the listener to be healthy", timeout=5)
        assert set(listener.gaps) == {None}
        await assert_messages_flow(sender, listener, "room-2999")
        assert ("room-1", b"swallowed") not in listener.heard


async def test_a_subscription_that_hears_again_by_itself_reports_a_gap(
    own_redis: Callable[[], RedisServer], start_bus: StartBus
) -> None:
    server = own_redis()
    # Only the publishing side gives up in time: what was deaf hears again on the same connection.
    listener = await start_bus(server.url, deaf_seconds=1.0, nonce_seconds=0.9)
    server.pause()
    await eventually(lambda: not listener.bus.healthy, "the silence to be noticed")
    server.resume()
    await eventually(lambda: listener.gaps == [None], "the listener to be told")
    await eventually(lambda: listener.bus.healthy, "the listener to be healthy")


async def test_a_bus_whose_redis_comes_later_starts_anyway_and_catches_up(
    own_redis: Callable[[], RedisServer], start_bus: StartBus, caplog: pytest.LogCaptureFixture
) -> None:
    server = own_redis()
    server.stop()
    worker = await start_bus(server.url)
    assert not worker.bus.healthy
    worker.bus.retain("room")
    assert not await worker.bus.subscribed("room")
    assert caplog.text.count("Check that Redis runs") == 2
    server.start()
    await eventually(lambda: worker.bus.healthy and worker.gaps, "the bus to find its Redis", timeout=5)
    assert worker.gaps == [None]
    assert await worker.bus.subscribed("room")


async def test_a_refused_sign_in_is_logged_with_its_cause_and_without_the_password(
    own_redis: Callable[[], RedisServer], start_bus: StartBus, caplog: pytest.LogCaptureFixture
) -> None:
    server = own_redis()
    url = f"redis://:hunter2@127.0.0.1:{server.port}/0"
    worker = await start_bus(url)
    assert not worker.bus.healthy
    assert "AUTH" in caplog.text
    assert "hunter2" not in caplog.text


async def test_a_channel_that_redis_forbids_is_logged_with_its_cause(
    own_redis: Callable[[], RedisServer], start_bus: StartBus, caplog: pytest.LogCaptureFixture
) -> None:
    server = own_redis()
    with redis.Redis.from_url(server.url) as client:
        client.execute_command("ACL", "SETUSER", "bus", "on", ">pass", "+@all", "resetchannels")
    worker = await start_bus(f"redis://bus:pass@127.0.0.1:{server.port}/0")
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


async def test_releasing_while_redis_is_away_is_remembered(
    own_redis: Callable[[], RedisServer], start_bus: StartBus, request: pytest.FixtureRequest
) -> None:
    server = own_redis()
    worker = await start_bus(server.url)
    await worker.listen("left", "kept")
    server.stop()
    await eventually(lambda: not worker.bus.healthy, "the loss to be noticed")
    worker.bus.release("left")
    server.start()
    await eventually(lambda: worker.bus.healthy, "the bus to be healthy again", timeout=5)
    assert await worker.bus.subscribed("kept")
    assert subscribers(server, f"{request.node.name}:left") == 0


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
