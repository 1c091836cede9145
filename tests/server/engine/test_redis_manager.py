"""Socket.IO over several workers: every client is reached from every worker, through a real Redis."""

import asyncio
import sys
from collections.abc import Callable
from typing import Any

import pytest
import redis
import socketio

from server.engine.bus_packet import pack, unpack
from server.engine.outgoing import Outgoing
from server.engine.redis_bus import RedisBus
from server.engine.topics import topic_of
from tests.server.engine.listener import SHORT
from tests.server.engine.worker import StartWorker, assert_reached, assert_received
from tests.support.process import ROOT
from tests.support.redis_server import RedisServer
from tests.support.waiting import eventually

pytestmark = pytest.mark.filterwarnings("error::ResourceWarning")


def subscribers(server: RedisServer, channel: str, room: object, namespace: str = "/") -> int:
    with redis.Redis.from_url(server.url) as client:
        return client.pubsub_numsub(f"{channel}:{topic_of(room, namespace)}")[0][1]


async def test_an_emit_to_a_room_reaches_its_members_on_every_worker_and_nobody_else(start_worker: StartWorker) -> None:
    here, there = await start_worker(), await start_worker()
    members = [await (await worker.connect()).join("room") for worker in (here, here, there, there)]
    outsiders = [await here.connect(), await there.connect()]
    await here.sio.emit("news", {"n": 1}, room="room")
    for client in members:
        await assert_received(client, ("news", ({"n": 1},)))
    await assert_reached(here, *outsiders)
    assert [client.received for client in outsiders] == [[], []]


async def test_skipped_clients_are_skipped_on_every_worker(start_worker: StartWorker) -> None:
    here, there = await start_worker(), await start_worker()
    one, two, three = [await (await worker.connect()).join("room") for worker in (here, there, there)]
    await here.sio.emit("news", room="room", skip_sid=[one.sid, two.sid])
    await here.sio.emit("more", room="room", skip_sid=three.sid)
    await assert_received(three, ("news", ()))
    await assert_received(one, ("more", ()))
    await assert_received(two, ("more", ()))


async def test_an_emit_to_the_namespace_reaches_it_on_every_worker(start_worker: StartWorker) -> None:
    here, there = await start_worker(), await start_worker()
    clients = [await worker.connect(namespace) for worker in (here, there) for namespace in ("/", "/a")]
    await here.sio.emit("root")
    await here.sio.emit("a", namespace="/a")
    for client in clients:
        await assert_received(client, ("root" if client.namespace == "/" else "a", ()))


async def test_an_emit_to_one_client_reaches_it_on_another_worker(start_worker: StartWorker) -> None:
    here, there = await start_worker(), await start_worker()
    client, other = await there.connect(), await there.connect()
    await here.sio.emit("private", "for you", to=client.sid)
    await assert_received(client, ("private", ("for you",)))
    await assert_reached(here, other)
    assert other.received == []


async def test_an_emit_to_several_rooms_reaches_a_member_of_many_once(start_worker: StartWorker) -> None:
    here, there = await start_worker(), await start_worker()
    both = await (await (await there.connect()).join("red")).join("green")
    green = await (await there.connect()).join("green")
    near = await (await (await here.connect()).join("red")).join("green")
    await here.sio.emit("news", room=["red", "green", "blue"])
    for client in (both, green, near):
        await assert_reached(here, client)
        assert client.received == [("news", ())]


async def test_namespaces_and_rooms_with_colons_are_told_apart(start_worker: StartWorker) -> None:
    here, there = await start_worker(), await start_worker()
    deep = await (await there.connect("/a:b")).join("c")
    flat = await (await there.connect("/a")).join("b:c")
    await here.sio.emit("deep", room="c", namespace="/a:b")
    await here.sio.emit("flat", room="b:c", namespace="/a")
    await assert_received(deep, ("deep", ()))
    await assert_received(flat, ("flat", ()))


@pytest.mark.parametrize(
    ("data", "arguments"),
    [
        (None, ()),
        ((), ()),
        (("a", 1, None), ("a", 1, None)),
        ([1, [2]], ([1, [2]],)),
        ("zürich 🚆\r\n\x00", ("zürich 🚆\r\n\x00",)),
        (b"\x00\xff\n", (b"\x00\xff\n",)),
        (({"a": [b"one", {"b": b""}]}, b"\n" * 70_000), ({"a": [b"one", {"b": b""}]}, b"\n" * 70_000)),
    ],
    ids=["none", "no arguments", "three arguments", "list", "text", "bytes", "nested bytes"],
)
async def test_any_payload_arrives_whole_on_another_worker(
    start_worker: StartWorker, data: Any, arguments: tuple[Any, ...]
) -> None:
    here, there = await start_worker(), await start_worker()
    client = await there.connect()
    await here.sio.emit("payload", data, to=client.sid)
    await assert_received(client, ("payload", arguments))


async def test_what_json_cannot_carry_raises_and_reaches_nobody(start_worker: StartWorker) -> None:
    here, there = await start_worker(), await start_worker()
    clients = [await (await worker.connect()).join("room") for worker in (here, there)]
    for room in ("room", "nobody here", ["room", "other"]):
        with pytest.raises(TypeError):
            await here.sio.emit("news", {"bad": object()}, room=room)
    await assert_reached(here, *clients)
    assert [client.received for client in clients] == [[], []]


async def test_2000_concurrent_emits_arrive_in_order(start_worker: StartWorker) -> None:
    here, there = await start_worker(), await start_worker()
    near, far = await (await here.connect()).join("room"), await (await there.connect()).join("room")
    await asyncio.gather(*(here.sio.emit("n", number, room="room") for number in range(2000)))
    expected = [("n", (number,)) for number in range(2000)]
    await assert_received(far, *expected)
    await assert_received(near, *expected)


async def test_a_room_is_subscribed_while_it_has_members_on_the_worker(
    redis_server: RedisServer, start_worker: StartWorker, channel: str
) -> None:
    here, there = await start_worker(), await start_worker()
    assert subscribers(redis_server, channel, "room") == 0
    one, two = await (await here.connect()).join("room"), await (await here.connect()).join("room")
    assert subscribers(redis_server, channel, "room") == 1
    await (await there.connect()).join("room")
    assert subscribers(redis_server, channel, "room") == 2
    sid = one.sid
    await here.sio.leave_room(sid, "room")
    assert subscribers(redis_server, channel, "room") == 2
    await two.io.disconnect()
    await eventually(lambda: subscribers(redis_server, channel, "room") == 1, "the room's last member here to count")
    assert subscribers(redis_server, channel, sid) == 1
    await one.io.disconnect()
    await eventually(lambda: subscribers(redis_server, channel, sid) == 0, "the client's own room to be left")
    await eventually(lambda: subscribers(redis_server, channel, None) == 1, "the namespace to be left")


async def test_rooms_of_a_client_are_managed_from_another_worker(start_worker: StartWorker) -> None:
    here, there = await start_worker(), await start_worker()
    client, witness = await there.connect(), await (await there.connect()).join("room")
    await here.sio.enter_room(client.sid, "room")
    await here.sio.emit("entered", room="room")
    await here.sio.leave_room(client.sid, "room")
    await here.sio.emit("left", room="room")
    await here.sio.close_room("room")
    await here.sio.emit("closed", room="room")
    await assert_reached(here, client, witness)
    assert client.received == [("entered", ())]
    assert witness.received == [("entered", ()), ("left", ())]


async def test_an_emit_right_after_entering_reaches_the_client_from_every_worker(start_worker: StartWorker) -> None:
    here, there = await start_worker(), await start_worker()
    for number in range(50):
        client = await there.connect()
        await (there if number % 2 else here).sio.enter_room(client.sid, f"room-{number}")
        await here.sio.emit("welcome", number, room=f"room-{number}")
        await assert_received(client, ("welcome", (number,)))


async def test_a_client_of_another_worker_is_disconnected(start_worker: StartWorker) -> None:
    here, there = await start_worker(), await start_worker()
    client = await there.connect()
    await here.sio.disconnect(client.sid)
    await eventually(lambda: not client.io.connected, "the client to be disconnected")
    await eventually(lambda: not there.manager.rooms, "the client to be forgotten")


async def test_a_room_that_is_a_clients_own_is_neither_entered_nor_closed(start_worker: StartWorker) -> None:
    worker = await start_worker()
    one, two = await worker.connect(), await worker.connect()
    with pytest.raises(ValueError, match="cannot enter a sid room"):
        await worker.sio.enter_room(one.sid, two.sid)
    with pytest.raises(ValueError, match="cannot close a sid room"):
        await worker.sio.close_room(two.sid)


@pytest.mark.parametrize("kind", ["asynchronous", "synchronous"])
async def test_stock_write_only_managers_reach_the_clients(
    redis_server: RedisServer, start_worker: StartWorker, channel: str, kind: str
) -> None:
    worker = await start_worker()
    client, other = await (await worker.connect()).join("room"), await worker.connect()
    stock_class = socketio.AsyncRedisManager if kind == "asynchronous" else socketio.RedisManager
    stock = stock_class(redis_server.url, channel, write_only=True)

    async def do(method: str, *arguments: Any, **options: Any) -> None:
        result = getattr(stock, method)(*arguments, **options)
        if kind == "asynchronous":
            await result

    await do("emit", "one", {"a": 1}, room="room")
    await do("emit", "two", (b"\x00\xff", {"deep": [b"x"]}), room="room")
    await do("emit", "none", None, room="room", skip_sid=[other.sid])
    await do("emit", "list", [1, 2], room="room")
    await do("emit", "skipped", room="room", data=1, skip_sid=client.sid)
    await assert_received(
        client, ("one", ({"a": 1},)), ("two", (b"\x00\xff", {"deep": [b"x"]})), ("none", ()), ("list", ([1, 2],))
    )
    await do("enter_room", other.sid, "/", "room")
    await do("leave_room", client.sid, "/", "room")
    await do("emit", "after", None, room="room")
    await assert_received(other, ("after", ()))
    await do("close_room", "room", "/")
    await do("emit", "closed", None, room="room")
    await do("emit", "everybody", None)
    await assert_received(other, ("after", ()), ("everybody", ()))
    await eventually(lambda: client.received[-1] == ("everybody", ()), "the other client")
    assert len(client.received) == 5
    if kind == "asynchronous":
        # The synchronous one cannot ask for that: it looks for its server first.
        await do("can_disconnect", other.sid, "/")
        await eventually(lambda: not other.io.connected, "the client to be disconnected")
        await stock.redis.aclose()
    else:
        stock.redis.close()


async def test_rubbish_on_the_stock_channel_is_logged_and_harmless(
    redis_server: RedisServer, start_worker: StartWorker, channel: str, caplog: pytest.LogCaptureFixture
) -> None:
    worker = await start_worker()
    client = await worker.connect()
    with redis.Redis.from_url(redis_server.url) as publisher:
        for message in (b"", b"\xff", b"[]", b"null", b"{}", b'{"method": "emit"}', b'{"method": "callback"}'):
            publisher.publish(channel, message)
        publisher.publish(channel, b'{"method": "emit", "event": "fine", "data": [1]}')
    await assert_received(client, ("fine", (1,)))
    assert caplog.text.count("a handler of messages on the Redis channel") == 6


async def test_a_write_only_manager_of_another_process_reaches_the_clients(
    redis_server: RedisServer, start_worker: StartWorker, channel: str
) -> None:
    worker = await start_worker()
    client, other = await (await worker.connect()).join("room"), await worker.connect()
    program = (
        "import asyncio, sys\n"
        "from server.engine.redis_manager import RedisManager\n"
        "async def main(url, channel, sid):\n"
        "    manager = RedisManager(url, channel, write_only=True)\n"
        "    await manager.enter_room(sid, '/', 'room')\n"
        "    await manager.emit('news', (1, b'two'), room='room')\n"
        "    await manager.disconnect(sid)\n"
        "asyncio.run(main(*sys.argv[1:]))\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, redis_server.url, channel, other.sid, cwd=ROOT, stderr=asyncio.subprocess.PIPE
    )
    _, errors = await process.communicate()
    assert errors.decode() == ""
    await assert_received(client, ("news", (1, b"two")))
    await assert_received(other, ("news", (1, b"two")))
    await eventually(lambda: not other.io.connected, "the client to be disconnected")


async def test_while_redis_is_away_the_workers_own_clients_are_served_and_nothing_waits(
    own_redis: Callable[[], RedisServer], start_worker: StartWorker, channel: str
) -> None:
    server = own_redis()
    buses = [RedisBus(server.url, prefix=channel, **SHORT) for _ in range(2)]
    for bus in buses:
        await bus.start()
    here, there = [await start_worker(bus) for bus in buses]
    near, far = await (await here.connect()).join("room"), await (await there.connect()).join("room")
    for name, away, back in (("down", server.stop, server.start), ("frozen", server.pause, server.resume)):
        away()
        for number in range(100):
            await here.sio.emit("n", (name, number), room="room")
        await eventually(lambda name=name: ("n", (name, 99)) in near.received, "the emits at the own client")
        assert near.received.count(("n", (name, 0))) == 1
        back()

        async def flows() -> bool:
            await here.sio.emit("flowing", room="room")
            return ("flowing", ()) in far.received

        await eventually(flows, "emits to reach the other worker again", timeout=5)
        far.received.clear()
    for bus in buses:
        await bus.stop()


@pytest.mark.parametrize(
    "packet",
    [
        None,
        Outgoing(b"42[1]", (), volatile=True),
        Outgoing(b"", (), False),
        Outgoing(b"451-[\n]", (b"\n", b"", b"abc"), True),
        Outgoing(None, (b"packed",), False),
    ],
    ids=["no packet", "volatile", "empty", "attachments", "binary only"],
)
def test_a_packet_survives_the_bus(packet: Outgoing | None) -> None:
    head, unpacked = unpack(pack(["/", "room\n", None], packet))
    assert head == ["/", "room\n", None]
    if packet is None or unpacked is None:
        assert unpacked is packet
    else:
        assert (unpacked.text, unpacked.attachments, unpacked.volatile) == (
            packet.text,
            packet.attachments,
            packet.volatile,
        )


def test_topics_of_different_rooms_differ() -> None:
    rooms = [(None, "/"), ("", "/"), ("None", "/"), ("c", "/a:b"), ("b:c", "/a"), (None, "/a"), (None, "/a:b")]
    rooms += [(":b", "/a"), ("", "/a:"), ("%3A", "/a"), (None, "/a%3Ab")]
    assert len({topic_of(room, namespace) for room, namespace in rooms}) == len(rooms)
