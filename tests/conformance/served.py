"""Engines under test, each served on a free port of this machine, inside the test's own event loop."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from server.engine import RealtimeServer
from server.engine.engine_server import EngineServer
from tests.support.process import free_port

#: What the official suites ask for.
SUITE = {"ping_interval": 0.3, "ping_timeout": 0.2, "max_http_buffer_size": 1_000_000}


class Served:
    """A `RealtimeServer` below /socket.io/ and an echoing `EngineServer` below /engine.io/, and what they saw."""

    def __init__(self, sio: RealtimeServer, eio: EngineServer) -> None:
        self.sio = sio
        self.eio = eio
        self.port = free_port()
        self.connects: list[str] = []
        self.disconnects: list[tuple[str, str]] = []
        self.received: list[tuple[str, tuple[Any, ...]]] = []
        self.runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """Address of the server."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def rooms(self) -> int:
        """Rooms of all namespaces, the clients' own included."""
        return sum(map(len, self.sio.manager.rooms.values()))

    def is_empty(self) -> bool:
        """Whether nothing is kept of any client that has ever been there."""
        manager = self.sio.manager
        return not (
            self.sio.eio.sockets
            or manager.rooms
            or manager.pending_connect
            or manager.pending_disconnect
            or manager.callbacks
            or self.sio.environ
            or self.sio._connections
        )

    def reasons(self) -> list[str]:
        """What the disconnect handler was told, in order."""
        return [reason for _, reason in self.disconnects]

    async def start(self) -> None:
        """Listen."""
        app = web.Application()
        self.sio.attach(app)
        self.eio.attach(app)
        self.runner = web.AppRunner(app, access_log=None)
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", self.port, backlog=1024).start()

    async def stop(self) -> None:
        """Close everything."""
        if self.runner is not None:
            await self.runner.cleanup()


def serve(
    namespaces: tuple[str, ...] = ("/", "/custom"), engine: dict[str, Any] | None = None, **options: Any
) -> Served:
    """Build the application that the official suites expect, and some more events.

    `engine` are options of the `EngineServer` alone, the others those of the `RealtimeServer`.
    `auth` is sent back at connect, `message` comes back as `message-back`, `message-with-ack` as acknowledgement.
    """
    logger = logging.getLogger("conformance")
    sio = RealtimeServer(**{**SUITE, "cors_allowed_origins": "*", "connect_timeout": 1, "logger": logger, **options})
    engine_options = {name: value for name, value in options.items() if name in {"cors_allowed_origins", "cookie"}}
    eio = EngineServer(**{**SUITE, **engine_options, **(engine or {})})
    served = Served(sio, eio)
    for namespace in namespaces:
        _register(served, namespace)
    tasks: set[asyncio.Future[Any]] = set()

    def echo(sid: str, data: str | bytes) -> None:
        task = asyncio.ensure_future(eio.send(sid, data))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    eio.on("message", echo)
    return served


def _register(served: Served, namespace: str) -> None:
    sio = served.sio

    @sio.on("connect", namespace=namespace)
    async def connect(sid: str, environ: dict[str, Any], auth: Any) -> None:
        served.connects.append(sid)
        await sio.emit("auth", auth or {}, to=sid, namespace=namespace)

    @sio.on("disconnect", namespace=namespace)
    async def disconnect(sid: str, reason: str) -> None:
        served.disconnects.append((sid, reason))

    @sio.on("message", namespace=namespace)
    async def message(sid: str, *args: Any) -> None:
        served.received.append(("message", args))
        await sio.emit("message-back", args, to=sid, namespace=namespace)

    @sio.on("message-with-ack", namespace=namespace)
    async def message_with_ack(sid: str, *args: Any) -> tuple[Any, ...]:
        served.received.append(("message-with-ack", args))
        return args

    @sio.on("join", namespace=namespace)
    async def join(sid: str, room: str) -> bool:
        await sio.enter_room(sid, room, namespace=namespace)
        return True

    @sio.on("tell", namespace=namespace)
    async def tell(sid: str, room: str, *args: Any) -> bool:
        await sio.emit("told", args, room=room, skip_sid=sid, namespace=namespace)
        return True


Serve = Callable[..., Awaitable[Served]]
