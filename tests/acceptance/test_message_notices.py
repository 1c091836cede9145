"""What the server itself tells people of messages: mentions always, direct messages and replies while they are away."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.acceptance.notices import has_none, hears, listed, notify, unread
from tests.acceptance.people import DOORS, Gathering, Person, open_room, say
from tests.support.waiting import eventually

both_doors = pytest.mark.parametrize("door", DOORS)


@pytest.fixture(scope="module")
def cluster_variables(cluster_variables: dict[str, str | None]) -> dict[str, str | None]:
    """People who leave are offline almost at once."""
    return cluster_variables | {"HUBBUB_PRESENCE_GRACE_SECONDS": "0.1"}


async def becomes(person: Person, status: str, witness: Person) -> None:
    """Let a person be away, or offline, until everybody can see it."""
    if status == "offline":
        await person.socket.disconnect()
    else:
        reply = await person.socket.emit("presence:update", {"status": status})
        assert reply["ok"], reply

    async def is_so() -> bool:
        return (await witness.does("presence:get", userId=person.id))["status"] == status

    await eventually(is_so, f"{person.name} to be {status}")


async def direct(first: Person, *others: Person) -> dict[str, Any]:
    """The direct room of these people."""
    return await first.creates("room:create", visibility="direct", memberIds=[each.id for each in others])


async def found(person: Person) -> list[dict[str, Any]]:
    """What waits for a person, who may have no connection."""
    answer = await person.worker.rest("GET", "/api/notifications", token=person.credential)
    return answer.body["data"]["notifications"]


def about(room: Mapping[str, Any], message: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """The data of a notification of a message."""
    return {"roomId": room["id"], "messageId": message["id"], "seq": message["seq"], "kind": kind}


@both_doors
async def test_a_mention_is_told_also_to_who_is_online(arrive: Gathering) -> None:
    ada, bo, cy = await arrive("Ada"), await arrive("Bo"), await arrive("Cy")
    room = await open_room(ada, bo, cy)
    (sent,) = await say(ada, room, f"Look, @{bo.id} and myself, @{ada.id}!")
    told = await hears(bo)
    assert told["unreadCount"] == 1
    assert {name: told["notification"][name] for name in ("title", "message", "type", "level", "link", "data")} == {
        "title": f"Ada mentioned you in {room['name']}",
        "message": sent["message"],
        "type": "MESSAGE",
        "level": "info",
        "link": None,
        "data": about(room, sent, "mention"),
    }
    (named,) = await say(ada, room, "You as well", mentions=[cy.id, ada.id, "nobody"])
    assert (await hears(cy))["notification"]["data"] == about(room, named, "mention")
    await has_none(ada)


async def test_what_is_said_to_a_room_at_large_is_told_to_nobody(arrive: Gathering) -> None:
    ada, bo, cy = await arrive("Ada"), await arrive("Bo"), await arrive("Cy")
    room = await open_room(ada, bo)
    await becomes(bo, "offline", ada)
    await say(ada, room, "Hello, everybody", f"Hello, @{cy.id}, who is no member")
    await has_none(cy)
    assert await found(bo) == []


@both_doors
@pytest.mark.parametrize("status", ["offline", "away"])
async def test_a_direct_message_is_told_to_who_is_not_there(arrive: Gathering, status: str) -> None:
    ada, bo, cy = await arrive("Ada"), await arrive("Bo"), await arrive("Cy")
    room = await direct(ada, bo, cy)
    await becomes(bo, status, ada)
    (sent,) = await say(ada, room, "Are you there?")
    [only] = await found(bo)
    assert (only["title"], only["message"], only["type"]) == ("Ada", "Are you there?", "MESSAGE")
    assert only["data"] == about(room, sent, "direct")
    await has_none(cy)
    await has_none(ada)


async def test_who_comes_back_is_told_no_more_of_direct_messages(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    room = await direct(ada, bo)
    await becomes(bo, "away", ada)
    await say(ada, room, "One")
    await becomes(bo, "online", ada)
    await say(ada, room, "Two")
    assert [each["message"] for each in await listed(bo)] == ["One"]


async def test_who_left_a_direct_room_is_told_nothing(arrive: Gathering) -> None:
    ada, bo, cy = await arrive("Ada"), await arrive("Bo"), await arrive("Cy")
    room = await direct(ada, bo, cy)
    await bo.does("room:leave", roomId=room["id"])
    await becomes(bo, "offline", ada)
    await say(ada, room, "Is Bo gone?")
    assert await found(bo) == []


@both_doors
@pytest.mark.parametrize("status", ["offline", "away"])
async def test_a_reply_is_told_to_an_author_who_is_not_there(arrive: Gathering, status: str) -> None:
    ada, bo, cy = await arrive("Ada"), await arrive("Bo"), await arrive("Cy")
    room = await open_room(ada, bo, cy)
    (asked,) = await say(bo, room, "When does it start?")
    await say(cy, room, "I wonder as well", replyToId=asked["id"])
    await bo.is_up_to_date()
    assert bo.heard("notification:created") == []
    await becomes(bo, status, ada)
    (answer,) = await say(ada, room, "At nine", replyToId=asked["id"])
    [only] = await found(bo)
    assert (only["title"], only["message"]) == (f"Ada replied to you in {room['name']}", "At nine")
    assert only["data"] == about(room, answer, "reply")
    (own,) = await say(ada, room, "Or at ten", replyToId=answer["id"])
    assert own["replyToId"] == answer["id"]
    await has_none(ada)
    await has_none(cy)


async def test_an_author_who_left_is_told_of_no_reply(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    room = await open_room(ada, bo)
    (asked,) = await say(bo, room, "When does it start?")
    await bo.does("room:leave", roomId=room["id"])
    await becomes(bo, "offline", ada)
    await say(ada, room, "At nine", replyToId=asked["id"])
    assert await found(bo) == []


@both_doors
async def test_what_is_told_of_a_room_is_one_notification(arrive: Gathering) -> None:
    ada, bo, cy = await arrive("Ada"), await arrive("Bo"), await arrive("Cy")
    room, other = await open_room(ada, bo, cy), await open_room(ada, bo)
    for author in (ada, cy, ada):
        await say(author, room, f"Hello, @{bo.id}")
    await say(ada, other, f"And here, @{bo.id}")
    (last,) = await say(cy, room, f"Once more, @{bo.id}")
    assert [(await hears(bo))["unreadCount"] for _ in range(5)] == [1, 1, 1, 2, 2]
    newest, older = await listed(bo)
    assert (newest["count"], newest["title"], newest["data"]) == (
        4,
        f"Cy mentioned you in {room['name']}",
        about(room, last, "mention"),
    )
    assert (older["count"], older["data"]["roomId"]) == (1, other["id"])
    await bo.does("notification:read", ids=[newest["id"]])
    await say(ada, room, f"And again, @{bo.id}")
    fresh = (await listed(bo))[0]
    assert (fresh["count"], fresh["isRead"]) == (1, False)
    assert fresh["id"] != newest["id"]


async def test_a_long_message_is_quoted_by_its_beginning(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    room = await open_room(ada, bo)
    (sent,) = await say(ada, room, f"@{bo.id} " + "😀" * 1000)
    quoted = (await hears(bo))["notification"]["message"]
    assert len(quoted) == 200
    assert quoted == f"{sent['message'][:199]}…"


@both_doors
async def test_of_muted_rooms_nothing_is_told(arrive: Gathering) -> None:
    backend, ada, bo = await arrive.backend(), await arrive("Ada"), await arrive("Bo")
    muted, other = await open_room(ada, bo), await open_room(ada, bo)
    await bo.does("notification:preferences", mutedRooms=[muted["id"]])
    await say(ada, muted, f"Psst, @{bo.id}")
    await say(ada, other, f"Hello, @{bo.id}")
    assert (await hears(bo))["notification"]["data"]["roomId"] == other["id"]
    assert await unread(bo) == 1
    # What a backend sends is not of the room.
    await notify(backend, bo, type="MESSAGE", data={"roomId": muted["id"]})
    assert await unread(bo) == 2
    await bo.does("notification:preferences", mutedRooms=[])
    await say(ada, muted, f"And now, @{bo.id}")
    assert (await hears(bo, message=f"And now, @{bo.id}"))["notification"]["count"] == 1


async def test_of_types_that_are_not_wanted_nothing_is_told(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    room = await open_room(ada, bo)
    await bo.does("notification:preferences", types={"MESSAGE": {"inApp": False}})
    await say(ada, room, f"Hello, @{bo.id}")
    await has_none(bo)
    state = (await bo.does("room:list"))["rooms"][0]
    assert state["mentionCount"] == 1


@both_doors
async def test_a_mention_that_an_edit_adds_is_told_once(arrive: Gathering) -> None:
    ada, bo, cy = await arrive("Ada"), await arrive("Bo"), await arrive("Cy")
    room = await open_room(ada, bo, cy)
    (sent,) = await say(ada, room, f"Hello, @{bo.id}")
    await hears(bo)
    await ada.does("message:edit", messageId=sent["id"], message=f"Hello, @{bo.id} and @{cy.id}")
    assert (await hears(cy))["notification"]["data"] == about(room, sent, "mention")
    await bo.is_up_to_date()
    assert len(bo.heard("notification:created")) == 1


@both_doors
async def test_a_deleted_message_is_quoted_nowhere_any_more(arrive: Gathering) -> None:
    ada, bo, cy = await arrive("Ada"), await arrive("Bo"), await arrive("Cy")
    room = await open_room(ada, bo, cy)
    before = (await cy.subscribes(cy.own_channel))["seq"]
    await say(ada, room, f"Harmless, @{cy.id}")
    (sent,) = await say(ada, room, f"A secret for @{bo.id} and @{cy.id}")
    told = (await hears(bo))["notification"]
    await ada.does("message:delete", messageId=sent["id"])
    assert (await bo.hears("notification:deleted"))["data"] == {"ids": [told["id"]], "unreadCount": 0}
    assert await listed(bo) == []
    # Of an earlier message, too, Cy was told: that stays, without a word of this one.
    [kept] = await listed(cy)
    assert (kept["message"], kept["count"], await unread(cy)) == ("", 2, 1)
    replayed = await cy.subscribes(cy.own_channel, after=before)
    assert replayed["recovered"]
    assert "Harmless" in str(replayed["events"])
    assert "secret" not in str(replayed["events"])


async def test_messages_that_are_committed_together_are_counted_each(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    room = await open_room(ada, bo)
    for number in range(20):
        ada.socket.send("message:send", {"roomId": room["id"], "message": f"{number} for @{bo.id}"})
    (last,) = await say(ada, room, f"The last for @{bo.id}")
    await hears(bo, message=last["message"])
    [only] = await listed(bo)
    assert (only["count"], only["data"]["seq"], await unread(bo)) == (21, 21, 1)
