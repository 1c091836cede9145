"""Server-sent events: channels as streams that lose nothing, whoever drops whom."""

import asyncio
import time
from typing import Any
from urllib.parse import urlencode

import jwt
import pytest

from tests.server.talk import (
    data_of,
    enter,
    error_of,
    numbers,
    open_room,
    publish,
    publish_many,
    someone,
    subscribe,
)
from tests.support.hubbub import Cluster, Hubbub, Reply
from tests.support.js import JsClients
from tests.support.sse import SseStream, StreamRefused
from tests.support.waiting import eventually


@pytest.fixture(scope="module")
def cluster_variables() -> dict[str, str]:
    """Heartbeats that a test can wait for, and no limit on the pace of tests."""
    return {
        "HUBBUB_SSE_HEARTBEAT_SECONDS": "0.3",
        "HUBBUB_ACTIONS_PER_SECOND": "10000",
        "HUBBUB_ACTIONS_BURST": "10000",
        "HUBBUB_JSON_KEYS": "5000",
    }


def entity(topic: str = "comments") -> str:
    """A channel of an entity that no other test knows."""
    return f"trip:{someone('entity')}:{topic}"


def listen(
    worker: Hubbub, *channels: str, token: str | None = None, last_id: str | None = None, **query: Any
) -> SseStream:
    """A stream of these channels, to be opened."""
    asked = urlencode([("channel", each) for each in channels] + list(query.items()))
    return SseStream(f"{worker.url}/api/subscribe?{asked}", token=token, last_id=last_id)


async def refused(code: str, stream: SseStream) -> dict[str, Any]:
    """This stream is not opened, for that reason: the error."""
    with pytest.raises(StreamRefused) as caught:
        await stream.open()
    return error_of(Reply(caught.value.status, caught.value.headers, caught.value.body), code)


async def test_events_of_every_worker_arrive_in_order(cluster: Cluster) -> None:
    channel = entity()
    async with listen(cluster.a, channel) as one, listen(cluster.b, channel) as other:
        for n in range(10):
            await publish(cluster.workers[n % len(cluster.workers)], channel, n)
        for stream in (one, other):
            heard = await stream.has(10)
            assert numbers(heard) == list(range(1, 11))
            assert [each["data"] for each in heard] == list(range(10))
            assert [each.id for each in stream.messages] == [str(n) for n in range(1, 11)]
            assert heard[0].keys() == {"event", "channel", "seq", "at", "data"}


async def test_the_headers_let_proxies_and_browsers_pass_it_on(cluster: Cluster) -> None:
    async with listen(cluster.a, entity()) as stream:
        assert stream.headers["Content-Type"].startswith("text/event-stream")
        assert stream.headers["Cache-Control"] == "no-cache"
        assert stream.headers["X-Accel-Buffering"] == "no"
        await eventually(lambda: stream.retry, "the delay")
        assert 1000 <= (stream.retry or 0) <= 3000


async def test_clients_do_not_come_back_at_the_same_moment(cluster: Cluster) -> None:
    delays = set()
    for _ in range(8):
        async with listen(cluster.a, entity()) as stream:
            delays.add(await eventually(lambda stream=stream: stream.retry, "the delay"))
    assert len(delays) > 1


async def test_heartbeats_are_comments(cluster: Cluster) -> None:
    async with listen(cluster.a, entity()) as stream:
        await eventually(lambda: stream.comments >= 3, "heartbeats")
        assert stream.messages == []


async def test_the_long_paths_are_the_same_channels(cluster: Cluster) -> None:
    story, trip = someone("trip"), someone("trip")
    async with (
        SseStream(f"{cluster.a.url}/api/subscribe/trip/{trip}/presence") as viewers,
        SseStream(f"{cluster.b.url}/api/subscribe/trip/{story}/comments") as comments,
        SseStream(f"{cluster.b.url}/api/community/events") as community,
    ):
        await publish(cluster.a, f"trip:{trip}:viewers", "viewers")
        await publish(cluster.a, f"trip:{story}:comments", "comments")
        await publish(cluster.a, "community", "community")
        for stream, said in ((viewers, "viewers"), (comments, "comments"), (community, "community")):
            assert (await stream.has(1))[-1]["data"] == said


async def test_one_stream_carries_many_channels_and_resumes_them_all(cluster: Cluster) -> None:
    channels = [entity(), entity("likes"), f"app:{someone('orders')}"]
    token = cluster.token(someone())
    async with listen(cluster.a, *channels, token=token) as stream:
        for channel in channels:
            await publish_many(cluster.b, channel, 3)
        await stream.has(9)
        for channel in channels:
            assert numbers(stream.events(channel)) == [1, 2, 3]
        middle = stream.messages[4].id
        last = stream.last_id
    rest = [each.data for each in stream.messages[5:]]
    for channel in channels:
        await publish(cluster.a, channel)
    async with listen(cluster.b, *reversed(channels), token=token, last_id=middle) as again:
        await again.has(7)
        for channel in channels:
            expected = [each["seq"] for each in rest if each["channel"] == channel] + [4]
            assert numbers(again.events(channel)) == expected
    async with listen(cluster.b, *channels, token=token, after=last) as again:
        assert sorted(each["channel"] for each in await again.has(3)) == sorted(channels)


@pytest.mark.parametrize("way", ["Last-Event-ID", "after"])
async def test_who_comes_back_gets_what_they_missed_once(cluster: Cluster, way: str) -> None:
    channel = entity()
    await publish_many(cluster.a, channel, 250)
    given: dict[str, Any] = {"last_id": "7"} if way == "Last-Event-ID" else {"after": "7"}
    async with listen(cluster.b, channel, **given) as stream:
        await publish(cluster.a, channel)
        assert numbers(await stream.has(244)) == list(range(8, 252))
        assert [each.type for each in stream.messages] == ["message"] * 244


async def test_the_header_is_newer_than_the_address(cluster: Cluster) -> None:
    channel = entity()
    await publish_many(cluster.a, channel, 5)
    async with listen(cluster.a, channel, after="1", last_id="4") as stream:
        assert numbers(await stream.has(1)) == [5]


async def test_a_client_that_was_cut_off_before_the_first_event_misses_none(cluster: Cluster) -> None:
    channels = [entity(), entity("likes")]
    for asked in ([channels[0]], channels):
        async with listen(cluster.a, *asked) as stream:
            await eventually(lambda stream=stream: stream.last_id, "the first id")
        seqs = [await publish(cluster.b, each) for each in asked]
        async with listen(cluster.b, *asked, last_id=stream.last_id) as again:
            heard = await again.has(len(asked))
            assert sorted(numbers(heard)) == sorted(seqs)


@pytest.mark.parametrize("given", [{"after": "999"}, {"last_id": "999"}, {"last_id": "made up"}])
async def test_who_cannot_be_told_everything_is_told_to_reload(cluster: Cluster, given: dict[str, str]) -> None:
    channel = entity()
    await publish_many(cluster.a, channel, 3)
    async with listen(cluster.b, channel, **given) as stream:
        await eventually(lambda: stream.messages, "the reset")
        assert [each.type for each in stream.messages] == ["reset"]
        assert stream.messages[0].data == {"channel": channel, "seq": 3}
        assert stream.last_id == "3"
        await publish(cluster.a, channel)
        assert numbers(await stream.has(1)) == [4]


async def test_signals_reach_streams_and_leave_the_id_alone(cluster: Cluster, js: JsClients) -> None:
    channel, ada = entity(), someone()
    async with listen(cluster.b, channel, entity("likes")) as stream:
        await publish(cluster.a, channel)
        await stream.has(1)
        before = stream.last_id
        typist = await enter(js, cluster.a, ada)
        data_of(await typist.emit("typing:start", {"channel": channel}))
        (signal, *_) = await eventually(lambda: stream.signals("typing:changed"), "the signal")
        assert [each["id"] for each in signal["data"]["users"]] == [ada]
        assert stream.last_id == before


async def test_streams_are_told_who_is_there(cluster: Cluster, js: JsClients) -> None:
    ada, bo = someone(), someone("bo")
    viewers = entity("viewers")
    async with listen(cluster.b, viewers, f"presence:{ada}", token=cluster.token(bo)) as stream:
        await eventually(lambda: stream.last_id, "the stream")
        ada_socket = await enter(js, cluster.a, ada)
        await subscribe(ada_socket, viewers)
        (came,) = await eventually(lambda: stream.signals("presence:changed"), "that she is online")
        assert (came["data"]["userId"], came["data"]["status"]) == (ada, "online")
        (seen,) = await eventually(lambda: stream.signals("viewers:changed"), "that she looks")
        assert (seen["data"]["count"], [each["id"] for each in seen["data"]["viewers"]]) == (1, [ada])
    async with listen(cluster.a, viewers, token=cluster.token(bo), last_id=stream.last_id) as again:
        (seen,) = await eventually(lambda: again.signals("viewers:changed"), "who looks now")
        assert seen["data"]["count"] == 1


BAD = [
    ("invalid", []),
    ("not_found", ["nothing"]),
    ("not_found", ["boat:1:comments"]),
    ("not_found", ["trip:1/2:comments"]),
    ("not_found", [f"trip:{'x' * 129}:comments"]),
    ("invalid", ["x" * 5000]),
    ("invalid", [f"app:{n}" for n in range(201)]),
    ("unauthenticated", ["room:1"]),
    ("unauthenticated", ["app:orders"]),
    ("unauthenticated", ["community", "presence"]),
]


@pytest.mark.parametrize(("code", "channels"), BAD)
async def test_what_cannot_be_heard_is_refused(cluster: Cluster, code: str, channels: list[str]) -> None:
    await refused(code, listen(cluster.a, *channels))


@pytest.mark.parametrize(
    "path",
    [
        "trip/1%2F2/comments",
        "trip/1:2/comments",
        "room/1/comments",
        "user/ada/comments",
        "trip/1/nothing",
        "boat/1/likes",
        "trip/1",
    ],
)
async def test_paths_that_name_no_channel(cluster: Cluster, path: str) -> None:
    await refused("not_found", SseStream(f"{cluster.a.url}/api/subscribe/{path}", token=cluster.token(someone())))


@pytest.mark.parametrize("after", ["-1", "1.5", "x", "9" * 40, "m!"])
async def test_an_after_that_says_nothing(cluster: Cluster, after: str) -> None:
    error = await refused("invalid", listen(cluster.a, entity(), after=after))
    assert error["fields"].keys() == {"after"}


async def test_a_token_in_the_address_signs_in_and_a_bad_one_does_not(cluster: Cluster) -> None:
    channel = f"app:{someone('orders')}"
    address = f"{cluster.a.url}/api/subscribe?channel={channel}&token={cluster.token(someone())}"
    async with SseStream(address) as stream:
        await publish(cluster.b, channel)
        await stream.has(1)
    await refused("unauthenticated", SseStream(f"{cluster.a.url}/api/subscribe?channel=community&token=nonsense"))
    over_rest = await cluster.a.rest("GET", f"/api/me?token={cluster.token(someone())}")
    error_of(over_rest, "unauthenticated")


async def test_a_private_channel_takes_its_subscription_token(cluster: Cluster) -> None:
    ada, name = someone(), f"app:private.{someone('orders')}"
    own = jwt.encode({"sub": ada, "channel": name}, cluster.secret, algorithm="HS256")
    foreign = jwt.encode({"sub": "bo", "channel": name}, cluster.secret, algorithm="HS256")
    await refused("forbidden", listen(cluster.a, name, token=cluster.token(ada)))
    await refused("forbidden", listen(cluster.a, name, token=cluster.token(ada), subscription=foreign))
    await refused("unauthenticated", listen(cluster.a, name, subscription=own))
    async with listen(cluster.a, name, "community", token=cluster.token(ada), subscription=own) as stream:
        await publish(cluster.b, name)
        await stream.has(1, name)


async def test_people_hear_their_own_channel(cluster: Cluster) -> None:
    ada = someone()
    await refused("forbidden", listen(cluster.a, f"user:{ada}", token=cluster.token(someone("bo"))))
    async with listen(cluster.a, f"user:{ada}", token=cluster.token(ada)) as stream:
        await open_room(cluster.b, someone("bo"), ada)
        assert [each["event"] for each in await stream.has(1)] == ["room:added"]


async def test_a_removed_members_stream_ends_and_does_not_come_back(cluster: Cluster) -> None:
    ada, bo = someone(), someone("bo")
    room = await open_room(cluster.a, ada, bo, visibility="private")
    channel = f"room:{room}"
    async with (
        listen(cluster.b, channel, "community", token=cluster.token(bo)) as bos,
        listen(cluster.b, channel, token=cluster.token(ada)) as adas,
    ):
        await publish(cluster.a, channel)
        await bos.has(1)
        path = f"/api/chat/rooms/{room}/members/{bo}"
        data_of(await cluster.a.rest("DELETE", path, token=cluster.token(ada)))
        await bos.until_ended()
        await publish(cluster.a, channel, "secret")
        assert [each["event"] for each in await adas.has(3)][1:] == ["member:left", "thing:changed"]
        assert [each["event"] for each in bos.events(channel)] == ["thing:changed"]
    await refused("not_found", listen(cluster.b, channel, token=cluster.token(bo)))


async def test_a_room_that_becomes_private_keeps_its_members_alone(cluster: Cluster) -> None:
    ada, guest = someone(), someone("guest")
    room = await open_room(cluster.a, ada)
    channel = f"room:{room}"
    async with (
        listen(cluster.b, channel, token=cluster.token(guest)) as guests,
        listen(cluster.b, channel, token=cluster.token(ada)) as adas,
    ):
        change = {"visibility": "private"}
        data_of(await cluster.a.rest("PATCH", f"/api/chat/rooms/{room}", change, token=cluster.token(ada)))
        await guests.until_ended()
        await adas.has(1)
        assert guests.events() == []


async def test_a_stream_ends_with_its_token(cluster: Cluster) -> None:
    token = cluster.token(someone(), exp=int(time.time()) + 3)
    async with listen(cluster.a, f"app:{someone('orders')}", token=token) as stream:
        await stream.until_ended(15)
        assert [each.data["event"] for each in stream.messages] == ["session:expiring", "session:expired"]


async def test_a_client_of_http_1_0_gets_the_bare_stream(cluster: Cluster) -> None:
    """As nginx asks by default."""
    channel = entity()
    reader, writer = await asyncio.open_connection("127.0.0.1", cluster.a.port)
    writer.write(f"GET /api/subscribe?channel={channel} HTTP/1.0\r\n\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    assert b"chunked" not in head.lower()
    await publish(cluster.b, channel, "here")
    received = await reader.readuntil(b'"data":"here"}\n\n')
    assert b"\r\n" not in received
    writer.close()
