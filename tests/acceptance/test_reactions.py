"""Reactions, through both doors."""

import asyncio

import pytest

from tests.acceptance import contract
from tests.acceptance.people import DOORS, Gathering, call_rest, open_room, say

pytestmark = pytest.mark.parametrize("door", DOORS)


async def test_a_reaction_is_told_with_all_reactions_of_the_message(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    room = await open_room(ada, bo)
    (message,) = await say(ada, room, "Lunch?")
    expected: list[dict] = []
    for person, emoji, change in (
        (ada, "👍", [{"emoji": "👍", "count": 1, "userIds": [ada.id]}]),
        (bo, "👍", [{"emoji": "👍", "count": 2, "userIds": [ada.id, bo.id]}]),
        (
            bo,
            "🍕",
            [{"emoji": "👍", "count": 2, "userIds": [ada.id, bo.id]}, {"emoji": "🍕", "count": 1, "userIds": [bo.id]}],
        ),
    ):
        expected = change
        answered = await person.does("message:react", messageId=message["id"], emoji=emoji)
        contract.message(answered)
        assert answered == message | {"reactions": expected}
        for each in (ada, bo):
            told = await each.hears("message:reacted")
            assert told["channel"] == f"room:{room['id']}"
            assert told["data"] == {"messageId": message["id"], "reactions": expected}
    (kept,) = (await bo.does("message:history", roomId=room["id"]))["messages"]
    assert kept["reactions"] == expected
    answered = await bo.does("message:unreact", messageId=message["id"], emoji="👍")
    expected = [{"emoji": "👍", "count": 1, "userIds": [ada.id]}, {"emoji": "🍕", "count": 1, "userIds": [bo.id]}]
    assert answered["reactions"] == expected
    assert (await ada.hears("message:reacted"))["data"] == {"messageId": message["id"], "reactions": expected}
    for person, emoji in ((bo, "🍕"), (ada, "👍")):
        last = await person.does("message:unreact", messageId=message["id"], emoji=emoji)
    assert last["reactions"] == []
    assert (await ada.hears("message:reacted", lambda data: not data["reactions"]))["data"]["messageId"] == message[
        "id"
    ]


async def test_the_same_reaction_twice_changes_nothing(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    room = await open_room(ada, bo)
    (message,) = await say(ada, room, "Lunch?")
    await bo.does("message:unreact", messageId=message["id"], emoji="👍")
    first = await bo.does("message:react", messageId=message["id"], emoji="👍")
    assert await bo.does("message:react", messageId=message["id"], emoji="👍") == first
    await say(bo, room, "Yes")
    await ada.hears("message:created", lambda message: message["message"] == "Yes")
    assert len(ada.heard("message:reacted")) == 1


async def test_the_first_20_people_are_named_and_all_are_counted(arrive: Gathering) -> None:
    ada = await arrive("Ada")
    people = [await arrive(f"Guest{number:02}") for number in range(23)]
    room = await open_room(ada)
    (message,) = await say(ada, room, "Who comes?")
    for each in people:
        await each.creates("room:join", roomId=room["id"])
        answered = await each.does("message:react", messageId=message["id"], emoji="✋")
    assert answered["reactions"] == [{"emoji": "✋", "count": 23, "userIds": [each.id for each in people[:20]]}]
    answered = await people[0].does("message:unreact", messageId=message["id"], emoji="✋")
    assert answered["reactions"] == [{"emoji": "✋", "count": 22, "userIds": [each.id for each in people[1:21]]}]
    await ada.hears("message:reacted", lambda data: data["reactions"] == answered["reactions"])


async def test_reactions_at_once_on_all_workers_are_all_counted(arrive: Gathering) -> None:
    people = [await arrive(f"Guest{number}") for number in range(6)]
    room = await open_room(*people)
    (message,) = await say(people[0], room, "Now!")
    replies = await asyncio.gather(
        *(each.call("message:react", messageId=message["id"], emoji=emoji) for each in people for emoji in "🎉👏")
    )
    assert all(body["ok"] for body, _ in replies), replies
    (kept,) = (await people[0].does("message:history", roomId=room["id"]))["messages"]
    assert sorted((each["emoji"], each["count"]) for each in kept["reactions"]) == [("🎉", 6), ("👏", 6)]
    heard = [await people[1].hears("message:reacted") for _ in range(12)]
    assert heard[-1]["data"]["reactions"] == kept["reactions"]


async def test_any_emoji_may_be_used(arrive: Gathering) -> None:
    ada = await arrive("Ada")
    room = await open_room(ada)
    (message,) = await say(ada, room, "Hm")
    emojis = ["👨‍👩‍👧‍👦", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "❤️", "👍🏽", ":tada:", "+1", "50%", "?", "#", "a/b", "&", "🇩🇪"]
    for emoji in emojis:
        answered = await ada.does("message:react", messageId=message["id"], emoji=emoji)
    assert [each["emoji"] for each in answered["reactions"]] == emojis
    for emoji in emojis:
        answered = await ada.does("message:unreact", messageId=message["id"], emoji=emoji)
    assert answered["reactions"] == []


async def test_what_is_no_emoji_is_refused(arrive: Gathering) -> None:
    ada = await arrive("Ada")
    room = await open_room(ada)
    (message,) = await say(ada, room, "Hm")
    for bad in ("x" * 33, "a b", " ", "\x01", "\n"):
        error = await ada.refused("invalid", "message:react", messageId=message["id"], emoji=bad)
        assert list(error["fields"]) == ["emoji"]
    await ada.refused("not_found", "message:react", messageId="no-such-message", emoji="👍")
    (kept,) = (await ada.does("message:history", roomId=room["id"]))["messages"]
    assert kept == message
    assert (
        await call_rest(ada.worker, None, "message:react", {"messageId": message["id"], "emoji": "👍"})
    ).status == 401
