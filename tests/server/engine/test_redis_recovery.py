"""Connection state recovery on several workers: what other workers emitted meanwhile is there, or nothing is."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from server.engine.redis_bus import RedisBus
from server.engine.redis_manager import RedisManager
from tests.conformance.raw import RawClient, RawWebSocket, raw_client
from tests.server.engine.listener import SHORT
from tests.server.engine.worker import Worker
from tests.support.redis_server import RedisServer
from tests.support.waiting import eventually


async def connect(sio: RawClient, **auth: str) -> tuple[RawWebSocket, dict[str, str], list[Any]]:
    """A connection, the reply to its CONNECT, and the events that came before that."""
    websocket = await sio.websocket()
    await websocket.send(f"40{json.dumps(auth)}")
    events = []
    while not (packet := str(await websocket.receive())).startswith("40"):
        events.append(json.loads(packet[2:]))
    return websocket, json.loads(packet[2:]), events


async def next_offset(websocket: RawWebSocket) -> str:
    """The offset of the next event."""
    event = str(await websocket.receive_until(lambda packet: str(packet).startswith("42")))
    return json.loads(event[2:])[-1]


@pytest.mark.parametrize("redis", ["is there all the time", "fails meanwhile"])
async def test_who_returns_gets_all_that_other_workers_emitted_meanwhile_or_starts_anew(
    own_redis: Callable[[], RedisServer], request: pytest.FixtureRequest, redis: str
) -> None:
    server = own_redis()
    buses = [RedisBus(server.url, prefix=request.node.name, **SHORT) for _ in range(2)]
    here, there = [Worker(RedisManager(bus), connection_state_recovery={}) for bus in buses]
    for bus in buses:
        await bus.start()
    for worker in (here, there):
        await worker.start()
    async with raw_client(f"http://127.0.0.1:{there.port}/socket.io/") as sio:
        websocket, first, _ = await connect(sio)
        offset = await next_offset(websocket)
        await here.sio.enter_room(first["sid"], "room")
        websocket.abort()
        await eventually(lambda: not there.manager.is_connected(first["sid"], "/"), "the client to be missed")
        if redis == "fails meanwhile":
            heard = there.manager.bus.heard_at
            server.stop()
            await here.sio.emit("missed", 0, room="room")
            server.start()
            await eventually(
                lambda: there.manager.bus.heard_at > heard and there.manager.bus.healthy, "Redis to be back"
            )
        before = there.sio.recovery.now()

        async def heard_there() -> bool:
            await here.sio.emit("missed", 1, room="room")
            return there.sio.recovery.now() > before

        await eventually(heard_there, "the other worker to hear the emit")
        _, second, events = await connect(sio, pid=first["pid"], offset=offset)
        if redis == "fails meanwhile":
            assert second["sid"] != first["sid"]
            assert events == []
        else:
            assert second == first
            assert events
            assert {tuple(event[:-1]) for event in events} == {("missed", 1)}
    for worker in (here, there):
        await worker.stop()
    for bus in buses:
        await bus.stop()
