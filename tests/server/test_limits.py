"""Limits: what a user, a connection and an address may do, over all workers together."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tests.server.conftest import Upon
from tests.server.talk import (
    backend,
    connect,
    data_of,
    enter,
    error_of,
    hears,
    open_room,
    publish,
    someone,
    subscribe,
)
from tests.support.hubbub import Cluster, Hubbub, two_workers
from tests.support.js import ConnectRefused, JsClients, JsSocket
from tests.support.postgres_server import PostgresServer
from tests.support.redis_server import RedisServer
from tests.support.waiting import eventually

BURST = 6


@pytest.fixture(scope="module")
def cluster_variables() -> dict[str, str]:
    """No bucket fills up again while a test looks; leases end soon."""
    return {
        "HUBBUB_ACTIONS_PER_SECOND": "0.01",
        "HUBBUB_ACTIONS_BURST": str(BURST),
        "HUBBUB_MESSAGES_PER_SECOND": "0.01",
        "HUBBUB_MESSAGES_BURST": "2",
        "HUBBUB_CONNECTIONS_PER_USER": "2",
        "HUBBUB_SUBSCRIPTIONS_PER_CONNECTION": "3",
        "HUBBUB_PRESENCE_LEASE_SECONDS": "1",
        "HUBBUB_REDIS_TIMEOUT_SECONDS": "0.5",
    }


def listing(socket: JsSocket) -> Any:
    return socket.emit("room:list", {})


async def refused(js: JsClients, worker: Hubbub, auth: Any = None, **options: Any) -> None:
    """This connection is one too many."""
    with pytest.raises(ConnectRefused) as caught:
        await connect(js, worker, auth, **options)
    assert caught.value.data["code"] == "rate_limited"
    assert caught.value.data["retryAfter"] > 0
    assert caught.value.message


async def test_a_users_actions_are_limited_over_all_connections_and_both_doors(cluster: Cluster, js: JsClients) -> None:
    ada = someone()
    here, there = await enter(js, cluster.a, ada), await enter(js, cluster.b, ada)
    for socket in (here, there, here, there):
        data_of(await listing(socket))
    data_of(await cluster.b.rest("GET", "/api/me", token=cluster.token(ada)))
    error_of(await there.emit("message:send", {}), "invalid")

    for socket in (here, there):
        error = error_of(await listing(socket), "rate_limited")
        assert 1 < error["retryAfter"] <= 100
        assert socket.connected
    reply = await cluster.a.rest("GET", "/api/me", token=cluster.token(ada))
    seconds = error_of(reply, "rate_limited")["retryAfter"]
    assert seconds <= int(reply.headers["Retry-After"]) <= seconds + 1

    data_of(await cluster.a.rest("GET", "/api/me", token=cluster.token(someone("bo"))))


async def test_each_visitor_has_a_limit_of_their_own(cluster: Cluster, js: JsClients) -> None:
    one, other = await connect(js, cluster.a), await connect(js, cluster.a)
    for _ in range(BURST):
        await subscribe(one, "community")
    error_of(await one.emit("channel:subscribe", {"channel": "community"}), "rate_limited")
    await subscribe(other, "community")


async def test_what_is_refused_counts_as_well(cluster: Cluster, js: JsClients) -> None:
    ada, visitor = await enter(js, cluster.a, someone()), await connect(js, cluster.a)
    for _ in range(BURST // 2):
        error_of(await ada.emit("no such thing", {}), "not_found")
        error_of(await ada.emit("channel:publish", {}), "forbidden")
        error_of(await visitor.emit("room:list", {}), "unauthenticated")
        error_of(await visitor.emit("channel:subscribe", 42), "invalid")
    for socket in (ada, visitor):
        error_of(await socket.emit("no such thing", {}), "rate_limited")


async def test_backends_are_not_limited(cluster: Cluster, js: JsClients) -> None:
    socket, channel = await backend(js, cluster.a), f"app:{someone('channel')}"
    sent = {"channel": channel, "event": "a:b", "data": 1}
    for _ in range(BURST * 2):
        data_of(await socket.emit("channel:publish", sent))
        data_of(await cluster.b.rest("POST", "/api/publish", sent, token=cluster.api_key))


async def test_a_users_messages_are_limited_in_each_room(cluster: Cluster, js: JsClients) -> None:
    ada, bo = someone(), someone("bo")
    room, other = await open_room(cluster.a, bo, ada), await open_room(cluster.a, bo)
    here, there = await enter(js, cluster.a, ada), await enter(js, cluster.b, ada)
    sent = {"roomId": room, "message": "hello"}
    data_of(await here.emit("message:send", sent))
    data_of(await there.emit("message:send", sent))
    error = error_of(await here.emit("message:send", sent), "rate_limited")
    assert error["retryAfter"] > 1
    reply = await cluster.b.rest("POST", "/api/chat/messages", sent, token=cluster.token(ada))
    error_of(reply, "rate_limited")
    assert "Retry-After" in reply.headers
    # Nobody else, and not everywhere.
    bos = await enter(js, cluster.a, bo)
    data_of(await bos.emit("message:send", sent))
    data_of(await bos.emit("message:send", sent | {"roomId": other}))
    history = await bos.emit("message:history", {"roomId": room})
    assert len(data_of(history)["messages"]) == 3


async def test_a_users_connections_are_limited(cluster: Cluster, js: JsClients) -> None:
    ada = someone()
    first, _ = await enter(js, cluster.a, ada), await enter(js, cluster.b, ada)
    for worker in (cluster.a, cluster.b):
        await refused(js, worker, {"token": worker.token(ada)})
    await enter(js, cluster.a, someone("bo"))

    await first.disconnect()
    await eventually(lambda: comes_in(js, cluster.b, ada), "room for another connection")
    await refused(js, cluster.a, {"token": cluster.token(ada)})


async def test_however_many_come_at_once_no_more_than_the_limit_are_let_in(cluster: Cluster, js: JsClients) -> None:
    ada = someone()
    tries = await asyncio.gather(
        *(enter(js, worker, ada) for worker in (cluster.a, cluster.b) for _ in range(5)), return_exceptions=True
    )
    came_in = [each for each in tries if isinstance(each, JsSocket)]
    assert len(came_in) <= 2
    for each in tries:
        if not isinstance(each, JsSocket):
            assert isinstance(each, ConnectRefused), each
            assert each.data["code"] == "rate_limited"
    for socket in came_in:
        await socket.disconnect()
    for worker in (cluster.a, cluster.b):
        await eventually(lambda worker=worker: comes_in(js, worker, ada), "room again")
    await refused(js, cluster.a, {"token": cluster.token(ada)})


async def comes_in(js: JsClients, worker: Hubbub, user_id: str) -> bool:
    try:
        await enter(js, worker, user_id)
    except ConnectRefused:
        return False
    return True


async def test_a_refused_connection_leaves_no_trace(cluster: Cluster, js: JsClients) -> None:
    ada = someone()
    first, _ = await enter(js, cluster.a, ada), await enter(js, cluster.b, ada)
    for _ in range(5):
        await refused(js, cluster.a, {"token": cluster.token(ada)})
    await first.disconnect()
    await eventually(lambda: comes_in(js, cluster.a, ada), "room for another connection")


@pytest.mark.parametrize("half_open", [False, True])
async def test_who_comes_back_is_not_one_too_many(cluster: Cluster, js: JsClients, half_open: bool) -> None:
    """The server may not have noticed yet that the old connection is lost."""
    ada = someone()
    sockets = [await enter(js, cluster.a, ada) for _ in range(2)]
    for _ in range(3):
        for socket in sockets:
            socket.drop(half_open=half_open)
            await socket.wait_for("disconnect")
        for socket in sockets:
            await socket.wait_for("connect")
    await refused(js, cluster.b, {"token": cluster.token(ada)})


async def test_an_addresss_connections_are_limited(
    postgres_server: PostgresServer, redis_server: RedisServer, js: JsClients
) -> None:
    cluster = two_workers(redis_server.url, postgres_server.create_database(), HUBBUB_CONNECTIONS_PER_ADDRESS="3")
    try:
        cluster.start()
        first, *_ = [await connect(js, worker) for worker in (cluster.a, cluster.b, cluster.a)]
        for worker in cluster.workers:
            await refused(js, worker)
            await refused(js, worker, {"token": worker.token(someone())})
        # Backends come from the app's own machines.
        await backend(js, cluster.a)
        await first.disconnect()
        await eventually(lambda: comes_in(js, cluster.b, someone()), "room for another connection")
    finally:
        cluster.kill()


async def test_zero_connections_means_no_limit(start_hubbub: Callable[..., Hubbub], js: JsClients) -> None:
    hubbub = start_hubbub(HUBBUB_CONNECTIONS_PER_ADDRESS="0", HUBBUB_CONNECTIONS_PER_USER="0")
    ada = someone()
    for _ in range(25):
        await enter(js, hubbub, ada)


async def test_a_connection_hears_so_many_channels(cluster: Cluster, js: JsClients) -> None:
    socket = await enter(js, cluster.a, someone())
    channels = [f"app:{someone('channel')}" for _ in range(4)]
    for channel in channels[:3]:
        await subscribe(socket, channel)
    error = error_of(await socket.emit("channel:subscribe", {"channel": channels[3]}), "invalid")
    assert error["fields"].keys() == {"channel"}
    await publish(cluster.b, channels[3])
    await publish(cluster.b, channels[0])
    await hears(socket, channels[0], [1])
    assert socket.received("thing:changed")[0]["channel"] == channels[0]


async def test_an_ended_subscription_makes_room_for_another(cluster: Cluster, js: JsClients) -> None:
    socket = await connect(js, cluster.a)
    for n in range(3):
        await subscribe(socket, f"trip:{n}:likes")
    data_of(await socket.emit("channel:unsubscribe", {"channel": "trip:0:likes"}))
    await subscribe(socket, "trip:3:likes")
    error_of(await socket.emit("channel:subscribe", {"channel": "trip:0:likes"}), "invalid")


async def test_hearing_a_channel_again_and_ones_own_takes_no_room(cluster: Cluster, js: JsClients) -> None:
    ada = someone()
    socket = await enter(js, cluster.a, ada)
    for n in range(3):
        await subscribe(socket, f"trip:{n}:likes")
    await subscribe(socket, "trip:0:likes")
    await subscribe(socket, f"user:{ada}")


async def test_a_room_is_not_made_when_its_maker_could_not_hear_it(cluster: Cluster, js: JsClients) -> None:
    ada = someone()
    socket = await enter(js, cluster.a, ada)
    for n in range(3):
        await subscribe(socket, f"trip:{n}:likes")
    error_of(await socket.emit("room:create", {"name": someone("room")}), "invalid")
    assert data_of(await listing(socket))["rooms"] == []


async def test_a_killed_workers_connections_count_no_longer(own_cluster: Cluster, js: JsClients) -> None:
    ada = someone()
    for _ in range(2):
        await enter(js, own_cluster.a, ada, reconnection=False)
    await refused(js, own_cluster.b, {"token": own_cluster.token(ada)})
    own_cluster.a.kill()
    if own_cluster.a is own_cluster.b:
        own_cluster.a.start()
    await eventually(lambda: comes_in(js, own_cluster.b, ada), "the end of the killed worker's lease", timeout=15)


@pytest.mark.parametrize("away", ["stopped", "frozen"])
async def test_while_redis_is_away_each_worker_limits_by_itself(
    upon_redis: Upon[RedisServer], js: JsClients, away: str
) -> None:
    cluster, redis = upon_redis.cluster, upon_redis.server
    ada, bo, cy = someone(), someone("bo"), someone("cy")
    room = await open_room(cluster.a, bo)
    here, there = await enter(js, cluster.a, ada), await enter(js, cluster.b, ada)
    for _ in range(BURST):
        data_of(await listing(here))
    error_of(await listing(there), "rate_limited")

    redis.stop() if away == "stopped" else redis.pause()
    try:
        for socket in (here, there):
            for _ in range(BURST):
                data_of(await listing(socket))
            error_of(await listing(socket), "rate_limited")
        for worker in cluster.workers:
            for _ in range(2):
                await enter(js, worker, cy)
            await refused(js, worker, {"token": worker.token(cy)})
            sent = {"roomId": room, "message": "hello"}
            for _ in range(2):
                data_of(await worker.rest("POST", "/api/chat/messages", sent, token=worker.token(bo)))
            error_of(await worker.rest("POST", "/api/chat/messages", sent, token=worker.token(bo)), "rate_limited")
    finally:
        redis.start() if away == "stopped" else redis.resume()


async def test_when_redis_comes_back_empty_connections_still_count(
    upon_redis: Upon[RedisServer], js: JsClients
) -> None:
    cluster, redis = upon_redis.cluster, upon_redis.server
    ada = someone()
    for _ in range(2):
        await enter(js, cluster.a, ada)
    await refused(js, cluster.b, {"token": cluster.token(ada)})
    redis.stop()
    redis.start()

    async def is_refused() -> bool:
        try:
            await (await enter(js, cluster.b, ada)).disconnect()
        except ConnectRefused:
            return True
        return False

    await eventually(is_refused, "the workers to tell the new Redis whom they have", timeout=15)
    await refused(js, cluster.b, {"token": cluster.token(ada)})


async def test_who_leaves_while_redis_is_away_is_counted_out(upon_redis: Upon[RedisServer], js: JsClients) -> None:
    cluster, redis = upon_redis.cluster, upon_redis.server
    ada = someone()
    sockets = [await enter(js, cluster.a, ada) for _ in range(2)]
    await refused(js, cluster.b, {"token": cluster.token(ada)})
    redis.pause()
    try:
        for socket in sockets:
            await socket.disconnect()
        await eventually(lambda: comes_in(js, cluster.a, ada), "room for another connection")
    finally:
        redis.resume()
    await eventually(lambda: comes_in(js, cluster.b, ada), "room on the other worker", timeout=15)
