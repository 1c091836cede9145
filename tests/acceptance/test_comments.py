"""Comments, through both doors."""

import asyncio
import secrets

import pytest

from tests.acceptance import contract
from tests.acceptance.entities import Trip, comments_of, say
from tests.acceptance.people import DOORS, Gathering, call_rest

pytestmark = pytest.mark.parametrize("door", DOORS)


async def test_a_comment_is_told_to_everybody_who_hears_the_entity(arrive: Gathering) -> None:
    ada, visitor, trip = await arrive("Ada"), await arrive.visitor(at=arrive.cluster.b), Trip()
    for each in (ada, visitor):
        await each.subscribes(trip.channel("comments"))
    (made,) = await say(ada, trip, "Lovely!\nAll of it. 🎉", clientId="one")
    contract.comment(made)
    assert made["body"] == "Lovely!\nAll of it. 🎉"
    assert (made["entityType"], made["entityId"]) == ("trip", trip.id)
    assert (made["clientId"], made["parentId"], made["replyCount"], made["status"]) == ("one", None, 0, "approved")
    for each in (ada, visitor):
        told = await each.hears("comment:created")
        assert (told["channel"], told["data"]) == (trip.channel("comments"), made)
    assert await comments_of(visitor, trip) == [made]


async def test_the_same_client_id_comments_once(arrive: Gathering) -> None:
    ada, trip = await arrive("Ada"), Trip()
    (made,) = await say(ada, trip, "Once", clientId="once")
    assert await ada.does("comment:create", **trip.at, body="Once", clientId="once") == made
    edited = await ada.does("comment:edit", commentId=made["id"], body="Once and for all")
    assert await ada.does("comment:create", **trip.at, body="Once", clientId="once") == edited
    await ada.does("comment:delete", commentId=made["id"])
    again = await ada.does("comment:create", **trip.at, body="Once", clientId="once")
    assert (again["id"], again["body"]) == (made["id"], None)
    assert await comments_of(ada, trip) == []


async def test_answers_stand_with_the_others_and_are_counted(arrive: Gathering) -> None:
    ada, bo, trip = await arrive("Ada"), await arrive("Bo"), Trip()
    (question,) = await say(ada, trip, "Was it warm?")
    (first,) = await say(bo, trip, "Very", parentId=question["id"])
    (second,) = await say(ada, trip, "Good", parentId=first["id"])
    (third,) = await say(bo, trip, "At night, too", parentId=question["id"])
    found = await comments_of(ada, trip)
    assert [each["id"] for each in found] == [third["id"], second["id"], first["id"], question["id"]]
    assert [each["replyCount"] for each in found] == [0, 0, 1, 2]
    answers = await comments_of(ada, trip, parentId=question["id"])
    assert [each["id"] for each in answers] == [third["id"], first["id"]]
    await bo.does("comment:delete", commentId=third["id"])
    assert [each["replyCount"] for each in await comments_of(ada, trip)] == [0, 1, 1]


async def test_an_answer_to_nothing_here_is_invalid(arrive: Gathering) -> None:
    ada, trip, other = await arrive("Ada"), Trip(), Trip()
    (elsewhere, gone) = (await say(ada, other, "Elsewhere"))[0], (await say(ada, trip, "Gone"))[0]
    await ada.does("comment:delete", commentId=gone["id"])
    for parent in (elsewhere["id"], gone["id"], "nothing"):
        error = await ada.refused("invalid", "comment:create", **trip.at, body="Hm", parentId=parent)
        assert list(error["fields"]) == ["parentId"]
    assert await comments_of(ada, trip) == []


async def test_pages_are_stable_while_new_ones_arrive(arrive: Gathering) -> None:
    ada, trip = await arrive("Ada"), Trip()
    made = [each["id"] for each in await say(ada, trip, *map(str, range(12)))][::-1]
    first = await ada.does("comment:list", **trip.at, limit=5)
    newer = [each["id"] for each in await say(ada, trip, "newer", "newest")][::-1]
    # The mark itself may go, too.
    await ada.does("comment:delete", commentId=made[4])
    second = await ada.does("comment:list", **trip.at, limit=5, before=made[4])
    third = await ada.does("comment:list", **trip.at, limit=5, before=made[9])
    assert [[each["id"] for each in page["comments"]] for page in (first, second, third)] == [
        made[:5],
        made[5:10],
        made[10:],
    ]
    assert [page["hasMore"] for page in (first, second, third)] == [True, True, False]
    later = await ada.does("comment:list", **trip.at, limit=1, after=made[0])
    assert ([each["id"] for each in later["comments"]], later["hasMore"]) == ([newer[1]], True)
    rest = await ada.does("comment:list", **trip.at, after=newer[1])
    assert ([each["id"] for each in rest["comments"]], rest["hasMore"]) == ([newer[0]], False)
    between = await comments_of(ada, trip, before=made[0], after=made[3])
    assert [each["id"] for each in between] == made[1:3]


async def test_a_page_begins_at_a_comment_of_the_entity(arrive: Gathering) -> None:
    ada, trip, other = await arrive("Ada"), Trip(), Trip()
    (elsewhere,) = await say(ada, other, "Elsewhere")
    for mark in ("before", "after"):
        for wrong in (elsewhere["id"], "nothing", "99999999999"):
            error = await ada.refused("invalid", "comment:list", **trip.at, **{mark: wrong})
            assert list(error["fields"]) == [mark]


async def test_comments_from_all_workers_at_once_are_paged_without_loss(arrive: Gathering) -> None:
    people, trip = [await arrive(f"Guest{number}") for number in range(6)], Trip()
    replies = await asyncio.gather(
        *(
            each.call("comment:create", **trip.at, body=f"{each.name} {number}")
            for each in people
            for number in range(5)
        )
    )
    made = {body["data"]["id"] for body, _ in replies}
    found: list[str] = []
    page = await people[0].does("comment:list", **trip.at, limit=7)
    while True:
        found += [each["id"] for each in page["comments"]]
        if not page["hasMore"]:
            break
        page = await people[0].does("comment:list", **trip.at, limit=7, before=found[-1])
    assert len(found) == 30
    assert set(found) == made
    # Newest first is the order in which they were told.
    await people[0].subscribes(trip.channel("comments"))
    told = (await people[0].subscribes(trip.channel("comments"), after=0))["events"]
    assert [event["data"]["id"] for event in told] == found[::-1]


async def test_its_author_edits_a_comment_and_nobody_else(arrive: Gathering) -> None:
    ada, bo, trip = await arrive("Ada"), await arrive("Bo"), Trip()
    mo = await arrive("Mo", role="moderator")
    await bo.subscribes(trip.channel("comments"))
    (made,) = await say(ada, trip, "Lovly")
    edited = await ada.does("comment:edit", commentId=made["id"], body="Lovely")
    contract.time(edited["editedAt"])
    assert edited == made | {"body": "Lovely", "editedAt": edited["editedAt"]}
    assert (await bo.hears("comment:edited"))["data"] == edited
    for each in (bo, mo):
        await each.refused("forbidden", "comment:edit", commentId=made["id"], body="Mine")
    assert await comments_of(bo, trip) == [edited]


async def test_a_deleted_comment_is_gone_from_the_log_too(arrive: Gathering) -> None:
    ada, bo, trip = await arrive("Ada"), await arrive("Bo"), Trip()
    mo = await arrive("Mo", role="moderator")
    await bo.subscribes(trip.channel("comments"))
    texts = [f"secret {secrets.token_hex(8)}" for _ in range(2)]
    made = await say(ada, trip, *texts)
    await ada.does("comment:edit", commentId=made[0]["id"], body=f"{texts[0]}, edited")
    await bo.refused("forbidden", "comment:delete", commentId=made[0]["id"])
    for each, comment in ((ada, made[0]), (mo, made[1])):
        gone = await each.does("comment:delete", commentId=comment["id"])
        contract.comment(gone)
        assert (gone["id"], gone["status"]) == (comment["id"], "deleted")
        assert (await bo.hears("comment:deleted"))["data"] == {"commentId": comment["id"]}
        assert await each.does("comment:delete", commentId=comment["id"]) == gone
        await bo.refused("not_found", "comment:delete", commentId=comment["id"])
        await ada.refused("not_found", "comment:edit", commentId=comment["id"], body="Back")
    assert await comments_of(bo, trip) == []
    replay = await bo.subscribes(trip.channel("comments"), after=0)
    assert replay["recovered"]
    assert [event["event"].removeprefix("comment:") for event in replay["events"]] == [
        *("created", "created", "edited", "deleted", "deleted")
    ]
    assert "secret" not in str(replay)


async def test_a_visitor_reads_and_no_more(arrive: Gathering) -> None:
    ada, trip = await arrive("Ada"), Trip()
    (made,) = await say(ada, trip, "Hello")
    visitor = await arrive.visitor()
    assert await comments_of(visitor, trip) == [made]
    for action, payload in (
        ("comment:create", trip.at | {"body": "Hello"}),
        ("comment:edit", {"commentId": made["id"], "body": "Hello"}),
        ("comment:delete", {"commentId": made["id"]}),
        ("comment:flag", {"commentId": made["id"]}),
    ):
        await visitor.refused("unauthenticated", action, **payload)
        assert (await call_rest(visitor.worker, None, action, payload)).status == 401
    assert await comments_of(visitor, trip) == [made]


async def test_a_snapshot_and_what_follows_tell_the_count(arrive: Gathering) -> None:
    ada, bo, trip = await arrive("Ada"), await arrive("Bo"), Trip()
    made = await say(ada, trip, "One", "Two", "Three")
    await ada.does("comment:delete", commentId=made[1]["id"])
    await ada.call("typing:start", channel=trip.channel("comments"))
    opened = await bo.subscribes(trip.channel("comments"), snapshot=True, after=3)
    assert (opened["snapshot"]["count"], opened["seq"]) == (2, 4)
    assert [event["event"] for event in opened["events"]] == ["comment:deleted"]
    assert all(each["id"] == ada.id for each in opened["snapshot"]["typing"])
    await say(ada, trip, "Four")
    assert (await bo.hears("comment:created"))["seq"] == 5
