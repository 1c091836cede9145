"""After any storm everything is back at its level: clients, rooms, tasks, descriptors, memory held by sessions."""

import asyncio
import gc
from contextlib import suppress
from pathlib import Path

import pytest
from aiohttp import WSServerHandshakeError

from server.engine.connection import Connection
from server.engine.session import Session
from server.engine.websocket import WebSocketTransport
from tests.conformance.raw import RawClient, raw_client
from tests.conformance.served import Serve
from tests.support.waiting import eventually

CLIENTS = 60
MESS = (
    b"4x",
    b'452-["message",1]',
    b'42["message",' + b"x" * 5000 + b'"]',
    b'420["message-with-ack","' + "ž".encode() * 2000 + b'"]',
)


def alive(kind: type) -> int:
    """Objects of a class that are not freed yet; no collection is forced, so that cycles count."""
    return sum(type(thing) is kind for thing in gc.get_objects())


def descriptors() -> int:
    """Open file descriptors of this process."""
    return len(list(Path("/proc/self/fd").iterdir()))


async def websocket_client(sio: RawClient, number: int) -> None:
    """Connect, join, talk, and leave in one of many ways."""
    websocket = await sio.websocket("/")
    await websocket.send('421["join","storm"]', f'42["message",{number}]', f'42["message","{"x" * 30_000}"]')
    await websocket.receive_until(lambda packet: "message-back" in str(packet))
    if number % 5 == 0:
        await websocket.close()
    elif number % 5 == 1:
        await websocket.send("41", "1")
    elif number % 5 == 2:
        await websocket.send(MESS[number % len(MESS)].decode())
    elif number % 5 == 3:
        websocket.stop_reading()
    else:
        websocket.abort()


async def polling_client(sio: RawClient, number: int) -> None:
    """The same over polling."""
    session = await sio.open_polling()
    await session.connect()
    await session.post('421["join","storm"]', *(f'42["message",{n}]' for n in range(20)))
    if number % 4 == 0:
        await session.post("1")
    elif number % 4 == 1:
        asyncio.get_running_loop().call_later(0.01, asyncio.create_task(session.poll()).cancel)
    elif number % 4 == 2:
        # Who waits too long in the storm is gone by now, which is one more way to leave.
        with suppress(WSServerHandshakeError):
            websocket = await sio.open_websocket(sid=session.sid)
            await websocket.send("2probe", "5" if number % 8 == 2 else "9")


@pytest.mark.parametrize("recovery", [None, {"max_disconnection_duration": 0.5}], ids=["plain", "recovery"])
async def test_everything_is_back_at_its_level(start: Serve, recovery: dict[str, float] | None) -> None:
    # On a busy machine a client of the storm may take a while to answer a ping.
    served = await start(connection_state_recovery=recovery, close_timeout=0.5, upgrade_timeout=0.5, ping_timeout=3)
    await asyncio.sleep(0)
    gc.collect()
    tasks, open_before = len(asyncio.all_tasks()), descriptors()
    objects_before = {kind: alive(kind) for kind in (Session, Connection, WebSocketTransport)}
    async with raw_client(f"{served.url}/socket.io/") as sio:
        for _ in range(2):
            storm = [websocket_client(sio, n) for n in range(CLIENTS)] + [
                polling_client(sio, n) for n in range(CLIENTS)
            ]
            await asyncio.gather(*storm)
            await served.sio.emit("to those who are still here", "x" * 10_000, room="storm")
    await eventually(served.is_empty, "every client to be forgotten", 30)
    await eventually(lambda: not served.sio.eio._websockets.batch._open, "every connection to be closed", 30)
    await eventually(lambda: descriptors() <= open_before, "every descriptor to be freed", 30)
    await eventually(lambda: len(asyncio.all_tasks()) <= tasks, "every task to end", 30)
    eio = served.sio.eio
    assert not (eio.lingering or eio._ending or eio.bare_sessions)
    if recovery is not None:
        await eventually(lambda: not served.sio.recovery._expected, "everybody to be given up", 30)
        assert not (served.sio.recovery._here or served.sio.recovery._by_pid or served.sio.recovery._away)
    for kind, before in objects_before.items():
        await eventually(lambda: alive(kind) <= before, f"every {kind.__name__} to be freed", 30)  # noqa: B023
