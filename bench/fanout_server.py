"""The smallest Socket.IO server that fans out: whatever one client says, everyone in the room hears.

One program for the stock server and for Hubbub's engine: the classes are exchanged and nothing else.
"""

import argparse
import asyncio
from typing import Any

import jwt
import orjson
import socketio
import uvloop
from aiohttp import web

ROOM = "everyone"
BYSTANDER = "bystander"
"""The user who is connected and in no room."""


def make_stock(redis_url: str | None) -> socketio.AsyncServer:
    """python-socketio's own server."""
    manager = socketio.AsyncRedisManager(redis_url) if redis_url else None
    return socketio.AsyncServer(async_mode="aiohttp", client_manager=manager)


def make_hubbub(redis_url: str | None) -> socketio.AsyncServer:
    """The same with Hubbub's engine."""
    # Imported here, as the stock server is to run without a line of Hubbub's.
    from server import engine  # noqa: PLC0415

    manager = engine.RedisManager(redis_url) if redis_url else None
    return engine.RealtimeServer(async_mode="aiohttp", client_manager=manager)


def make_server(engine: str, redis_url: str | None, secret: str) -> socketio.AsyncServer:
    """A server of `engine`: "stock", "hubbub" (through `emit`) or "hubbub-broadcast" (through its own call)."""
    sio = make_stock(redis_url) if engine == "stock" else make_hubbub(redis_url)

    @sio.event
    async def connect(sid: str, _environ: dict[str, Any], auth: dict[str, Any]) -> None:
        try:
            claims = jwt.decode(auth["token"], secret, algorithms=["HS256"])
        except jwt.InvalidTokenError as error:
            raise socketio.exceptions.ConnectionRefusedError("unauthenticated") from error
        if claims["sub"] != BYSTANDER:
            await sio.enter_room(sid, ROOM)

    @sio.on("say")
    async def say(_sid: str, data: Any) -> None:
        if engine == "hubbub-broadcast":
            sio.broadcast(ROOM, "said", orjson.dumps(data))
        else:
            await sio.emit("said", data, room=ROOM)

    return sio


async def make_app(engine: str, redis_url: str | None, secret: str) -> web.Application:
    """The application that the server is attached to; made inside of the loop, as managers may want it."""
    app = web.Application()
    make_server(engine, redis_url, secret).attach(app)
    return app


def main() -> None:
    """Serve on loopback until told to stop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--secret", required=True)
    parser.add_argument("--engine", choices=("stock", "hubbub", "hubbub-broadcast"), required=True)
    parser.add_argument("--loop", choices=("asyncio", "uvloop"), required=True)
    parser.add_argument("--redis-url")
    options = parser.parse_args()
    loop = uvloop.new_event_loop() if options.loop == "uvloop" else asyncio.new_event_loop()
    app = make_app(options.engine, options.redis_url, options.secret)
    web.run_app(app, host="127.0.0.1", port=options.port, backlog=4096, access_log=None, print=None, loop=loop)


if __name__ == "__main__":
    main()
