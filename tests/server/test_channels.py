"""Channels as a subscriber meets them: live events, replay, and nothing lost or doubled between the two."""

import asyncio
import re

import pytest

from tests.server.raw_client import raw_client
from tests.server.talk import (
    backend,
    connect,
    data_of,
    enter,
    error_of,
    heard,
    hears,
    numbers,
    open_room,
    publish,
    publish_many,
    settled,
    someone,
    subscribe,
)
from tests.support.hubbub import Cluster
from tests.support.js import JsClients

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\Z")


@pytest.fixture(scope="module")
def cluster_variables() -> dict[str, str]:
    return {"HUBBUB_TYPING_SECONDS": "60", "HUBBUB_ACTIONS_BURST": "10000", "HUBBUB_ACTIONS_PER_SECOND": "10000"}


async def test_an_event_is_an_envelope_on_every_way(cluster: Cluster, js: JsClients) -> None:
    channel = f"app:{someone('channel')}"
    socket = await enter(js, cluster.b, someone())
    assert await subscribe(socket, channel) == {"channel": channel, "seq": 0, "recovered": True, "events": []}
    assert await publish(cluster.a, channel, {"id": 7, "text": "é\n"}, "order:paid") == 1
    live = (await socket.wait_for("order:paid")).data
    assert live.keys() == {"event", "channel", "seq", "at", "data"}
    assert TIME.match(live["at"])
    assert live | {"at": ""} == {
        "event": "order:paid",
        "channel": channel,
        "seq": 1,
        "at": "",
        "data": {"id": 7, "text": "é\n"},
    }
    reply = await subscribe(await enter(js, cluster.a, someone()), channel, after=0)
    assert reply == {"channel": channel, "seq": 1, "recovered": True, "events": [live]}


async def test_each_channel_counts_by_itself(cluster: Cluster) -> None:
    one, other = (f"app:{someone('channel')}" for _ in range(2))
    assert [await publish(cluster.a, one), await publish(cluster.b, one), await publish(cluster.a, one)] == [1, 2, 3]
    assert await publish(cluster.b, other) == 1


async def test_every_subscriber_on_every_worker_hears_the_same(cluster: Cluster, js: JsClients) -> None:
    channel = f"app:{someone('channel')}"
    sockets = [await enter(js, worker, someone()) for worker in (cluster.a, cluster.b) for _ in range(2)]
    for socket in sockets:
        await subscribe(socket, channel)
    await asyncio.gather(*(publish(worker, channel, n) for n in range(20) for worker in (cluster.a, cluster.b)))
    for socket in sockets:
        await hears(socket, channel, range(1, 41))
        assert heard(socket, channel) == heard(sockets[0], channel)


async def test_what_followed_comes_with_the_reply(cluster: Cluster, js: JsClients) -> None:
    channel = f"app:{someone('channel')}"
    await publish_many(cluster.a, channel, 5)
    sockets = []
    for after in (0, 3, 5):
        sockets.append(await enter(js, cluster.b, someone()))
        reply = await subscribe(sockets[-1], channel, after=after)
        assert (reply["seq"], reply["recovered"]) == (5, True)
        assert numbers(reply["events"]) == list(range(after + 1, 6))
        assert [each["data"] for each in reply["events"]] == list(range(after + 1, 6))
    await publish(cluster.a, channel)
    for socket in sockets:
        await hears(socket, channel, [6])


async def test_without_a_position_one_hears_from_now_on(cluster: Cluster, js: JsClients) -> None:
    channel = f"app:{someone('channel')}"
    await publish_many(cluster.a, channel, 5)
    socket = await enter(js, cluster.b, someone())
    reply = await subscribe(socket, channel)
    assert reply == {"channel": channel, "seq": 5, "recovered": True, "events": []}
    await publish(cluster.a, channel)
    await hears(socket, channel, [6])


@pytest.mark.parametrize("published", [0, 3])
async def test_a_position_beyond_the_end_is_not_recovered(cluster: Cluster, js: JsClients, published: int) -> None:
    channel = f"app:{someone('channel')}"
    if published:
        await publish_many(cluster.a, channel, published)
    socket = await enter(js, cluster.b, someone())
    reply = await subscribe(socket, channel, after=published + 1)
    assert reply == {"channel": channel, "seq": published, "recovered": False, "events": []}
    # It is subscribed all the same: the client reloads, and hears what comes.
    await publish(cluster.a, channel)
    await hears(socket, channel, [published + 1])


async def test_a_position_is_a_whole_number(cluster: Cluster, js: JsClients) -> None:
    socket = await connect(js, cluster.a)
    for after in (-1, 1.5, "1", True, [], {}):
        error = error_of(await socket.emit("channel:subscribe", {"channel": "community", "after": after}), "invalid")
        assert error["fields"].keys() == {"after"}


async def test_a_channel_is_a_text(cluster: Cluster, js: JsClients) -> None:
    socket = await connect(js, cluster.a)
    for action in ("channel:subscribe", "channel:unsubscribe"):
        for channel in (None, 42, "", [], {}, "x" * 1000):
            error = error_of(await socket.emit(action, {"channel": channel}), "invalid")
            assert error["fields"].keys() == {"channel"}


async def test_a_channel_that_takes_no_filter_says_so(cluster: Cluster, js: JsClients) -> None:
    socket = await connect(js, cluster.a)
    sent = {"channel": "community", "filter": "status=eq.open"}
    assert error_of(await socket.emit("channel:subscribe", sent), "invalid")["fields"].keys() == {"filter"}


async def test_who_unsubscribes_hears_no_more(cluster: Cluster, js: JsClients) -> None:
    channel = f"app:{someone('channel')}"
    socket, stays = await enter(js, cluster.a, someone()), await enter(js, cluster.a, someone())
    await subscribe(socket, channel)
    await subscribe(stays, channel)
    await publish(cluster.b, channel)
    await hears(socket, channel, [1])
    assert data_of(await socket.emit("channel:unsubscribe", {"channel": channel})) == {"channel": channel}
    await publish(cluster.b, channel)
    await hears(stays, channel, [1, 2])
    await settled(socket, cluster)
    assert numbers(heard(socket, channel)) == [1]
    assert numbers((await subscribe(socket, channel, after=1))["events"]) == [2]
    await publish(cluster.b, channel)
    await hears(socket, channel, [1, 3])


async def test_unsubscribing_from_what_one_does_not_hear_is_no_error(cluster: Cluster, js: JsClients) -> None:
    socket = await connect(js, cluster.a)
    for _ in range(2):
        data_of(await socket.emit("channel:unsubscribe", {"channel": "community"}))
    error_of(await socket.emit("channel:unsubscribe", {"channel": "no such channel"}), "not_found")


async def test_subscribing_again_doubles_nothing(cluster: Cluster, js: JsClients) -> None:
    channel = f"app:{someone('channel')}"
    socket = await enter(js, cluster.a, someone())
    for _ in range(3):
        await subscribe(socket, channel)
    await publish(cluster.b, channel)
    await settled(socket, cluster)
    assert numbers(heard(socket, channel)) == [1]
    reply = await subscribe(socket, channel, after=0)
    assert numbers(reply["events"]) == [1]
    await publish(cluster.b, channel)
    await settled(socket, cluster)
    assert numbers(heard(socket, channel)) == [1, 2]


async def test_a_closed_connection_hears_nothing_and_others_go_on(cluster: Cluster, js: JsClients) -> None:
    channel = f"app:{someone('channel')}"
    leaves, stays = await enter(js, cluster.a, someone()), await enter(js, cluster.a, someone())
    for socket in (leaves, stays):
        await subscribe(socket, channel)
    await leaves.disconnect()
    await publish_many(cluster.b, channel, 3)
    await hears(stays, channel, [1, 2, 3])
    back = await enter(js, cluster.b, someone())
    assert numbers((await subscribe(back, channel, after=0))["events"]) == [1, 2, 3]


async def test_presence_of_an_entity_is_another_name_of_its_viewers(cluster: Cluster, js: JsClients) -> None:
    entity = f"trip:{someone('trip')}"
    socket = await connect(js, cluster.a)
    reply = await subscribe(socket, f"{entity}:presence")
    assert reply["channel"] == f"{entity}:viewers"
    assert await publish(cluster.b, f"{entity}:viewers") == 1
    assert await publish(cluster.b, f"{entity}:presence") == 2
    await hears(socket, f"{entity}:viewers", [1, 2])
    data_of(await socket.emit("channel:unsubscribe", {"channel": f"{entity}:presence"}))
    await publish(cluster.b, f"{entity}:viewers")
    await settled(socket, cluster)
    assert numbers(heard(socket, f"{entity}:viewers")) == [1, 2]


async def test_every_connection_of_a_user_hears_their_channel_from_the_start(cluster: Cluster, js: JsClients) -> None:
    ada, bo = someone(), someone("bo")
    sockets = [await enter(js, worker, ada) for worker in (cluster.a, cluster.b, cluster.a)]
    other = await enter(js, cluster.a, bo)
    await publish(cluster.b, f"user:{ada}", {"n": 1}, "order:paid")
    for socket in sockets:
        await hears(socket, f"user:{ada}", [1])
    await settled(other, cluster)
    assert heard(other, f"user:{ada}") == []


async def test_whatever_a_users_id_is_their_channel_works(cluster: Cluster, js: JsClients) -> None:
    for kind in ("auth0|1 2", "ünï-🎉", "a:b:c", "{}", "*", "../x?y=z&a=%00", "x" * 238):
        ada = f"{kind}-{someone()}"
        socket = await enter(js, cluster.b, ada)
        await publish(cluster.a, f"user:{ada}")
        await hears(socket, f"user:{ada}", [1])
        assert numbers((await subscribe(socket, f"user:{ada}", after=0))["events"]) == [1]


async def test_a_returning_user_gets_what_their_channel_told_meanwhile(cluster: Cluster, js: JsClients) -> None:
    ada = someone()
    socket = await enter(js, cluster.a, ada)
    await publish(cluster.a, f"user:{ada}")
    await hears(socket, f"user:{ada}", [1])
    await socket.disconnect()
    await publish(cluster.a, f"user:{ada}")
    back = await enter(js, cluster.b, ada)
    reply = await subscribe(back, f"user:{ada}", after=1)
    assert numbers(reply["events"]) == [2]
    await publish(cluster.a, f"user:{ada}")
    await hears(back, f"user:{ada}", [3])


async def test_a_snapshot_tells_who_types(cluster: Cluster, js: JsClients) -> None:
    ada, bo = someone(), someone("bo")
    room = await open_room(cluster.a, ada, bo)
    channel = f"room:{room}"
    adas = await enter(js, cluster.a, ada)
    quiet = await subscribe(adas, channel, snapshot=True)
    assert quiet["snapshot"]["typing"] == []
    data_of(await adas.emit("typing:start", {"channel": channel}))
    reply = await subscribe(await enter(js, cluster.a, bo), channel, snapshot=True)
    assert reply["snapshot"]["typing"] == [{"id": ada, "name": ada.title()}]
    assert reply["seq"] == quiet["seq"]
    assert "snapshot" not in await subscribe(adas, channel)


async def test_no_live_event_precedes_the_reply_and_none_is_lost_behind_it(cluster: Cluster, js: JsClients) -> None:
    """Many come and go while both workers publish: each reply and what follows it are one gapless list."""
    channel = f"app:{someone('channel')}"
    await publish_many(cluster.a, channel, 300)
    publishers = [await backend(js, worker) for worker in (cluster.a, cluster.b)]
    stop = asyncio.Event()

    async def keep_publishing(number: int) -> None:
        while not stop.is_set():
            sent = {"channel": channel, "event": "thing:changed", "data": number}
            await asyncio.gather(*(publishers[number].emit("channel:publish", sent) for _ in range(5)))

    async def come_and_go(number: int) -> None:
        worker = cluster.workers[number % len(cluster.workers)]
        async with raw_client(worker, {"token": worker.token(someone())}) as client:
            after = None if number % 3 else 0
            for _ in range(8):
                client.frames.clear()
                sent = {"channel": channel} if after is None else {"channel": channel, "after": after}
                reply = data_of((await client.acknowledgement(await client.ask("channel:subscribe", sent)))[0])
                assert client.events(channel) == [], "a live event came before the reply"
                assert reply["recovered"]
                if after is not None:
                    assert numbers(reply["events"]) == list(range(after + 1, reply["seq"] + 1))
                # Now and then it asks again for what it has, without having unsubscribed.
                await client.until(lambda frame: frame.startswith("42[") and channel in frame)
                if number % 2:
                    await client.acknowledgement(await client.ask("channel:unsubscribe", {"channel": channel}))
                live = numbers(client.events(channel))
                assert live == list(range(reply["seq"] + 1, reply["seq"] + 1 + len(live)))
                after = live[-1]
                if not number % 2:
                    break

    publishing = [asyncio.create_task(keep_publishing(number)) for number in range(2)]
    try:
        await asyncio.gather(*(come_and_go(number) for number in range(8)))
    finally:
        stop.set()
        await asyncio.gather(*publishing)


async def test_who_asks_again_while_events_flow_hears_each_once_behind_the_reply(
    cluster: Cluster, js: JsClients
) -> None:
    channel = f"app:{someone('channel')}"
    publisher = await backend(js, cluster.b)
    sent = {"channel": channel, "event": "thing:changed", "data": 1}
    async with raw_client(cluster.a, {"token": cluster.token(someone())}) as client:
        first = await client.ask("channel:subscribe", {"channel": channel})
        await client.acknowledgement(first)
        for start in range(0, 60, 20):
            publishing = asyncio.gather(*(publisher.emit("channel:publish", sent) for _ in range(20)))
            number = await client.ask("channel:subscribe", {"channel": channel, "after": start // 2})
            reply = data_of((await client.acknowledgement(number))[0])
            await publishing
            await client.until(lambda frame, end=start + 20: frame.startswith("42[") and f'"seq":{end},' in frame)
            assert numbers(reply["events"]) == list(range(start // 2 + 1, reply["seq"] + 1))
            at = next(at for at, frame in enumerate(client.frames) if frame.startswith(f"43{number}["))
            client.frames = client.frames[at + 1 :]
            assert numbers(client.events(channel)) == list(range(reply["seq"] + 1, start + 21))
