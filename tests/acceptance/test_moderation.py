"""The moderators' queue: flagged comments and those with certain words in them, through both doors."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance import contract
from tests.acceptance.entities import Trip, comments_of, say
from tests.acceptance.people import DOORS, Gathering, Person, open_room
from tests.support.process import temporary_folder

pytestmark = pytest.mark.parametrize("door", DOORS)

WORDS = """
# Held back until a moderator has read it.
hold: cheap watches
hold: Müll
hold: /\\bwww\\.[a-z]+\\.example\\b/

refuse: slurword
refuse: /bad(ly)?\\s*spelt/
"""


@pytest.fixture(scope="module")
def cluster_variables(cluster_variables: dict[str, str | None]) -> dict[str, str | None]:
    """The limits of the other tests, and blocked words."""
    words = Path(temporary_folder("words")) / "words.txt"
    words.write_text(WORDS, encoding="utf-8")
    return {
        "HUBBUB_ACTIONS_PER_SECOND": "10000",
        "HUBBUB_ACTIONS_BURST": "10000",
        "HUBBUB_MESSAGES_PER_SECOND": "10000",
        "HUBBUB_MESSAGES_BURST": "10000",
        "HUBBUB_BLOCKED_WORDS": str(words),
    }


@pytest.fixture
def moderator(arrive: Gathering) -> Callable[[], Any]:
    """Brings a moderator who hears the queue."""

    async def bring() -> Person:
        person = await arrive("Mo", role="moderator")
        await person.subscribes("admin")
        return person

    return bring


async def added(mo: Person, comment: dict[str, Any]) -> dict[str, Any]:
    """The item that a moderator hears of, about that comment."""
    item = (await mo.hears("moderation:added", lambda item: item["subjectId"] == comment["id"], channel="admin"))[
        "data"
    ]
    contract.moderation_item(item)
    assert item["status"] == "pending"
    return item


async def pending(mo: Person, comment: dict[str, Any]) -> list[dict[str, Any]]:
    """What the queue holds about that comment."""
    items = (await mo.does("moderation:list", kind="comment"))["items"]
    return [item for item in items if item["subjectId"] == comment["id"]]


async def test_a_flagged_comment_waits_in_the_queue_and_stays_visible(
    arrive: Gathering, moderator: Callable[[], Any]
) -> None:
    ada, bo, cy, mo, trip = await arrive("Ada"), await arrive("Bo"), await arrive("Cy"), await moderator(), Trip()
    (made,) = await say(ada, trip, "Buy my book")
    assert await bo.does("comment:flag", commentId=made["id"], reason="Advertising") == made
    item = await added(mo, made)
    assert (item["kind"], item["cause"], item["flagCount"], item["subject"]) == ("comment", "flag", 1, made)
    assert (item["entityType"], item["entityId"], item["user"]["id"]) == ("trip", trip.id, ada.id)
    assert [(each["userId"], each["reason"]) for each in item["flags"]] == [(bo.id, "Advertising")]
    await bo.does("comment:flag", commentId=made["id"], reason="Once more")
    await cy.does("comment:flag", commentId=made["id"])
    again = (await mo.hears("moderation:updated", lambda each: each["id"] == item["id"]))["data"]
    assert (again["flagCount"], [each["userId"] for each in again["flags"]]) == (2, [bo.id, cy.id])
    assert await pending(mo, made) == [again]
    assert await comments_of(cy, trip) == [made]


@pytest.mark.parametrize("decision", ["approve", "reject"])
async def test_a_decision_on_a_flagged_comment_lets_it_stay_or_deletes_it(
    arrive: Gathering, moderator: Callable[[], Any], decision: str
) -> None:
    ada, bo, mo, trip = await arrive("Ada"), await arrive("Bo"), await moderator(), Trip()
    admin = await arrive("Ann", role="admin")
    await bo.subscribes(trip.channel("comments"))
    advertisement = f"Buy my book {trip.id}"
    (made,) = await say(ada, trip, advertisement)
    await bo.does("comment:flag", commentId=made["id"])
    item = await added(mo, made)
    decided = await mo.does("moderation:decide", itemId=item["id"], decision=decision, reason="House rules")
    contract.moderation_item(decided)
    assert (decided["status"], decided["reason"], decided["decidedBy"]) == (
        {"approve": "approved", "reject": "rejected"}[decision],
        "House rules",
        mo.id,
    )
    told = (await mo.hears("moderation:decided", lambda each: each["id"] == item["id"], channel="admin"))["data"]
    assert told == decided
    notified = (await ada.hears("notification:created", channel=ada.own_channel))["data"]["notification"]
    assert (notified["type"], notified["message"], notified["level"]) == (
        "SYSTEM",
        "House rules",
        {"approve": "success", "reject": "warning"}[decision],
    )
    assert notified["data"] == {
        **{name: item[name] for name in ("kind", "subjectId", "entityType", "entityId")},
        **{name: decided[name] for name in ("status", "reason")},
        "itemId": item["id"],
    }
    for each in (mo, admin):
        error = await each.refused("conflict", "moderation:decide", itemId=item["id"], decision="approve")
        assert error["current"] == decided
    assert await pending(mo, made) == []
    if decision == "approve":
        assert await comments_of(bo, trip) == [made]
        await bo.does("comment:flag", commentId=made["id"])
        assert await pending(mo, made) == []
    else:
        assert (await bo.hears("comment:deleted"))["data"] == {"commentId": made["id"]}
        assert await comments_of(bo, trip) == []
        assert decided["subject"]["body"] is None
        # Neither the readers' log nor the moderators' keeps what was taken away.
        for person, channel in ((bo, trip.channel("comments")), (mo, "admin")):
            assert advertisement not in str(await person.subscribes(channel, after=0))


async def test_the_snapshot_of_admin_counts_what_waits(arrive: Gathering, moderator: Callable[[], Any]) -> None:
    ada, bo, mo, trip = await arrive("Ada"), await arrive("Bo"), await moderator(), Trip()

    async def counted() -> tuple[int, int]:
        reply = await mo.subscribes("admin", snapshot=True)
        contract.keys(reply["snapshot"], {"pendingCount"})
        return reply["snapshot"]["pendingCount"], reply["seq"]

    before, _ = await counted()
    made = await say(ada, trip, "Buy one", "Buy two", "Buy three")
    for each in made:
        await bo.does("comment:flag", commentId=each["id"])
    items = [await added(mo, each) for each in made]
    await mo.does("moderation:decide", itemId=items[0]["id"], decision="approve")
    await ada.does("comment:delete", commentId=made[1]["id"])
    told = await mo.hears("moderation:decided", lambda each: each["id"] == items[1]["id"], channel="admin")
    assert told["data"]["status"] == "withdrawn"
    assert await counted() == (before + 1, told["seq"])


async def test_of_two_decisions_at_once_one_counts(arrive: Gathering, moderator: Callable[[], Any]) -> None:
    ada, bo, trip = await arrive("Ada"), await arrive("Bo"), Trip()
    moderators = [await moderator() for _ in range(4)]
    for number in range(5):
        (made,) = await say(ada, trip, f"Buy my book, part {number}")
        await bo.does("comment:flag", commentId=made["id"])
        item = await added(moderators[0], made)
        replies = await asyncio.gather(
            *(
                each.call("moderation:decide", itemId=item["id"], decision=decision)
                for each, decision in zip(moderators, ("approve", "reject") * 2, strict=True)
            )
        )
        (won,) = [body["data"] for body, _ in replies if body["ok"]]
        lost = [body["error"] for body, _ in replies if not body["ok"]]
        assert [(error["code"], error["current"]) for error in lost] == [("conflict", won)] * 3
        there = made["id"] in {each["id"] for each in await comments_of(ada, trip)}
        assert there == (won["status"] == "approved")


async def test_what_waits_is_withdrawn_when_its_author_deletes_it(
    arrive: Gathering, moderator: Callable[[], Any]
) -> None:
    ada, bo, mo, trip = await arrive("Ada"), await arrive("Bo"), await moderator(), Trip()
    made = await say(ada, trip, "First thoughts", "Second thoughts")
    for comment, deleter, status in ((made[0], ada, "withdrawn"), (made[1], mo, "rejected")):
        await bo.does("comment:flag", commentId=comment["id"])
        item = await added(mo, comment)
        await deleter.does("comment:delete", commentId=comment["id"])
        told = (await mo.hears("moderation:decided", lambda each, id=item["id"]: each["id"] == id))["data"]
        assert (told["status"], told["decidedBy"]) == (status, deleter.id)
        assert await pending(mo, comment) == []
        listed = (await mo.does("moderation:list", status=status))["items"]
        assert item["id"] in {each["id"] for each in listed}
        await mo.refused("conflict", "moderation:decide", itemId=item["id"], decision="approve")


async def test_the_queue_is_for_moderators(arrive: Gathering, moderator: Callable[[], Any]) -> None:
    ada, mo, trip = await arrive("Ada"), await moderator(), Trip()
    visitor, backend = await arrive.visitor(), await arrive.backend()
    (made,) = await say(ada, trip, "Hm")
    await mo.does("comment:flag", commentId=made["id"])
    item = await added(mo, made)
    for person, code in ((visitor, "unauthenticated"), (ada, "forbidden"), (backend, "forbidden")):
        await person.refused(code, "moderation:list")
        await person.refused(code, "moderation:decide", itemId=item["id"], decision="approve")
    await ada.refused("forbidden", "channel:subscribe", channel="admin")
    await mo.refused("not_found", "moderation:decide", itemId="nothing", decision="approve")
    for wrong in ("maybe", "", 1, ["approve"]):
        await mo.refused("invalid", "moderation:decide", itemId=item["id"], decision=wrong)
    assert len(await pending(mo, made)) == 1


async def test_the_queue_is_paged_newest_first(arrive: Gathering, moderator: Callable[[], Any]) -> None:
    ada, bo, mo, trip = await arrive("Ada"), await arrive("Bo"), await moderator(), Trip()
    made = await say(ada, trip, *map(str, range(5)))
    for comment in made:
        await bo.does("comment:flag", commentId=comment["id"])
    first = await mo.does("moderation:list", limit=3)
    second = await mo.does("moderation:list", limit=2, before=first["items"][-1]["id"])
    assert first["hasMore"]
    found = [each["subjectId"] for each in first["items"] + second["items"]]
    assert found == [each["id"] for each in made[::-1]]


async def test_a_word_holds_a_comment_back_until_a_moderator_has_decided(
    arrive: Gathering, moderator: Callable[[], Any]
) -> None:
    ada, bo, mo, trip = await arrive("Ada"), await arrive("Bo"), await moderator(), Trip()
    await bo.subscribes(trip.channel("comments"))
    (question,) = await say(bo, trip, "What time is it?")
    for body in ("CHEAP\nWatches, here!", "Ich sehe mull.", "Look at WWW.shop.example"):
        (held,) = await say(ada, trip, body, parentId=question["id"])
        contract.comment(held)
        assert held["status"] == "pending"
        item = await added(mo, held)
        assert (item["cause"], item["flagCount"], item["subject"]) == ("word", 0, held)
        assert await comments_of(bo, trip) == [question]
        assert [each["id"] for each in await comments_of(ada, trip)] == [held["id"], question["id"]]
        for action in ("comment:flag", "comment:delete"):
            await bo.refused("not_found", action, commentId=held["id"])
        await mo.does("moderation:decide", itemId=item["id"], decision="approve")
        told = (await bo.hears("comment:created", lambda data, id=held["id"]: data["id"] == id))["data"]
        assert told == held | {"status": "approved"}
        assert await comments_of(bo, trip) == [told, question | {"replyCount": 1}]
        await ada.does("comment:delete", commentId=held["id"])
    (held,) = await say(ada, trip, "Cheap watches again")
    item = await added(mo, held)
    await mo.does("moderation:decide", itemId=item["id"], decision="reject")
    assert await comments_of(ada, trip) == [question]
    await say(bo, trip, "Never mind")
    await bo.hears("comment:created", lambda data: data["body"] == "Never mind")
    assert held["id"] not in {data.get("id", data.get("commentId")) for data in bo.heard("comment:created")}
    assert held["id"] not in {data["commentId"] for data in bo.heard("comment:deleted")}


async def test_an_edit_with_such_a_word_takes_the_comment_back_until_then(
    arrive: Gathering, moderator: Callable[[], Any]
) -> None:
    ada, bo, mo, trip = await arrive("Ada"), await arrive("Bo"), await moderator(), Trip()
    await bo.subscribes(trip.channel("comments"))
    (made,) = await say(ada, trip, "It is late")
    held = await ada.does("comment:edit", commentId=made["id"], body="Cheap watches")
    assert held["status"] == "pending"
    assert (await bo.hears("comment:deleted"))["data"] == {"commentId": made["id"]}
    item = await added(mo, held)
    better = await ada.does("comment:edit", commentId=made["id"], body="It is very late")
    assert better["status"] == "pending"
    told = (await mo.hears("moderation:updated", lambda each: each["id"] == item["id"]))["data"]
    assert told["subject"] == better
    await mo.does("moderation:decide", itemId=item["id"], decision="approve")
    back = (await bo.hears("comment:created", lambda data: data["body"] == "It is very late"))["data"]
    assert back == better | {"status": "approved"}
    assert await comments_of(bo, trip) == [back]
    assert bo.heard("comment:edited") == []


async def test_a_refused_word_is_named_by_its_field_and_nothing_is_stored(
    arrive: Gathering, moderator: Callable[[], Any]
) -> None:
    ada, mo, trip = await arrive("Ada"), await moderator(), Trip()
    room = await open_room(ada)
    (made,) = await say(ada, trip, "Fine")
    for body in ("You SLÚRword!", "that is badly  spelt", "slur\u200bword"):
        error = await ada.refused("invalid", "comment:create", **trip.at, body=body)
        assert list(error["fields"]) == ["body"]
        error = await ada.refused("invalid", "comment:edit", commentId=made["id"], body=body)
        assert list(error["fields"]) == ["body"]
        error = await ada.refused("invalid", "message:send", roomId=room["id"], message=body)
        assert list(error["fields"]) == ["message"]
        await mo.refused("invalid", "comment:create", **trip.at, body=body)
    # A message is refused or sent; it never waits.
    sent = await ada.creates("message:send", roomId=room["id"], message="Cheap watches")
    error = await ada.refused("invalid", "message:edit", messageId=sent["id"], message="slurword")
    assert list(error["fields"]) == ["message"]
    assert [each["message"] for each in (await ada.does("message:history", roomId=room["id"]))["messages"]] == [
        "Cheap watches"
    ]
    assert await comments_of(ada, trip) == [made]
    # A part of a longer word is another word, and moderators need no moderator.
    await say(ada, trip, "slurwords", "Watches, cheap")
    (trusted,) = await say(mo, trip, "Cheap watches")
    assert trusted["status"] == "approved"
