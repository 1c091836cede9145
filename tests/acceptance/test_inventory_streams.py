"""The inventory's rows about streams and polling (A, B and C); each test bears its row's name."""

import asyncio
import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.acceptance import contract
from tests.acceptance.entities import Trip, say
from tests.acceptance.people import Gathering
from tests.server.talk import publish, publish_many, someone
from tests.support.hubbub import Hubbub
from tests.support.sse import SseStream, StreamRefused
from tests.support.waiting import eventually


def path(trip: Trip, topic: str) -> str:
    """The long address of one of an entity's streams."""
    return f"/api/subscribe/trip/{trip.id}/{topic}"


async def gauge(worker: Hubbub, name: str) -> float:
    """A number that the worker tells Prometheus."""
    text = (await worker.rest("GET", "/metrics")).body
    (line,) = [line for line in text.splitlines() if line.startswith(f"{name} ")]
    return float(line.rsplit(" ", 1)[1])


@pytest.mark.parametrize(
    ("topic", "action", "payload", "event"),
    [
        ("comments", "comment:create", {"body": "Lovely"}, "comment:created"),
        ("rating", "rating:set", {"value": 4}, "rating:changed"),
        ("likes", "like:toggle", {}, "like:changed"),
        ("saves", "save:toggle", {}, "save:changed"),
    ],
)
async def test_sse_of_each_kind_of_engagement(
    arrive: Gathering, topic: str, action: str, payload: dict[str, Any], event: str
) -> None:
    ada, trip = await arrive("Ada"), Trip()
    async with SseStream(arrive.cluster.b.url + path(trip, topic)) as stream:
        body, _ = await ada.call(action, **trip.at, **payload)
        assert body["ok"], body
        (told,) = await stream.has(1)
        contract.event(told, event)
        assert told["channel"] == trip.channel(topic)


@pytest.mark.parametrize("topic", ["presence", "viewers"])
async def test_sse_of_presence_and_viewers(arrive: Gathering, topic: str) -> None:
    ada, trip = await arrive("Ada"), Trip()
    async with SseStream(arrive.cluster.b.url + path(trip, topic)) as stream:
        await eventually(lambda: stream.last_id, "the stream")
        await ada.subscribes(trip.channel("viewers"))
        (signal, *_) = await eventually(lambda: stream.signals("viewers:changed"), "the viewers")
        assert signal["data"]["count"] == 1


async def test_30_s_heartbeat(start_hubbub: Callable[..., Hubbub]) -> None:
    server = start_hubbub(HUBBUB_SSE_HEARTBEAT_SECONDS="0.2")
    async with SseStream(f"{server.url}/api/community/events") as stream:
        await eventually(lambda: stream.comments >= 2, "heartbeats")
    described = (await server.rest("GET", "/metrics")).body
    assert "hubbub_streams" in described


async def test_clean_up_on_disconnect(arrive: Gathering) -> None:
    worker, trip = arrive.cluster.a, Trip()
    streams, channels = await gauge(worker, "hubbub_streams"), await gauge(worker, "hubbub_channels")
    async with SseStream(worker.url + path(trip, "comments")):
        assert await gauge(worker, "hubbub_streams") == streams + 1
        assert await gauge(worker, "hubbub_channels") == channels + 1

    async def cleaned_up() -> bool:
        return (await gauge(worker, "hubbub_streams"), await gauge(worker, "hubbub_channels")) == (streams, channels)

    await eventually(cleaned_up, "nothing to be left")


async def test_message_persistence_that_survives_disconnects(arrive: Gathering) -> None:
    trip = Trip()
    async with SseStream(arrive.cluster.a.url + path(trip, "comments")) as stream:
        await eventually(lambda: stream.last_id, "the stream")
    for _ in range(2):
        await publish_many(arrive.cluster.b, trip.channel("comments"), 50)
    async with SseStream(arrive.cluster.b.url + path(trip, "comments"), last_id=stream.last_id) as again:
        assert [each["seq"] for each in await again.has(100)] == list(range(1, 101))


async def test_smart_polling_2_s_growing_to_10_s_back_to_2_s(arrive: Gathering) -> None:
    ada, trip = await arrive("Ada"), Trip()
    address = f"/api/poll?channel={trip.channel('comments')}&after="
    quiet = (await arrive.cluster.a.rest("GET", f"{address}0")).body["data"]
    assert (quiet["events"], quiet["retryAfter"]) == ([], 10)
    await say(ada, trip, "Lovely")
    lively = (await arrive.cluster.b.rest("GET", f"{address}0")).body["data"]
    contract.keys(lively, {"events", "hasMore", "seq", "recovered", "retryAfter"})
    assert [each["event"] for each in lively["events"]] == ["comment:created"]
    assert lively["retryAfter"] == 2


async def test_polling_as_the_last_resort_tells_the_same(arrive: Gathering) -> None:
    ada, trip = await arrive("Ada"), Trip()
    channel = trip.channel("comments")
    await ada.subscribes(channel)
    async with SseStream(arrive.cluster.b.url + path(trip, "comments")) as stream:
        await say(ada, trip, "One", "Two")
        waited = (await arrive.cluster.a.rest("GET", f"/api/poll?channel={channel}&after=0&wait=5")).body["data"]
        live = [await ada.hears("comment:created", channel=channel) for _ in range(2)]
        assert await stream.has(2) == waited["events"] == live


async def test_sse_api_community_events_connection_count_logged(arrive: Gathering) -> None:
    worker = arrive.cluster.a
    before = int(await gauge(worker, "hubbub_streams"))
    async with SseStream(f"{worker.url}/api/community/events") as stream:
        await publish(arrive.cluster.b, "community", {"storyId": someone("story")}, "story:published")
        assert [each["event"] for each in await stream.has(1)] == ["story:published"]
        counts = [int(count) for count in re.findall(r"A stream has begun .*streams=(\d+)", worker.log())]
        assert counts[-1] == before + 1


async def test_connection_limits_per_address(start_hubbub: Callable[..., Hubbub]) -> None:
    server = start_hubbub(HUBBUB_CONNECTIONS_PER_ADDRESS="2")
    address = f"{server.url}/api/community/events"
    async with SseStream(address), SseStream(address):
        with pytest.raises(StreamRefused) as refused:
            await SseStream(address).open()
        assert refused.value.status == 429
        assert refused.value.body["error"]["code"] == "rate_limited"


async def test_sign_in_for_sse(arrive: Gathering) -> None:
    ada = await arrive("Ada")
    address = f"{arrive.cluster.b.url}/api/subscribe?channel={ada.own_channel}"
    with pytest.raises(StreamRefused) as refused:
        await SseStream(address).open()
    assert refused.value.status == 401
    async with (
        SseStream(f"{address}&token={ada.credential}") as stream,
        SseStream(address, token=ada.credential) as other,
    ):
        await asyncio.gather(*(eventually(lambda each=each: each.last_id, "the stream") for each in (stream, other)))
        await ada.call("room:create", name=someone("room"))
        for each in (stream, other):
            assert (await each.has(1))[0]["event"] == "room:added"
