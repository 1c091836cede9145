"""Ratings, likes and saves, through both doors."""

import asyncio
import itertools
import random

import pytest

from tests.acceptance.entities import Trip
from tests.acceptance.people import DOORS, Gathering

pytestmark = pytest.mark.parametrize("door", DOORS)


async def test_a_rating_counts_once_for_each_person_and_may_change(arrive: Gathering) -> None:
    ada, bo, cy = [await arrive(name) for name in ("Ada", "Bo", "Cy")]
    visitor, trip = await arrive.visitor(), Trip()
    for each in (ada, visitor):
        await each.subscribes(trip.channel("rating"))
    assert await visitor.does("rating:get", **trip.at) == {"averageRating": 0, "ratingCount": 0, "mine": None}
    for person, value, average, count in (
        (ada, 5, 5, 1),
        (bo, 4, 4.5, 2),
        (cy, 1, 3.33, 3),
        (bo, 5, 3.67, 3),
        (cy, 3, 4.33, 3),
    ):
        rated = await person.does("rating:set", **trip.at, value=value)
        assert rated == {"averageRating": average, "ratingCount": count, "mine": value}
        for each in (ada, visitor):
            told = await each.hears("rating:changed")
            assert told["channel"] == trip.channel("rating")
            assert told["data"] == {"averageRating": average, "ratingCount": count}
    assert await bo.does("rating:get", **trip.at) == {"averageRating": 4.33, "ratingCount": 3, "mine": 5}
    assert await visitor.does("rating:get", **trip.at) == {"averageRating": 4.33, "ratingCount": 3, "mine": None}


async def test_the_same_rating_again_changes_nothing(arrive: Gathering) -> None:
    ada, trip = await arrive("Ada"), Trip()
    await ada.subscribes(trip.channel("rating"))
    first = await ada.does("rating:set", **trip.at, value=2)
    assert await ada.does("rating:set", **trip.at, value=2) == first
    await ada.does("rating:set", **trip.at, value=3)
    await ada.hears("rating:changed", lambda data: data["averageRating"] == 3)
    assert len(ada.heard("rating:changed")) == 2


async def test_a_like_is_toggled_and_set(arrive: Gathering) -> None:
    ada, bo, trip = await arrive("Ada"), await arrive("Bo"), Trip()
    await bo.subscribes(trip.channel("likes"))
    for action, payload, liked, count, told in (
        ("like:toggle", {}, True, 1, "like"),
        ("like:set", {"liked": True}, True, 1, None),
        ("like:toggle", {}, False, 0, "unlike"),
        ("like:set", {"liked": False}, False, 0, None),
        ("like:set", {"liked": True}, True, 1, "like"),
    ):
        assert await ada.does(action, **trip.at, **payload) == {"liked": liked, "count": count}
        if told:
            event = await bo.hears("like:changed")
            assert event["channel"] == trip.channel("likes")
            assert event["data"] == {"count": count, "action": told, "userId": ada.id}
    assert await ada.does("like:get", **trip.at) == {"liked": True, "count": 1}
    assert await bo.does("like:get", **trip.at) == {"liked": False, "count": 1}
    assert await bo.does("like:toggle", **trip.at) == {"liked": True, "count": 2}
    await bo.hears("like:changed", lambda data: data["count"] == 2)
    assert len(bo.heard("like:changed")) == 4


async def test_a_save_is_told_without_a_name(arrive: Gathering) -> None:
    ada, bo, trip = await arrive("Ada"), await arrive("Bo"), Trip()
    visitor = await arrive.visitor()
    await visitor.subscribes(trip.channel("saves"))
    for action, payload, saved, count, told in (
        ("save:toggle", {}, True, 1, "save"),
        ("save:set", {"saved": True}, True, 1, None),
        ("save:set", {"saved": False}, False, 0, "unsave"),
        ("save:toggle", {}, True, 1, "save"),
    ):
        assert await ada.does(action, **trip.at, **payload) == {"saved": saved, "count": count}
        if told:
            event = await visitor.hears("save:changed")
            assert event["channel"] == trip.channel("saves")
            assert event["data"] == {"count": count, "action": told}
            assert ada.id not in str(event)
    assert await bo.does("save:get", **trip.at) == {"saved": False, "count": 1}
    assert await visitor.does("save:get", **trip.at) == {"saved": False, "count": 1}


async def test_my_saves_are_mine_newest_first_and_paged(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    trips = [Trip() for _ in range(4)]
    blog = Trip("blog")
    for each in (*trips, blog):
        await ada.does("save:set", **each.at, saved=True)
    await ada.does("save:toggle", **trips[1].at)
    await bo.does("save:set", **trips[1].at, saved=True)
    listed = await ada.does("save:list")
    assert not listed["hasMore"]
    assert [each["entityId"] for each in listed["saves"]] == [blog.id, trips[3].id, trips[2].id, trips[0].id]
    assert set(listed["saves"][0]) == {"id", "entityType", "entityId", "createdAt"}
    first = await ada.does("save:list", limit=2)
    rest = await ada.does("save:list", before=first["saves"][-1]["id"])
    assert (first["hasMore"], rest["hasMore"]) == (True, False)
    assert first["saves"] + rest["saves"] == listed["saves"]
    assert [each["entityType"] for each in (await ada.does("save:list", type="blog"))["saves"]] == ["blog"]
    assert [each["entityId"] for each in (await bo.does("save:list"))["saves"]] == [trips[1].id]


async def test_a_save_without_a_session_is_unauthenticated(arrive: Gathering) -> None:
    visitor, trip = await arrive.visitor(), Trip()
    for action, payload in (
        ("save:toggle", {}),
        ("save:set", {"saved": True}),
        ("like:toggle", {}),
        ("like:set", {"liked": True}),
        ("rating:set", {"value": 5}),
    ):
        await visitor.refused("unauthenticated", action, **trip.at, **payload)
    await visitor.refused("unauthenticated", "save:list")
    assert await visitor.does("save:get", **trip.at) == {"saved": False, "count": 0}
    assert await visitor.does("like:get", **trip.at) == {"liked": False, "count": 0}


async def test_200_toggles_at_once_from_50_people_end_in_the_exact_count(arrive: Gathering) -> None:
    people = [await arrive(f"Guest{number}") for number in range(50)]
    trip, watcher = Trip(), await arrive.visitor()
    for topic in ("likes", "saves"):
        await watcher.subscribes(trip.channel(topic))
    # Everybody once, and 150 more by whom chance picks: an odd number of toggles leaves a like.
    turns = [*people, *random.Random(5).choices(people, k=150)]
    for action, state in (("like", "liked"), ("save", "saved")):
        replies = await asyncio.gather(*(each.call(f"{action}:toggle", **trip.at) for each in turns))
        assert all(body["ok"] for body, _ in replies), replies
        expected = {each.id for each in people if turns.count(each) % 2}
        found = [await each.does(f"{action}:get", **trip.at) for each in people]
        assert {each.id for each, mine in zip(people, found, strict=True) if mine[state]} == expected
        assert {mine["count"] for mine in found} == {len(expected)}
        told = [await watcher.hears(f"{action}:changed") for _ in turns]
        assert [event["seq"] for event in told] == list(range(1, 201))
        counts = [0, *(event["data"]["count"] for event in told)]
        for (before, after), event in zip(itertools.pairwise(counts), told, strict=True):
            assert after - before == (1 if event["data"]["action"] == action else -1)


async def test_ratings_from_all_workers_at_once_average_exactly(arrive: Gathering) -> None:
    people, trip = [await arrive(f"Guest{number}") for number in range(12)], Trip()
    chosen = [(each, number % 5 + 1) for number, each in enumerate(people * 4)]
    replies = await asyncio.gather(*(each.call("rating:set", **trip.at, value=value) for each, value in chosen))
    assert all(body["ok"] for body, _ in replies), replies
    mine = [(await each.does("rating:get", **trip.at))["mine"] for each in people]
    found = await people[0].does("rating:get", **trip.at)
    assert found["ratingCount"] == len(people)
    assert found["averageRating"] == round(sum(mine) / len(mine) + 1e-9, 2)


async def test_a_snapshot_is_what_the_events_have_come_to(arrive: Gathering) -> None:
    ada, bo, trip = await arrive("Ada"), await arrive("Bo"), Trip()
    for person, value in ((ada, 5), (bo, 4)):
        await person.does("rating:set", **trip.at, value=value)
        await person.does("like:toggle", **trip.at)
        await person.does("save:toggle", **trip.at)
    await bo.does("like:toggle", **trip.at)
    visitor = await arrive.visitor()
    for topic, state, seq in (
        ("rating", {"averageRating": 4.5, "ratingCount": 2}, 2),
        ("likes", {"count": 1}, 3),
        ("saves", {"count": 2}, 2),
    ):
        opened = await visitor.subscribes(trip.channel(topic), snapshot=True)
        assert (opened["snapshot"], opened["seq"], opened["recovered"], opened["events"]) == (state, seq, True, [])
        again = await visitor.subscribes(trip.channel(topic), snapshot=True, after=1)
        assert [event["seq"] for event in again["events"]] == list(range(2, seq + 1))
        beyond = await visitor.subscribes(trip.channel(topic), snapshot=True, after=99)
        assert (beyond["recovered"], beyond["snapshot"]) == (False, state)
    nothing = await visitor.subscribes(Trip().channel("likes"), snapshot=True)
    assert (nothing["snapshot"], nothing["seq"]) == ({"count": 0}, 0)


async def test_snapshots_taken_while_people_like_lose_and_double_nothing(arrive: Gathering) -> None:
    people, trip = [await arrive(f"Guest{number}") for number in range(6)], Trip()
    visitors = [await arrive.visitor(at=worker) for worker in (arrive.cluster.a, arrive.cluster.b) * 5]
    toggles = [each.call("like:toggle", **trip.at) for each in people * 11]
    opened = [each.subscribes(trip.channel("likes"), snapshot=True) for each in visitors]
    results = await asyncio.gather(*toggles[:20], *opened[:5], *toggles[20:], *opened[5:])
    snapshots = [each for each in results if isinstance(each, dict)]
    for visitor, at in zip(visitors, snapshots, strict=True):
        count, seq = at["snapshot"]["count"], at["seq"]
        while seq < len(toggles):
            event = await visitor.hears("like:changed")
            assert event["seq"] == seq + 1
            assert event["data"]["count"] == count + (1 if event["data"]["action"] == "like" else -1)
            count, seq = event["data"]["count"], event["seq"]
        assert count == len(people)
