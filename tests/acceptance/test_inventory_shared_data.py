"""The inventory's rows of "D: collaborative app kit" about shared data, by their names: the server's part of them."""

import secrets
from typing import Any

import pytest

from tests.acceptance.people import DOORS, Gathering
from tests.acceptance.recorders import at, conflicts_of, creates, lists, new_id, reads, variables, writes

pytestmark = pytest.mark.parametrize("door", DOORS)


@pytest.fixture(scope="module")
def cluster_variables() -> dict[str, str | None]:
    """Collections of several kinds."""
    return variables()


async def test_subscribe_to_insert_update_delete_with_a_filter_and_unsubscribe(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    user = secrets.token_hex(4)
    await bo.subscribes("collection:notes", filter=f"user_id=eq.{user}")
    theirs = await creates(ada, "notes", {"user_id": "somebody else"})
    record = await creates(ada, "notes", {"user_id": user, "text": "One"})
    changed = await writes(ada, record, {"user_id": user, "text": "Two"})
    await ada.does("record:delete", **at(record))
    for event_type, new, old in (("INSERT", record, None), ("UPDATE", changed, record), ("DELETE", None, changed)):
        told = await bo.hears("record:changed", lambda data, wanted=event_type: data["eventType"] == wanted)
        assert (told["data"]["new"], told["data"]["old"]) == (new, old)
    body, _ = await bo.call("channel:unsubscribe", channel="collection:notes")
    assert body["ok"]
    await creates(ada, "notes", {"user_id": user})
    await bo.is_up_to_date()
    assert len(bo.heard("record:changed")) == 3
    assert theirs["id"] not in {each["id"] for each in bo.heard("record:changed")}


async def test_conflict_resolution_last_write_wins(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    record = await creates(ada, "notes", {"text": "One"})
    earlier = await writes(bo, record, {"text": "Bo's"})
    later = await writes(ada, record, {"text": "Ada's"}, baseVersion=record["version"])
    assert later["updatedAt"] >= earlier["updatedAt"]
    assert (await reads(bo, record))["data"] == {"text": "Ada's"}
    assert later["conflict"]["lost"] == {"text": "Bo's"}


async def test_conflict_resolution_merge(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    record = await creates(ada, "tasks", {"title": "Pack", "done": False})
    await writes(bo, record, {"title": "Pack the tent", "done": False}, baseVersion=1)
    await writes(ada, record, {"title": "Pack", "done": True}, baseVersion=1)
    assert (await reads(bo, record))["data"] == {"title": "Pack the tent", "done": True}


async def test_conflict_resolution_manual_with_a_list_of_conflicts_to_resolve(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    tab = await arrive.again(ada)
    record = await creates(ada, "texts", {"text": "One"})
    await writes(bo, record, {"text": "Bo's"})
    error = await ada.refused("conflict", "record:upsert", **at(record), data={"text": "Ada's"}, baseVersion=1)
    assert error["current"]["data"] == {"text": "Bo's"}
    await tab.hears("conflict:created", lambda data: data["recordId"] == record["id"])
    (conflict,) = await conflicts_of(tab, record)
    assert (conflict["local"], conflict["remote"], conflict["base"]) == (
        *({"text": "Ada's"}, {"text": "Bo's"}, {"text": "One"}),
    )
    assert conflict["requiresManualResolution"] is True
    both = {"conflictId": conflict["id"], "resolution": "custom", "data": {"text": "Ours"}}
    resolved = await tab.does("conflict:resolve", **both)
    assert resolved["record"]["data"] == {"text": "Ours"} == (await reads(bo, record))["data"]
    assert await conflicts_of(ada, record) == []


async def test_live_data_synchronisation_a_queue_that_keeps_its_order_and_retries_what_failed(
    arrive: Gathering,
) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    await bo.subscribes("collection:tasks")
    one, two = new_id(), new_id()

    def mutation(id: str, data: dict[str, Any], base: int) -> dict[str, Any]:
        where = {"collection": "tasks", "id": id, "baseVersion": base}
        return {"mutationId": secrets.token_hex(8), "op": "upsert", **where, "data": data}

    # What was done while the client was offline: in order, some of it wrong.
    queue = [
        mutation(one, {"title": "First"}, 0),
        mutation(two, {"title": ""}, 0),
        mutation(one, {"title": "First", "done": True}, 1),
    ]
    results = (await ada.does("record:sync", mutations=queue))["results"]
    assert [each["ok"] for each in results] == [True, False, True]
    await bo.hears("record:changed", lambda data: data["id"] == one and data["version"] == 2)
    assert [data["version"] for data in bo.heard("record:changed") if data["id"] == one] == [1, 2]
    # The reply was lost, and what failed was put right: all is sent again, and what was done is not done twice.
    queue[1]["data"]["title"] = "Second"
    again = (await ada.does("record:sync", mutations=queue))["results"]
    assert [again[0], again[2]] == [results[0], results[2]]
    assert again[1]["data"]["version"] == 1
    assert [(each["id"], each["version"]) for each in await lists(bo, "tasks", limit=2)] == [(two, 1), (one, 2)]
