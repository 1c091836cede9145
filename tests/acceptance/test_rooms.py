"""Rooms: made, found, changed and archived, through both doors."""

import asyncio
import secrets
from typing import Any

import pytest

from tests.acceptance import contract
from tests.acceptance.people import DOORS, Gathering, Person, open_room, say

pytestmark = pytest.mark.parametrize("door", DOORS)


def unique(words: str) -> str:
    """A name that no other test takes."""
    return f"{words} {secrets.token_hex(5)}"


async def listed(person: Person, **query: Any) -> dict[str, Any]:
    """A person's rooms by their ids."""
    return {room["id"]: room for room in (await person.does("room:list", **query))["rooms"]}


async def test_a_room_is_made_with_its_defaults(arrive: Gathering) -> None:
    ada = await arrive("Ada")
    name = unique("Mountains")
    room = await ada.creates("room:create", name=name)
    contract.room(room)
    assert room == room | {
        "name": name,
        "description": "",
        "visibility": "public",
        "isActive": True,
        "slowMode": 0,
        "memberCount": 1,
    }
    added = await ada.hears("room:added")
    assert added["channel"] == ada.own_channel
    assert added["data"] == {"room": room}
    (member,) = (await ada.does("room:members", roomId=room["id"]))["members"]
    assert (member["userId"], member["role"]) == (ada.id, "owner")


async def test_a_room_is_made_as_described(arrive: Gathering) -> None:
    ada, bo, cy = await arrive("Ada"), await arrive("Bo"), await arrive("Cy")
    fields = {"name": unique("Crew"), "description": "Who comes along?\nEverybody <3", "visibility": "private"}
    room = await ada.creates("room:create", memberIds=[bo.id, cy.id, bo.id], **fields)
    contract.room(room)
    assert room == room | fields | {"memberCount": 3}
    for each in (bo, cy):
        assert (await each.hears("room:added"))["data"]["room"]["id"] == room["id"]
        assert (await listed(each))[room["id"]]["memberCount"] == 3
        await say(each, room, f"I am {each.name}")


async def test_the_name_of_an_existing_public_room_joins_it(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    room = await open_room(ada, name=unique("Lobby"))
    joined = await bo.does("room:create", name=f"  {room['name'].upper()} ", description="Mine, now")
    contract.room(joined)
    assert joined == room | {"memberCount": 2}
    told = await ada.hears("member:joined", lambda member: member["userId"] == bo.id)
    contract.member(told["data"])
    assert told["data"]["role"] == "member"


async def test_a_name_that_exists_lets_nobody_invite_who_may_not(arrive: Gathering) -> None:
    ada, bo, cy = await arrive("Ada"), await arrive("Bo"), await arrive("Cy")
    room = await open_room(ada)
    await bo.refused("forbidden", "room:invite", roomId=room["id"], userId=cy.id)
    await bo.does("room:create", name=room["name"], memberIds=[cy.id])
    assert room["id"] in await listed(bo)
    assert room["id"] not in await listed(cy)


async def test_a_name_asked_for_twice_at_once_is_one_room(arrive: Gathering) -> None:
    people = [await arrive(name) for name in ("Ada", "Bo", "Cy", "Di")]
    name = unique("Race")
    replies = await asyncio.gather(*(each.call("room:create", name=name) for each in people))
    assert all(body["ok"] for body, _ in replies), replies
    assert len({body["data"]["id"] for body, _ in replies}) == 1
    members = (await people[0].does("room:members", roomId=replies[0][0]["data"]["id"]))["members"]
    assert sorted(member["role"] for member in members) == ["member", "member", "member", "owner"]


async def test_private_rooms_share_a_name_and_nothing_else(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    name = unique("Diary")
    hers = await ada.creates("room:create", name=name, visibility="private")
    his = await bo.creates("room:create", name=name, visibility="private")
    assert hers["id"] != his["id"]
    await bo.refused("not_found", "message:history", roomId=hers["id"])


async def test_a_member_that_nobody_ever_saw_is_not_found_and_no_room_is_left_behind(arrive: Gathering) -> None:
    ada = await arrive("Ada")
    await ada.refused("not_found", "room:create", name=unique("Ghosts"), memberIds=["nobody-like-that"])
    await ada.refused("not_found", "room:create", visibility="direct", memberIds=["nobody-like-that"])
    assert (await ada.does("room:list")) == {"rooms": [], "hasMore": False}


async def test_a_direct_room_between_the_same_people_is_the_same_room(arrive: Gathering) -> None:
    ada, bo, cy = await arrive("Ada"), await arrive("Bo"), await arrive("Cy")
    room = await ada.creates("room:create", visibility="direct", memberIds=[bo.id], name="ignored")
    contract.room(room)
    assert room == room | {"name": None, "visibility": "direct", "memberCount": 2}
    assert (await bo.hears("room:added"))["data"] == {"room": room}
    assert await bo.does("room:create", visibility="direct", memberIds=[ada.id]) == room
    assert await bo.does("room:create", visibility="direct", memberIds=[ada.id, bo.id, ada.id]) == room
    three = await ada.creates("room:create", visibility="direct", memberIds=[bo.id, cy.id])
    assert three["id"] != room["id"]
    assert three["memberCount"] == 3
    for action, fields in {
        "message:history": {},
        "room:join": {},
        "room:members": {},
        "message:send": {"message": "Let me in"},
    }.items():
        await cy.refused("not_found", action, roomId=room["id"], **fields)
    await ada.refused("forbidden", "room:invite", roomId=room["id"], userId=cy.id)
    await ada.refused("forbidden", "room:remove", roomId=room["id"], userId=bo.id)


async def test_a_direct_room_opened_from_both_sides_at_once_is_one_room(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    replies = await asyncio.gather(
        ada.call("room:create", visibility="direct", memberIds=[bo.id]),
        bo.call("room:create", visibility="direct", memberIds=[ada.id]),
    )
    (first, _), (second, _) = replies
    assert first["ok"], first
    assert second["ok"], second
    assert first["data"] == second["data"]


async def test_a_direct_room_needs_somebody_else(arrive: Gathering) -> None:
    ada = await arrive("Ada")
    for others in ([], [ada.id]):
        error = await ada.refused("invalid", "room:create", visibility="direct", memberIds=others)
        assert "memberIds" in error["fields"]


async def test_who_left_a_direct_room_is_in_it_again_when_it_is_opened_again(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    room = await ada.creates("room:create", visibility="direct", memberIds=[bo.id])
    (message,) = await say(ada, room, "Hello")
    await bo.does("room:leave", roomId=room["id"])
    await bo.refused("not_found", "message:history", roomId=room["id"])
    again = await ada.does("room:create", visibility="direct", memberIds=[bo.id])
    assert (again["id"], again["memberCount"]) == (room["id"], 2)
    assert (await bo.does("message:history", roomId=room["id"]))["messages"] == [message]
    assert len((await bo.does("room:list"))["rooms"]) == 1


async def test_a_room_that_is_not_direct_needs_a_name(arrive: Gathering) -> None:
    ada = await arrive("Ada")
    for fields in ({}, {"name": ""}, {"name": " \t "}, {"name": "\x00\x1f"}, {"name": "n" * 101}, {"name": 7}):
        error = await ada.refused("invalid", "room:create", **fields)
        assert "name" in error["fields"], fields


async def test_my_other_connections_hear_that_i_have_a_room_more(arrive: Gathering) -> None:
    ada = await arrive("Ada", at=arrive.cluster.a)
    telephone = await arrive.again(ada, at=arrive.cluster.b)
    room = await ada.creates("room:create", name=unique("Travel"))
    assert (await telephone.hears("room:added"))["data"] == {"room": room}
    bo = await arrive("Bo", at=arrive.cluster.a)
    watch = await arrive.again(bo, at=arrive.cluster.b)
    await bo.creates("room:join", roomId=room["id"])
    assert (await watch.hears("room:added"))["data"]["room"]["id"] == room["id"]


async def test_the_list_holds_my_rooms_with_what_is_unread_in_them(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    quiet, lively = await open_room(ada, bo, visibility="private"), await open_room(ada, bo)
    await say(ada, lively, "Hello!", f"Are you there, @{bo.id}?")
    rooms = (await bo.does("room:list"))["rooms"]
    assert [room["id"] for room in rooms] == [lively["id"], quiet["id"]]
    for room in rooms:
        assert contract.ROOM | {"lastMessage", "unreadCount", "mentionCount", "lastReadSeq"} <= set(room)
        contract.room({name: room[name] for name in contract.ROOM})
    contract.message(rooms[0]["lastMessage"])
    assert rooms[0]["lastMessage"]["message"] == f"Are you there, @{bo.id}?"
    assert rooms[1]["lastMessage"] is None
    assert [(room["unreadCount"], room["mentionCount"], room["lastReadSeq"]) for room in rooms] == [
        (2, 1, 0),
        (0, 0, 0),
    ]
    mine = (await listed(ada))[lively["id"]]
    assert (mine["unreadCount"], mine["mentionCount"], mine["lastReadSeq"]) == (0, 0, 2)


async def test_the_list_has_pages(arrive: Gathering) -> None:
    ada = await arrive("Ada")
    made = [(await open_room(ada))["id"] for _ in range(5)]
    pages, before = [], {}
    while True:
        page = await ada.does("room:list", limit=2, **before)
        assert 1 <= len(page["rooms"]) <= 2
        pages.append([room["id"] for room in page["rooms"]])
        if not page["hasMore"]:
            break
        before = {"before": pages[-1][-1]}
    assert [len(page) for page in pages] == [2, 2, 1]
    assert [id for page in pages for id in page] == made[::-1]


async def test_who_is_in_no_room_has_an_empty_list(arrive: Gathering) -> None:
    assert await (await arrive("Ada")).does("room:list") == {"rooms": [], "hasMore": False}


async def test_public_rooms_are_there_to_discover_and_no_others(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    public = await open_room(ada)
    private, closed = await open_room(ada, visibility="private"), await open_room(ada)
    direct = await ada.creates("room:create", visibility="direct", memberIds=[bo.id])
    await ada.does("room:archive", roomId=closed["id"])
    found = {room["id"]: room for room in (await bo.does("room:list", scope="public"))["rooms"]}
    contract.room(found[public["id"]])
    assert found[public["id"]] == public
    assert not {private["id"], closed["id"], direct["id"]} & set(found)


async def test_a_room_is_changed_and_its_members_are_told_how_it_is_now(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    room = await open_room(ada, bo)
    await ada.does("room:role", roomId=room["id"], userId=bo.id, role="moderator")
    changes = {"name": unique("Renamed"), "description": "Now with a description", "slowMode": 30}
    for moderator, fields in ((bo, changes), (ada, {"slowMode": 0}), (ada, {"description": ""})):
        room |= fields
        changed = await moderator.does("room:update", roomId=room["id"], **fields)
        contract.room(changed)
        assert changed == room | {"updatedAt": changed["updatedAt"]}
        assert changed["updatedAt"] >= room["updatedAt"]
        for each in (ada, bo):
            told = await each.hears("room:updated")
            assert told["channel"] == f"room:{room['id']}"
            assert told["data"] == changed


async def test_a_room_is_changed_within_bounds(arrive: Gathering) -> None:
    ada = await arrive("Ada")
    room, other = await open_room(ada), await open_room(ada)
    for field, bad in (
        *(("slowMode", value) for value in (-1, 121, "10", True, 1.5)),
        *(("visibility", value) for value in ("direct", "secret", 1)),
        *(("name", value) for value in ("", " ", "n" * 101, 5)),
        *(("description", value) for value in ("d" * 1001, 5)),
        ("name", other["name"].upper()),
    ):
        error = await ada.refused("invalid", "room:update", roomId=room["id"], **{field: bad})
        assert list(error["fields"]) == [field], (field, bad)
    assert {name: (await listed(ada))[room["id"]][name] for name in contract.ROOM} == room


async def test_two_rooms_that_take_one_name_at_once_are_one_that_has_it(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    rooms, name = [await open_room(each) for each in (ada, bo)], unique("Prize")
    replies = await asyncio.gather(
        *(each.call("room:update", roomId=room["id"], name=name) for each, room in zip((ada, bo), rooms, strict=True))
    )
    assert sorted(body["ok"] for body, _ in replies) == [False, True]
    (error,) = [body["error"] for body, _ in replies if not body["ok"]]
    assert (error["code"], list(error["fields"])) == ("invalid", ["name"])


async def test_who_is_no_member_stops_hearing_a_room_that_becomes_private(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada", at=arrive.cluster.a), await arrive("Bo", at=arrive.cluster.b)
    stranger = await arrive("Eve", at=arrive.cluster.b)
    room = await open_room(ada, bo)
    await stranger.subscribes(f"room:{room['id']}")
    await say(ada, room, "For everyone")
    await stranger.hears("message:created")
    await ada.does("room:update", roomId=room["id"], visibility="private")
    await say(ada, room, "For members")
    await bo.hears("message:created", lambda message: message["message"] == "For members")
    await stranger.is_up_to_date()
    assert [message["message"] for message in stranger.heard("message:created")] == ["For everyone"]
    assert stranger.heard("room:updated") == []
    await stranger.refused("not_found", "message:history", roomId=room["id"])
    await stranger.refused("not_found", "channel:subscribe", channel=f"room:{room['id']}")


async def test_an_archived_room_is_read_and_no_longer_written(arrive: Gathering) -> None:
    ada, bo, cy = await arrive("Ada"), await arrive("Bo"), await arrive("Cy")
    room = await open_room(ada, bo)
    (message,) = await say(bo, room, "Last words")
    closed = await ada.does("room:archive", roomId=room["id"])
    contract.room(closed)
    assert closed == room | {"isActive": False, "updatedAt": closed["updatedAt"]}
    for each in (ada, bo):
        assert (await each.hears("room:updated"))["data"] == closed
    for person, action, fields in (
        (ada, "message:send", {"roomId": room["id"], "message": "More"}),
        (bo, "message:send", {"roomId": room["id"], "message": "More"}),
        (bo, "message:edit", {"messageId": message["id"], "message": "Other"}),
        (bo, "message:react", {"messageId": message["id"], "emoji": "🎉"}),
        (bo, "typing:start", {"channel": f"room:{room['id']}"}),
        (cy, "room:join", {"roomId": room["id"]}),
        (ada, "room:invite", {"roomId": room["id"], "userId": cy.id}),
        (ada, "room:update", {"roomId": room["id"], "name": "Alive"}),
    ):
        error = await person.refused("conflict", action, **fields)
        assert error["current"] == closed, action
    assert await ada.does("room:archive", roomId=room["id"]) == closed
    (kept,) = (await bo.does("message:history", roomId=room["id"]))["messages"]
    assert kept["message"] == "Last words"
    await ada.is_up_to_date()
    assert len(ada.heard("room:updated")) == 1


async def test_the_name_of_an_archived_room_is_free_again(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    old = await open_room(ada)
    await ada.does("room:archive", roomId=old["id"])
    new = await bo.creates("room:create", name=old["name"])
    assert new["id"] != old["id"]
    assert new["isActive"]
