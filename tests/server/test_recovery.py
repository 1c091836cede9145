"""Connection state recovery: the stock JavaScript client comes back with its channels and what it missed."""

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from tests.support.hubbub import Hubbub
from tests.support.js import JsClients, JsSocket

PATIENT = {"transports": ["websocket"], "reconnectionDelay": 300, "randomizationFactor": 0}
SERVER = {"HUBBUB_PING_INTERVAL": "0.5", "HUBBUB_PING_TIMEOUT": "0.5"}
names = count(1)


@pytest.fixture
def hubbub(start_hubbub: Callable[..., Hubbub]) -> Hubbub:
    """One worker."""
    return start_hubbub(**SERVER)


async def arrive(js: JsClients, hubbub: Hubbub, user: str, **claims: Any) -> JsSocket:
    """Somebody connects."""
    return await js.connect(hubbub.url, {"token": hubbub.token(user, name=user.title(), **claims)}, **PATIENT)


async def open_room(*people: JsSocket, visibility: str = "public") -> str:
    """The first of the people opens a room, the others join it."""
    name = f"Recovery {next(names)}"
    room = (await people[0].emit("room:create", {"name": name, "visibility": visibility}))["data"]["id"]
    for each in people[1:]:
        assert (await each.emit("room:join", {"roomId": room}))["ok"]
    return room


async def say(who: JsSocket, room: str, text: str) -> None:
    """Somebody says something."""
    assert (await who.emit("message:send", {"roomId": room, "message": text}))["ok"]


def heard(who: JsSocket) -> list[str]:
    """The messages that somebody has heard, in order."""
    return [data["data"]["message"] for data in who.received("message:created")]


async def lose(who: JsSocket, **how: bool) -> None:
    """Somebody's transport breaks, and they know it."""
    who.drop(**how)
    await who.wait_for("disconnect")


async def return_of(who: JsSocket) -> bool:
    """Somebody is back; whether their connection was taken up again."""
    await who.wait_for("connect", timeout=20)
    return who.recovered


async def connected(who: JsSocket) -> None:
    """Take note of the first connect, so that the next one counts as the return."""
    await who.wait_for("recovery:ready")
    if who.lifecycle:
        who._consumed.add(id(who.lifecycle[0]))


async def test_who_comes_back_has_missed_nothing(js: JsClients, hubbub: Hubbub) -> None:
    """Same id, recovered, and each message once, in order, without subscribing again."""
    ada, bo = await arrive(js, hubbub, "ada"), await arrive(js, hubbub, "bo")
    await connected(bo)
    room = await open_room(ada, bo)
    await say(ada, room, "before")
    await bo.wait_for("message:created")
    first = bo.id
    await lose(bo)
    await say(ada, room, "missed 1")
    await say(ada, room, "missed 2")
    assert await return_of(bo)
    assert bo.id == first
    await say(ada, room, "after")
    await bo.wait_for("message:created", lambda data: data["data"]["message"] == "after")
    assert heard(bo) == ["before", "missed 1", "missed 2", "after"]


async def test_nobody_else_in_the_room_on_this_worker(js: JsClients, hubbub: Hubbub) -> None:
    """The worker goes on hearing a room for the one who is away, although nobody here is in it."""
    ada, bo = await arrive(js, hubbub, "ada2"), await arrive(js, hubbub, "bo2")
    await connected(bo)
    room = await open_room(ada, bo)
    await ada.emit("channel:unsubscribe", {"channel": f"room:{room}"})
    await lose(bo)
    await say(ada, room, "missed")
    assert await return_of(bo)
    await bo.wait_for("message:created", lambda data: data["data"]["message"] == "missed")


async def test_without_an_event_before_the_drop_and_a_second_time(js: JsClients, hubbub: Hubbub) -> None:
    """The offset comes right after CONNECT; and one who was recovered can be again."""
    ada = await arrive(js, hubbub, "ada3")
    await connected(ada)
    first = ada.id
    for _ in range(2):
        await lose(ada)
        assert await return_of(ada)
        assert ada.id == first


async def test_a_phone_that_changes_networks(js: JsClients, hubbub: Hubbub) -> None:
    """The client is back before the server has noticed the loss."""
    ada, bo = await arrive(js, hubbub, "ada4"), await arrive(js, hubbub, "bo4")
    await connected(bo)
    room = await open_room(ada, bo)
    await lose(bo, half_open=True)
    await say(ada, room, "missed")
    assert await return_of(bo)
    await bo.wait_for("message:created", lambda data: data["data"]["message"] == "missed")
    assert heard(bo) == ["missed"]


async def test_who_said_goodbye_starts_anew(js: JsClients, hubbub: Hubbub) -> None:
    """A disconnection that somebody asked for is none to recover from."""
    ada = await arrive(js, hubbub, "ada5")
    await connected(ada)
    first = ada.id
    await ada.disconnect()
    await ada.open()
    assert not ada.recovered
    assert ada.id != first


async def test_who_was_removed_meanwhile_gets_nothing_of_it(js: JsClients, hubbub: Hubbub) -> None:
    """Losing access while away ends the state whole: recovered is false, and nothing that was said is told."""
    ada, bo = await arrive(js, hubbub, "ada6"), await arrive(js, hubbub, "bo6")
    await connected(bo)
    room = (await ada.emit("room:create", {"name": "Closed", "visibility": "private"}))["data"]["id"]
    assert (await ada.emit("room:invite", {"roomId": room, "userId": "bo6"}))["ok"]
    assert (await bo.emit("room:join", {"roomId": room}))["ok"]
    await lose(bo)
    assert (await ada.emit("room:remove", {"roomId": room, "userId": "bo6"}))["ok"]
    await say(ada, room, "secret")
    assert not await return_of(bo)
    reply = await bo.emit("channel:subscribe", {"channel": "user:bo6", "after": 0})
    assert "room:removed" in [event["event"] for event in reply["data"]["events"]]
    assert heard(bo) == []


async def test_the_token_is_checked_again(js: JsClients, hubbub: Hubbub) -> None:
    """Another user's token takes nobody's connection up, a bad one gets nobody in."""
    ada = await arrive(js, hubbub, "ada7")
    await connected(ada)
    ada.set_auth({"token": hubbub.token("eve")})
    await lose(ada)
    refused = await ada.wait_for("connect_error", timeout=20)
    assert refused.args[1]["code"] == "unauthenticated"


async def test_who_comes_back_as_no_moderator_hears_no_longer_what_moderators_hear(
    js: JsClients, hubbub: Hubbub
) -> None:
    mo, other = [await arrive(js, hubbub, name, role="moderator") for name in ("mo", "other")]
    await connected(mo)
    for each in (mo, other):
        assert (await each.emit("channel:subscribe", {"channel": "admin"}))["ok"]
    mo.set_auth({"token": hubbub.token("mo", name="Mo")})
    await lose(mo)
    assert await return_of(mo)
    post = {"channel": "admin", "event": "queue:grew", "data": {}}
    assert (await hubbub.rest("POST", "/api/publish", post, token=hubbub.api_key)).status == 201
    await other.wait_for("queue:grew")
    refused = await mo.emit("channel:subscribe", {"channel": "admin"})
    assert refused["error"]["code"] == "forbidden"
    assert mo.received("queue:grew") == []


async def test_whoever_stays_away_too_long_starts_anew(js: JsClients, start_hubbub: Callable[..., Hubbub]) -> None:
    """After HUBBUB_RECOVERY_SECONDS nothing is kept."""
    hubbub = start_hubbub(HUBBUB_RECOVERY_SECONDS="0.1", **SERVER)
    ada = await arrive(js, hubbub, "ada")
    await connected(ada)
    await lose(ada)
    assert not await return_of(ada)
