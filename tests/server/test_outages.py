"""What fails beneath the server: what is said meanwhile, what is kept, and that everything mends by itself."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import psutil
import pytest

from tests.server.conftest import Upon
from tests.server.follower import Follower, assert_gapless
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
    publish_many,
    someone,
    subscribe,
)
from tests.support.hubbub import Cluster, Hubbub
from tests.support.js import ConnectRefused, JsClients, JsSocket, NoAck
from tests.support.postgres_server import PostgresServer
from tests.support.redis_server import RedisServer
from tests.support.waiting import eventually

# After Redis returns, every worker catches up by itself within 5 s.
CATCH_UP_SECONDS = 5


@pytest.fixture(scope="module")
def cluster_variables() -> dict[str, str]:
    return {
        "HUBBUB_DATABASE_TIMEOUT_SECONDS": "1",
        "HUBBUB_MESSAGES_PER_SECOND": "1000",
        "HUBBUB_MESSAGES_BURST": "1000",
        "HUBBUB_RETENTION_EVENTS": "200",
    }


@asynccontextmanager
async def away(server: PostgresServer | RedisServer, how: str) -> AsyncIterator[None]:
    """A server that is stopped or frozen, and comes back."""
    server.stop() if how == "stopped" else server.pause()
    try:
        yield
    finally:
        server.start() if how == "stopped" else server.resume()


async def succeeds(call: Callable[[], Awaitable[Any]]) -> Any:
    """Call until the answer is no longer `unavailable`; its data."""

    async def answer() -> Any:
        reply = await call()
        body = getattr(reply, "body", reply)
        if not body["ok"]:
            error_of(reply, "unavailable")
        return reply if body["ok"] else None

    return data_of(await eventually(answer, "the dependency to be back", 15))


async def test_without_the_database_everything_is_unavailable_and_then_as_before(
    upon_postgres: Upon[PostgresServer], js: JsClients
) -> None:
    cluster, postgres = upon_postgres.cluster, upon_postgres.server
    ada, bo = someone(), someone("bo")
    room = await open_room(cluster.a, ada, bo)
    channel = f"room:{room}"
    adas, bos = await enter(js, cluster.a, ada), await enter(js, cluster.b, bo)
    seq = (await subscribe(bos, channel))["seq"]
    messages = []
    for how in ("stopped", "frozen"):
        lost = {"roomId": room, "message": f"while it was {how}", "clientId": how}
        async with away(postgres, how):
            for socket, action, payload in (
                (adas, "message:send", lost),
                (adas, "room:create", {"name": someone("room")}),
                (adas, "channel:subscribe", {"channel": channel, "after": 0}),
                (bos, "message:history", {"roomId": room}),
            ):
                error_of(await socket.emit(action, payload, timeout=20), "unavailable")
                assert socket.connected
            for worker, method, path, body in (
                (cluster.a, "POST", "/api/chat/messages", lost),
                (cluster.b, "GET", f"/api/chat/messages?roomId={room}", None),
            ):
                error_of(await worker.rest(method, path, body, token=worker.token(ada)), "unavailable")
            with pytest.raises(ConnectRefused) as caught:
                await enter(js, cluster.a, someone("cy"), timeout=20)
            assert caught.value.data["code"] == "unavailable"

        # It was safe to try again: the message is there once, whatever became of the first attempts.
        messages.append(await succeeds(lambda lost=lost: adas.emit("message:send", lost, timeout=20)))
        history = await succeeds(lambda: bos.emit("message:history", {"roomId": room}))
        assert history == {"messages": messages, "hasMore": False}
        await succeeds(lambda: cluster.b.rest("GET", "/api/me", token=cluster.token(ada)))
        await hears(bos, channel, range(seq + 1, seq + 1 + len(messages)))
    assert len(adas.lifecycle) == len(bos.lifecycle) == 1


async def test_visitors_come_in_while_the_database_is_away(upon_postgres: Upon[PostgresServer], js: JsClients) -> None:
    """Whoever needs nothing from the database is not kept outside by it."""
    sent = {"channel": "community"}
    async with away(upon_postgres.server, "stopped"):
        visitor = await connect(js, upon_postgres.cluster.a)
        error_of(await visitor.emit("channel:subscribe", sent), "unavailable")
    await succeeds(lambda: visitor.emit("channel:subscribe", sent))


async def test_what_was_acknowledged_survives_the_databases_death(upon_postgres: Upon[PostgresServer]) -> None:
    cluster, channel = upon_postgres.cluster, f"app:{someone('channel')}"
    followers = [Follower(channel, someone()) for _ in cluster.workers]
    for follower, worker in zip(followers, cluster.workers, strict=True):
        await follower.come(worker, after=0)
    acknowledged: dict[int, int] = {}
    name = someone("id")

    async def publish_until_acknowledged(worker: Hubbub, n: int) -> None:
        sent = {"channel": channel, "event": "a:b", "data": n, "clientId": f"{name}-{n}"}
        found = await succeeds(lambda: worker.rest("POST", "/api/publish", sent, token=worker.api_key))
        acknowledged[n] = found["seq"]

    sending = [
        asyncio.create_task(publish_until_acknowledged(cluster.workers[n % len(cluster.workers)], n)) for n in range(60)
    ]
    await eventually(lambda: acknowledged, "the first acknowledgement")
    upon_postgres.server.kill()
    upon_postgres.server.start()
    await asyncio.gather(*sending)
    try:
        for follower in followers:
            await follower.has(60)
        assert_gapless(followers, 1, 60)
        assert {each["data"]: each["seq"] for each in followers[0].heard} == acknowledged
    finally:
        for follower in followers:
            await follower.drop()


@pytest.mark.parametrize("how", ["stopped", "frozen"])
async def test_while_redis_is_away_workers_go_on_and_then_catch_up(upon_redis: Upon[RedisServer], how: str) -> None:
    cluster, channel = upon_redis.cluster, f"app:{someone('channel')}"
    followers = [Follower(channel, someone()) for _ in cluster.workers]
    for follower, worker in zip(followers, cluster.workers, strict=True):
        await follower.come(worker, after=0)
    sent: list[int] = []

    async def publish_on_both(seconds: float) -> None:
        """Ten events a second on each worker."""
        for _ in range(int(seconds * 10)):
            tick = asyncio.create_task(asyncio.sleep(0.1))
            sent.extend(await asyncio.gather(*(publish(worker, channel) for worker in cluster.workers)))
            await tick

    try:
        await publish_on_both(0.5)
        async with away(upon_redis.server, how):
            for worker, follower in zip(cluster.workers, followers, strict=True):
                number = await publish(worker, channel)
                sent.append(number)
                await follower.has(number)
            await publish_on_both(3)
            newcomer = Follower(channel, someone())
            await newcomer.come(cluster.a, after=0)
            followers.append(newcomer)
        await publish_on_both(0.5)
        for follower in followers:
            await follower.has(max(sent), CATCH_UP_SECONDS)
        assert sorted(sent) == list(range(1, len(sent) + 1))
        assert_gapless(followers, 1, len(sent))

        # What is published now comes the quick way again, and once.
        for worker in cluster.workers:
            number = await publish(worker, channel)
            for follower in followers:
                await follower.has(number, 5)
        assert_gapless(followers, 1, len(sent) + len(cluster.workers))
    finally:
        for follower in followers:
            await follower.drop()


async def test_while_redis_is_away_who_may_read_a_story_no_longer_is_sent_away_all_the_same(
    upon_redis: Upon[RedisServer], js: JsClients
) -> None:
    """Each worker finds in the log what the bus cannot tell it."""
    cluster, ada = upon_redis.cluster, someone()
    token = cluster.token(ada)
    body = {"title": "The lighthouse", "visibility": "public"}
    story = data_of(await cluster.a.rest("POST", "/api/stories", body, token=token))["id"]
    made = await cluster.a.rest("POST", f"/api/stories/{story}/posts", {"title": "Why?"}, token=token)
    channels = [f"story:{story}:comments", f"post:{data_of(made)['id']}:likes"]
    visitor, author = await connect(js, cluster.b), await enter(js, cluster.b, ada)
    for channel in channels:
        for socket in (visitor, author):
            await subscribe(socket, channel)
    async with away(upon_redis.server, "stopped"):
        hidden = {"visibility": "private"}
        data_of(await cluster.a.rest("PUT", f"/api/stories/{story}/visibility", hidden, token=token))
        for channel in channels:

            async def told_to_the_author_alone(channel: str = channel) -> bool:
                before = len(heard(visitor, channel))
                number = await publish(cluster.b, channel)
                await author.wait_for(
                    "thing:changed", lambda event: event["channel"] == channel and event["seq"] == number
                )
                await visitor.emit("channel:unsubscribe", {"channel": "app:none"})
                return len(heard(visitor, channel)) == before

            await eventually(told_to_the_author_alone, f"the visitor hears {channel} no longer", 15)


async def test_who_fell_behind_what_is_kept_is_told_to_reload(upon_redis: Upon[RedisServer], js: JsClients) -> None:
    """A worker that slept while Redis was away and the log moved on has nothing to fill the hole with."""
    cluster, channel = upon_redis.cluster, f"app:{someone('channel')}"
    socket = await enter(js, cluster.b, someone())
    await subscribe(socket, channel)
    await publish(cluster.a, channel)
    await hears(socket, channel, [1])
    witness = await enter(js, cluster.a, someone())

    cluster.b.pause()
    try:
        async with away(upon_redis.server, "stopped"):
            await publish_many(cluster.a, channel, 300)

            async def has_gone() -> bool:
                return not (await subscribe(witness, channel, after=1))["recovered"]

            await eventually(has_gone, "the older events to go")
    finally:
        cluster.b.resume()
    await socket.wait_for("disconnect", timeout=20)
    await socket.wait_for("connect", timeout=20)
    assert not socket.recovered, "a recovered client would not know that it must reload"
    reply = await subscribe(socket, channel, after=1)
    assert reply == {"channel": channel, "seq": 301, "recovered": False, "events": []}
    await publish(cluster.a, channel)
    await hears(socket, channel, [1, 302])


class Sender:
    """Somebody who sends one message after the other, and each again until it is acknowledged."""

    def __init__(self, socket: JsSocket, room: str) -> None:
        self._socket = socket
        self._room = room
        self.acknowledged: dict[str, dict[str, Any]] = {}

    async def send(self, count: int) -> None:
        for _ in range(count):
            client_id = someone("message")
            sent = {"roomId": self._room, "message": client_id, "clientId": client_id}
            while client_id not in self.acknowledged:
                try:
                    reply = await self._socket.emit("message:send", sent, timeout=20)
                except NoAck:
                    await eventually(lambda: self._socket.connected, "the client to come back", 20)
                    continue
                if not reply["ok"]:
                    error_of(reply, "unavailable")
                    continue
                self.acknowledged[client_id] = data_of(reply)


async def assert_room_holds(worker: Hubbub, room: str, user_id: str, sent: dict[str, dict[str, Any]]) -> None:
    """The room has these messages, each once, and no other."""
    history = await worker.rest("GET", f"/api/chat/messages?roomId={room}&limit=100", token=worker.token(user_id))
    messages = data_of(history)["messages"]
    assert {each["clientId"]: each for each in messages} == sent
    assert [each["seq"] for each in messages] == list(range(1, len(sent) + 1))


async def test_a_killed_worker_loses_nothing_that_was_acknowledged(own_cluster: Cluster, js: JsClients) -> None:
    """Its clients come back by themselves when it is started again; others go on at once on the other worker."""
    ada, bo = someone(), someone("bo")
    room = await open_room(own_cluster.a, ada, bo)
    senders = [Sender(await enter(js, own_cluster.a, person), room) for person in (ada, bo)]
    followers = [Follower(f"room:{room}", ada) for _ in range(3)]
    for follower in followers:
        await follower.come(own_cluster.a if follower is not followers[2] else own_cluster.b, after=0)
    first = followers[0].seqs[-1]

    sending = [asyncio.create_task(sender.send(20)) for sender in senders]
    await eventually(lambda: all(len(sender.acknowledged) >= 5 for sender in senders), "the first acknowledgements")
    own_cluster.a.kill()
    if own_cluster.b.is_running:
        for follower in followers[:2]:
            await follower.drop()
            await follower.come(own_cluster.b)
    own_cluster.a.start()
    await asyncio.gather(*sending)
    sent = senders[0].acknowledged | senders[1].acknowledged
    try:
        for follower in followers:
            if not follower.is_here:
                await follower.drop()
                await follower.come(own_cluster.b)
            await follower.has(first + len(sent))
        assert_gapless(followers, 1, first + len(sent))
        created = [each["data"] for each in followers[0].heard if each["event"] == "message:created"]
        assert {each["clientId"]: each for each in created} == sent
        assert len(created) == len(sent) == 40
        await assert_room_holds(own_cluster.b, room, ada, sent)
    finally:
        for follower in followers:
            await follower.drop()


async def test_clients_of_a_killed_worker_go_on_with_its_siblings(
    start_hubbub: Callable[..., Hubbub], redis_server: RedisServer, postgres_server: PostgresServer, js: JsClients
) -> None:
    """Several workers on one port: stock clients know one address, and need no other."""
    hubbub = start_hubbub(
        WEB_CONCURRENCY="3",
        REDIS_URL=redis_server.url,
        DATABASE_URL=postgres_server.create_database(),
        HUBBUB_REDIS_PREFIX=someone("siblings"),
        HUBBUB_MESSAGES_BURST="1000",
    )
    ada = someone()
    room = await open_room(hubbub, ada)
    channel = f"room:{room}"
    sockets = [await enter(js, hubbub, ada) for _ in range(9)]
    heard: dict[JsSocket, int] = {}
    for socket in sockets:
        heard[socket] = (await subscribe(socket, channel))["seq"]
    sender = Sender(sockets[0], room)
    sending = asyncio.create_task(sender.send(30))
    await eventually(lambda: len(sender.acknowledged) >= 5, "the first acknowledgements")

    workers = [each for each in psutil.Process(hubbub.pid).children() if "spawn_main" in " ".join(each.cmdline())]
    assert len(workers) == 3
    for worker in workers[:2]:
        os.kill(worker.pid, signal.SIGKILL)
    await eventually(lambda: any(len(socket.lifecycle) > 1 for socket in sockets), "clients to notice")
    await sending
    await assert_room_holds(hubbub, room, ada, sender.acknowledged)
    last = 30 + max(heard.values())
    for socket in sockets:
        live = numbers([each.data for each in socket.events if each.event == "message:created"])
        if len(socket.lifecycle) == 1:
            await hears(socket, channel, range(heard[socket] + 1, last + 1))
            continue
        await eventually(lambda socket=socket: socket.connected, "the client to come back")
        if not socket.recovered:
            have = live[-1] if live else heard[socket]
            reply = await subscribe(socket, channel, after=have)
            assert [*live, *numbers(reply["events"])] == list(range(heard[socket] + 1, last + 1))
