"""A `clientId` makes an action idempotent: again, at once on two workers, and after a restart."""

import asyncio
import secrets

import pytest

from tests.acceptance.people import DOORS, Gathering, open_room, say
from tests.support.hubbub import Cluster
from tests.support.js import JsClients

both_doors = pytest.mark.parametrize("door", DOORS)


@both_doors
async def test_a_message_sent_again_is_the_same_message(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    room = await open_room(ada, bo)
    (first,) = await say(ada, room, "Once", clientId="one")
    assert await ada.does("message:send", roomId=room["id"], message="Once", clientId="one") == first
    assert await ada.does("message:send", roomId=room["id"], message="Another text", clientId="one") == first
    (second,) = await say(ada, room, "Twice", clientId="two")
    assert second["seq"] == 2
    assert (await bo.hears("message:created"))["data"] == first
    assert (await bo.hears("message:created"))["data"] == second
    page = await bo.does("message:history", roomId=room["id"])
    assert page["messages"] == [first, second]


@both_doors
async def test_a_message_sent_many_times_at_once_on_all_workers_is_one_message(arrive: Gathering) -> None:
    ada = await arrive("Ada", at=arrive.cluster.a)
    telephone = await arrive.again(ada, at=arrive.cluster.b)
    bo = await arrive("Bo")
    room = await open_room(ada, bo)
    replies = await asyncio.gather(
        *(
            each.call("message:send", roomId=room["id"], message="Only once", clientId="one")
            for _ in range(10)
            for each in (ada, telephone)
        )
    )
    first = replies[0][0]["data"]
    assert all(body == {"ok": True, "data": first} for body, _ in replies), replies
    (last,) = await say(ada, room, "The end")
    assert last["seq"] == first["seq"] + 1 == 2
    assert [(await bo.hears("message:created"))["data"] for _ in range(2)] == [first, last]


@both_doors
async def test_ids_are_a_users_own(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    room = await open_room(ada, bo)
    (hers,), (his,) = await say(ada, room, "Hers", clientId="same"), await say(bo, room, "His", clientId="same")
    assert (hers["message"], his["message"]) == ("Hers", "His")


@both_doors
async def test_ids_are_an_actions_own(arrive: Gathering) -> None:
    ada = await arrive("Ada")
    room = await ada.creates("room:create", name=f"Same {secrets.token_hex(5)}", clientId="same")
    (message,) = await say(ada, room, "Same", clientId="same")
    assert message["message"] == "Same"


@both_doors
async def test_a_room_made_again_is_the_same_room(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    name = f"Notes {secrets.token_hex(5)}"
    asked = {"name": name, "visibility": "private", "memberIds": [bo.id], "clientId": "one"}
    room = await ada.creates("room:create", **asked)
    assert await ada.does("room:create", **asked) == room
    replies = await asyncio.gather(*(ada.call("room:create", **asked) for _ in range(5)))
    assert all(body["data"] == room for body, _ in replies), replies
    assert [each["id"] for each in (await ada.does("room:list"))["rooms"]] == [room["id"]]
    await bo.is_up_to_date()
    assert len(bo.heard("room:added")) == 1


async def test_a_room_made_again_by_another_connection_is_heard_there(arrive: Gathering) -> None:
    ada = await arrive("Ada", at=arrive.cluster.a)
    asked = {"name": f"Notes {secrets.token_hex(5)}", "visibility": "private", "clientId": "one"}
    room = await ada.creates("room:create", **asked)
    back = await arrive.again(ada, at=arrive.cluster.b)
    assert await back.creates("room:create", **asked) == room
    (message,) = await say(ada, room, "Do you hear me?")
    for each in (ada, back):
        assert (await each.hears("message:created"))["data"] == message


async def test_a_room_joined_again_by_another_connection_is_heard_there(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    room = await open_room(bo)
    await ada.creates("room:join", roomId=room["id"], clientId="one")
    await say(bo, room, "Meanwhile")
    back = await arrive.again(ada)
    joined = await back.does("room:join", roomId=room["id"], clientId="one")
    assert [message["message"] for message in joined["messages"]] == ["Meanwhile"]
    (message,) = await say(bo, room, "Do you hear me?")
    assert (await back.hears("message:created"))["data"] == message


@both_doors
async def test_what_failed_is_tried_again(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    room = await open_room(bo, visibility="private")
    await ada.refused("not_found", "message:send", roomId=room["id"], message="In?", clientId="one")
    await bo.creates("room:invite", roomId=room["id"], userId=ada.id)
    (message,) = await say(ada, room, "In!", clientId="one")
    assert message["message"] == "In!"


@both_doors
async def test_an_id_has_64_characters_at_most(arrive: Gathering) -> None:
    ada = await arrive("Ada")
    room = await open_room(ada)
    for bad in ("", "x" * 65, "🎉" * 65, 7, True, ["a"], {"a": 1}, "a\x00b" if ada.door == "rest" else "a\x01b"):
        error = await ada.refused("invalid", "message:send", roomId=room["id"], message="Hm", clientId=bad)
        assert list(error["fields"]) == ["clientId"], bad
    (message,) = await say(ada, room, "Fits", clientId="🎉" * 64)
    assert message["clientId"] == "🎉" * 64


async def test_a_backend_publishes_once(arrive: Gathering) -> None:
    ada, backend = await arrive("Ada"), await arrive.backend()
    channel = f"app:{secrets.token_hex(5)}"
    await ada.subscribes(channel)
    event = {"channel": channel, "event": "order:paid", "data": {"n": 1}, "clientId": secrets.token_hex(5)}
    replies = await asyncio.gather(*(backend.call("channel:publish", **event) for _ in range(5)))
    assert all(body == {"ok": True, "data": {"seq": 1}} for body, _ in replies), replies
    await backend.creates("channel:publish", channel=channel, event="order:paid", data={"n": 2})
    assert [(await ada.hears("order:paid"))["data"] for _ in range(2)] == [{"n": 1}, {"n": 2}]


async def test_ids_are_remembered_after_a_restart(own_cluster: Cluster, js: JsClients) -> None:
    arrive = Gathering(own_cluster, js, "socket")
    ada = await arrive("Ada", at=own_cluster.a)
    name = f"Notes {secrets.token_hex(5)}"
    room = await ada.creates("room:create", name=name, visibility="private", clientId="room")
    (message,) = await say(ada, room, "Kept", clientId="message")
    await ada.socket.disconnect()
    for worker in own_cluster.workers:
        worker.restart()
    back = await arrive.again(ada, at=own_cluster.b)
    assert await back.creates("room:create", name=name, visibility="private", clientId="room") == room
    assert await say(back, room, "Kept", clientId="message") == [message]
    page = await back.does("message:history", roomId=room["id"])
    assert page["messages"] == [message]
    await arrive.disperse()
