"""The bus between workers, while its Redis stops, freezes or vanishes behind a black hole."""

import asyncio
import signal
import sys
from collections.abc import Callable

import pytest

from tests.server.engine.black_hole import BlackHole
from tests.server.engine.listener import SHORT, StartBus, assert_messages_flow, subscribers
from tests.support.process import ROOT
from tests.support.redis_server import RedisServer
from tests.support.waiting import eventually

# A connection that nobody closed says so when it is collected; `start_bus` collects.
pytestmark = pytest.mark.filterwarnings("error::ResourceWarning")


async def test_redis_down_drops_what_is_said_and_tells_the_listeners_after(
    own_redis: Callable[[], RedisServer], start_bus: StartBus
) -> None:
    server = own_redis()
    sender, listener = await start_bus(server.url, **SHORT), await start_bus(server.url, **SHORT)
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
        sender = await start_bus(f"redis://127.0.0.1:{network.port}", **SHORT)
        listener = await start_bus(redis_server.url, **SHORT)
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
        sender = await start_bus(f"redis://127.0.0.1:{network.port}", gap_topics=5, **SHORT)
        listener = await start_bus(redis_server.url, **SHORT)
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
    sender = await start_bus(server.url, buffer_bytes=100_000, **{**SHORT, "timeout": 2.0})
    listener = await start_bus(server.url, **{**SHORT, "deaf_seconds": 60})
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
    sender, listener = await start_bus(server.url, **SHORT), await start_bus(server.url, **SHORT)
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
    sender = await start_bus(redis_server.url, **SHORT)
    async with BlackHole(redis_server.port) as network:
        listener = await start_bus(f"redis://127.0.0.1:{network.port}", **SHORT)
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
    listener = await start_bus(server.url, **{**SHORT, "deaf_seconds": 1.0, "nonce_seconds": 0.9})
    server.pause()
    await eventually(lambda: not listener.bus.healthy, "the silence to be noticed")
    server.resume()
    await eventually(lambda: listener.gaps == [None], "the listener to be told")
    await eventually(lambda: listener.bus.healthy, "the listener to be healthy")


async def test_after_a_long_absence_of_redis_the_bus_is_back_within_5_seconds(
    own_redis: Callable[[], RedisServer], start_bus: StartBus
) -> None:
    server = own_redis()
    worker = await start_bus(server.url)
    server.stop()
    attempts = 0

    async def refuse(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal attempts
        attempts += 1
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", server.port):
        # After so many the pauses between two of them have long stopped growing.
        await eventually(lambda: attempts >= 20, "both connections to try again and again", timeout=60)
    server.start()
    await eventually(lambda: worker.bus.healthy and worker.gaps, "the bus to be back", timeout=5)


async def test_a_worker_that_was_frozen_while_60_megabytes_were_said_knows_that_it_missed_some(
    redis_server: RedisServer, start_bus: StartBus, request: pytest.FixtureRequest
) -> None:
    sender = await start_bus(redis_server.url)
    program = (
        "import asyncio, sys\n"
        "from server.engine.redis_bus import RedisBus\n"
        "async def main():\n"
        "    bus = RedisBus(sys.argv[1], prefix=sys.argv[2])\n"
        "    heard, gaps, end = [], [], asyncio.Event()\n"
        "    bus.on(b'w', lambda topic, payload: end.set() if payload == b'end' else heard.append(payload))\n"
        "    bus.on_gap(gaps.append)\n"
        "    await bus.start()\n"
        "    bus.retain('room')\n"
        "    print(await bus.subscribed('room'), flush=True)\n"
        "    await end.wait()\n"
        "    print(len(heard), gaps, flush=True)\n"
        "    await bus.stop()\n"
        "asyncio.run(main())\n"
    )
    listener = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, redis_server.url, request.node.name, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert listener.stdout is not None
        assert await listener.stdout.readline() == b"True\n"
        listener.send_signal(signal.SIGSTOP)
        for _ in range(600):
            sender.say("room", b"x" * 100_000)
            await sender.bus.drain()
        listener.send_signal(signal.SIGCONT)

        report = asyncio.ensure_future(listener.stdout.readline())

        def reported() -> bool:
            sender.say("room", b"end")
            return report.done()

        await eventually(reported, "the listener to hear again")
        heard, gaps = report.result().decode().split(" ", 1)
        assert int(heard) == 600 or "None" in gaps
        assert sender.bus.dropped == 0
    finally:
        listener.kill()
        await listener.wait()


async def test_a_bus_whose_redis_comes_later_starts_anyway_and_catches_up(
    own_redis: Callable[[], RedisServer], start_bus: StartBus, caplog: pytest.LogCaptureFixture
) -> None:
    server = own_redis()
    server.stop()
    worker = await start_bus(server.url, **SHORT)
    assert not worker.bus.healthy
    worker.bus.retain("room")
    assert not await worker.bus.subscribed("room")
    assert caplog.text.count("Check that Redis runs") == 2
    server.start()
    await eventually(lambda: worker.bus.healthy and worker.gaps, "the bus to find its Redis", timeout=5)
    assert worker.gaps == [None]
    assert await worker.bus.subscribed("room")


async def test_releasing_while_redis_is_away_is_remembered(
    own_redis: Callable[[], RedisServer], start_bus: StartBus, request: pytest.FixtureRequest
) -> None:
    server = own_redis()
    worker = await start_bus(server.url, **SHORT)
    await worker.listen("left", "kept")
    server.stop()
    await eventually(lambda: not worker.bus.healthy, "the loss to be noticed")
    worker.bus.release("left")
    server.start()
    await eventually(lambda: worker.bus.healthy, "the bus to be healthy again", timeout=5)
    assert await worker.bus.subscribed("kept")
    assert subscribers(server, f"{request.node.name}:left") == 0
