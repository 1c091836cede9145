"""Publishing from a backend: one event or many, numbered without holes, all or none."""

import asyncio
from typing import Any

import pytest

from tests.server.talk import (
    backend,
    data_of,
    enter,
    error_of,
    heard,
    hears,
    numbers,
    publish,
    publish_many,
    settled,
    someone,
    subscribe,
)
from tests.support.hubbub import Cluster, Reply
from tests.support.js import JsClients


@pytest.fixture(scope="module")
def cluster_variables() -> dict[str, str]:
    """A thousand events have more keys than a payload has by default."""
    return {"HUBBUB_JSON_KEYS": "5000"}


def fresh() -> str:
    """A channel that nobody has published to."""
    return f"app:{someone('channel')}"


async def post(cluster: Cluster, sent: Any) -> Reply:
    return await cluster.a.rest("POST", "/api/publish", sent, token=cluster.api_key)


async def post_batch(cluster: Cluster, sent: Any) -> Reply:
    return await cluster.b.rest("POST", "/api/publish/batch", sent, token=cluster.api_key)


async def test_both_doors_count_on(cluster: Cluster, js: JsClients) -> None:
    channel = fresh()
    sent = {"channel": channel, "event": "order:paid", "data": {"id": 1}}
    reply = await post(cluster, sent)
    assert (reply.status, data_of(reply)) == (201, {"seq": 1})
    assert data_of(await (await backend(js, cluster.b)).emit("channel:publish", sent)) == {"seq": 2}


async def test_any_json_is_data(cluster: Cluster, js: JsClients) -> None:
    channel = fresh()
    values = [None, True, 0, -1.5, "", "text", [], [1, [2]], {}, {"a": {"b": None}}]
    socket = await enter(js, cluster.b, someone())
    await subscribe(socket, channel)
    for value in values:
        await publish(cluster.a, channel, value)
    await hears(socket, channel, range(1, len(values) + 1))
    assert [each["data"] for each in heard(socket, channel)] == values
    replayed = await subscribe(await enter(js, cluster.a, someone()), channel, after=0)
    assert replayed["events"] == heard(socket, channel)


async def test_an_event_is_a_noun_and_a_verb(cluster: Cluster, js: JsClients) -> None:
    channel = fresh()
    socket = await enter(js, cluster.b, someone())
    await subscribe(socket, channel)
    for event in ("order:paid", "a:b", "Order_1:is.paid", "my-thing:was-seen"):
        await publish(cluster.a, channel, 1, event)
        assert (await socket.wait_for(event)).data["event"] == event


@pytest.mark.parametrize(
    "event",
    [
        *("connect", "disconnect", "connect_error", "disconnecting", "newListener", "removeListener"),
        *("order", "", ":", "order:", ":paid", "order:paid:twice", "order paid:now", "order:paid\n", "é:ü", "*"),
        *("x" * 200 + ":y", 42, None, ["order:paid"], {"a": 1}),
    ],
    ids=lambda value: repr(value)[:20],
)
async def test_what_is_no_event_name_is_invalid(cluster: Cluster, event: Any) -> None:
    channel = fresh()
    sent = {"channel": channel, "event": event, "data": 1}
    assert error_of(await post(cluster, sent), "invalid")["fields"].keys() == {"event"}
    error_of(await post_batch(cluster, {"events": [sent]}), "invalid")
    assert await publish(cluster.a, channel) == 1


@pytest.mark.parametrize("channel", ["collection:tasks", "table:public.orders", "document:1"])
async def test_records_tables_and_documents_publish_by_themselves(cluster: Cluster, channel: str) -> None:
    sent = {"channel": channel, "event": "a:b", "data": 1}
    assert error_of(await post(cluster, sent), "invalid")["fields"].keys() == {"channel"}
    error_of(await post_batch(cluster, {"events": [sent]}), "invalid")


@pytest.mark.parametrize("channel", ["app:x", "user:somebody", "room:1", "trip:1:likes", "community", "admin"])
async def test_any_other_channel_may_be_published_to(cluster: Cluster, channel: str) -> None:
    first = await publish(cluster.a, channel)
    assert await publish(cluster.b, channel) == first + 1


async def test_a_channel_that_cannot_be_is_not_found(cluster: Cluster) -> None:
    error_of(await post(cluster, {"channel": "nothing:at all", "event": "a:b", "data": 1}), "not_found")


async def test_what_is_wrong_is_named(cluster: Cluster, js: JsClients) -> None:
    socket = await backend(js, cluster.a)
    right = {"channel": "app:x", "event": "a:b", "data": 1}
    for wrong, sent in (
        ({"channel", "event"}, {}),
        ({"channel"}, right | {"channel": 1}),
        ({"clientId"}, right | {"clientId": "x" * 65}),
        ({"clientId"}, right | {"clientId": 1}),
    ):
        assert error_of(await post(cluster, sent), "invalid")["fields"].keys() == wrong
        assert error_of(await socket.emit("channel:publish", sent), "invalid")["fields"].keys() == wrong


async def test_a_batch_is_one_after_the_other(cluster: Cluster, js: JsClients) -> None:
    one, other = fresh(), fresh()
    socket = await enter(js, cluster.b, someone())
    for channel in (one, other):
        await subscribe(socket, channel)
    events = [{"channel": channel, "event": "a:b", "data": n} for n, channel in enumerate([one, other, one, one])]
    reply = await post_batch(cluster, {"events": events})
    assert (reply.status, data_of(reply)) == (201, {"results": [{"seq": 1}, {"seq": 1}, {"seq": 2}, {"seq": 3}]})
    await hears(socket, one, [1, 2, 3])
    await hears(socket, other, [1])
    assert [each["data"] for each in heard(socket, one)] == [0, 2, 3]


async def test_a_batch_is_all_or_none(cluster: Cluster, js: JsClients) -> None:
    channel = fresh()
    socket = await enter(js, cluster.a, someone())
    await subscribe(socket, channel)
    for bad in (
        {"channel": "app:x", "event": "connect", "data": 1},
        {"channel": "document:1", "event": "a:b", "data": 1},
        {"channel": "nothing", "event": "a:b", "data": 1},
        {"event": "a:b", "data": 1},
        {},
        None,
        42,
    ):
        for place in range(3):
            events: list[Any] = [{"channel": channel, "event": "a:b", "data": n} for n in range(2)]
            events.insert(place, bad)
            reply = await post_batch(cluster, {"events": events})
            assert reply.status in {404, 422}
            error_of(reply, reply.body["error"]["code"])
    await settled(socket, cluster)
    assert heard(socket, channel) == []
    assert await publish(cluster.a, channel) == 1


@pytest.mark.parametrize("events", [[], None, {}, "events", [[]]], ids=repr)
async def test_a_batch_is_a_list_of_events(cluster: Cluster, events: Any) -> None:
    assert error_of(await post_batch(cluster, {"events": events}), "invalid")["fields"].keys() == {"events"}


async def test_a_batch_holds_a_thousand_at_most(cluster: Cluster) -> None:
    channel = fresh()
    event = {"channel": channel, "event": "a:b", "data": 1}
    error_of(await post_batch(cluster, {"events": [event] * 1001}), "invalid")
    assert await publish_many(cluster.a, channel, 1000) == list(range(1, 1001))


async def test_the_same_client_id_publishes_once(cluster: Cluster, js: JsClients) -> None:
    channel = fresh()
    sent = {"channel": channel, "event": "order:paid", "data": 1, "clientId": someone("id")}
    replies = await asyncio.gather(
        *(worker.rest("POST", "/api/publish", sent, token=worker.api_key) for worker in (cluster.a, cluster.b) * 4)
    )
    assert [data_of(each) for each in replies] == [{"seq": 1}] * 8
    assert sorted(each.status for each in replies) == [200] * 7 + [201]
    assert data_of(await (await backend(js, cluster.b)).emit("channel:publish", sent | {"data": 2})) == {"seq": 1}
    events = (await subscribe(await enter(js, cluster.a, someone()), channel, after=0))["events"]
    assert [each["data"] for each in events] == [1]


async def test_the_same_client_id_publishes_a_batch_once(cluster: Cluster, js: JsClients) -> None:
    channel = fresh()
    sent = {"events": [{"channel": channel, "event": "a:b", "data": n} for n in range(3)], "clientId": someone("id")}
    first, again = await post_batch(cluster, sent), await post_batch(cluster, sent)
    assert (again.status, again.body) == (200, first.body)
    events = (await subscribe(await enter(js, cluster.a, someone()), channel, after=0))["events"]
    assert numbers(events) == [1, 2, 3]


async def test_an_event_of_a_batch_is_published_once_under_its_client_id(cluster: Cluster, js: JsClients) -> None:
    channel = fresh()
    events = [
        {"channel": channel, "event": "a:b", "data": n, "clientId": name}
        for n, name in enumerate((someone("one"), someone("two")))
    ]
    await post(cluster, events[0])
    reply = await post_batch(cluster, {"events": [*events, events[1]]})
    assert data_of(reply) == {"results": [{"seq": 1}, {"seq": 2}, {"seq": 2}]}
    assert data_of(await post_batch(cluster, {"events": events})) == {"results": [{"seq": 1}, {"seq": 2}]}
    found = (await subscribe(await enter(js, cluster.a, someone()), channel, after=0))["events"]
    assert [each["data"] for each in found] == [0, 1]


async def test_many_publish_at_once_without_a_hole(cluster: Cluster) -> None:
    channel, other = fresh(), fresh()

    async def batch(n: int) -> list[int]:
        # In both orders, so that two transactions could stand in each other's way.
        names = [channel, other] if n % 2 else [other, channel]
        events = [{"channel": name, "event": "a:b", "data": n} for name in names]
        worker = cluster.workers[n % len(cluster.workers)]
        reply = await worker.rest("POST", "/api/publish/batch", {"events": events}, token=worker.api_key)
        return [each["seq"] for each in data_of(reply)["results"]]

    results = await asyncio.gather(*(batch(n) for n in range(30)))
    for at in range(2):
        mine = [result[at] if n % 2 else result[1 - at] for n, result in enumerate(results)]
        assert sorted(mine) == list(range(1, 31))


async def test_a_user_and_a_visitor_publish_nothing(cluster: Cluster) -> None:
    sent = {"channel": "app:x", "event": "a:b", "data": 1}
    for path, body in (("/api/publish", sent), ("/api/publish/batch", {"events": [sent]})):
        error_of(await cluster.a.rest("POST", path, body), "unauthenticated")
        error_of(await cluster.a.rest("POST", path, body, token=cluster.token(someone(), role="admin")), "forbidden")
