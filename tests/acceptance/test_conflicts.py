"""Conflicts: what becomes of changes that were made of a version that was stale, through both doors."""

import asyncio
from typing import Any

import pytest

from tests.acceptance import contract
from tests.acceptance.people import DOORS, Gathering, Person
from tests.acceptance.recorders import at, conflicts_of, creates, lists, new_id, reads, variables, writes

pytestmark = pytest.mark.parametrize("door", DOORS)


@pytest.fixture(scope="module")
def cluster_variables() -> dict[str, str | None]:
    """Collections whose conflicts are settled in each way; a page of conflicts ends after 20 kB."""
    return variables(HUBBUB_RECORD_PAGE_BYTES="20000")


async def parks(writer: Person, record: dict[str, Any], data: Any, base: int = 1) -> dict[str, Any]:
    """A change (a deletion, without data) that is parked; the conflict."""
    action = "record:delete" if data is None else "record:upsert"
    sent = {} if data is None else {"data": data}
    error = await writer.refused("conflict", action, **at(record), **sent, baseVersion=base, strategy="manual")
    stored = await reads(writer, record)
    assert error["current"] == stored
    found = await conflicts_of(writer, record)
    assert (found[0]["local"], found[0]["remote"], found[0]["version"]) == (data, stored["data"], stored["version"])
    assert (found[0]["baseVersion"], found[0]["userId"]) == (base, writer.id)
    return found[0]


async def test_the_last_write_wins_and_what_it_overwrote_is_told(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    record = await creates(ada, "notes", {"a": 1, "b": 1, "c": 1})
    await writes(bo, record, {"a": 2, "b": 1, "d": 1})
    won = await writes(ada, record, {"a": 1, "b": 5, "c": 1}, baseVersion=1)
    assert (won["data"], won["version"]) == ({"a": 1, "b": 5, "c": 1}, 3)
    lost = {"a": 2, "c": None, "d": 1}
    assert won["conflict"] == {"strategy": "last-write-wins", "fields": ["a", "c", "d"], "lost": lost}
    assert await reads(bo, record) == {name: value for name, value in won.items() if name != "conflict"}


async def test_changes_of_different_fields_are_merged(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    await bo.subscribes("collection:tasks")
    record = await creates(ada, "tasks", {"title": "Write", "done": False, "x": 1})
    await writes(bo, record, {"title": "Write", "done": True})
    merged = await writes(ada, record, {"title": "Write it", "done": False, "x": 1}, baseVersion=1)
    assert "conflict" not in merged
    assert merged["data"] == {"title": "Write it", "done": True}
    await bo.hears("record:changed", lambda data: data["id"] == record["id"] and data["new"] == merged)


async def test_a_field_that_both_changed_goes_to_the_later_write(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    record = await creates(ada, "tasks", {"title": "Write", "done": False})
    await writes(bo, record, {"title": "Bo's", "done": True})
    merged = await writes(ada, record, {"title": "Ada's", "done": False}, baseVersion=1)
    assert merged["data"] == {"title": "Ada's", "done": True}
    assert merged["conflict"] == {"strategy": "merge", "fields": ["title"], "lost": {"title": "Bo's"}}


async def test_a_write_says_how_it_is_settled_itself(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    record = await creates(ada, "tasks", {"title": "Write", "done": False})
    await writes(bo, record, {"title": "Write", "done": True})
    won = await writes(ada, record, {"title": "Mine", "done": False}, baseVersion=1, strategy="last-write-wins")
    assert (won["data"], won["conflict"]["fields"]) == ({"title": "Mine", "done": False}, ["done"])
    merged = await writes(bo, record, {"title": "Write", "done": True, "x": 1}, baseVersion=2, strategy="merge")
    assert merged["data"] == {"title": "Mine", "done": False, "x": 1}


async def test_a_change_that_is_there_already_changes_nothing(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    for collection in ("notes", "tasks", "texts"):
        record = await creates(ada, collection, {"title": "Write"})
        stored = await writes(bo, record, {"title": "Done"})
        assert await writes(ada, record, {"title": "Done"}, baseVersion=1) == stored
        assert await conflicts_of(ada, record) == []


async def test_changes_that_are_not_valid_together_are_a_conflict(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    record = await creates(ada, "tasks", {"title": "Write", "a": 1})
    stored = await writes(bo, record, {"title": "Write", "a": 1, "b": 1, "c": 1})
    wanted = {"title": "Write", "a": 1, "d": 1}
    error = await ada.refused("conflict", "record:upsert", **at(record), data=wanted, baseVersion=1)
    assert error["current"] == stored == await reads(ada, record)


async def test_version_0_means_that_there_was_none(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    id = new_id()
    record = await ada.creates("record:upsert", collection="tasks", id=id, data={"title": "A"}, baseVersion=0)
    merged = await writes(bo, record, {"title": "B", "x": 1}, baseVersion=0)
    assert merged["data"] == {"title": "B", "x": 1}
    assert merged["conflict"] == {"strategy": "merge", "fields": ["title"], "lost": {"title": "A"}}
    await ada.does("record:delete", **at(record))
    again = await ada.creates("record:upsert", **at(record), data={"title": "C"}, baseVersion=0)
    assert again["version"] == 4


async def test_a_version_that_is_still_to_come_is_invalid(arrive: Gathering) -> None:
    ada = await arrive("Ada")
    record = await creates(ada, "notes", {"n": 1})
    for where, action, more in (
        (at(record), "record:upsert", {"data": {}}),
        (at(record), "record:delete", {}),
        ({"collection": "notes", "id": new_id()}, "record:upsert", {"data": {}}),
    ):
        error = await ada.refused("invalid", action, **where, **more, baseVersion=2)
        assert list(error["fields"]) == ["baseVersion"]
    assert await reads(ada, record) == record


async def test_a_stale_deletion_takes_with_it_what_it_tells(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    for collection, strategy in (("notes", "last-write-wins"), ("tasks", "merge")):
        record = await creates(ada, collection, {"title": "Write", "x": 1})
        await writes(bo, record, {"title": "Write", "x": 2})
        gone = await ada.does("record:delete", **at(record), baseVersion=1)
        assert gone["conflict"] == {"strategy": strategy, "fields": ["x"], "lost": {"x": 2}}
        assert gone["data"] is None
        # Deleted on both sides: nothing is left to settle.
        again = await bo.does("record:delete", **at(record), baseVersion=1)
        contract.deleted_record(again)
        assert again["version"] == 3


async def test_a_change_brings_a_deleted_record_back(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    for collection, strategy in (("notes", "last-write-wins"), ("tasks", "merge")):
        record = await creates(ada, collection, {"title": "Write", "x": 1})
        await bo.does("record:delete", **at(record))
        back = await ada.creates("record:upsert", **at(record), data={"title": "Write", "x": 2}, baseVersion=1)
        lost = {"title": None, "x": None}
        assert back["conflict"] == {"strategy": strategy, "fields": ["title", "x"], "lost": lost}
        assert (back["data"], back["version"]) == ({"title": "Write", "x": 2}, 3)


async def test_what_is_manual_is_parked_once_and_its_writer_told(arrive: Gathering) -> None:
    ada, bo, mo = await arrive("Ada"), await arrive("Bo"), await arrive("Mo", role="moderator")
    tab = await arrive.again(ada, at=arrive.cluster.b)
    record = await creates(ada, "texts", {"text": "One"})
    stored = await writes(bo, record, {"text": "Bo's"})
    conflict = await parks(ada, record, {"text": "Ada's"})
    assert (conflict["base"], conflict["requiresManualResolution"]) == ({"text": "One"}, True)
    told = await tab.hears("conflict:created", lambda data: data["conflictId"] == conflict["id"])
    assert told["data"] == {"conflictId": conflict["id"], "collection": "texts", "recordId": record["id"]}
    assert await parks(ada, record, {"text": "Ada's"}) == conflict
    assert await reads(bo, record) == stored
    assert await conflicts_of(bo, record) == []
    assert await conflicts_of(mo, record) == [conflict]
    await tab.is_up_to_date()
    assert len(tab.heard("conflict:created")) == 1
    other = await parks(ada, record, {"text": "Ada's other"})
    assert await conflicts_of(ada, record) == [other, conflict]


async def test_a_client_id_parks_once(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    record = await creates(ada, "texts", {"text": "One"})
    await writes(bo, record, {"text": "Bo's"})
    wanted = at(record) | {"data": {"text": "Ada's"}, "baseVersion": 1, "clientId": "parked"}
    error = await ada.refused("conflict", "record:upsert", **wanted)
    assert await ada.refused("conflict", "record:upsert", **wanted) == error
    assert len(await conflicts_of(ada, record)) == 1


@pytest.mark.parametrize("who", ["writer", "moderator", "backend"])
async def test_a_conflict_is_resolved_with_what_is_to_hold(arrive: Gathering, who: str) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    resolver = {
        "writer": ada,
        "moderator": await arrive("Mo", role="moderator"),
        "backend": await arrive.backend(),
    }[who]
    for resolution, held in (
        ("local", {"text": "Ada's"}),
        ("remote", {"text": "Bo's"}),
        ("custom", {"text": "Ours", "n": 2}),
    ):
        record = await creates(ada, "texts", {"text": "One"})
        stored = await writes(bo, record, {"text": "Bo's"})
        conflict = await parks(ada, record, {"text": "Ada's"})
        wanted = {"conflictId": conflict["id"], "resolution": resolution}
        data = {"data": held} if resolution == "custom" else {}
        await bo.refused("not_found", "conflict:resolve", **wanted, **data)
        resolved = await resolver.does("conflict:resolve", **wanted, **data)
        result = resolved.pop("record")
        contract.conflict(resolved)
        assert (resolved["resolution"], resolved["requiresManualResolution"]) == (resolution, False)
        assert (result["data"], result["version"]) == (held, 2 if resolution == "remote" else 3)
        assert await reads(bo, record) == result
        assert (result == stored) == (resolution == "remote")
        told = await ada.hears("conflict:resolved", lambda data, id=conflict["id"]: data["conflictId"] == id)
        assert told["data"]["resolution"] == resolution
        error = await resolver.refused("conflict", "conflict:resolve", **wanted, **data)
        assert error["current"] == resolved
        assert await conflicts_of(ada, record) == []
        assert await conflicts_of(ada, record, status="resolved") == [resolved]


async def test_what_changed_since_it_was_parked_is_told_when_it_is_overwritten(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    record = await creates(ada, "texts", {"text": "One", "n": 1})
    await writes(bo, record, {"text": "Bo's", "n": 1})
    conflict = await parks(ada, record, {"text": "Ada's", "n": 1})
    await writes(bo, record, {"text": "Bo's", "n": 7})
    resolved = await ada.does("conflict:resolve", conflictId=conflict["id"], resolution="local")
    contract.record(resolved["record"], settled=True)
    assert resolved["record"]["conflict"] == {"strategy": "manual", "fields": ["n"], "lost": {"n": 7}}


async def test_a_parked_deletion_is_carried_out(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    record = await creates(ada, "texts", {"text": "One"})
    await writes(bo, record, {"text": "Bo's"})
    conflict = await parks(ada, record, None)
    resolved = await ada.does("conflict:resolve", conflictId=conflict["id"], resolution="local")
    contract.deleted_record(resolved["record"])
    await bo.refused("not_found", "record:get", **at(record))


async def test_a_change_of_a_deleted_record_is_parked_too(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    record = await creates(ada, "texts", {"text": "One"})
    await bo.does("record:delete", **at(record))
    error = await ada.refused("conflict", "record:upsert", **at(record), data={"text": "Mine"}, baseVersion=1)
    assert error["current"] is None
    (conflict,) = await conflicts_of(ada, record)
    assert (conflict["local"], conflict["remote"], conflict["base"]) == ({"text": "Mine"}, None, {"text": "One"})
    resolved = await ada.does("conflict:resolve", conflictId=conflict["id"], resolution="local")
    assert (resolved["record"]["data"], resolved["record"]["version"]) == ({"text": "Mine"}, 3)


async def test_a_record_that_a_moderator_brings_back_is_whose_it_was(arrive: Gathering) -> None:
    ada, bo, mo = await arrive("Ada"), await arrive("Bo"), await arrive("Mo", role="moderator")
    record = await creates(ada, "texts", {"text": "One"})
    await ada.does("record:delete", **at(record))
    await bo.refused("conflict", "record:upsert", **at(record), data={"text": "Bo's"}, baseVersion=1)
    (conflict,) = await conflicts_of(mo, record)
    resolved = await mo.does("conflict:resolve", conflictId=conflict["id"], resolution="local")
    back = resolved["record"]
    assert (back["data"], back["ownerId"], back["updatedBy"]) == ({"text": "Bo's"}, ada.id, mo.id)


async def test_two_who_resolve_at_once(arrive: Gathering) -> None:
    ada, bo, mo = await arrive("Ada"), await arrive("Bo"), await arrive("Mo", role="moderator")
    record = await creates(ada, "texts", {"text": "One"})
    await writes(bo, record, {"text": "Bo's"})
    conflict = await parks(ada, record, {"text": "Ada's"})
    wanted = {"conflictId": conflict["id"], "resolution": "custom"}
    replies = await asyncio.gather(
        *(each.call("conflict:resolve", **wanted, data={"text": each.name}) for each in (ada, mo))
    )
    winners = [body["data"]["record"]["data"] for body, _ in replies if body["ok"]]
    assert len(winners) == 1
    assert [body["error"]["code"] for body, _ in replies if not body["ok"]] == ["conflict"]
    assert (await reads(bo, record))["data"] == winners[0]


async def test_a_page_of_conflicts_ends_early(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    parked = []
    for _ in range(3):
        record = await creates(ada, "texts", {"text": "x" * 3000})
        await writes(bo, record, {"text": "y" * 3000})
        parked.append(await parks(ada, record, {"text": "z" * 3000}))
    page = await ada.does("conflict:list")
    assert [each["id"] for each in page["conflicts"]] == [parked[2]["id"], parked[1]["id"]]
    assert page["hasMore"]
    page = await ada.does("conflict:list", before=parked[1]["id"])
    assert page == {"conflicts": [parked[0]], "hasMore": False}


async def test_resolving_is_for_who_may_write_now(arrive: Gathering) -> None:
    ada, bo, mo = await arrive("Ada"), await arrive("Bo"), await arrive("Mo", role="moderator")
    record = await creates(ada, "texts", {"text": "One"})
    await writes(bo, record, {"text": "Bo's"})
    conflict = await parks(ada, record, {"text": "Ada's"})
    await mo.does("user:mute", userId=ada.id)
    await ada.refused("forbidden", "conflict:resolve", conflictId=conflict["id"], resolution="local")
    assert await conflicts_of(ada, record) == [conflict]
    assert (await lists(ada, "texts", limit=1))[0]["data"] == {"text": "Bo's"}


async def test_a_resolution_that_cannot_be_is_invalid(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    record = await creates(ada, "tasks", {"title": "One"})
    await writes(bo, record, {"title": "Bo's"})
    conflict = await parks(ada, record, {"title": "Ada's"})
    for wanted, field in (
        ({"resolution": "custom"}, "data"),
        ({"resolution": "local", "data": {}}, "data"),
        ({"resolution": "mine"}, "resolution"),
        ({"resolution": "custom", "data": {"title": ""}}, "data.title"),
        ({"resolution": "custom", "data": []}, "data"),
        ({}, "resolution"),
    ):
        error = await ada.refused("invalid", "conflict:resolve", conflictId=conflict["id"], **wanted)
        assert list(error["fields"]) == [field]
    await ada.refused("not_found", "conflict:resolve", conflictId="nothing", resolution="local")
    assert await conflicts_of(ada, record) == [conflict]
