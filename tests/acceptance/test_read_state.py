"""How far everybody has read, and what is unread, through both doors."""

import asyncio
from typing import Any

import pytest

from tests.acceptance import contract
from tests.acceptance.people import DOORS, Gathering, Person, open_room, say

pytestmark = pytest.mark.parametrize("door", DOORS)


async def state(person: Person, room: dict[str, Any]) -> tuple[int, int, int]:
    """The unread and mention counts of somebody's room and how far they have read, as `room:list` tells them."""
    (mine,) = [each for each in (await person.does("room:list"))["rooms"] if each["id"] == room["id"]]
    return mine["unreadCount"], mine["mentionCount"], mine["lastReadSeq"]


def told(envelope: dict[str, Any], room: dict[str, Any]) -> tuple[int, int, int]:
    """The same from a `room:unread` event."""
    data = envelope["data"]
    contract.unread(data)
    assert data["roomId"] == room["id"]
    return data["unreadCount"], data["mentionCount"], data["lastReadSeq"]


async def test_reading_is_told_to_the_room_and_to_all_connections_of_the_reader(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada", at=arrive.cluster.a), await arrive("Bo", at=arrive.cluster.a)
    telephone = await arrive.again(bo, at=arrive.cluster.b)
    room = await open_room(ada, bo)
    await say(ada, room, "One", f"Two, @{bo.id}", "Three", f"Four, @{bo.id}")
    assert await state(bo, room) == (4, 2, 0)
    for seq, expected in ((1, (3, 2, 1)), (3, (1, 1, 3)), (4, (0, 0, 4))):
        answered = await bo.does("message:read", roomId=room["id"], seq=seq)
        contract.unread(answered)
        read = await ada.hears("message:read")
        assert read["channel"] == f"room:{room['id']}"
        assert read["data"] == {"userId": bo.id, "seq": seq}
        for each in (bo, telephone):
            unread = await each.hears("room:unread")
            assert unread["channel"] == bo.own_channel
            assert unread["data"] == answered
            assert told(unread, room) == expected
        assert await state(bo, room) == expected
    (member,) = [
        each for each in (await ada.does("room:members", roomId=room["id"]))["members"] if each["userId"] == bo.id
    ]
    assert member["lastReadSeq"] == 4


async def test_read_state_never_goes_back(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    room = await open_room(ada, bo)
    await say(ada, room, "One", "Two", "Three")
    await bo.does("message:read", roomId=room["id"], seq=2)
    for seq in (2, 1, 0):
        answered = await bo.does("message:read", roomId=room["id"], seq=seq)
        assert (answered["unreadCount"], answered["lastReadSeq"]) == (1, 2)
    await bo.does("message:read", roomId=room["id"], seq=3)
    await ada.hears("message:read", lambda data: data["seq"] == 3)
    assert [data["seq"] for data in ada.heard("message:read")] == [2, 3]
    await bo.is_up_to_date()
    assert [data["lastReadSeq"] for data in bo.heard("room:unread")] == [2, 3]


async def test_read_state_never_goes_back_even_when_read_on_all_workers_at_once(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo", at=arrive.cluster.a)
    telephone = await arrive.again(bo, at=arrive.cluster.b)
    room = await open_room(ada, bo)
    await say(ada, room, *map(str, range(1, 21)))
    numbers = [7, 3, 20, 1, 12, 19, 5, 18]
    replies = await asyncio.gather(
        *(each.call("message:read", roomId=room["id"], seq=seq) for seq in numbers for each in (bo, telephone))
    )
    assert all(body["ok"] and body["data"]["lastReadSeq"] in numbers for body, _ in replies)
    assert await state(bo, room) == (0, 0, 20)
    await ada.hears("message:read", lambda data: data["seq"] == 20)
    told_to_ada = [data["seq"] for data in ada.heard("message:read")]
    assert told_to_ada == sorted(set(told_to_ada))


async def test_read_state_stops_at_the_newest_message(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    room = await open_room(ada, bo)
    await say(ada, room, "One", "Two")
    for seq in (1000, 2**53 - 1):
        assert (await bo.does("message:read", roomId=room["id"], seq=seq))["lastReadSeq"] == 2
    assert (await ada.hears("message:read"))["data"] == {"userId": bo.id, "seq": 2}
    await say(ada, room, "Three")
    assert await state(bo, room) == (1, 0, 2)


async def test_sending_reads_up_to_ones_own_message(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    room = await open_room(ada, bo)
    await say(ada, room, "One", f"Two, @{bo.id}")
    await say(bo, room, "Three")
    assert told(await bo.hears("room:unread"), room) == (0, 0, 3)
    assert await state(bo, room) == (0, 0, 3)
    assert await state(ada, room) == (1, 0, 2)
    await say(ada, room, "Four")
    assert await state(ada, room) == (0, 0, 4)
    assert await state(bo, room) == (1, 0, 3)


async def test_who_joins_has_nothing_unread(arrive: Gathering) -> None:
    ada, bo, cy = [await arrive(name) for name in ("Ada", "Bo", "Cy")]
    room = await open_room(ada)
    await say(ada, room, "One", "Two")
    await bo.creates("room:join", roomId=room["id"])
    await ada.creates("room:invite", roomId=room["id"], userId=cy.id)
    for each in (bo, cy):
        assert await state(each, room) == (0, 0, 2)
    await say(ada, room, f"Three, @{cy.id}")
    assert await state(bo, room) == (1, 0, 2)
    assert await state(cy, room) == (1, 1, 2)


async def test_what_was_deleted_waits_for_nobody(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    room = await open_room(ada, bo)
    _, mention, _ = await say(ada, room, "One", f"Two, @{bo.id}", "Three")
    assert await state(bo, room) == (3, 1, 0)
    await ada.does("message:delete", messageId=mention["id"])
    assert await state(bo, room) == (2, 0, 0)
    answered = await bo.does("message:read", roomId=room["id"], seq=1)
    assert (answered["unreadCount"], answered["mentionCount"], answered["lastReadSeq"]) == (1, 0, 1)


async def test_an_edit_changes_who_is_mentioned(arrive: Gathering) -> None:
    ada, bo, cy = [await arrive(name) for name in ("Ada", "Bo", "Cy")]
    room = await open_room(ada, bo, cy)
    (message,) = await say(ada, room, f"Hi, @{bo.id}")
    assert [await state(each, room) for each in (bo, cy)] == [(1, 1, 0), (1, 0, 0)]
    await ada.does("message:edit", messageId=message["id"], message=f"Hi, @{cy.id}", mentions=[])
    assert [await state(each, room) for each in (bo, cy)] == [(1, 0, 0), (1, 1, 0)]


async def test_totals_of_all_rooms_stand_beside_who_i_am(arrive: Gathering) -> None:
    ada, bo = (
        await arrive("Ada"),
        await arrive("Bo", role="moderator", given_name="Bo", picture="https://example.com/b"),
    )
    rooms = [await open_room(ada, bo) for _ in range(2)]
    for room in rooms:
        await say(ada, room, "Hello", f"Dear @{bo.id}")
    me = (await bo.worker.rest("GET", "/api/me", token=bo.credential)).body
    contract.reply(me)
    contract.user(me["data"]["user"])
    assert me["data"] == {
        "user": {
            "id": bo.id,
            "name": "Bo",
            "firstName": "Bo",
            "lastName": "",
            "profileImage": "https://example.com/b",
        },
        "role": "moderator",
        "unreadCount": 4,
        "mentionCount": 2,
        "notificationCount": 2,
    }


async def test_numbers_that_are_none_are_refused(arrive: Gathering) -> None:
    ada = await arrive("Ada")
    room = await open_room(ada)
    await say(ada, room, "One")
    for bad in (-1, 1.5, "1", True, None, [1]):
        error = await ada.refused("invalid", "message:read", roomId=room["id"], seq=bad)
        assert list(error["fields"]) == ["seq"], bad
    assert await state(ada, room) == (0, 0, 1)
