"""Who takes part: each server program with the command that starts it, and the clients that it needs."""

import asyncio
import json
import secrets
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import jwt
import psutil

from bench import build
from bench.fanout_server import BYSTANDER
from bench.load import TAG_BYTES, Client
from bench.machine import cores, on_core
from tests.support.hubbub import Hubbub
from tests.support.process import ROOT, Process, find_node, free_port, temporary_folder

SECRET = secrets.token_hex(32)
NODE = Path(__file__).parent / "node"

STOCK_ASYNCIO = "python-socketio, asyncio"
STOCK_UVLOOP = "python-socketio, uvloop"
NODE_SOCKETIO = "Socket.IO on Node"
WS = "ws on Node"
FLOOR = "C, one send a delivery"
HUBBUB = "Hubbub"
HUBBUB_EMIT = "Hubbub, through emit"

UNLIMITED = {
    "HUBBUB_MESSAGES_PER_SECOND": "1000000",
    "HUBBUB_MESSAGES_BURST": "1000000",
    "HUBBUB_ACTIONS_PER_SECOND": "1000000",
    "HUBBUB_ACTIONS_BURST": "1000000",
    "HUBBUB_CONNECTIONS_PER_ADDRESS": "0",
    "HUBBUB_CONNECTIONS_PER_USER": "0",
}


def token(user_id: str) -> str:
    """A JWT of that user which every contestant accepts."""
    now = int(time.time())
    claims = {"sub": user_id, "name": user_id, "role": "user", "iat": now, "exp": now + 3600}
    return jwt.encode(claims, SECRET, algorithm="HS256")


def auth(user_id: str) -> str:
    """What a Socket.IO client of that user sends with CONNECT."""
    return json.dumps({"token": token(user_id)})


def _is_listening(pid: int, port: int) -> bool:
    # Looking instead of knocking: a connection made to find out would be the server's first work.
    listening = psutil.Process(pid).net_connections("tcp")
    return any(entry.laddr.port == port and entry.status == psutil.CONN_LISTEN for entry in listening)


def serve(name: str, command: Sequence[str], port: int, core: int | None = None) -> Process:
    """Start a server program on `core` (the servers') and wait until it listens."""
    server = Process(
        name,
        on_core(cores().server if core is None else core, list(command)),
        log_path=temporary_folder("bench") / "server.log",
        ready=lambda: _is_listening(server.pid, port),
        cwd=ROOT,
    )
    server.start()
    return server


def python(module: str, *arguments: str) -> list[str]:
    """The command of one of this folder's Python programs."""
    return [sys.executable, "-m", f"bench.{module}", *arguments]


def node(script: str, *arguments: str) -> list[str]:
    """The command of one of the programs in node/."""
    return [find_node(), str(NODE / script), *arguments]


@dataclass(frozen=True)
class Chat:
    """A chat server that runs, with the ids of its rooms."""

    process: Process
    port: int
    room_ids: Sequence[str | int]

    def clients(self, members: int) -> list[Client]:
        """That many clients in every room, each a user of its own who sends."""
        clients = []
        for room, room_id in enumerate(self.room_ids):
            join = json.dumps(["room:join", {"roomId": room_id}], separators=(",", ":"))
            message = {"roomId": room_id, "message": "@@", "clientId": "##"}
            send = json.dumps(["message:send", message], separators=(",", ":"))
            for number in range(members):
                user = auth(f"user-{room}-{number}")
                clients.append(Client(self.port, send, connect=user, join=join, room=room))
        return clients


def _chat(name: str, command: Callable[..., list[str]], program: str, *options: str) -> Callable[[str, int], Chat]:
    def start(database_url: str, rooms: int) -> Chat:
        port = free_port()
        arguments = ("--port", str(port), "--database-url", database_url, "--rooms", str(rooms), "--secret", SECRET)
        return Chat(serve(name, command(program, *arguments, *options), port), port, range(1, rooms + 1))

    return start


async def _make_rooms(hubbub: Hubbub, count: int) -> list[str]:
    ids = []
    for number in range(count):
        room = {"name": f"room {number}"}
        reply = await hubbub.rest("POST", "/api/chat/rooms", room, token=token(f"user-{number}-0"))
        assert reply.status == 201, reply
        ids.append(reply.body["data"]["id"])
    return ids


def start_hubbub(database_url: str, **more: str) -> Hubbub:
    """Hubbub itself, without limits; for SQLite it uses, and makes, the file of its default."""
    variables = UNLIMITED | {"HUBBUB_SECRET": SECRET, "DATABASE_URL": database_url} | more
    if database_url.startswith("sqlite"):
        del variables["DATABASE_URL"]
    hubbub = Hubbub(**variables)
    hubbub.command = on_core(cores().server, hubbub.command)
    hubbub.start()
    return hubbub


def _hubbub_chat(database_url: str, rooms: int) -> Chat:
    hubbub = start_hubbub(database_url)
    return Chat(hubbub, hubbub.port, asyncio.run(_make_rooms(hubbub, rooms)))


CHATS: dict[str, Callable[[str, int], Chat]] = {
    STOCK_ASYNCIO: _chat(STOCK_ASYNCIO, python, "baseline_stock", "--loop", "asyncio"),
    STOCK_UVLOOP: _chat(STOCK_UVLOOP, python, "baseline_stock", "--loop", "uvloop"),
    NODE_SOCKETIO: _chat(NODE_SOCKETIO, node, "chat.js"),
    HUBBUB: _hubbub_chat,
}
"""Chat servers that store each message, by name: functions of the database's URL and the number of rooms."""


@dataclass(frozen=True)
class Broadcaster:
    """A server that sends everyone what one client says."""

    name: str
    command: Callable[[int, str | None], list[str]]
    """Of its port and, when several share their rooms, a Redis URL."""
    protocol: Literal["socketio", "raw"] = "socketio"

    def start(self, port: int, redis_url: str | None = None, core: int | None = None) -> Process:
        """Start it on that port."""
        return serve(self.name, self.command(port, redis_url), port, core)

    def client(self, port: int, *, connect: str, sender: bool) -> Client:
        """A member of the room on that server; `connect` is its auth object as JSON."""
        send = '{"text":"@@"}' if self.protocol == "raw" else '["say",{"text":"@@"}]'
        return Client(port, send, self.protocol, connect, sender=sender)

    def bystander(self, port: int) -> Client:
        """A client of that Socket.IO server who is not in the room."""
        return Client(port, "[]", connect=auth(BYSTANDER), room=1, sender=False)


def padding(size: int) -> int:
    """Bytes of padding that make a broadcaster's message, the JSON of its payload, `size` bytes long."""
    return size - len('{"text":""}') - TAG_BYTES


def _python_broadcaster(name: str, engine: str, loop: str) -> Broadcaster:
    def command(port: int, redis_url: str | None) -> list[str]:
        redis = ("--redis-url", redis_url) if redis_url else ()
        options = ("--engine", engine, "--loop", loop, "--port", str(port), "--secret", SECRET)
        return python("fanout_server", *options, *redis)

    return Broadcaster(name, command)


def _node_command(port: int, redis_url: str | None) -> list[str]:
    redis = ("--redis-url", redis_url) if redis_url else ()
    return node("fanout.js", "--port", str(port), "--secret", SECRET, *redis)


BROADCASTERS = {
    broadcaster.name: broadcaster
    for broadcaster in (
        _python_broadcaster(HUBBUB, "hubbub-broadcast", "uvloop"),
        _python_broadcaster(HUBBUB_EMIT, "hubbub", "uvloop"),
        _python_broadcaster(STOCK_UVLOOP, "stock", "uvloop"),
        _python_broadcaster(STOCK_ASYNCIO, "stock", "asyncio"),
        Broadcaster(NODE_SOCKETIO, _node_command),
        Broadcaster(WS, lambda port, _redis_url: node("ws.js", "--port", str(port)), "raw"),
        Broadcaster(FLOOR, lambda port, _redis_url: [str(build.native("floor")), str(port)], "raw"),
    )
}
"""Servers that fan out, by name."""
