"""The inventory's rows of "A, B: travel community" that concern comments, ratings, likes and saves, by their names."""

import asyncio

import pytest

from tests.acceptance.entities import Trip, comments_of, say
from tests.acceptance.people import DOORS, Gathering, call_rest
from tests.support.sse import SseStream

pytestmark = pytest.mark.parametrize("door", DOORS)


@pytest.mark.parametrize("type", ["trip", "location", "post", "blog"])
async def test_comments_on_trips_locations_posts_blog_appear_without_a_refresh(arrive: Gathering, type: str) -> None:
    ada, bo, trip = await arrive("Ada"), await arrive("Bo"), Trip(type)
    await bo.subscribes(trip.channel("comments"))
    (made,) = await say(ada, trip, "I was there")
    assert (await bo.hears("comment:created", channel=trip.channel("comments")))["data"] == made
    edited = await ada.does("comment:edit", commentId=made["id"], body="I was there twice")
    assert (await bo.hears("comment:edited"))["data"] == edited
    await ada.does("comment:delete", commentId=made["id"])
    assert (await bo.hears("comment:deleted"))["data"] == {"commentId": made["id"]}
    assert await comments_of(bo, trip) == []


async def test_star_ratings_live_average_rating_and_rating_count(arrive: Gathering) -> None:
    ada, bo, trip = await arrive("Ada"), await arrive("Bo"), Trip()
    await bo.subscribes(trip.channel("rating"))
    await ada.does("rating:set", **trip.at, value=5)
    await bo.does("rating:set", **trip.at, value=4)
    assert (await bo.hears("rating:changed"))["data"] == {"averageRating": 5, "ratingCount": 1}
    assert (await bo.hears("rating:changed"))["data"] == {"averageRating": 4.5, "ratingCount": 2}


async def test_like_and_unlike_a_trip(arrive: Gathering) -> None:
    ada, bo, trip = await arrive("Ada"), await arrive("Bo"), Trip()
    await bo.subscribes(trip.channel("likes"))
    assert await ada.does("like:toggle", **trip.at) == {"liked": True, "count": 1}
    assert await ada.does("like:toggle", **trip.at) == {"liked": False, "count": 0}
    told = [(await bo.hears("like:changed"))["data"] for _ in range(2)]
    assert [(each["action"], each["count"]) for each in told] == [("like", 1), ("unlike", 0)]


async def test_save_and_unsave_unique_per_person_and_trip_counts_public_own_rows_only(arrive: Gathering) -> None:
    ada, bo, trip = await arrive("Ada"), await arrive("Bo"), Trip()
    await bo.subscribes(trip.channel("saves"))
    # However many tabs say so at once, one row stands.
    replies = await asyncio.gather(*(ada.call("save:set", **trip.at, saved=True) for _ in range(6)))
    assert {body["data"]["count"] for body, _ in replies} == {1}
    assert len((await ada.does("save:list"))["saves"]) == 1
    # Letting go concerns what is one's own alone.
    assert await bo.does("save:set", **trip.at, saved=False) == {"saved": False, "count": 1}
    assert await ada.does("save:toggle", **trip.at) == {"saved": False, "count": 0}
    told = [(await bo.hears("save:changed"))["data"] for _ in range(2)]
    assert told == [{"count": 1, "action": "save"}, {"count": 0, "action": "unsave"}]
    visitor = await arrive.visitor()
    assert (await visitor.does("save:get", **trip.at))["count"] == 0


async def test_errors_401_for_a_save_without_a_session(arrive: Gathering) -> None:
    trip = Trip()
    visitor = await arrive.visitor()
    await visitor.refused("unauthenticated", "save:toggle", **trip.at)
    reply = await call_rest(visitor.worker, None, "save:toggle", trip.at)
    assert (reply.status, reply.body["error"]["code"]) == (401, "unauthenticated")


async def test_publish_helpers_for_comment_edit_delete_rating_like_save_presence_image(arrive: Gathering) -> None:
    ada, backend, trip = await arrive("Ada"), await arrive.backend(), Trip()
    for topic, event, data in (
        ("comments", "comment:created", {"id": "1", "body": "From elsewhere"}),
        ("comments", "comment:edited", {"id": "1", "body": "Still from elsewhere"}),
        ("comments", "comment:deleted", {"commentId": "1"}),
        ("rating", "rating:changed", {"averageRating": 4.5, "ratingCount": 2}),
        ("likes", "like:changed", {"count": 3, "action": "like", "userId": ada.id}),
        ("saves", "save:changed", {"count": 3, "action": "save"}),
        ("viewers", "viewers:changed", {"count": 1, "viewers": []}),
        ("images", "image:added", {"id": "1"}),
    ):
        await ada.subscribes(trip.channel(topic))
        await backend.creates("channel:publish", channel=trip.channel(topic), event=event, data=data)
        told = await ada.socket.wait_for(event, lambda envelope, data=data: envelope["data"] == data)
        assert told.data["channel"] == trip.channel(topic)


@pytest.mark.parametrize("topic", ["comments", "rating", "likes", "saves"])
async def test_sse_api_subscribe_type_id_channel(arrive: Gathering, topic: str) -> None:
    ada, trip = await arrive("Ada"), Trip()
    async with SseStream(f"{arrive.cluster.b.url}/api/subscribe/trip/{trip.id}/{topic}") as stream:
        await say(ada, trip, "Hello")
        await ada.does("rating:set", **trip.at, value=5)
        await ada.does("like:toggle", **trip.at)
        await ada.does("save:toggle", **trip.at)
        (event,) = await stream.has(1)
        assert (event["channel"], event["seq"]) == (trip.channel(topic), 1)
