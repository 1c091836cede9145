"""Workers of an application on the engine: `python -m tests.conformance.worker_program`, settings as ever.

Runs under Hubbub's supervisor, so WEB_CONCURRENCY says how many share the port. At /counts a worker says who it is and
what it has done with requests for the sessions of others.
"""

import dataclasses
import os
import sys
from collections.abc import AsyncIterator
from typing import Any

from aiohttp import web
from redis import asyncio as aioredis

from server.engine import Peers, RealtimeServer, RedisBus, RedisManager
from server.keys import DRAIN
from server.runner import run
from server.settings import Settings, load


def create_app(settings: Settings) -> web.Application:
    """`echo` comes back as acknowledgement, `say` goes to all who did `join` the room, `worker` is the process id."""
    assert settings.redis_url is not None
    bus = RedisBus(settings.redis_url, prefix=settings.redis_prefix)
    redis = aioredis.from_url(settings.redis_url)
    peers = Peers(redis, prefix=settings.redis_prefix, host=settings.peer_host, timeout=settings.peer_timeout_seconds)
    sio = RealtimeServer(
        RedisManager(bus, channel=None),
        ping_interval=settings.ping_interval,
        ping_timeout=settings.ping_timeout,
        cors_allowed_origins="*",
        peers=peers,
    )

    @sio.on("echo")
    async def echo(_sid: str, *arguments: Any) -> tuple[Any, ...]:
        return arguments

    @sio.on("worker")
    async def worker(_sid: str) -> int:
        return os.getpid()

    @sio.on("join")
    async def join(sid: str, room: str) -> bool:
        await sio.enter_room(sid, room)
        return True

    @sio.on("say")
    async def say(_sid: str, room: str, what: Any) -> bool:
        await sio.emit("said", what, room=room)
        return True

    async def counts(_request: web.Request) -> web.Response:
        return web.json_response({"worker": os.getpid(), **dataclasses.asdict(peers.counts)})

    async def lifetime(_app: web.Application) -> AsyncIterator[None]:
        await bus.start()
        yield
        await bus.stop()
        await redis.aclose()

    app = web.Application()
    app.router.add_get("/counts", counts)
    sio.attach(app)
    app[DRAIN] = sio.drain
    app.cleanup_ctx.append(lifetime)
    return app


if __name__ == "__main__":
    sys.exit(run(load({}, os.environ), create_app=create_app))
