"""The official JavaScript client with four workers, whose requests reach any of them.

Either the kernel spreads connections over workers that share a port, or a plain round-robin proxy spreads requests over
servers of their own. The counts of the workers prove that requests really came to others than their sessions' owners.
"""

import asyncio
import re
import secrets
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp import ClientSession, TCPConnector

from tests.conformance.workers import Deployment, WorkerProgram
from tests.server.talk import data_of, heard, numbers, open_room, someone, subscribe
from tests.support.hubbub import Hubbub
from tests.support.js import JsClients, JsSocket
from tests.support.nginx import Nginx
from tests.support.postgres_server import PostgresServer
from tests.support.redis_server import RedisServer
from tests.support.waiting import eventually, wait_until

# What is tested runs in processes of its own, so one event loop here will do.
pytestmark = pytest.mark.asyncio(loop_factories=["asyncio"])

WORKERS = 4
CLIENTS = 24
TRANSPORTS = {
    "default": ("polling", "websocket"),
    "polling": ("polling",),
    "websocket": ("websocket",),
}


@pytest.fixture(scope="module", params=["shared port", "round-robin proxy"])
def deployment(request: pytest.FixtureRequest, redis_server: RedisServer) -> Iterator[Deployment]:
    """Four workers on one port, or four servers on ports of their own behind nginx."""
    with ExitStack() as stack:
        yield start(stack, redis_server, behind_proxy=request.param == "round-robin proxy")


@pytest.fixture(params=["shared port", "round-robin proxy"])
def own_deployment(request: pytest.FixtureRequest, redis_server: RedisServer) -> Iterator[Deployment]:
    """The same for one test, which may kill workers."""
    with ExitStack() as stack:
        yield start(stack, redis_server, behind_proxy=request.param == "round-robin proxy")


def start(stack: ExitStack, redis: RedisServer, *, behind_proxy: bool) -> Deployment:
    prefix = f"no-sticky-{secrets.token_hex(4)}"
    if behind_proxy:
        programs = [WorkerProgram(redis.url, prefix, 1) for _ in range(WORKERS)]
    else:
        programs = [WorkerProgram(redis.url, prefix, WORKERS)]
    for program in programs:
        stack.callback(program.kill)
        program.start(wait=False)
    for program in programs:
        program.wait_ready()
    url = programs[0].url
    if behind_proxy:
        proxy = Nginx([program.port for program in programs])
        stack.callback(proxy.kill)
        proxy.start()
        url = proxy.url
    return Deployment(url, programs, WORKERS)


async def connect_many(js: JsClients, url: str, count: int, *kinds: str) -> list[JsSocket]:
    """So many clients at once, of these kinds in turn; those that upgrade have done so."""
    wanted = [kinds[number % len(kinds)] for number in range(count)]
    sockets = await asyncio.gather(*(js.connect(url, transports=TRANSPORTS[kind], timeout=30) for kind in wanted))
    for kind, socket in zip(wanted, sockets, strict=True):
        await settled(socket, "polling" if kind == "polling" else "websocket")
    return sockets


async def settled(socket: JsSocket, transport: str) -> None:
    """Wait until a client talks over this transport."""

    async def talks() -> bool:
        return await socket.transport() == transport

    await eventually(talks, f"a client to talk {transport}")


async def workers_of(sockets: list[JsSocket]) -> list[int]:
    """The process that holds each client's session."""
    return await asyncio.gather(*(socket.emit("worker") for socket in sockets))


@pytest.mark.parametrize("kind", TRANSPORTS)
async def test_many_clients_are_heard_in_order(js: JsClients, deployment: Deployment, kind: str) -> None:
    before = await deployment.counts()
    sockets = await connect_many(js, deployment.url, CLIENTS, kind)

    async def talk(socket: JsSocket) -> None:
        replies = await asyncio.gather(*(socket.emit("echo", number) for number in range(20)))
        assert replies == list(range(20))

    await asyncio.gather(*map(talk, sockets))
    assert len(set(await workers_of(sockets))) > 1
    done = await deployment.counts() - before
    # Three of four requests come to a worker that does not hold their session.
    if kind == "polling":
        assert done["relayed"] > CLIENTS
        assert done["served"] > CLIENTS
    elif kind == "default":
        assert done["passed_on"] > CLIENTS / 4
        assert done["adopted"] == done["passed_on"]
    else:
        assert not done


async def test_a_room_hears_all_its_members_once_and_in_order(js: JsClients, deployment: Deployment) -> None:
    room = secrets.token_hex(4)
    before = await deployment.counts()
    sockets = await connect_many(js, deployment.url, CLIENTS, *TRANSPORTS)
    await asyncio.gather(*(socket.emit("join", room) for socket in sockets))

    async def speak(speaker: int, socket: JsSocket) -> None:
        for number in range(5):
            await socket.emit("say", room, [speaker, number])

    await asyncio.gather(*(speak(speaker, socket) for speaker, socket in enumerate(sockets)))
    said = sorted([speaker, number] for speaker in range(CLIENTS) for number in range(5))

    for socket in sockets:
        await eventually(lambda socket=socket: len(socket.received("said")) >= len(said), "all that was said", 30)
        heard: list[Any] = socket.received("said")
        assert sorted(heard) == said
        for speaker in range(CLIENTS):
            assert [number for who, number in heard if who == speaker] == list(range(5))
    done = await deployment.counts() - before
    assert done["relayed"] and done["passed_on"]


@pytest.mark.parametrize("kind", TRANSPORTS)
async def test_large_and_binary_payloads_arrive_whole(js: JsClients, deployment: Deployment, kind: str) -> None:
    sockets = await connect_many(js, deployment.url, 4, kind)
    text = "ž🙂" * 100_000
    parts = [secrets.token_bytes(70_000) for _ in range(3)]
    for socket in sockets:
        assert await socket.emit("echo", text) == text
        assert await socket.emit("echo", {"parts": parts}) == {"parts": parts}


@pytest.mark.parametrize("kind", TRANSPORTS)
async def test_clients_that_lose_their_connection_come_back(js: JsClients, deployment: Deployment, kind: str) -> None:
    sockets = await connect_many(js, deployment.url, CLIENTS, kind)
    for _ in range(2):
        lost = [socket.id for socket in sockets]
        for socket in sockets:
            socket.drop()
        for socket, sid in zip(sockets, lost, strict=True):
            await socket.wait_for("disconnect")
            await eventually(lambda s=socket, sid=sid: s.connected and s.id != sid, "a client to come back", 30)
            assert await socket.emit("echo", "back") == "back"


@pytest.mark.parametrize("kind", TRANSPORTS)
async def test_a_killed_worker_takes_no_others_clients_along(
    js: JsClients, own_deployment: Deployment, kind: str
) -> None:
    sockets = await connect_many(js, own_deployment.url, CLIENTS, kind)
    owners = await workers_of(sockets)
    victim = owners[0]
    own_deployment.kill(victim)

    async def works(socket: JsSocket) -> None:
        await eventually(lambda: socket.connected, "a client to be connected", 30)
        assert await socket.emit("echo", "alive") == "alive"

    for socket, owner in zip(sockets, owners, strict=True):
        if owner == victim:
            await socket.wait_for("disconnect", timeout=30)
        await works(socket)
    others = [socket for socket, owner in zip(sockets, owners, strict=True) if owner != victim]
    assert others
    if kind != "polling":
        # Even if they came to the killed one first: their connections were passed on to their owners.
        assert [each for socket in others for each in socket.lifecycle if each.event == "disconnect"] == []
    assert victim not in await workers_of(sockets)


@dataclass(frozen=True)
class Site:
    """Where people find Hubbub, and one of its servers to ask things of."""

    url: str
    server: Hubbub

    async def brought(self) -> Counter[str]:
        """What the workers that answered have done with requests for the sessions of others."""
        done: Counter[str] = Counter()
        async with ClientSession(connector=TCPConnector(force_close=True)) as http:
            for _ in range(4 * WORKERS):
                async with http.get(f"{self.url}/metrics") as answer:
                    for way, count in re.findall(r'hubbub_peer_requests_total{way="(\w+)"} (\S+)', await answer.text()):
                        done[way] += int(float(count))
        return done


@pytest.fixture(params=["shared port", "round-robin proxy"])
def hubbub(
    request: pytest.FixtureRequest, redis_server: RedisServer, postgres_server: PostgresServer
) -> Iterator[Site]:
    """Hubbub itself with four workers, and the address at which people find it."""
    behind_proxy = request.param == "round-robin proxy"
    shared = {
        "HUBBUB_SECRET": secrets.token_hex(32),
        "REDIS_URL": redis_server.url,
        "DATABASE_URL": postgres_server.create_database(),
        "HUBBUB_REDIS_PREFIX": f"no-sticky-{secrets.token_hex(4)}",
        "HUBBUB_TRUSTED_PROXIES": "127.0.0.1",
    }
    with ExitStack() as stack:
        servers = [Hubbub(**shared) for _ in range(WORKERS)] if behind_proxy else []
        servers = servers or [Hubbub(**shared, WEB_CONCURRENCY=str(WORKERS))]
        for server in servers:
            stack.callback(server.kill)
            server.start(wait=False)
        for server in servers:
            server.wait_ready()
            # Which it says when the last worker does.
            wait_until(lambda server=server: "is listening" in server.log(), "all workers to listen")
        url = servers[0].url
        if behind_proxy:
            proxy = Nginx([server.port for server in servers])
            stack.callback(proxy.kill)
            proxy.start()
            url = proxy.url
        yield Site(url, servers[0])


async def test_people_talk_in_a_room_of_hubbubs(js: JsClients, hubbub: Site) -> None:
    people = [someone(f"person{number}") for number in range(12)]
    room = await open_room(hubbub.server, *people)
    sockets = []
    for number, person in enumerate(people):
        kind = list(TRANSPORTS)[number % len(TRANSPORTS)]
        auth = {"token": hubbub.server.token(person)}
        sockets.append(await js.connect(hubbub.url, auth, transports=TRANSPORTS[kind]))
    await asyncio.gather(*(subscribe(socket, f"room:{room}") for socket in sockets))

    async def speak(number: int, socket: JsSocket) -> None:
        for count in range(3):
            data_of(await socket.emit("message:send", {"roomId": room, "message": f"{number}: {count}"}))

    await asyncio.gather(*(speak(number, socket) for number, socket in enumerate(sockets)))
    for socket in sockets:
        await eventually(
            lambda socket=socket: len(messages(socket, room)) >= 3 * len(people), "everything that was said", 30
        )
        said = messages(socket, room)
        assert len(said) == 3 * len(people)
        assert numbers(said) == sorted(numbers(said))
        for number in range(len(people)):
            own = [each["data"]["message"] for each in said if each["data"]["message"].startswith(f"{number}: ")]
            assert own == [f"{number}: {count}" for count in range(3)]
    done = await hubbub.brought()
    assert done["relayed"] and done["passed_on"] and done["served"] and done["adopted"]
    assert not done["spliced"]


def messages(socket: JsSocket, room: str) -> list[dict[str, Any]]:
    """The envelopes of a room's messages that a connection has heard."""
    return [each for each in heard(socket, f"room:{room}") if each["event"] == "message:created"]
