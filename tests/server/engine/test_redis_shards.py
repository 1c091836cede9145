"""The bus and the manager on a Redis Cluster of three servers, whose slots move and whose servers fail."""

import asyncio
from collections.abc import Iterator

import pytest

from server.engine.redis_bus import RedisBus
from server.engine.redis_manager import RedisManager
from tests.server.engine.listener import SHORT, StartBus, assert_messages_flow
from tests.server.engine.redis_cluster import RedisClusterServers
from tests.server.engine.worker import Worker
from tests.support.redis_server import RedisServer
from tests.support.waiting import eventually

pytestmark = pytest.mark.filterwarnings("error::ResourceWarning")

TOPICS = [f"room:{number}" for number in range(30)]


@pytest.fixture(scope="module")
def cluster() -> Iterator[RedisClusterServers]:
    """The cluster of this module; every test leaves it whole."""
    servers = RedisClusterServers()
    try:
        servers.start()
        yield servers
    finally:
        servers.stop()


async def test_messages_reach_the_listeners_through_the_server_of_their_topic(
    cluster: RedisClusterServers, start_bus: StartBus, request: pytest.FixtureRequest
) -> None:
    sender, listener, elsewhere = [await start_bus(cluster.url) for _ in range(3)]
    await listener.listen(*TOPICS)
    await sender.listen(TOPICS[0])
    channels = [f"{request.node.name}:{topic}" for topic in TOPICS]
    assert {cluster.node_of(channel) for channel in channels} == set(cluster.nodes)
    assert [cluster.subscribers(channel) for channel in channels] == [2] + 29 * [1]
    for number in range(20):
        for topic in TOPICS:
            sender.say(topic, b"%d" % number)
    await eventually(lambda: len(listener.heard) == 600, "600 messages")
    for topic in TOPICS:
        assert [payload for heard, payload in listener.heard if heard == topic] == [b"%d" % n for n in range(20)]
    assert sender.heard == elsewhere.heard == []
    assert listener.gaps == []
    for topic in TOPICS:
        listener.bus.release(topic)
    await eventually(lambda: cluster.subscribers(channels[1]) == 0, "the last listener to let go")
    with pytest.raises(ValueError, match="released more often"):
        listener.bus.release("room:1")


async def test_a_topic_whose_slot_moves_is_followed(
    cluster: RedisClusterServers, start_bus: StartBus, request: pytest.FixtureRequest
) -> None:
    sender, listener = await start_bus(cluster.url, **SHORT), await start_bus(cluster.url, **SHORT)
    await listener.listen(*TOPICS)
    channel = f"{request.node.name}:room:7"
    source = cluster.node_of(channel)
    target = next(node for node in cluster.nodes if node is not source)
    cluster.move(channel, target)
    await eventually(lambda: cluster.subscribers(channel) == 1, "the topic to be subscribed where it is now")
    await eventually(lambda: None in listener.gaps, "the listener to be told")
    await assert_messages_flow(sender, listener, "room:7")
    cluster.move(channel, source)
    await assert_messages_flow(sender, listener, "room:7")


async def test_what_is_said_on_a_moved_slot_is_announced_even_if_only_the_sender_is_behind(
    cluster: RedisClusterServers, start_bus: StartBus, request: pytest.FixtureRequest
) -> None:
    # Nothing of the sender's own is in the slot, so nothing but a refused message tells it of the move.
    sender, listener = await start_bus(cluster.url, **SHORT), await start_bus(cluster.url, **SHORT)
    channel = f"{request.node.name}:room:3"
    source = cluster.node_of(channel)
    cluster.move(channel, next(node for node in cluster.nodes if node is not source))
    listener.bus.retain("room:3")
    await eventually(lambda: listener.bus.subscribed("room:3"), "the listener to find the topic")
    sender.say("room:3", b"to the old place")
    await eventually(lambda: "room:3" in listener.gaps or listener.heard, "the message or its announcement")
    await assert_messages_flow(sender, listener, "room:3")
    cluster.move(channel, source)


@pytest.mark.parametrize("end", ["stopped", "frozen"])
async def test_a_server_that_fails_is_noticed_and_the_others_go_on(
    cluster: RedisClusterServers, start_bus: StartBus, request: pytest.FixtureRequest, end: str
) -> None:
    sender, listener = await start_bus(cluster.url, **SHORT), await start_bus(cluster.url, **SHORT)
    await listener.listen(*TOPICS)
    failing = cluster.nodes[1]
    there = next(topic for topic in TOPICS if cluster.node_of(f"{request.node.name}:{topic}") is failing)
    elsewhere = next(topic for topic in TOPICS if cluster.node_of(f"{request.node.name}:{topic}") is not failing)
    failing.kill() if end == "stopped" else failing.pause()
    try:
        await eventually(lambda: not listener.bus.healthy and not sender.bus.healthy, "both to notice")
        await assert_messages_flow(sender, listener, elsewhere)
        assert not await listener.bus.subscribed(there)
        sender.say(there, b"lost")
        listener.gaps.clear()
    finally:
        failing.start() if end == "stopped" else failing.resume()
    await eventually(lambda: listener.bus.healthy and sender.bus.healthy, "both to be healthy", timeout=15)
    await assert_messages_flow(sender, listener, there)
    assert None in listener.gaps


async def test_the_channel_of_stock_managers_is_heard_from_any_server(
    cluster: RedisClusterServers, request: pytest.FixtureRequest
) -> None:
    bus = RedisBus(cluster.url, prefix=request.node.name, **SHORT)
    heard: list[bytes] = []
    bus.listen("stock", heard.append)
    await bus.start()
    for node in cluster.nodes:
        node.do("PUBLISH", "stock", str(node.port))
    await eventually(lambda: len(heard) == 3, "three messages")
    assert sorted(heard) == sorted(str(node.port).encode() for node in cluster.nodes)
    await bus.stop()


async def test_socketio_clients_are_reached_over_a_cluster(
    cluster: RedisClusterServers, request: pytest.FixtureRequest
) -> None:
    here, there = [Worker(RedisManager(cluster.url, request.node.name)) for _ in range(2)]
    for worker in (here, there):
        await worker.start()
    client = await (await there.connect()).join("red")
    await client.join("green")
    client.answers["ask"] = "answer"
    await here.sio.emit("private", to=client.sid)
    await eventually(lambda: client.received == [("private", ())], "the emit to the client")
    await here.sio.emit("rooms", room=["red", "green", "blue"])
    assert await here.sio.call("ask", to=client.sid) == "answer"
    await eventually(lambda: ("rooms", ()) in client.received, "the emit to the rooms")
    assert client.received.count(("rooms", ())) == 1
    for worker in (here, there):
        await worker.stop()


async def test_a_cluster_that_is_away_is_found_later(start_bus: StartBus, caplog: pytest.LogCaptureFixture) -> None:
    servers = RedisClusterServers()
    worker = await start_bus(servers.url, **SHORT)
    try:
        assert "the nodes of the Redis Cluster are not to be had" in caplog.text
        worker.bus.retain("room")
        worker.say("room", b"lost")
        assert not worker.bus.healthy
        assert not await worker.bus.subscribed("room")
        await asyncio.to_thread(servers.start)
        await eventually(lambda: worker.bus.healthy and worker.gaps, "the bus to find its cluster", timeout=15)
        assert await worker.bus.subscribed("room")
    finally:
        servers.stop()


async def test_a_server_without_cluster_mode_is_named_as_such(
    redis_server: RedisServer, start_bus: StartBus, caplog: pytest.LogCaptureFixture
) -> None:
    worker = await start_bus(f"redis+cluster://127.0.0.1:{redis_server.port}")
    assert "cluster support disabled" in caplog.text
    assert not worker.bus.healthy


def test_a_prefix_that_would_put_everything_into_one_slot_is_refused() -> None:
    with pytest.raises(ValueError, match="one slot"):
        RedisBus("redis+cluster://127.0.0.1", prefix="{app}")
