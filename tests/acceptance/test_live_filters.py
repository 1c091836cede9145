"""Collections heard through filters, by every door, and their snapshots."""

import asyncio
import random
from typing import Any
from urllib.parse import quote, urlencode

import pytest
import socketio

from tests.acceptance import contract
from tests.acceptance.people import Gathering, Person
from tests.acceptance.recorders import at, creates, new_id, variables, writes
from tests.server.talk import data_of, error_of, someone
from tests.support.hubbub import Hubbub
from tests.support.sse import SseStream
from tests.support.waiting import eventually

NOTES = "collection:notes"
Change = tuple[str, str, Any, Any]


@pytest.fixture(scope="module")
def cluster_variables() -> dict[str, str | None]:
    """Collections of several kinds."""
    return variables(HUBBUB_SNAPSHOT_RECORDS="200")


def mine(tag: str, more: str = "") -> str:
    """A filter for what one test writes."""
    return f"tag=eq.{tag}{more}"


def told(envelopes: list[dict[str, Any]]) -> list[Change]:
    """Type, id and the data before and after of changes."""
    found = []
    for each in envelopes:
        contract.event(each, "record:changed")
        change = each["data"]
        contract.keys(change, {"eventType", "id", "new", "old", "version"})
        before, after = ((change[side] or {}).get("data") for side in ("old", "new"))
        found.append((change["eventType"], change["id"], before, after))
    return found


def heard(person: Person, channel: str = NOTES) -> list[dict[str, Any]]:
    return [each for each in person.socket.received("record:changed") if each["channel"] == channel]


async def written(ada: Person, tag: str) -> list[Change]:
    """A record that begins to match ``n=gte.2``, changes, stops and goes; what a filter makes of that."""
    record = await creates(ada, "notes", {"tag": tag, "n": 1})
    data = [{"tag": tag, "n": n} for n in range(6)]
    for n in (2, 3, 0):
        await writes(ada, record, data[n])
    await ada.does("record:delete", **at(record))
    id = record["id"]
    return [
        ("INSERT", id, None, data[2]),
        ("UPDATE", id, data[2], data[3]),
        ("DELETE", id, data[3], None),
    ]


async def test_what_begins_to_match_arrives_and_what_stops_goes(arrive: Gathering) -> None:
    ada, bo, eve = await arrive("Ada"), await arrive("Bo"), await arrive("Eve")
    tag = someone()
    since = (await bo.subscribes(NOTES, filter=mine(tag, "&n=gte.2")))["seq"]
    # The same in other words, and everything.
    await ada.subscribes(NOTES, filter=f'n=gte.2&"tag"=in.("{tag}")')
    await eve.subscribes(NOTES)
    expected = await written(ada, tag)
    for each in (ada, bo):
        await eventually(lambda each=each: len(heard(each)) == 3, "three changes")
        assert told(heard(each)) == expected
    everything = [each for each in heard(eve) if tag in str(each)]
    assert [each["data"]["eventType"] for each in everything] == ["INSERT", "UPDATE", "UPDATE", "UPDATE", "DELETE"]
    # What is told otherwise has the number, the time and the version of what happened.
    for full, seen in zip(everything[1:4], heard(bo), strict=True):
        assert {name: full[name] for name in ("seq", "at", "channel", "event")} == {
            name: seen[name] for name in ("seq", "at", "channel", "event")
        }
        assert full["data"]["version"] == seen["data"]["version"]
    again = await bo.subscribes(NOTES, filter=mine(tag, "&n=gte.2"), after=since)
    assert again["recovered"]
    assert told(again["events"]) == expected


async def test_streams_and_polls_keep_to_a_filter(arrive: Gathering) -> None:
    ada, bo, tag = await arrive("Ada"), await arrive("Bo"), someone()
    wanted = mine(tag, "&n=gte.2")
    since = (await bo.subscribes(NOTES, filter=wanted))["seq"]
    query = f"{urlencode({'channel': NOTES, 'filter': wanted})}"

    async def poll(**options: Any) -> dict[str, Any]:
        asked = f"/api/poll?{query}&{urlencode(options)}"
        return data_of(await bo.worker.rest("GET", asked, token=bo.credential))

    url = f"{ada.worker.url}/api/subscribe?{query}"
    async with SseStream(url, token=ada.credential) as stream, SseStream(url, token=bo.credential) as other:
        await eventually(lambda: stream.last_id and other.last_id, "the streams")
        waiting = asyncio.create_task(poll(after=since, wait=25))
        expected = await written(ada, tag)
        assert told(await stream.has(3)) == told(await other.has(3)) == expected
    assert told((await waiting)["events"])[:1] == expected[:1]
    page = await poll(after=since)
    assert told(page["events"]) == expected
    # Behind what was skipped: the poller need not look at it again.
    assert page["seq"] > page["events"][-1]["seq"]
    async with SseStream(f"{url}&after={since}", token=bo.credential) as late:
        assert told(await late.has(3)) == expected
    assert await eventually(lambda: heard(bo) == page["events"], "the same over a socket")


async def test_another_filter_takes_the_place_of_the_one_before(arrive: Gathering) -> None:
    ada, bo, tag = await arrive("Ada"), await arrive("Bo"), someone()
    for more in ("&n=eq.1", "&n=eq.2"):
        await bo.subscribes(NOTES, filter=mine(tag, more))
    await creates(ada, "notes", {"tag": tag, "n": 1})
    second = await creates(ada, "notes", {"tag": tag, "n": 2})
    await bo.hears("record:changed", channel=NOTES)
    assert [each["data"]["id"] for each in heard(bo)] == [second["id"]]
    await bo.subscribes(NOTES)
    third = await creates(ada, "notes", {"tag": tag, "n": 3})
    await bo.hears("record:changed", lambda data: data["id"] == third["id"])
    await bo.does("channel:unsubscribe", channel=NOTES)
    await creates(ada, "notes", {"tag": tag, "n": 2})
    await bo.is_up_to_date()
    assert heard(bo)[-1]["data"]["id"] == third["id"]


async def test_a_filter_over_a_missing_field(arrive: Gathering) -> None:
    """What is missing is null: nothing but is.null holds for it, and nobody is disturbed."""
    ada, bo, eve, tag = await arrive("Ada"), await arrive("Bo"), await arrive("Eve"), someone()
    await bo.subscribes(NOTES, filter=mine(tag, "&owner.name=like.A%"))
    await eve.subscribes(NOTES, filter=mine(tag, "&owner.name=is.null"))
    odd: list[Any] = [None, 5, "text", [], {}, {"name": None}, {"name": 7}, {"name": ["Ada"]}]
    for owner in odd:
        await creates(ada, "notes", {"tag": tag, "owner": owner})
    await creates(ada, "notes", {"tag": tag})
    last = await creates(ada, "notes", {"tag": tag, "owner": {"name": "Ada"}})
    found = await bo.hears("record:changed", channel=NOTES)
    assert found["data"]["new"] == last
    assert len(heard(bo)) == 1
    await eve.is_up_to_date()
    assert [each["data"]["new"]["data"].get("owner") for each in heard(eve)] == [*odd[:6], None]


@pytest.mark.parametrize("filter", ["done=maybe.true", "=eq.1", "", "a", "&".join(["a=eq.1"] * 10_000), "a=in.(1"])
async def test_what_is_no_filter_is_invalid_at_every_door(arrive: Gathering, filter: str) -> None:
    bo = await arrive("Bo")
    await bo.subscribes(NOTES, filter="tag=eq.kept")
    error = await bo.refused("invalid", "channel:subscribe", channel=NOTES, filter=filter)
    assert error["fields"]["filter"]
    error = await bo.refused("invalid", "record:list", collection="notes", filter=filter)
    assert error["fields"]["filter"]
    # An address is of 8,190 bytes at most.
    if len(filter) < 8000:
        for path in ("subscribe", "poll"):
            query = urlencode({"channel": NOTES, "filter": filter})
            reply = await bo.worker.rest("GET", f"/api/{path}?{query}", token=bo.credential)
            assert error_of(reply, "invalid")["fields"]["filter"]


async def test_only_one_collection_or_table_is_filtered(arrive: Gathering) -> None:
    bo = await arrive("Bo")
    error = await bo.refused("invalid", "channel:subscribe", channel="community", filter="a=eq.1")
    assert error["fields"] == {"filter": ["Only collections and tables take a filter."]}
    for query in (
        f"channel={NOTES}&channel=community&filter=a%3Deq.1",
        f"channel={NOTES}&filter=a%3Deq.1&filter=b%3Deq.1",
        "channel=community&filter=a%3Deq.1",
    ):
        reply = await bo.worker.rest("GET", f"/api/subscribe?{query}", token=bo.credential)
        assert error_of(reply, "invalid")["fields"]["filter"]
    await bo.refused("not_found", "channel:subscribe", channel="collection:unknown", filter="a=eq.1")


async def test_the_audience_holds_behind_a_filter(arrive: Gathering) -> None:
    ada, bo, tag = await arrive("Ada"), await arrive("Bo"), someone()
    backend = await arrive.backend()
    for each in (ada, bo, backend):
        await each.subscribes("collection:diaries", filter=mine(tag))
    hers = await creates(ada, "diaries", {"tag": tag})
    his = await creates(bo, "diaries", {"tag": tag})
    await creates(bo, "diaries", {"tag": "another"})
    for each, expected in ((ada, [hers]), (bo, [his]), (backend, [hers, his])):
        await eventually(lambda each=each, n=len(expected): len(heard(each, "collection:diaries")) == n, "their own")
        await each.is_up_to_date() if each.id else None
        assert [change["data"]["new"] for change in heard(each, "collection:diaries")] == expected
        snapshot = (await each.subscribes("collection:diaries", filter=mine(tag), snapshot=True))["snapshot"]
        assert snapshot == {"records": expected[::-1], "hasMore": False}


async def test_a_snapshot_is_bounded_and_record_list_goes_on(arrive: Gathering) -> None:
    ada, tag = await arrive("Ada"), someone()
    made = [await creates(ada, "notes", {"tag": tag, "n": n}) for n in range(205)]
    reply = await ada.subscribes(NOTES, filter=mine(tag), snapshot=True)
    contract.keys(reply["snapshot"], {"records", "hasMore"})
    assert reply["snapshot"]["hasMore"]
    first = reply["snapshot"]["records"]
    rest = await ada.does("record:list", collection="notes", filter=mine(tag), before=first[-1]["id"])
    assert first + rest["records"] == made[::-1]


@pytest.mark.parametrize("filter", ["", "&n=in.(1,2,5)&word=neq.no"])
async def test_an_old_snapshot_and_its_events_are_a_fresh_snapshot(arrive: Gathering, filter: str) -> None:
    """Under writes at random from all sides: whoever came when."""
    tag = someone()
    wanted = mine(tag, filter)
    writers = [await arrive(name) for name in ("Ada", "Bo", "Eve")]
    ids = [new_id() for _ in range(8)]
    chance = random.Random(tag)

    async def write(person: Person) -> None:
        for _ in range(25):
            place = {"collection": "notes", "id": chance.choice(ids)}
            if chance.random() < 0.25:
                # One that is not there is nothing to delete.
                await person.call("record:delete", **place)
            else:
                data = {"tag": tag, "n": chance.randrange(7), "word": chance.choice(["yes", "no", None])}
                body, _ = await person.call("record:upsert", **place, data=data)
                assert body["ok"], body

    writing = asyncio.gather(*(write(person) for person in writers))
    readers = [await arrive(f"Reader{number}") for number in range(6)]
    replies = [await each.subscribes(NOTES, filter=wanted, snapshot=True) for each in readers]
    await writing
    late = await arrive("Late")
    fresh = (await late.subscribes(NOTES, filter=wanted, snapshot=True))["snapshot"]["records"]
    expected = {each["id"]: each for each in fresh}

    def state(reader: Person, reply: dict[str, Any]) -> dict[str, Any]:
        records = {each["id"]: each for each in reply["snapshot"]["records"]}
        for each in heard(reader):
            assert each["seq"] > reply["seq"]
            change = each["data"]
            assert records.get(change["id"]) == change["old"]
            if change["new"] is None:
                del records[change["id"]]
            else:
                records[change["id"]] = change["new"]
        return records

    for reader, reply in zip(readers, replies, strict=True):
        await eventually(lambda reader=reader, reply=reply: state(reader, reply) == expected, "the same records")
    # A stream through the same filter tells the same.
    first = replies[0]["seq"]
    query = f"channel={NOTES}&filter={quote(wanted)}&after={first}"
    async with SseStream(f"{readers[0].worker.url}/api/subscribe?{query}", token=readers[0].credential) as stream:
        if heard(readers[0]):
            assert await stream.has(len(heard(readers[0]))) == heard(readers[0])


async def test_the_python_client_hears_a_filtered_collection(arrive: Gathering) -> None:
    ada, tag = await arrive("Ada"), someone()
    client = socketio.AsyncClient(reconnection=False)
    changes: list[dict[str, Any]] = []
    # Recovery adds an offset behind the envelope.
    client.on("record:changed", lambda envelope, *_offset: changes.append(envelope))
    worker: Hubbub = ada.worker
    await client.connect(worker.url, auth={"token": ada.credential}, transports=["websocket"])
    try:
        reply = await client.call("channel:subscribe", {"channel": NOTES, "filter": mine(tag, "&n=gte.2")})
        assert reply["ok"], reply
        expected = await written(ada, tag)
        await eventually(lambda: len(changes) == 3, "three changes")
        assert told(changes) == expected
    finally:
        await client.disconnect()
