"""How far back a channel can be resumed: so many events, so long, and no longer what was deleted."""

from collections.abc import Callable

import pytest

from tests.server.talk import (
    data_of,
    enter,
    hears,
    numbers,
    open_room,
    publish,
    publish_many,
    someone,
    subscribe,
)
from tests.support.hubbub import Cluster, Hubbub
from tests.support.js import JsClients, JsSocket
from tests.support.waiting import eventually

# What is older goes within 5 s.
GOES_SECONDS = 5


@pytest.fixture(scope="module")
def cluster_variables() -> dict[str, str]:
    return {"HUBBUB_RETENTION_EVENTS": "5"}


async def is_recovered(socket: JsSocket, channel: str, after: int) -> bool:
    return (await subscribe(socket, channel, after=after))["recovered"]


async def test_the_newest_events_of_a_channel_are_kept_and_older_ones_go(cluster: Cluster, js: JsClients) -> None:
    channel, quiet = f"app:{someone('channel')}", f"app:{someone('quiet')}"
    socket = await enter(js, cluster.b, someone())
    await publish_many(cluster.a, quiet, 5)
    await publish_many(cluster.a, channel, 8)

    async def has_gone() -> bool:
        return not await is_recovered(socket, channel, 2)

    await eventually(has_gone, "the older events to go", GOES_SECONDS)
    lost = await subscribe(socket, channel, after=2)
    assert lost == {"channel": channel, "seq": 8, "recovered": False, "events": []}
    kept = await subscribe(socket, channel, after=3)
    assert (kept["seq"], kept["recovered"], numbers(kept["events"])) == (8, True, [4, 5, 6, 7, 8])
    assert numbers((await subscribe(socket, channel, after=6))["events"]) == [7, 8]
    assert (await subscribe(socket, channel, after=8))["recovered"]
    # A channel that has no more than it may keeps everything.
    assert numbers((await subscribe(socket, quiet, after=0))["events"]) == [1, 2, 3, 4, 5]


async def test_who_cannot_be_resumed_hears_what_comes(cluster: Cluster, js: JsClients) -> None:
    channel = f"app:{someone('channel')}"
    socket = await enter(js, cluster.b, someone())
    await publish_many(cluster.a, channel, 8)

    async def has_gone() -> bool:
        return not await is_recovered(socket, channel, 1)

    await eventually(has_gone, "the older events to go", GOES_SECONDS)
    await publish(cluster.a, channel)
    await hears(socket, channel, [9])


async def test_numbers_go_on_behind_what_has_gone(cluster: Cluster, js: JsClients) -> None:
    channel = f"app:{someone('channel')}"
    for start in (1, 11, 21):
        assert await publish_many(cluster.a, channel, 10) == list(range(start, start + 10))


async def test_what_is_too_old_goes_from_every_channel(start_hubbub: Callable[..., Hubbub], js: JsClients) -> None:
    hubbub = start_hubbub(HUBBUB_RETENTION_SECONDS="1")
    channels = [f"app:{someone('channel')}" for _ in range(2)]
    for channel in channels:
        await publish_many(hubbub, channel, 3)
    socket = await enter(js, hubbub, someone())
    for channel in channels:

        async def has_gone(channel: str = channel) -> bool:
            return not await is_recovered(socket, channel, 0)

        await eventually(has_gone, "the old events to go", 1 + GOES_SECONDS)
        assert await subscribe(socket, channel, after=3) == {
            "channel": channel,
            "seq": 3,
            "recovered": True,
            "events": [],
        }
        assert await publish(hubbub, channel) == 4
        await hears(socket, channel, [4])


async def test_what_went_does_not_come_back_with_a_restart(own_cluster: Cluster, js: JsClients) -> None:
    channel = f"app:{someone('channel')}"
    socket = await enter(js, own_cluster.a, someone())
    await publish_many(own_cluster.a, channel, 8)

    async def has_gone() -> bool:
        return not await is_recovered(socket, channel, 0)

    await eventually(has_gone, "the older events to go", GOES_SECONDS)
    await socket.disconnect()
    for worker in own_cluster.workers:
        worker.restart()
    back = await enter(js, own_cluster.b, someone())
    assert not await is_recovered(back, channel, 2)
    assert numbers((await subscribe(back, channel, after=3))["events"]) == [4, 5, 6, 7, 8]
    assert await publish(own_cluster.b, channel) == 9


async def test_what_was_deleted_is_gone_from_the_log(cluster: Cluster, js: JsClients) -> None:
    ada, bo = someone(), someone("bo")
    room = await open_room(cluster.a, ada, bo)
    adas, bos = await enter(js, cluster.a, ada), await enter(js, cluster.b, bo)
    before = (await subscribe(bos, f"room:{room}"))["seq"]
    sent = data_of(await adas.emit("message:send", {"roomId": room, "message": "a slip of the tongue"}))
    data_of(await adas.emit("message:edit", {"messageId": sent["id"], "message": "a slip of the pen"}))
    data_of(await adas.emit("message:delete", {"messageId": sent["id"]}))
    replayed = await subscribe(bos, f"room:{room}", after=before)
    assert [each["event"] for each in replayed["events"]] == ["message:created", "message:edited", "message:deleted"]
    assert numbers(replayed["events"]) == list(range(before + 1, before + 4))
    assert "slip" not in str(replayed)
