"""Connection state recovery on another worker than the one that was lost."""

from collections.abc import AsyncIterator

import pytest

from tests.server.test_recovery import SERVER, connected, heard, lose, open_room, return_of, say
from tests.support.hubbub import Cluster, Hubbub, two_workers
from tests.support.js import JsClients, JsSocket
from tests.support.postgres_server import PostgresServer
from tests.support.redis_server import RedisServer
from tests.support.switch import Switch

PATIENT = {"transports": ["websocket"], "reconnectionDelay": 300, "randomizationFactor": 0}


@pytest.fixture
def workers(redis_server: RedisServer, postgres_server: PostgresServer):
    """Two workers on Redis and PostgreSQL."""
    cluster = two_workers(redis_server.url, postgres_server.create_database(), **SERVER)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.kill()


@pytest.fixture
async def switch(workers: Cluster) -> AsyncIterator[Switch]:
    """An address that leads to the first worker, until it is turned to the second."""
    async with Switch(workers.a.port) as opened:
        yield opened


async def arrive(js: JsClients, url: str, hubbub: Hubbub, user: str) -> JsSocket:
    """Somebody connects."""
    return await js.connect(url, {"token": hubbub.token(user, name=user.title())}, **PATIENT)


async def test_back_on_another_worker_nothing_is_missed(workers: Cluster, switch: Switch, js: JsClients) -> None:
    """Same id, recovered, each message once and in order; and once more, from there."""
    ada = await arrive(js, workers.b.url, workers.b, "ada")
    bo = await arrive(js, switch.url, workers.a, "bo")
    await connected(bo)
    room = await open_room(ada, bo)
    await say(ada, room, "before")
    await bo.wait_for("message:created")
    first = bo.id
    switch.turn(workers.b.port)
    await lose(bo)
    await say(ada, room, "missed")
    assert await return_of(bo)
    assert bo.id == first
    await say(ada, room, "after")
    await bo.wait_for("message:created", lambda data: data["data"]["message"] == "after")
    await lose(bo)
    await say(ada, room, "missed again")
    assert await return_of(bo)
    await bo.wait_for("message:created", lambda data: data["data"]["message"] == "missed again")
    assert heard(bo) == ["before", "missed", "after", "missed again"]


async def test_a_phone_that_changes_networks_and_workers(workers: Cluster, switch: Switch, js: JsClients) -> None:
    """The new worker has the old one let go of a connection that seems to live."""
    ada = await arrive(js, workers.b.url, workers.b, "ada")
    bo = await arrive(js, switch.url, workers.a, "bo")
    await connected(bo)
    room = await open_room(ada, bo)
    switch.turn(workers.b.port)
    await lose(bo, half_open=True)
    await say(ada, room, "missed")
    assert await return_of(bo)
    await bo.wait_for("message:created", lambda data: data["data"]["message"] == "missed")
    assert heard(bo) == ["missed"]


async def test_a_drained_worker_leaves_its_clients_to_the_others(
    workers: Cluster, switch: Switch, js: JsClients
) -> None:
    """A rolling restart costs nobody an event."""
    ada = await arrive(js, workers.b.url, workers.b, "ada")
    bo = await arrive(js, switch.url, workers.a, "bo")
    await connected(bo)
    room = await open_room(ada, bo)
    await say(ada, room, "before")
    await bo.wait_for("message:created")
    switch.turn(workers.b.port)
    workers.a.terminate()
    await bo.wait_for("server:draining")
    await bo.wait_for("disconnect")
    await say(ada, room, "missed")
    assert await return_of(bo)
    await bo.wait_for("message:created", lambda data: data["data"]["message"] == "missed")
    assert heard(bo) == ["before", "missed"]


async def test_a_killed_worker_leaves_nothing_and_nobody_is_told_half(
    workers: Cluster, switch: Switch, js: JsClients
) -> None:
    """Whole or not at all: the client starts anew, and resumes its channels by their numbers."""
    ada = await arrive(js, workers.b.url, workers.b, "ada")
    bo = await arrive(js, switch.url, workers.a, "bo")
    await connected(bo)
    room = await open_room(ada, bo)
    await say(ada, room, "before")
    seen = (await bo.wait_for("message:created")).data["seq"]
    switch.turn(workers.b.port)
    workers.a.kill()
    await say(ada, room, "missed")
    assert not await return_of(bo)
    reply = await bo.emit("channel:subscribe", {"channel": f"room:{room}", "after": seen})
    assert [event["data"]["message"] for event in reply["data"]["events"]] == ["missed"]


async def test_who_lost_access_meanwhile_starts_anew(workers: Cluster, switch: Switch, js: JsClients) -> None:
    """Nothing that was said after the removal is told."""
    ada = await arrive(js, workers.b.url, workers.b, "ada")
    bo = await arrive(js, switch.url, workers.a, "bo")
    await connected(bo)
    room = (await ada.emit("room:create", {"name": "Closed", "visibility": "private"}))["data"]["id"]
    assert (await ada.emit("room:invite", {"roomId": room, "userId": "bo"}))["ok"]
    assert (await bo.emit("room:join", {"roomId": room}))["ok"]
    switch.turn(workers.b.port)
    await lose(bo)
    assert (await ada.emit("room:remove", {"roomId": room, "userId": "bo"}))["ok"]
    await say(ada, room, "secret")
    assert not await return_of(bo)
    assert heard(bo) == []


async def test_back_on_another_worker_one_gets_what_was_for_one(
    workers: Cluster, switch: Switch, js: JsClients
) -> None:
    """What is skipped for somebody who is here is skipped for them while they are away and move, too."""
    people = [await js.connect(switch.url, auth, **PATIENT) for auth in ({"token": workers.token("ada")}, None)]
    for each in people:
        await connected(each)
        assert (await each.emit("channel:subscribe", {"channel": "community"}))["ok"]
    switch.turn(workers.b.port)
    for each in people:
        await lose(each)
    story = await _story(workers.a, "POST", "", {"title": "Mine"})
    for visibility in ("public", "private"):
        await _story(workers.b, "PUT", f"/{story}/visibility", {"visibility": visibility})
    for each in people:
        assert await return_of(each)
    await _story(workers.a, "PATCH", f"/{story}", {"title": "Still mine"})
    await _story(workers.a, "PUT", f"/{story}/visibility", {"visibility": "public"})
    told = [("story:published", 1), ("story:updated", 3), ("story:updated", 4), ("story:published", 5)]
    for each, expected in zip(people, (told, [told[0], ("story:deleted", 2), told[3]]), strict=True):
        await each.wait_for("story:published", lambda event: event["seq"] == 5)
        events = [received.data for received in each.events if received.event.startswith("story:")]
        assert [(event["event"], event["seq"]) for event in events] == expected


async def _story(worker: Hubbub, method: str, path: str, body: dict[str, str]) -> str:
    """Ada does something with her story; its id."""
    reply = await worker.rest(method, f"/api/stories{path}", body, token=worker.token("ada"))
    assert reply.body["ok"], reply
    id: str = reply.body["data"]["id"]
    return id
