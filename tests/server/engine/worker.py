"""One worker of many: a `RealtimeServer` on a `RedisManager`, inside a test or as a process that can be killed.

As a program: `python -m tests.server.engine.worker PORT REDIS_URL CHANNEL`.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import socketio
from aiohttp import web

from server.engine import RealtimeServer
from server.engine.redis_manager import RedisManager
from tests.support.process import free_port
from tests.support.waiting import eventually


class Client:
    """A python-socketio client and what it received: (event, arguments)."""

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace
        self.received: list[tuple[str, tuple[Any, ...]]] = []
        self.answers: dict[str, Any] = {}
        self.io = socketio.AsyncClient(reconnection=False)
        self.io.on("*", self._receive, namespace=namespace)

    @property
    def sid(self) -> str:
        """The client's id in its namespace."""
        return self.io.get_sid(self.namespace)

    def _receive(self, event: str, *arguments: Any) -> Any:
        self.received.append((event, arguments))
        return self.answers.get(event)

    async def join(self, room: str) -> "Client":
        """Have the own worker put this client into a room."""
        await self.io.call("join", room, namespace=self.namespace)
        return self


class Worker:
    """A server whose clients may enter rooms by themselves (`join`)."""

    def __init__(self, manager: RedisManager, port: int | None = None, **server_options: Any) -> None:
        self.manager = manager
        self.sio = RealtimeServer(client_manager=manager, namespaces="*", **server_options)
        self.port = port or free_port()
        self.clients: list[Client] = []
        self._runner: web.AppRunner | None = None
        for namespace in ("/", "/a", "/a:b"):
            self._serve(namespace)

    def _serve(self, namespace: str) -> None:
        async def connect(_sid: str, _environ: dict[str, Any]) -> None:
            """Everybody is welcome."""

        async def join(sid: str, room: str) -> str:
            await self.sio.enter_room(sid, room, namespace=namespace)
            return room

        self.sio.on("connect", connect, namespace=namespace)
        self.sio.on("join", join, namespace=namespace)

    async def start(self) -> None:
        """Listen."""
        app = web.Application()
        self.sio.attach(app)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()

    async def stop(self) -> None:
        """Disconnect every client and end."""
        for client in self.clients:
            await client.io.disconnect()
        await self.sio.shutdown()
        await self.manager.stop()
        if self._runner is not None:
            await self._runner.cleanup()

    async def connect(self, namespace: str = "/") -> Client:
        """A new client of this worker."""
        client = await connect(self.port, namespace)
        self.clients.append(client)
        return client


async def assert_received(client: Client, *expected: tuple[str, tuple[Any, ...]]) -> None:
    """The client has received exactly these events, in this order."""
    await eventually(lambda: len(client.received) >= len(expected), f"{len(expected)} events at the client")
    assert client.received == list(expected)


async def assert_reached(worker: Worker, *clients: Client) -> None:
    """What the worker emits now arrives; so whatever it emitted before has arrived, or never will."""
    for client in clients:
        await worker.sio.emit("mark", to=client.sid, namespace=client.namespace)
        await eventually(lambda client=client: ("mark", ()) in client.received, "the mark at the client")
        client.received.remove(("mark", ()))


async def connect(port: int, namespace: str = "/") -> Client:
    """A new client of whatever worker listens on a port."""
    client = Client(namespace)
    await client.io.connect(f"http://127.0.0.1:{port}", transports=["websocket"], namespaces=[namespace])
    return client


StartWorker = Callable[..., Awaitable[Worker]]


async def _main(port: int, redis_url: str, channel: str) -> None:
    await Worker(RedisManager(redis_url, channel), port).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1]), sys.argv[2], sys.argv[3]))
