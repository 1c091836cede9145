"""Messages: sent, read back, edited and deleted, through both doors."""

import asyncio
from typing import Any

import pytest

from tests.acceptance import contract
from tests.acceptance.people import DOORS, Gathering, Person, open_room, say

pytestmark = pytest.mark.parametrize("door", DOORS)


async def history(person: Person, room: dict[str, Any], **query: Any) -> list[dict[str, Any]]:
    """A page of a room's messages."""
    page = await person.does("message:history", roomId=room["id"], **query)
    contract.keys(page, {"messages", "hasMore"})
    for message in page["messages"]:
        contract.message(message)
    return page["messages"]


async def test_what_is_sent_reaches_every_member_as_it_is_answered(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada", at=arrive.cluster.a), await arrive("Bo", at=arrive.cluster.b)
    room = await open_room(ada, bo)
    (message,) = await say(ada, room, "Hello, Bo!", clientId="first")
    contract.message(message)
    assert message == message | {
        "seq": 1,
        "roomId": room["id"],
        "userId": ada.id,
        "message": "Hello, Bo!",
        "clientId": "first",
        "replyToId": None,
        "mentions": [],
        "attachments": [],
        "reactions": [],
        "editedAt": None,
        "deletedAt": None,
    }
    assert message["user"]["name"] == "Ada"
    for each in (ada, bo):
        told = await each.hears("message:created")
        assert (told["channel"], told["data"]) == (f"room:{room['id']}", message)
    assert await history(bo, room) == [message]


async def test_a_message_is_created_once_and_answered_again(arrive: Gathering) -> None:
    ada = await arrive("Ada")
    room = await open_room(ada)
    first = await ada.creates("message:send", roomId=room["id"], message="Hello", clientId="one")
    assert await ada.does("message:send", roomId=room["id"], message="Hello", clientId="one") == first
    second = await ada.creates("message:send", roomId=room["id"], message="Hello")
    assert await history(ada, room) == [first, second]


async def test_nobody_outside_hears_a_private_room(arrive: Gathering) -> None:
    ada, bo, eve = [await arrive(name) for name in ("Ada", "Bo", "Eve")]
    room = await open_room(ada, bo, visibility="private")
    for each in (eve, await arrive.visitor()):
        code = "unauthenticated" if each.credential is None else "not_found"
        await each.refused(code, "channel:subscribe", channel=f"room:{room['id']}")
        await each.refused(code, "message:history", roomId=room["id"])
    await say(ada, room, "Between us")
    await bo.hears("message:created")
    await eve.is_up_to_date()
    assert eve.heard("message:created") == []


async def test_text_is_stored_as_it_was_sent(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    room = await open_room(ada, bo)
    texts = {
        "<b>bold</b> & <script>alert(1)</script>": None,
        "  indented,\n\ttabbed\r\nand broken  ": None,
        "Zoë e\u0301 日本語 עברית العربية 👩‍👩‍👧‍👦 🇩🇪 ￿ \u2028": None,
        "'; DROP TABLE messages; -- %s {} \\ \" $1": None,
        "a\x00b\x07c\x1b[31md\x7fe\x9b": "abc[31mde",
        "🎉" * 4000: None,
    }
    sent = await say(ada, room, *texts)
    expected = [kept or text for text, kept in texts.items()]
    assert [message["message"] for message in sent] == expected
    assert [message["message"] for message in await history(bo, room)] == expected
    for message in sent:
        assert (await bo.hears("message:created"))["data"] == message


async def test_a_text_has_1_to_4000_code_points(arrive: Gathering) -> None:
    ada = await arrive("Ada")
    room = await open_room(ada)
    for text in ("", "   ", "\n", "\x00", "x" * 4001, "🎉" * 4001):
        error = await ada.refused("invalid", "message:send", roomId=room["id"], message=text)
        assert list(error["fields"]) == ["message"]
    assert await history(ada, room) == []
    (message,) = await say(ada, room, "x" * 4000)
    for text in ("", "x" * 4001):
        error = await ada.refused("invalid", "message:edit", messageId=message["id"], message=text)
        assert list(error["fields"]) == ["message"]


async def test_a_reply_names_a_message_of_the_same_room(arrive: Gathering) -> None:
    ada = await arrive("Ada")
    room, other = await open_room(ada), await open_room(ada)
    (question,), (elsewhere,) = await say(ada, room, "Where to?"), await say(ada, other, "Elsewhere")
    (answer,) = await say(ada, room, "To Rome", replyToId=question["id"])
    assert answer["replyToId"] == question["id"]
    for bad in (elsewhere["id"], "no-such-message"):
        error = await ada.refused("invalid", "message:send", roomId=room["id"], message="To where?", replyToId=bad)
        assert list(error["fields"]) == ["replyToId"]
    assert [message["message"] for message in await history(ada, room)] == ["Where to?", "To Rome"]


async def test_members_are_mentioned_and_nobody_else(arrive: Gathering) -> None:
    ada, bo, cy, eve = [await arrive(name) for name in ("Ada", "Bo", "Cy", "Eve")]
    room = await open_room(ada, bo, cy)
    for text, named, expected in (
        ("Look", [bo.id, cy.id, bo.id, eve.id, "nobody-like-that"], [bo.id, cy.id]),
        (f"Look, @{cy.id}, and you (@{bo.id}).", [], [cy.id, bo.id]),
        (f"@{bo.id}: see @{eve.id} and mail@{cy.id}", [], [bo.id]),
        (f"@{cy.id}", [cy.id], [cy.id]),
        (f"@{bo.id[:-1]} @{bo.id}x @ {bo.id}", [], []),
    ):
        (message,) = await say(ada, room, text, mentions=named)
        assert message["mentions"] == expected, text
        assert (await history(bo, room))[-1]["mentions"] == expected


async def test_attachments_are_kept(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    room = await open_room(ada, bo)
    attachments = [
        {"url": "https://example.com/a.png", "name": "Zoë\n2", "width": 3, "more": {"list": [1, None, "x"]}},
        {"url": "/media/b.pdf"},
    ]
    (message,) = await say(ada, room, "See", attachments=attachments)
    assert message["attachments"] == attachments
    assert (await bo.hears("message:created"))["data"]["attachments"] == attachments
    assert (await history(bo, room))[-1]["attachments"] == attachments


async def test_attachments_lose_their_control_characters_as_text_does(arrive: Gathering) -> None:
    ada = await arrive("Ada")
    room = await open_room(ada)
    (message,) = await say(ada, room, "See", attachments=[{"url": "/x", "na\x00me": "a\x00b\x1b", "in": ["c\x07", {}]}])
    assert message["attachments"] == [{"url": "/x", "name": "ab", "in": ["c", {}]}]
    assert (await history(ada, room))[-1] == message


async def test_attachments_that_a_browser_must_not_follow_are_refused(arrive: Gathering) -> None:
    ada = await arrive("Ada")
    room = await open_room(ada)
    for bad in (
        *([{"url": url}] for url in ("javascript:alert(1)", "data:text/html,x", "//evil.example", "/\\evil.example")),
        *([{"url": url}] for url in ("", "relative", "http://", "https:///x", "/with blank", 5, None)),
        *([each] for each in ({}, {"link": "https://example.com"}, "https://example.com", 7, [])),
        [{"url": "/x"}] * 11,
        {"url": "/x"},
        "text",
    ):
        error = await ada.refused("invalid", "message:send", roomId=room["id"], message="See", attachments=bad)
        assert list(error["fields"]) == ["attachments"], bad
    assert await history(ada, room) == []


async def test_a_public_room_is_read_by_anyone_signed_in_and_written_by_members(arrive: Gathering) -> None:
    ada, eve = await arrive("Ada"), await arrive("Eve")
    room = await open_room(ada)
    (message,) = await say(ada, room, "For everyone")
    await eve.subscribes(f"room:{room['id']}")
    assert await history(eve, room) == [message]
    (again,) = await say(ada, room, "Once more")
    assert (await eve.hears("message:created"))["data"] == again
    for action, fields in {
        "message:send": {"roomId": room["id"], "message": "Me too"},
        "message:react": {"messageId": message["id"], "emoji": "👍"},
        "message:unreact": {"messageId": message["id"], "emoji": "👍"},
        "message:edit": {"messageId": message["id"], "message": "Mine"},
        "message:delete": {"messageId": message["id"]},
        "message:read": {"roomId": room["id"], "seq": 1},
        "typing:start": {"channel": f"room:{room['id']}"},
    }.items():
        await eve.refused("forbidden", action, **fields)
    assert await history(ada, room) == [message, again]


async def test_messages_show_their_author_as_they_are_now(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    room = await open_room(ada, bo)
    await say(ada, room, "Before the wedding")
    married = ada.worker.token(ada.id, name="Ada Lovelace", given_name="Ada", family_name="Lovelace")
    assert (await ada.worker.rest("GET", "/api/me", token=married)).status == 200
    (shown,) = await history(bo, room)
    assert shown["user"] == {
        "id": ada.id,
        "name": "Ada Lovelace",
        "firstName": "Ada",
        "lastName": "Lovelace",
        "profileImage": None,
    }


async def test_pages_in_either_direction_are_the_whole_history(arrive: Gathering) -> None:
    ada = await arrive("Ada")
    room = await open_room(ada)
    sent = await say(ada, room, *map(str, range(1, 24)))
    assert [message["seq"] for message in sent] == list(range(1, 24))

    backward: list[dict[str, Any]] = []
    query: dict[str, Any] = {}
    while True:
        page = await ada.does("message:history", roomId=room["id"], limit=5, **query)
        backward = page["messages"] + backward
        assert page["hasMore"] == (backward[0]["seq"] > 1)
        if not page["hasMore"]:
            break
        query = {"before": backward[0]["seq"]}
    assert backward == sent

    forward: list[dict[str, Any]] = []
    while True:
        after = forward[-1]["seq"] if forward else 0
        page = await ada.does("message:history", roomId=room["id"], limit=5, after=after)
        forward += page["messages"]
        assert page["hasMore"] == (forward[-1]["seq"] < 23)
        if not page["hasMore"]:
            break
    assert forward == sent


async def test_pages_at_the_edges(arrive: Gathering) -> None:
    ada = await arrive("Ada")
    room = await open_room(ada)
    assert await ada.does("message:history", roomId=room["id"]) == {"messages": [], "hasMore": False}
    sent = await say(ada, room, *map(str, range(1, 104)))
    for query, expected, more in (
        ({}, sent[-50:], True),
        ({"limit": 100}, sent[-100:], True),
        ({"before": 1}, [], False),
        ({"before": 2}, sent[:1], False),
        ({"before": 1000, "limit": 1}, sent[-1:], True),
        ({"before": 101, "limit": 100}, sent[:100], False),
        ({"after": 103}, [], False),
        ({"after": 1000}, [], False),
        ({"after": 102}, sent[-1:], False),
        ({"after": 3, "limit": 100}, sent[3:], False),
        ({"after": 2, "limit": 100}, sent[2:102], True),
    ):
        page = await ada.does("message:history", roomId=room["id"], **query)
        assert (page["messages"], page["hasMore"]) == (expected, more), query
    for query in ({"limit": 101}, {"limit": 0}, {"limit": "many"}, {"before": -1}, {"after": "x"}, {"before": 1.5}):
        error = await ada.refused("invalid", "message:history", roomId=room["id"], **query)
        assert list(error["fields"]) == list(query)


async def test_messages_sent_at_once_on_all_workers_have_one_order_without_holes(arrive: Gathering) -> None:
    people = [await arrive(name) for name in ("Ada", "Bo", "Cy", "Di")]
    room = await open_room(*people)
    await asyncio.gather(
        *(
            each.call("message:send", roomId=room["id"], message=f"{each.name} {number}")
            for number in range(10)
            for each in people
        )
    )
    whole = await history(people[0], room, limit=100)
    assert [message["seq"] for message in whole] == list(range(1, 41))
    for each in people:
        heard = [await each.hears("message:created") for _ in whole]
        assert [event["data"] for event in heard] == whole
        first = heard[0]["seq"]
        assert [event["seq"] for event in heard] == list(range(first, first + 40))


async def test_an_author_edits_a_message(arrive: Gathering) -> None:
    ada, bo, cy = [await arrive(name) for name in ("Ada", "Bo", "Cy")]
    room = await open_room(ada, bo, cy)
    message, *_ = await say(ada, room, f"Helo, @{bo.id}", "Next")
    edited = await ada.does("message:edit", messageId=message["id"], message=f"Hello, @{cy.id}", mentions=[])
    contract.message(edited)
    assert edited == message | {
        "message": f"Hello, @{cy.id}",
        "mentions": [cy.id],
        "editedAt": edited["editedAt"],
    }
    assert edited["editedAt"] >= message["createdAt"]
    for each in (ada, bo):
        told = await each.hears("message:edited")
        assert (told["channel"], told["data"]) == (f"room:{room['id']}", edited)
    assert (await history(bo, room))[0] == edited
    await ada.refused("not_found", "message:edit", messageId="no-such-message", message="Hm")


async def test_nobody_edits_what_another_said(arrive: Gathering) -> None:
    ada, bo, admin = await arrive("Ada"), await arrive("Bo"), await arrive("Root", role="admin")
    room = await open_room(ada, bo, admin)
    (message,) = await say(bo, room, "My words")
    for each in (ada, admin):
        await each.refused("forbidden", "message:edit", messageId=message["id"], message="Your words")
    assert await history(bo, room) == [message]


@pytest.mark.parametrize("who", ["author", "room moderator", "room owner", "application moderator"])
async def test_deleting_takes_the_text_away_everywhere(arrive: Gathering, who: str) -> None:
    owner, author, keeper = await arrive("Ada"), await arrive("Bo"), await arrive("Cy")
    moderator = await arrive("Mo", role="moderator")
    room = await open_room(owner, author, keeper)
    await owner.does("room:role", roomId=room["id"], userId=keeper.id, role="moderator")
    attachment = {"url": "/secret.png"}
    secret, last = await say(
        author, room, "The password is swordfish", f"swordfish, @{owner.id}", attachments=[attachment]
    )
    await owner.does("message:react", messageId=secret["id"], emoji="🐟")
    await author.does("message:edit", messageId=secret["id"], message="The word is swordfish")
    deleter = {"author": author, "room moderator": keeper, "room owner": owner, "application moderator": moderator}[who]
    for message in (secret, last):
        await deleter.does("message:delete", messageId=message["id"])
    for each in (owner, author):
        for message in (secret, last):
            told = await each.hears("message:deleted")
            assert told["channel"] == f"room:{room['id']}"
            assert told["data"] == {"messageId": message["id"], "seq": message["seq"]}
    rows = await history(owner, room)
    for row, message in zip(rows, (secret, last), strict=True):
        assert row == message | {
            "message": None,
            "mentions": [],
            "attachments": [],
            "reactions": [],
            "editedAt": row["editedAt"],
            "deletedAt": row["deletedAt"],
        }
    replay = await owner.subscribes(f"room:{room['id']}", after=0)
    assert replay["recovered"]
    assert [event["seq"] for event in replay["events"]] == list(range(1, replay["seq"] + 1))
    assert "swordfish" not in str(replay)
    assert "secret.png" not in str(replay)
    assert (await owner.does("message:search", q="swordfish")) == {"messages": [], "hasMore": False}
    (mine,) = (await owner.does("room:list"))["rooms"]
    assert mine["lastMessage"]["message"] is None
    assert (mine["unreadCount"], mine["mentionCount"]) == (0, 0)


async def test_a_member_deletes_no_message_of_another(arrive: Gathering) -> None:
    ada, bo, cy = [await arrive(name) for name in ("Ada", "Bo", "Cy")]
    room = await open_room(ada, bo, cy)
    (message,) = await say(bo, room, "Stays")
    await cy.refused("forbidden", "message:delete", messageId=message["id"])
    assert await history(bo, room) == [message]


async def test_a_deleted_message_stays_deleted(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    room = await open_room(ada, bo)
    (message,) = await say(bo, room, "Gone")
    first = await bo.does("message:delete", messageId=message["id"])
    assert await bo.does("message:delete", messageId=message["id"]) == first
    for action, fields in {
        "message:edit": {"message": "Back"},
        "message:react": {"emoji": "👍"},
        "message:unreact": {"emoji": "👍"},
    }.items():
        await bo.refused("not_found", action, messageId=message["id"], **fields)
    (row,) = await history(ada, room)
    assert row["message"] is None
    (following,) = await say(bo, room, "And on")
    assert following["seq"] == 2
    await ada.hears("message:created", lambda message: message["seq"] == 2)
    assert len(ada.heard("message:deleted")) == 1


async def test_messages_of_rooms_that_one_may_not_know_are_not_found(arrive: Gathering) -> None:
    ada, eve = await arrive("Ada"), await arrive("Eve")
    room = await open_room(ada, visibility="private")
    (message,) = await say(ada, room, "Private")
    for action, fields in {
        "message:edit": {"message": "Mine"},
        "message:delete": {},
        "message:react": {"emoji": "👍"},
        "message:unreact": {"emoji": "👍"},
    }.items():
        unknown = await eve.refused("not_found", action, messageId="no-such-message", **fields)
        assert await eve.refused("not_found", action, messageId=message["id"], **fields) == unknown
    assert await history(ada, room) == [message]
