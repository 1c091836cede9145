"""Records: written, read, listed, told and gone, through both doors, as far as the policies let."""

import asyncio
from typing import Any

import pytest

from tests.acceptance import contract
from tests.acceptance.people import DOORS, Gathering, Person
from tests.acceptance.recorders import at, creates, lists, new_id, reads, variables, writes

pytestmark = pytest.mark.parametrize("door", DOORS)


@pytest.fixture(scope="module")
def cluster_variables() -> dict[str, str | None]:
    """Collections of several kinds; a page ends after 20 kB, and a filtered list looks at 40 kB."""
    return variables(HUBBUB_RECORD_PAGE_BYTES="20000", HUBBUB_RECORD_SCAN_BYTES="40000")


async def changes(person: Person, collection: str, since: int) -> list[Any]:
    """What a collection tells somebody of what followed a number: each change's type, id and version."""
    reply = await person.subscribes(f"collection:{collection}", after=since)
    assert reply["recovered"]
    for each in reply["events"]:
        contract.event(each, "record:changed")
        contract.keys(each["data"], {"eventType", "id", "new", "old", "version"})
    return [(each["data"]["eventType"], each["data"]["id"], each["data"]["version"]) for each in reply["events"]]


async def newest(person: Person, collection: str) -> int:
    """The number of a collection's newest event."""
    return (await person.subscribes(f"collection:{collection}"))["seq"]


async def test_a_record_is_written_read_changed_and_deleted(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    await bo.subscribes("collection:notes")
    record = await creates(ada, "notes", {"text": "Löwe\n🦁", "deep": {"list": [1, 2.5, None, True]}})
    assert (record["version"], record["ownerId"], record["updatedBy"]) == (1, ada.id, ada.id)
    assert await reads(bo, record) == record
    told = (await bo.hears("record:changed", lambda data: data["id"] == record["id"]))["data"]
    assert told == {"eventType": "INSERT", "id": record["id"], "new": record, "old": None, "version": 1}

    changed = await writes(bo, record, {"text": "Lion"})
    assert (changed["version"], changed["ownerId"], changed["updatedBy"]) == (2, ada.id, bo.id)
    assert changed["createdAt"] == record["createdAt"] <= changed["updatedAt"]
    told = (await bo.hears("record:changed", lambda data: data["version"] == 2 and data["id"] == record["id"]))["data"]
    assert told == {"eventType": "UPDATE", "id": record["id"], "new": changed, "old": record, "version": 2}

    gone = await ada.does("record:delete", **at(record))
    contract.deleted_record(gone)
    assert gone["version"] == 3
    told = (await bo.hears("record:changed", lambda data: data["version"] == 3 and data["id"] == record["id"]))["data"]
    assert told == {"eventType": "DELETE", "id": record["id"], "new": None, "old": changed, "version": 3}
    await bo.refused("not_found", "record:get", **at(record))
    assert await ada.does("record:delete", **at(record)) == gone

    again = await creates(bo, "notes", {"text": "Back"}, record["id"])
    assert (again["version"], again["ownerId"]) == (4, bo.id)
    assert again["createdAt"] >= gone["updatedAt"]


async def test_what_is_told_is_what_a_returning_reader_finds(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    since = await newest(bo, "notes")
    one, two = await creates(ada, "notes", {"n": 1}), await creates(ada, "notes", {"n": 2})
    await writes(ada, one, {"n": 3})
    await ada.does("record:delete", **at(two))
    mine = {one["id"], two["id"]}
    assert [each for each in await changes(bo, "notes", since) if each[1] in mine] == [
        ("INSERT", one["id"], 1),
        ("INSERT", two["id"], 1),
        ("UPDATE", one["id"], 2),
        ("DELETE", two["id"], 2),
    ]


async def test_two_who_create_the_same_record_at_once_write_two_versions(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    id = new_id()
    since = await newest(ada, "notes")
    wanted = {"collection": "notes", "id": id}
    replies = await asyncio.gather(
        *(each.call("record:upsert", **wanted, data={"by": each.id, "n": n}) for n in range(5) for each in (ada, bo))
    )
    assert all(body["ok"] for body, _ in replies), replies
    assert sorted(body["data"]["version"] for body, _ in replies) == list(range(1, 11))
    found = [each for each in await changes(bo, "notes", since) if each[1] == id]
    assert found == [("INSERT" if n == 1 else "UPDATE", id, n) for n in range(1, 11)]


async def test_a_client_id_is_applied_once(arrive: Gathering) -> None:
    ada = await arrive("Ada")
    wanted = {"collection": "notes", "id": new_id(), "data": {"n": 1}, "clientId": "first"}
    record = await ada.creates("record:upsert", **wanted)
    assert await ada.does("record:upsert", **wanted | {"data": {"n": 2}}) == record
    assert await reads(ada, record) == record


async def test_lists_are_newest_first_and_go_on_before_the_last_id_seen(arrive: Gathering) -> None:
    ada, mark = await arrive("Ada"), new_id()
    made = [await creates(ada, "notes", {"mark": mark, "n": n}) for n in range(5)]
    page = await ada.does("record:list", collection="notes", limit=2)
    assert [each["id"] for each in page["records"]] == [made[4]["id"], made[3]["id"]]
    assert page["hasMore"]
    # Where the page ended is known on, although the record is gone.
    await ada.does("record:delete", **at(made[3]))
    assert await lists(ada, "notes", limit=3, before=made[3]["id"]) == made[2::-1]
    assert await lists(ada, "notes", filter=f"mark=eq.{mark}&n=lte.2") == made[2::-1]
    assert await lists(ada, "notes", filter=f"mark=eq.{mark}&n=gt.4") == []
    error = await ada.refused("invalid", "record:list", collection="notes", filter="n=most.4")
    assert list(error["fields"]) == ["filter"]
    error = await ada.refused("invalid", "record:list", collection="notes", before="never-was")
    assert list(error["fields"]) == ["before"]


async def test_a_page_of_long_records_ends_early(arrive: Gathering) -> None:
    ada = await arrive("Ada")
    long = [await creates(ada, "diaries", {"text": "x" * 9000}) for _ in range(5)]
    page = await ada.does("record:list", collection="diaries")
    assert [each["id"] for each in page["records"]] == [long[4]["id"], long[3]["id"]]
    assert page["hasMore"]
    page = await ada.does("record:list", collection="diaries", before=long[1]["id"])
    assert ([each["id"] for each in page["records"]], page["hasMore"]) == ([long[0]["id"]], False)


async def test_a_filtered_list_stops_looking_and_says_where_it_goes_on(arrive: Gathering) -> None:
    ada = await arrive("Ada")
    wanted = [await creates(ada, "diaries", {"kind": "wanted", "n": n}) for n in range(2)]
    for _ in range(10):
        await creates(ada, "diaries", {"kind": "other", "text": "x" * 9000})
    found, before, pages = [], {}, 0
    while True:
        page = await ada.does("record:list", collection="diaries", filter="kind=eq.wanted", **before)
        found += page["records"]
        pages += 1
        if not page["hasMore"]:
            break
        before = {"before": page["next"]}
    assert found == wanted[::-1]
    assert pages > 2


async def test_public_records_are_everyones_to_read(arrive: Gathering) -> None:
    mo, visitor = await arrive("Mo", role="moderator"), await arrive.visitor()
    await visitor.subscribes("collection:news")
    record = await creates(mo, "news", {"title": "Rain"})
    assert await reads(visitor, record) == record
    assert record in await lists(visitor, "news")
    await visitor.hears("record:changed", lambda data: data["new"] == record)
    for action, more in (("record:upsert", {"data": {}}), ("record:delete", {})):
        await visitor.refused("unauthenticated", action, **at(record), **more)


async def test_who_may_write_and_who_may_delete(arrive: Gathering) -> None:
    ada, mo = await arrive("Ada"), await arrive("Mo", role="moderator")
    admin, backend = await arrive("Al", role="admin"), await arrive.backend()
    await ada.refused("forbidden", "record:upsert", collection="news", id=new_id(), data={})
    record = await creates(mo, "news", {"title": "Rain"})
    record = await writes(admin, record, {"title": "Snow"})
    for each in (ada, mo):
        await each.refused("forbidden", "record:delete", **at(record))
    await admin.does("record:delete", **at(record))
    record = await creates(backend, "news", {"title": "Sun"})
    assert (record["ownerId"], record["updatedBy"] != "") == (None, True)
    await backend.does("record:delete", **at(record))


async def test_one_s_own_records_are_nobody_else_s_to_change(arrive: Gathering) -> None:
    ada, bo, admin = await arrive("Ada"), await arrive("Bo"), await arrive("Al", role="admin")
    card = await creates(ada, "cards", {"name": "Ada"})
    assert await reads(bo, card) == card
    for each in (bo, admin):
        await each.refused("forbidden", "record:upsert", **at(card), data={})
        await each.refused("forbidden", "record:delete", **at(card))
    assert await writes(ada, card, {"name": "Ada L."}) == await reads(bo, card)


async def test_a_collection_of_ones_own_shows_nobody_else_s(arrive: Gathering) -> None:
    ada, bo, backend = await arrive("Ada"), await arrive("Bo"), await arrive.backend()
    await ada.subscribes("collection:diaries")
    since = await newest(bo, "diaries")
    mine, theirs = await creates(ada, "diaries", {"a": 1}), await creates(bo, "diaries", {"b": 1})
    assert await lists(ada, "diaries") == [mine]
    assert await lists(bo, "diaries") == [theirs]
    assert (await lists(backend, "diaries"))[:2] == [theirs, mine]
    await bo.refused("not_found", "record:get", **at(mine))
    await bo.refused("not_found", "record:delete", **at(mine))
    await bo.refused("forbidden", "record:upsert", **at(mine), data={})
    await bo.refused("invalid", "record:list", collection="diaries", before=mine["id"])
    await ada.does("record:delete", **at(mine))
    assert [each[1] for each in await changes(bo, "diaries", since)] == [theirs["id"]]
    heard = await ada.hears("record:changed", lambda data: data["eventType"] == "DELETE")
    assert heard["data"]["old"] == mine
    assert theirs["id"] not in {each["id"] for each in ada.heard("record:changed")}
    # What was somebody else's once tells the next one nothing.
    await bo.refused("invalid", "record:upsert", **at(mine), data={}, baseVersion=1)
    again = await creates(bo, "diaries", {"b": 2}, mine["id"])
    assert await writes(bo, again, {"b": 3}, baseVersion=1) | {"updatedAt": ""} == again | {
        "data": {"b": 3},
        "version": 4,
        "updatedAt": "",
        "conflict": {"strategy": "merge", "fields": ["b"], "lost": {"b": 2}},
    }


async def test_what_one_may_not_read_one_may_hand_in_once(arrive: Gathering) -> None:
    ada, bo, mo = await arrive("Ada"), await arrive("Bo"), await arrive("Mo", role="moderator")
    backend = await arrive.backend()
    for collection, reader in (("suggestions", mo), ("ballots", backend)):
        record = await creates(ada, collection, {"say": "More trees"})
        for each in (ada, bo):
            await each.refused("forbidden", "record:list", collection=collection)
            await each.refused("forbidden", "record:get", **at(record))
            await each.refused("forbidden", "record:upsert", **at(record), data={})
            await each.refused("forbidden", "channel:subscribe", channel=f"collection:{collection}")
        assert await reads(reader, record) == record


async def test_a_backend_writes_for_somebody(arrive: Gathering) -> None:
    ada, bo, backend = await arrive("Ada"), await arrive("Bo"), await arrive.backend()
    await ada.subscribes("collection:invoices")
    wanted = {"collection": "invoices", "id": new_id(), "data": {"sum": 12.5}}
    invoice = await backend.creates("record:upsert", **wanted, ownerId=ada.id)
    assert invoice["ownerId"] == ada.id
    await ada.hears("record:changed", lambda data: data["new"] == invoice)
    assert await lists(ada, "invoices") == [invoice]
    assert await lists(bo, "invoices") == []
    await ada.refused("forbidden", "record:upsert", **wanted)
    await backend.refused("forbidden", "record:upsert", **wanted, ownerId=bo.id)
    paid = await writes(backend, invoice, {"sum": 12.5, "paid": True}, ownerId=ada.id)
    assert paid["ownerId"] == ada.id
    await ada.refused("forbidden", "record:upsert", collection="notes", id=new_id(), data={}, ownerId=bo.id)


async def test_who_is_muted_writes_only_for_themselves(arrive: Gathering) -> None:
    ada, mo = await arrive("Ada"), await arrive("Mo", role="moderator")
    record = await creates(ada, "notes", {"n": 1})
    await mo.does("user:mute", userId=ada.id)
    await ada.refused("forbidden", "record:upsert", **at(record), data={"n": 2})
    await creates(ada, "diaries", {"n": 1})
    await ada.does("record:delete", **at(record))


async def test_a_schema_says_what_is_wrong_and_where(arrive: Gathering) -> None:
    ada, id = await arrive("Ada"), new_id()
    wanted = {"collection": "tasks", "id": id}
    error = await ada.refused("invalid", "record:upsert", **wanted, data={"title": "", "done": 1, "tags": ["a", "B"]})
    assert set(error["fields"]) == {"data.title", "data.done", "data.tags.1"}
    error = await ada.refused("invalid", "record:upsert", **wanted, data={})
    assert list(error["fields"]) == ["data"]
    await ada.refused("not_found", "record:get", **wanted)
    await creates(ada, "tasks", {"title": "Write", "tags": ["a"]}, id)


async def test_a_visitor_may_not_hear_what_takes_signing_in(arrive: Gathering) -> None:
    visitor = await arrive.visitor()
    await visitor.refused("unauthenticated", "channel:subscribe", channel="collection:notes")
    await visitor.refused("unauthenticated", "record:list", collection="notes")
    await visitor.refused("not_found", "channel:subscribe", channel="collection:nothing")
    backend = await arrive.backend()
    await backend.refused("invalid", "channel:publish", channel="collection:notes", event="a:b", data={})
