"""Who may read which channel: section 4's table, row by row."""

import time
from typing import Any

import pytest

from tests.server.talk import (
    backend,
    connect,
    data_of,
    enter,
    error_of,
    heard,
    hears,
    open_room,
    publish,
    settled,
    someone,
    subscribe,
)
from tests.support.hubbub import Cluster
from tests.support.js import JsClients, JsSocket

PUBLIC = [
    "community",
    *(f"trip:42:{topic}" for topic in ("comments", "rating", "likes", "saves", "images", "viewers", "presence")),
    "location:a.b_c~d-E9:likes",
    "post:1:comments",
    "blog:1:rating",
    "story:1:images",
    f"trip:{'x' * 128}:likes",
]
FOR_THE_SIGNED_IN = ["presence", "presence:somebody", "app:orders", "app:orders.eu:berlin_1~x", "app:privateer"]
NOWHERE = [
    "nothing",
    "trip",
    "trip:42",
    "trip:42:nothing",
    "trip::likes",
    "trip:a b:likes",
    "trip:a/b:likes",
    f"trip:{'x' * 129}:likes",
    "planet:42:likes",
    "community:x",
    "community:",
    "user:",
    "room:",
    "room:no-such-room",
    "app:",
    "admin:x",
    "presence:",
    "collection:no-such-collection",
    "table:public.no_such_table",
    "document:no-such-document",
    ":",
    "Community",
    "session",
]


async def answer(socket: JsSocket, channel: str, **more: Any) -> Any:
    return await socket.emit("channel:subscribe", {"channel": channel, **more})


async def test_everyone_may_read_what_is_about_an_entity(cluster: Cluster, js: JsClients) -> None:
    for socket in (await connect(js, cluster.a), await enter(js, cluster.a, someone())):
        for channel in PUBLIC:
            await subscribe(socket, channel)


async def test_some_channels_take_a_signed_in_user(cluster: Cluster, js: JsClients) -> None:
    visitor, ada = await connect(js, cluster.a), await enter(js, cluster.a, someone())
    for channel in FOR_THE_SIGNED_IN:
        error_of(await answer(visitor, channel), "unauthenticated")
        await subscribe(ada, channel)


async def test_a_channel_that_does_not_exist_is_not_found(cluster: Cluster, js: JsClients) -> None:
    ada = await enter(js, cluster.a, someone())
    for channel in NOWHERE:
        error_of(await answer(ada, channel), "not_found")


async def test_a_users_channel_is_theirs_alone(cluster: Cluster, js: JsClients) -> None:
    ada, bo = someone(), someone("bo")
    adas, visitor = await enter(js, cluster.a, ada), await connect(js, cluster.a)
    await subscribe(adas, f"user:{ada}")
    error_of(await answer(adas, f"user:{bo}"), "forbidden")
    error_of(await answer(visitor, f"user:{ada}"), "unauthenticated")
    moderator = await connect(js, cluster.a, {"token": cluster.token(bo, role="admin")})
    error_of(await answer(moderator, f"user:{ada}"), "forbidden")
    await publish(cluster.b, f"user:{ada}")
    await hears(adas, f"user:{ada}", [1])
    await settled(moderator, cluster)
    assert heard(moderator, f"user:{ada}") == []


async def test_the_admin_channel_is_for_moderators(cluster: Cluster, js: JsClients) -> None:
    error_of(await answer(await connect(js, cluster.a), "admin"), "unauthenticated")
    error_of(await answer(await enter(js, cluster.a, someone()), "admin"), "forbidden")
    for role in ("moderator", "admin"):
        await subscribe(await connect(js, cluster.a, {"token": cluster.token(someone(), role=role)}), "admin")


async def test_a_public_room_is_for_everyone_signed_in_and_a_private_one_for_members(
    cluster: Cluster, js: JsClients
) -> None:
    ada, bo, cy = someone(), someone("bo"), someone("cy")
    public, private = await open_room(cluster.a, ada), await open_room(cluster.a, ada, bo, visibility="private")
    visitor = await connect(js, cluster.b)
    bos, cys = await enter(js, cluster.b, bo), await enter(js, cluster.b, cy)
    for room in (public, private):
        error_of(await answer(visitor, f"room:{room}"), "unauthenticated")
        await subscribe(bos, f"room:{room}")
    await subscribe(cys, f"room:{public}")
    error_of(await answer(cys, f"room:{private}"), "not_found")
    # That a room exists is no secret less for those who moderate the application.
    moderator = await connect(js, cluster.b, {"token": cluster.token(someone(), role="moderator")})
    error_of(await answer(moderator, f"room:{private}"), "not_found")


async def test_who_is_removed_stops_hearing_at_once_on_every_worker(cluster: Cluster, js: JsClients) -> None:
    ada, bo = someone(), someone("bo")
    room = await open_room(cluster.a, ada, bo, visibility="private")
    adas = await enter(js, cluster.a, ada)
    removed = [await enter(js, worker, bo) for worker in (cluster.a, cluster.b)]
    for socket in (adas, *removed):
        await subscribe(socket, f"room:{room}")
    data_of(await adas.emit("room:remove", {"roomId": room, "userId": bo}))
    data_of(await adas.emit("message:send", {"roomId": room, "message": "a secret"}))
    await adas.wait_for("message:created")
    for socket in removed:
        await settled(socket, cluster)
        assert socket.received("message:created") == []
        error_of(await answer(socket, f"room:{room}", after=0), "not_found")


async def test_a_room_that_becomes_private_is_heard_by_members_alone(cluster: Cluster, js: JsClients) -> None:
    ada, bo, cy = someone(), someone("bo"), someone("cy")
    room = await open_room(cluster.a, ada, bo)
    sockets = {
        person: [await enter(js, worker, person) for worker in (cluster.a, cluster.b)] for person in (ada, bo, cy)
    }
    for socket in (each for both in sockets.values() for each in both):
        await subscribe(socket, f"room:{room}")
    data_of(await sockets[ada][0].emit("room:update", {"roomId": room, "visibility": "private"}))
    data_of(await sockets[ada][0].emit("message:send", {"roomId": room, "message": "among us"}))
    for socket in (*sockets[ada], *sockets[bo]):
        await socket.wait_for("message:created")
    for socket in sockets[cy]:
        await settled(socket, cluster)
        assert socket.received("message:created") == []


async def test_a_private_channel_takes_a_subscription_token_for_its_bearer_and_for_it(
    cluster: Cluster, js: JsClients
) -> None:
    ada, channel = someone(), f"app:private.{someone('channel')}"
    socket = await enter(js, cluster.a, ada)
    right = cluster.token(ada, channel=channel)
    for token in (
        None,
        "garbage",
        cluster.token(ada),
        cluster.token(ada, channel=f"{channel}x"),
        cluster.token(ada, channel="app:public"),
        cluster.token(ada, channel=[channel]),
        cluster.token(someone("bo"), channel=channel),
        cluster.token(ada, channel=channel, exp=int(time.time()) - 1),
    ):
        error_of(await answer(socket, channel, token=token), "forbidden")
    await subscribe(socket, channel, token=right)
    await publish(cluster.b, channel)
    await hears(socket, channel, [1])

    bos = await enter(js, cluster.a, someone("bo"))
    error_of(await answer(bos, channel, token=right), "forbidden")


@pytest.mark.parametrize("with_token", [False, True])
async def test_a_visitor_signs_in_before_a_private_channel(cluster: Cluster, js: JsClients, with_token: bool) -> None:
    channel = "app:private.x"
    more = {"token": cluster.token(someone(), channel=channel)} if with_token else {}
    error_of(await answer(await connect(js, cluster.a), channel, **more), "unauthenticated")


async def test_a_token_for_a_channel_that_needs_none_is_no_matter(cluster: Cluster, js: JsClients) -> None:
    ada = someone()
    socket = await enter(js, cluster.a, ada)
    await subscribe(socket, "app:open", token="garbage")
    error_of(await answer(socket, "app:open", token=42), "invalid")


async def test_a_backend_may_hear_what_it_publishes_to(cluster: Cluster, js: JsClients) -> None:
    channel = f"app:private.{someone('channel')}"
    socket = await backend(js, cluster.a)
    await subscribe(socket, channel)
    await publish(cluster.b, channel)
    await hears(socket, channel, [1])
