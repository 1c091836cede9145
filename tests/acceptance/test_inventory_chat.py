"""The inventory's rows of "E: travel site's chat" that concern chat and typing; each test bears its row's name."""

import secrets
from typing import Any

import pytest

from tests.acceptance import contract
from tests.acceptance.people import Gathering, Person, connect, open_room, say
from tests.acceptance.typists import sees, start
from tests.support.js import ConnectRefused
from tests.support.waiting import eventually


async def get(person: Person, path: str, expected: int = 200) -> Any:
    """The data of a GET through the REST door."""
    answer = await person.worker.rest("GET", path, token=person.credential)
    assert answer.status == expected, answer
    return answer.body["data"]


async def test_history_across_sessions_and_pagination(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    room = await open_room(ada, bo)
    sent = await say(ada, room, *(f"message {number}" for number in range(1, 13)))
    await bo.socket.disconnect()
    back = await arrive.again(bo, at=ada.worker)
    joined = await back.does("room:join", roomId=room["id"])
    assert joined["messages"] == sent
    newest = await back.does("message:history", roomId=room["id"], limit=5)
    older = await back.does("message:history", roomId=room["id"], limit=5, before=newest["messages"][0]["seq"])
    oldest = await back.does("message:history", roomId=room["id"], limit=5, before=older["messages"][0]["seq"])
    assert [newest["hasMore"], older["hasMore"], oldest["hasMore"]] == [True, True, False]
    assert oldest["messages"] + older["messages"] + newest["messages"] == sent


async def test_automatic_room_creation_and_participation(arrive: Gathering) -> None:
    guide, traveller = await arrive("Guide"), await arrive("Traveller")
    name = f"Tour {secrets.token_hex(5)}"
    # Whoever comes first makes the room; whoever comes next is in it; neither asks whether it is there.
    first = await guide.creates("room:create", name=name)
    second = await traveller.does("room:create", name=name)
    assert (second["id"], second["memberCount"]) == (first["id"], 2)
    await say(traveller, second, "When do we start?")
    await guide.hears("message:created")
    support = await traveller.creates("room:create", visibility="direct", memberIds=[guide.id])
    assert (await guide.does("room:create", visibility="direct", memberIds=[traveller.id]))["id"] == support["id"]


async def test_get_and_post_api_chat_rooms(arrive: Gathering) -> None:
    ada = await arrive("Ada", door="rest")
    name = f"Rome {secrets.token_hex(5)}"
    made = await ada.worker.rest("POST", "/api/chat/rooms", {"name": name}, token=ada.credential)
    assert (made.status, made.body["ok"]) == (201, True)
    contract.room(made.body["data"])
    (listed,) = (await get(ada, "/api/chat/rooms"))["rooms"]
    assert listed["id"] == made.body["data"]["id"]
    public = (await get(ada, "/api/chat/rooms?scope=public"))["rooms"]
    assert made.body["data"] in public


async def test_get_and_post_api_chat_messages(arrive: Gathering) -> None:
    ada = await arrive("Ada")
    room = await open_room(ada)
    body = {"roomId": room["id"], "message": "Hello"}
    made = await ada.worker.rest("POST", "/api/chat/messages", body, token=ada.credential)
    assert made.body["ok"]
    page = await get(ada, f"/api/chat/messages?roomId={room['id']}&limit=10")
    assert page == {"messages": [made.body["data"]], "hasMore": False}


async def test_message_has_id_message_room_user_and_time(arrive: Gathering) -> None:
    claims = {"given_name": "Jane", "family_name": "Doe", "picture": "https://example.com/jane.png"}
    jane = await arrive("Jane Doe", **claims)
    room = await open_room(jane)
    (message,) = await say(jane, room, "Hello")
    assert {name: message[name] for name in ("message", "roomId", "userId")} == {
        "message": "Hello",
        "roomId": room["id"],
        "userId": jane.id,
    }
    contract.time(message["createdAt"])
    assert message["id"]
    assert message["user"] == {
        "id": jane.id,
        "name": "Jane Doe",
        "firstName": "Jane",
        "lastName": "Doe",
        "profileImage": "https://example.com/jane.png",
    }


async def test_typing_of_several_people_and_cleared_on_send(arrive: Gathering) -> None:
    john, jane, jim, reader = [await arrive(name) for name in ("John", "Jane", "Jim", "Reader")]
    room = await open_room(john, jane, jim, reader)
    channel = f"room:{room['id']}"
    await start(john, channel)
    await sees(reader, channel, john)
    await start(jane, channel)
    await sees(reader, channel, john, jane)
    await start(jim, channel)
    await sees(reader, channel, john, jane, jim)
    await say(jane, room, "Sent")
    await sees(reader, channel, john, jim)


async def test_typing_has_a_time_out_of_2_seconds(arrive: Gathering) -> None:
    john, reader = await arrive("John"), await arrive("Reader")
    channel = f"room:{(await open_room(john, reader))['id']}"
    await start(john, channel)
    await sees(reader, channel, john)
    await sees(reader, channel)


async def test_on_connect_authenticate_join_the_personal_channel_and_load_the_rooms_history(
    arrive: Gathering,
) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    room = await open_room(ada, bo)
    await bo.socket.disconnect()
    sent = await say(ada, room, "While you were away", f"@{bo.id}, call me")
    back = await arrive.again(bo)
    (listed,) = (await back.does("room:list"))["rooms"]
    assert (listed["unreadCount"], listed["mentionCount"]) == (2, 1)
    assert (await back.does("message:history", roomId=room["id"]))["messages"] == sent
    other = await ada.creates("room:create", name=f"Next {secrets.token_hex(5)}", memberIds=[bo.id])
    assert (await back.hears("room:added"))["data"]["room"]["id"] == other["id"]


async def test_send_message_saves_then_broadcasts_to_the_room(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada", at=arrive.cluster.a), await arrive("Bo", at=arrive.cluster.b)
    room = await open_room(ada, bo)
    (sent,) = await say(ada, room, "Hello")
    heard = (await bo.hears("message:created"))["data"]
    saved = (await bo.does("message:history", roomId=room["id"]))["messages"]
    assert [sent, heard] == saved * 2


@pytest.mark.parametrize("transports", [["polling"], ["polling", "websocket"], ["websocket"]], ids="-then-".join)
async def test_send_message_over_whatever_transport(arrive: Gathering, transports: list[str]) -> None:
    options = {"transports": transports}
    ada, bo = await arrive("Ada", options=options), await arrive("Bo", options=options)
    room = await open_room(ada, bo)
    sent = await say(ada, room, *(f"message {number} 🎉" for number in range(20)))
    assert [(await bo.hears("message:created"))["data"] for _ in sent] == sent
    assert len(ada.socket.lifecycle) == len(bo.socket.lifecycle) == 1
    transport = transports[-1]
    await eventually(lambda: is_over(bo, transport), f"Bo to be connected over {transport}")


async def is_over(person: Person, transport: str) -> bool:
    """Whether somebody is connected over that transport."""
    return await person.socket.transport() == transport


async def test_session_based_socket_sign_in(arrive: Gathering) -> None:
    ada = await arrive("Ada")
    expired, forged = ada.worker.token(ada.id, exp=1), ada.worker.token(ada.id) + "x"
    for bad in (expired, forged, "nonsense", "", 7):
        with pytest.raises(ConnectRefused) as refused:
            await connect(arrive.js, ada.worker, {"token": bad})
        assert refused.value.data["code"] == "unauthenticated"
    cookie = {"Cookie": f"hubbub_session={ada.credential}"}
    for options in ({"extraHeaders": cookie}, {"extraHeaders": {"Authorization": f"Bearer {ada.credential}"}}):
        socket = await connect(arrive.js, ada.worker, None, **options)
        assert (await socket.emit("session:get"))["data"]["user"]["id"] == ada.id
        await socket.disconnect()


async def test_verification_of_every_operation_and_room_access_control(arrive: Gathering) -> None:
    ada, eve, visitor = await arrive("Ada"), await arrive("Eve"), await arrive.visitor()
    room = await open_room(ada, visibility="private")
    (message,) = await say(ada, room, "Private")
    operations = {
        "message:send": {"roomId": room["id"], "message": "Hi"},
        "message:history": {"roomId": room["id"]},
        "message:edit": {"messageId": message["id"], "message": "Hi"},
        "message:delete": {"messageId": message["id"]},
        "message:react": {"messageId": message["id"], "emoji": "👍"},
        "room:join": {"roomId": room["id"]},
        "room:members": {"roomId": room["id"]},
        "room:update": {"roomId": room["id"], "name": "Mine"},
        "typing:start": {"channel": f"room:{room['id']}"},
        "channel:subscribe": {"channel": f"room:{room['id']}"},
    }
    for action, payload in operations.items():
        await eve.refused("not_found", action, **payload)
        await visitor.refused("unauthenticated", action, **payload)
    assert (await ada.does("message:history", roomId=room["id"]))["messages"] == [message]


async def test_admin_check(arrive: Gathering) -> None:
    ada, eve, admin = await arrive("Ada"), await arrive("Eve"), await arrive("Root", role="admin")
    room = await open_room(ada)
    (message,) = await say(ada, room, "Spam")
    await eve.refused("forbidden", "message:delete", messageId=message["id"])
    assert (await admin.does("message:delete", messageId=message["id"]))["message"] is None
    await eve.refused("forbidden", "channel:subscribe", channel="admin")
    await admin.subscribes("admin")


async def test_message_sanitising(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    room = await open_room(ada, bo)
    (message,) = await say(ada, room, "<img src=x onerror=alert(1)>\x00\x1b[31m\nred")
    # Control characters go; markup is text, and stays what it is: whoever shows it escapes it.
    assert message["message"] == "<img src=x onerror=alert(1)>[31m\nred"
    assert (await bo.hears("message:created"))["data"] == message


async def test_payload_validation(arrive: Gathering) -> None:
    ada = await arrive("Ada")
    error = await ada.refused("invalid", "message:send", roomId=7, message="", mentions="all")
    assert set(error["fields"]) == {"roomId", "message", "mentions"}


async def test_lazy_loading_of_long_histories(arrive: Gathering) -> None:
    ada = await arrive("Ada")
    room = await open_room(ada)
    await say(ada, room, *map(str, range(1, 121)))
    shown = (await ada.does("room:join", roomId=room["id"]))["messages"]
    while shown[0]["seq"] > 1:
        page = await ada.does("message:history", roomId=room["id"], before=shown[0]["seq"])
        assert page["hasMore"] == (page["messages"][0]["seq"] > 1)
        shown = page["messages"] + shown
    assert [message["message"] for message in shown] == [str(number) for number in range(1, 121)]


async def test_automatic_reconnect(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    room = await open_room(ada, bo)
    channel = f"room:{room['id']}"
    before = await bo.subscribes(channel)
    bo.socket.drop()
    await bo.socket.wait_for("disconnect")
    sent = await say(ada, room, "One", "Two")
    await bo.socket.wait_for("connect")
    replay = await bo.subscribes(channel, after=before["seq"])
    assert replay["recovered"]
    sent += await say(ada, room, "Three")
    live = await bo.hears("message:created", lambda message: message["message"] == "Three")
    heard = [*replay["events"], live]
    assert [event["data"] for event in heard] == sent
    assert [event["seq"] for event in heard] == list(range(before["seq"] + 1, before["seq"] + 4))


async def test_counts_of_connections_and_messages(arrive: Gathering) -> None:
    ada = await arrive("Ada", at=arrive.cluster.a)
    room = await open_room(ada)

    async def counted(sample: str) -> float:
        text = (await ada.worker.rest("GET", "/metrics")).body
        (line,) = [line for line in text.splitlines() if line.startswith(f"{sample} ")]
        return float(line.rsplit(" ", 1)[1])

    sample = 'hubbub_actions_total{action="message:send",outcome="ok"}'
    before = await counted(sample)
    await say(ada, room, "One", "Two")
    assert await counted(sample) == before + 2
    assert await counted("hubbub_connections") >= 1


async def test_error_recovery(arrive: Gathering) -> None:
    ada = await arrive("Ada")
    room = await open_room(ada)
    for bad in ({}, {"roomId": "no-such-room", "message": "Hm"}, {"roomId": room["id"], "message": ["Hm"]}):
        body, _ = await ada.call("message:send", **bad)
        assert not body["ok"]
    (message,) = await say(ada, room, "Still here")
    assert message["seq"] == 1
