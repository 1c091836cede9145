"""SIGTERM: whatever was received is answered, nobody new comes in, and stock clients come back by themselves."""

import asyncio
import signal
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import aiohttp
import asyncpg
import psutil
import pytest

from tests.server.raw_client import RawClient, raw_client
from tests.server.talk import (
    connect,
    data_of,
    enter,
    error_of,
    heard,
    hears,
    numbers,
    open_room,
    publish,
    someone,
    subscribe,
)
from tests.support.hubbub import Cluster, Hubbub
from tests.support.js import ConnectRefused, JsClients, NoAck
from tests.support.postgres_server import PostgresServer
from tests.support.redis_server import RedisServer
from tests.support.waiting import eventually

EXIT_SECONDS = 10


@asynccontextmanager
async def writes_wait(worker: Hubbub) -> AsyncIterator[None]:
    """Nothing can be written to the worker's database, as when somebody else's transaction takes its time."""
    if "DATABASE_URL" in worker.env:
        connection = await asyncpg.connect(worker.env["DATABASE_URL"])
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute("LOCK TABLE messages, channels IN EXCLUSIVE MODE")
        try:
            yield
        finally:
            await transaction.rollback()
            await connection.close()
    else:
        connection = sqlite3.connect(worker.folder / "hubbub.db", timeout=10, isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            connection.close()


async def drains(worker: Hubbub) -> None:
    """Ask the worker to end, and wait until it has begun to."""
    worker.send_signal(signal.SIGTERM)

    async def has_begun() -> bool:
        return (await worker.rest("GET", "/readyz")).status == 503

    await eventually(has_begun, "the drain")


def answers(client: RawClient) -> int:
    return sum(frame.startswith("43") for frame in client.frames)


async def test_what_was_received_is_answered_and_what_was_not_begun_is_unavailable(own_cluster: Cluster) -> None:
    worker, ada, bo = own_cluster.a, someone(), someone("bo")
    room = await open_room(worker, ada, bo)
    sent = {"roomId": room, "message": "hello"}
    async with (
        raw_client(worker, {"token": worker.token(ada)}) as client,
        raw_client(worker, {"token": worker.token(bo)}) as other,
        raw_client(worker) as idle,
    ):
        async with writes_wait(worker):
            adas = await client.ask("message:send", sent | {"message": "begun by Ada"})
            bos = await other.ask("message:send", sent | {"message": "begun by Bo"})
            await asyncio.gather(client.is_heard(), other.is_heard())
            waiting = [await client.ask(*packet) for packet in (["room:list"], ["message:send", sent], ["no such"])]
            await client.is_heard()
            over_rest = asyncio.create_task(
                worker.rest("POST", "/api/chat/messages", sent | {"message": "over REST"}, token=worker.token(bo))
            )
            await drains(worker)
            assert answers(client) == answers(other) == 0
        stored = [data_of((await each.acknowledgement(number))[0]) for each, number in ((client, adas), (other, bos))]
        for number in waiting:
            error_of((await client.acknowledgement(number))[0], "unavailable")
        # It came before or after the signal; either way it has its answer, and that is true.
        reply = await over_rest
        if reply.body["ok"]:
            stored.append(data_of(reply))
        else:
            error_of(reply, "unavailable")
        for each in (client, other, idle):
            await each.until(lambda frame: frame.startswith('42["server:draining"'))
            await each.ended()
            assert not any(frame.startswith("41") for frame in each.frames), "after a goodbye stock clients stay away"
        assert answers(client) == 1 + len(waiting)
    assert worker.wait(EXIT_SECONDS) == 0

    worker.start()
    history = await worker.rest("GET", f"/api/chat/messages?roomId={room}", token=worker.token(ada))
    assert data_of(history)["messages"] == sorted(stored, key=lambda message: message["seq"])


async def test_while_it_drains_nobody_new_comes_in(own_cluster: Cluster, js: JsClients) -> None:
    worker, ada = own_cluster.a, someone()
    room = await open_room(worker, ada)
    async with raw_client(worker, {"token": worker.token(ada)}) as client:
        async with writes_wait(worker):
            await client.ask("message:send", {"roomId": room, "message": "hello"})
            await client.is_heard()
            await drains(worker)
            ready = await worker.rest("GET", "/readyz")
            assert (ready.status, "draining" in str(ready.body)) == (503, True)
            assert (await worker.rest("GET", "/healthz")).status == 200
            for method, path in (("GET", "/api/chat/rooms"), ("POST", "/api/chat/rooms")):
                error_of(await worker.rest(method, path, token=worker.token(ada)), "unavailable")
            with pytest.raises(ConnectRefused):
                await connect(js, worker, reconnection=False)
            async with (
                aiohttp.ClientSession() as session,
                session.get(f"{worker.url}/socket.io/?EIO=4&transport=polling") as response,
            ):
                assert response.status == 503
        await client.ended()
    assert worker.wait(EXIT_SECONDS) == 0


async def test_stock_clients_are_told_and_come_back_by_themselves(own_cluster: Cluster, js: JsClients) -> None:
    worker, ada, channel = own_cluster.a, someone(), f"app:{someone('channel')}"
    sockets = [await enter(js, worker, ada) for _ in range(10)]
    for socket in sockets:
        await subscribe(socket, channel)
    await publish(worker, channel)
    for socket in sockets:
        await hears(socket, channel, [1])

    assert worker.stop(EXIT_SECONDS) == 0
    delays = set()
    for socket in sockets:
        farewell = (await socket.wait_for("server:draining")).data
        assert farewell.keys() == {"event", "at", "data"}
        assert farewell["data"].keys() == {"reconnectInMs"}
        assert farewell["data"]["reconnectInMs"] >= 0
        delays.add(farewell["data"]["reconnectInMs"])
        assert (await socket.wait_for("disconnect")).data != "io server disconnect"
    assert len(delays) > 1, "not all of them at the same moment"

    worker.start()
    await publish(worker, channel)
    for socket in sockets:
        await socket.wait_for("connect", timeout=20)
        if not socket.recovered:
            assert numbers((await subscribe(socket, channel, after=1))["events"]) == [2]
        else:
            await hears(socket, channel, [1, 2])


async def test_with_nobody_there_a_drain_is_short(own_cluster: Cluster) -> None:
    for worker in own_cluster.workers:
        assert worker.stop(EXIT_SECONDS) == 0
        assert "Traceback" not in worker.log()


async def test_a_rolling_restart_loses_nothing(
    start_hubbub: Callable[..., Hubbub], redis_server: RedisServer, postgres_server: PostgresServer, js: JsClients
) -> None:
    """One worker of two on the same port drains and is replaced while people talk through stock clients."""
    hubbub = start_hubbub(
        WEB_CONCURRENCY="2",
        REDIS_URL=redis_server.url,
        DATABASE_URL=postgres_server.create_database(),
        HUBBUB_REDIS_PREFIX=someone("rolling"),
        HUBBUB_MESSAGES_BURST="1000",
    )
    ada = someone()
    room = await open_room(hubbub, ada)
    listener, sender = await enter(js, hubbub, ada), await enter(js, hubbub, ada)
    start = (await subscribe(listener, f"room:{room}"))["seq"]
    sent: list[str] = []

    async def keep_sending() -> None:
        while len(sent) < 40:
            client_id = someone("message")
            message = {"roomId": room, "message": client_id, "clientId": client_id}
            while True:
                try:
                    reply = await sender.emit("message:send", message, timeout=20)
                except NoAck:
                    await eventually(lambda: sender.connected, "the client to come back", 20)
                    continue
                if reply["ok"]:
                    break
                error_of(reply, "unavailable")
            sent.append(client_id)

    sending = asyncio.create_task(keep_sending())
    await eventually(lambda: len(sent) >= 5, "the first messages")
    workers = {each.pid for each in psutil.Process(hubbub.pid).children() if "spawn_main" in " ".join(each.cmdline())}
    for pid in workers:
        psutil.Process(pid).send_signal(signal.SIGTERM)
        await eventually(lambda pid=pid: not psutil.pid_exists(pid), "the worker's end", EXIT_SECONDS + 5)
    await sending
    await eventually(lambda: listener.connected, "the listener to come back", 20)
    assert len(listener.lifecycle) > 1, "both workers have been replaced"
    if listener.recovered:
        await hears(listener, f"room:{room}", range(start + 1, start + 41))
    else:
        live = numbers(heard(listener, f"room:{room}"))
        reply = await subscribe(listener, f"room:{room}", after=live[-1] if live else start)
        assert [*live, *numbers(reply["events"])] == list(range(start + 1, start + 41))
    history = await hubbub.rest("GET", f"/api/chat/messages?roomId={room}&limit=100", token=hubbub.token(ada))
    assert [each["message"] for each in data_of(history)["messages"]] == sent
