"""Members: joining, leaving, being invited and removed, and the roles between them, through both doors."""

import asyncio
from typing import Any

import pytest

from tests.acceptance import contract
from tests.acceptance.people import DOORS, Gathering, Person, open_room, say

pytestmark = pytest.mark.parametrize("door", DOORS)


async def roles(person: Person, room: dict[str, Any]) -> dict[str, str]:
    """Each member's role, by their id."""
    listed = (await person.does("room:members", roomId=room["id"]))["members"]
    return {member["userId"]: member["role"] for member in listed}


async def test_joining_gives_the_room_its_newest_messages_and_its_members(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo", given_name="Bo", family_name="Diddley")
    room = await open_room(ada)
    sent = await say(ada, room, *(f"message {number}" for number in range(1, 54)))
    joined = await bo.creates("room:join", roomId=room["id"])
    contract.keys(joined, {"room", "messages", "members", "seq"})
    assert joined["room"] == room | {"memberCount": 2}
    assert joined["messages"] == sent[-50:]
    for member in joined["members"]:
        contract.member(member)
    assert {member["userId"]: member["role"] for member in joined["members"]} == {ada.id: "owner", bo.id: "member"}
    (mine,) = [member for member in joined["members"] if member["userId"] == bo.id]
    assert mine["lastReadSeq"] == 53
    assert mine["user"] == {
        "id": bo.id,
        "name": "Bo",
        "firstName": "Bo",
        "lastName": "Diddley",
        "profileImage": None,
    }
    assert mine["presence"]["isOnline"]
    replayed = await bo.subscribes(f"room:{room['id']}", after=joined["seq"])
    assert (replayed["seq"], replayed["recovered"], replayed["events"]) == (joined["seq"], True, [])
    told = await ada.hears("member:joined")
    assert (told["channel"], told["seq"], told["data"]) == (f"room:{room['id']}", joined["seq"], mine)
    assert (await bo.hears("room:added"))["data"] == {"room": joined["room"]}


async def test_joining_again_changes_nothing(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    room = await open_room(ada)
    first = await bo.creates("room:join", roomId=room["id"])
    again = await bo.does("room:join", roomId=room["id"])
    assert again == first
    await ada.hears("member:joined")
    await bo.is_up_to_date()
    await ada.is_up_to_date()
    assert len(ada.heard("member:joined")) == len(bo.heard("room:added")) == 1


async def test_many_who_join_at_once_are_all_counted(arrive: Gathering) -> None:
    ada = await arrive("Ada")
    people = [await arrive(f"Guest{number}") for number in range(8)]
    room = await open_room(ada)
    replies = await asyncio.gather(*(each.call("room:join", roomId=room["id"]) for each in people))
    assert all(body["ok"] for body, _ in replies), replies
    assert sorted(body["data"]["room"]["memberCount"] for body, _ in replies) == list(range(2, 10))
    assert set(await roles(ada, room)) == {ada.id, *(each.id for each in people)}


async def test_nobody_joins_a_private_room_uninvited(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    room = await open_room(ada, visibility="private")
    await bo.refused("not_found", "room:join", roomId=room["id"])
    await ada.creates("room:invite", roomId=room["id"], userId=bo.id)
    assert (await bo.does("room:join", roomId=room["id"]))["room"] == room | {"memberCount": 2}


async def test_an_invited_person_is_a_member_at_once(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    room = await open_room(ada, visibility="private")
    await say(ada, room, "Before")
    member = await ada.creates("room:invite", roomId=room["id"], userId=bo.id)
    contract.member(member)
    assert (member["userId"], member["role"]) == (bo.id, "member")
    assert (await ada.hears("member:joined"))["data"] == member
    assert (await bo.hears("room:added"))["data"] == {"room": room | {"memberCount": 2}}
    await bo.subscribes(f"room:{room['id']}")
    await say(bo, room, "Thank you")
    await ada.hears("message:created", lambda message: message["message"] == "Thank you")
    assert await ada.does("room:invite", roomId=room["id"], userId=bo.id) == member | {"lastReadSeq": 2}
    await ada.is_up_to_date()
    assert len(ada.heard("member:joined")) == 1
    await ada.refused("not_found", "room:invite", roomId=room["id"], userId="nobody-like-that")


async def test_who_leaves_hears_nothing_more_on_any_connection(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada", at=arrive.cluster.b), await arrive("Bo", at=arrive.cluster.a)
    telephone = await arrive.again(bo, at=arrive.cluster.b)
    channel = f"room:{(room := await open_room(ada, bo, visibility='private'))['id']}"
    await telephone.subscribes(channel)
    await bo.does("room:leave", roomId=room["id"])
    left = await ada.hears("member:left")
    assert left["channel"] == channel
    assert left["data"] == {"userId": bo.id}
    for each in (bo, telephone):
        removed = await each.hears("room:removed")
        assert (removed["channel"], removed["data"]) == (bo.own_channel, {"roomId": room["id"]})
    await say(ada, room, "Now we are alone")
    await ada.hears("message:created", lambda message: message["message"] == "Now we are alone")
    for each in (bo, telephone):
        await each.is_up_to_date()
        assert each.heard("message:created") == each.heard("member:left") == []
    assert await roles(ada, room) == {ada.id: "owner"}
    assert (await ada.does("room:list"))["rooms"][0]["memberCount"] == 1
    for action in ("room:members", "room:join", "message:history"):
        await bo.refused("not_found", action, roomId=room["id"])


async def test_leaving_a_room_that_one_is_not_in_tells_nobody(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    room = await open_room(ada)
    await bo.does("room:leave", roomId=room["id"])
    await say(ada, room, "Was anybody here?")
    await ada.hears("message:created")
    assert ada.heard("member:left") == []
    assert (await ada.does("room:list"))["rooms"][0]["memberCount"] == 1


async def test_an_owner_who_leaves_hands_over_to_the_longest_standing_moderator(arrive: Gathering) -> None:
    ada, bo, cy, di = [await arrive(name) for name in ("Ada", "Bo", "Cy", "Di")]
    room = await open_room(ada, bo, di, cy)
    for each in (cy, di):
        await ada.does("room:role", roomId=room["id"], userId=each.id, role="moderator")
    await ada.does("room:leave", roomId=room["id"])
    told = await bo.hears("member:updated", lambda member: member["role"] == "owner")
    contract.member(told["data"])
    assert told["data"]["userId"] == di.id
    assert await roles(bo, room) == {bo.id: "member", cy.id: "moderator", di.id: "owner"}


async def test_an_owner_who_leaves_hands_over_to_the_longest_standing_member(arrive: Gathering) -> None:
    ada, bo, cy = [await arrive(name) for name in ("Ada", "Bo", "Cy")]
    room = await open_room(ada, cy, bo)
    await ada.does("room:leave", roomId=room["id"])
    assert (await bo.hears("member:updated"))["data"]["userId"] == cy.id
    assert await roles(bo, room) == {bo.id: "member", cy.id: "owner"}


async def test_a_room_that_everybody_left_belongs_to_the_first_who_comes_back(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    room = await open_room(ada)
    await ada.does("room:leave", roomId=room["id"])
    joined = await bo.creates("room:join", roomId=room["id"])
    assert joined["room"]["memberCount"] == 1
    assert await roles(bo, room) == {bo.id: "owner"}


async def test_a_removed_member_hears_and_does_nothing_more_at_once(arrive: Gathering) -> None:
    ada, bo, cy = await arrive("Ada", at=arrive.cluster.a), await arrive("Bo"), await arrive("Cy", at=arrive.cluster.b)
    telephone = await arrive.again(bo, at=arrive.cluster.a)
    channel = f"room:{(room := await open_room(ada, bo, cy, visibility='private'))['id']}"
    await telephone.subscribes(channel)
    await ada.does("room:remove", roomId=room["id"], userId=bo.id)
    await say(ada, room, "He is gone")
    for each in (ada, cy):
        left = await each.hears("member:left")
        assert (left["channel"], left["data"]) == (channel, {"userId": bo.id})
        await each.hears("message:created")
    for each in (bo, telephone):
        assert (await each.hears("room:removed"))["data"] == {"roomId": room["id"]}
        await each.is_up_to_date()
        assert each.heard("message:created") == each.heard("member:left") == []
    for action, fields in {
        "message:send": {"message": "Hello?"},
        "message:history": {},
        "message:read": {"seq": 1},
        "room:members": {},
        "room:join": {},
        "room:leave": {},
    }.items():
        await bo.refused("not_found", action, roomId=room["id"], **fields)
    await bo.refused("not_found", "channel:subscribe", channel=channel)
    await bo.refused("not_found", "typing:start", channel=channel)
    assert (await bo.does("room:list"))["rooms"] == []
    await ada.creates("room:invite", roomId=room["id"], userId=bo.id)
    await say(bo, room, "Back again")


async def test_nobody_removes_an_owner_or_a_stranger(arrive: Gathering) -> None:
    ada, bo, cy = [await arrive(name) for name in ("Ada", "Bo", "Cy")]
    admin = await arrive("Root", role="admin")
    room = await open_room(ada, bo)
    await ada.does("room:role", roomId=room["id"], userId=bo.id, role="moderator")
    for each in (bo, admin, ada):
        await each.refused("forbidden", "room:remove", roomId=room["id"], userId=ada.id)
        await each.refused("not_found", "room:remove", roomId=room["id"], userId=cy.id)
    assert await roles(ada, room) == {ada.id: "owner", bo.id: "moderator"}


async def test_the_owner_gives_roles(arrive: Gathering) -> None:
    ada, bo, cy = [await arrive(name) for name in ("Ada", "Bo", "Cy")]
    room = await open_room(ada, bo, cy)
    for role in ("moderator", "member", "moderator"):
        member = await ada.does("room:role", roomId=room["id"], userId=bo.id, role=role)
        contract.member(member)
        assert (member["userId"], member["role"]) == (bo.id, role)
        assert (await cy.hears("member:updated"))["data"] == member
        await bo.refused("forbidden", "room:role", roomId=room["id"], userId=cy.id, role="moderator")
    await ada.does("room:role", roomId=room["id"], userId=bo.id, role="moderator")
    await cy.is_up_to_date()
    assert len(cy.heard("member:updated")) == 3
    for role in ("admin", "", 1, None):
        await ada.refused("invalid", "room:role", roomId=room["id"], userId=bo.id, role=role)
    await ada.refused("not_found", "room:role", roomId=room["id"], userId="nobody-like-that", role="member")


async def test_a_room_has_one_owner(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    room = await open_room(ada, bo)
    await ada.refused("conflict", "room:role", roomId=room["id"], userId=ada.id, role="member")
    await ada.does("room:role", roomId=room["id"], userId=bo.id, role="owner")
    assert await roles(ada, room) == {ada.id: "moderator", bo.id: "owner"}
    await ada.refused("forbidden", "room:archive", roomId=room["id"])
    for each in (ada, bo):
        told = [await each.hears("member:updated") for _ in range(2)]
        assert {event["data"]["userId"]: event["data"]["role"] for event in told} == {
            ada.id: "moderator",
            bo.id: "owner",
        }


async def test_ids_of_users_may_hold_any_character(arrive: Gathering) -> None:
    ada, zoe = await arrive("Auth0|Ada+1"), await arrive("Zoë/Ünï %2F?#&=@:")
    room = await open_room(ada, zoe)
    await ada.does("room:role", roomId=room["id"], userId=zoe.id, role="moderator")
    assert await roles(zoe, room) == {ada.id: "owner", zoe.id: "moderator"}
    (message,) = await say(zoe, room, f"@{ada.id}: hello", mentions=[zoe.id])
    assert set(message["mentions"]) == {ada.id, zoe.id}
    await ada.does("room:remove", roomId=room["id"], userId=zoe.id)
    assert (await zoe.hears("room:removed"))["channel"] == zoe.own_channel
    assert await roles(ada, room) == {ada.id: "owner"}


async def test_ids_of_users_may_have_255_characters(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("B" * 244)
    assert len(bo.id) == 255
    room = await ada.creates("room:create", name=f"With {bo.id[-10:]}", visibility="private", memberIds=[bo.id])
    (message,) = await say(ada, room, f"Hello @{bo.id}!")
    assert message["mentions"] == [bo.id]
    await ada.does("room:remove", roomId=room["id"], userId=bo.id)
    assert (await bo.hears("room:removed"))["channel"] == f"user:{bo.id}"
    replay = await bo.subscribes(f"user:{bo.id}", after=0)
    assert [event["event"] for event in replay["events"]] == ["room:added", "notification:created", "room:removed"]


async def test_members_are_listed_with_their_presence_in_pages(arrive: Gathering) -> None:
    ada, bo, cy, di, ed = [await arrive(name) for name in ("Ada", "Bo", "Cy", "Di", "Ed")]
    room = await open_room(ada, bo, cy, di, ed)
    pages, after = [], {}
    while True:
        page = await di.does("room:members", roomId=room["id"], limit=2, **after)
        contract.keys(page, {"members", "hasMore"})
        pages.append(page["members"])
        if not page["hasMore"]:
            break
        after = {"after": page["members"][-1]["userId"]}
    assert [len(page) for page in pages] == [2, 2, 1]
    everyone = [member for page in pages for member in page]
    assert [member["userId"] for member in everyone] == sorted(each.id for each in (ada, bo, cy, di, ed))
    for member in everyone:
        contract.member(member)
        assert (member["presence"]["isOnline"], member["presence"]["status"]) == (True, "online")
    for limit in (0, 1001):
        await di.refused("invalid", "room:members", roomId=room["id"], limit=limit)
