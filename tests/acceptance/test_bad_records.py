"""What bad input gets that concerns records: each its error of the contract, nothing stored, nothing leaked."""

from typing import Any

import pytest

from tests.acceptance.people import DOORS, Gathering
from tests.acceptance.recorders import at, creates, lists, new_id, reads, variables

IDS = (7, 1.5, True, [], {}, "", "x" * 256, "a\x01b", "a\nb")
NAMES = ("x" * 129, "a b", "a/b", "ä", "a:b", ".", "..", "a%2Fb", *IDS)
NUMBERS = ("1", "", 1.5, True, [], {}, -1, 2**53)
STRATEGIES = ("", "newest", "Merge", 7, [], {})

# Of each action: a payload that would be taken, and what its fields do not take.
ACTIONS: dict[str, tuple[dict[str, Any], dict[str, tuple[Any, ...]]]] = {
    "record:list": ({}, {"before": IDS, "limit": (*NUMBERS, 0, 201), "filter": ("", "x", "a=b.c", 7, [])}),
    "record:get": ({"id": "x"}, {"id": IDS}),
    "record:upsert": (
        {"id": "x", "data": {"n": 1}},
        {"id": NAMES, "data": (7, "x", [], [{}], True), "baseVersion": NUMBERS, "strategy": STRATEGIES},
    ),
    "record:delete": ({"id": "x"}, {"id": IDS, "baseVersion": NUMBERS, "strategy": STRATEGIES}),
    "conflict:list": ({}, {"before": IDS, "limit": (*NUMBERS, 0, 101), "status": ("", "closed", 7)}),
}


@pytest.fixture(scope="module")
def cluster_variables() -> dict[str, str | None]:
    """Collections of several kinds."""
    return variables()


@pytest.mark.parametrize("action", ACTIONS)
async def test_each_wrong_field_is_named_and_nothing_is_stored(arrive: Gathering, action: str) -> None:
    ada = await arrive("Ada")
    record = await creates(ada, "notes", {"n": 0})
    before = await lists(ada, "notes")
    good, wrong = ACTIONS[action]
    if "id" in good:
        good = good | {"id": record["id"]}
    if action.startswith("record:"):
        good, wrong = {"collection": "notes"} | good, {"collection": IDS} | wrong
    for field, values in wrong.items():
        for value in values:
            error = await ada.refused("invalid", action, **good | {field: value})
            assert list(error["fields"]) == [field], (field, value, error)
    for field in good:
        error = await ada.refused("invalid", action, **{name: value for name, value in good.items() if name != field})
        assert list(error["fields"]) == [field]
    assert await lists(ada, "notes") == before


@pytest.mark.parametrize("door", DOORS)
async def test_what_is_nowhere_is_not_found(arrive: Gathering, door: str) -> None:
    ada = await arrive("Ada")
    for name in ("nothing", "Notes", "notes ", "no/tes", "ä", "tables", "document", "x" * 200):
        for action, more in (
            *(("record:list", {}), ("record:get", {"id": "x"}), ("record:delete", {"id": "x"})),
            ("record:upsert", {"id": "x", "data": {}}),
        ):
            await ada.refused("not_found", action, collection=name, **more)
        await ada.refused("not_found", "channel:subscribe", channel=f"collection:{name}")
    for action in ("record:get", "record:delete"):
        for id in ("nothing", "x" * 129, "a b", "ä", "'--"):
            await ada.refused("not_found", action, collection="notes", id=id)
    await ada.refused("not_found", "record:delete", collection="notes", id=new_id(), baseVersion=0)


@pytest.mark.parametrize("door", DOORS)
async def test_a_record_is_no_larger_than_it_may_be(arrive: Gathering, door: str) -> None:
    ada = await arrive("Ada")
    wanted = {"collection": "notes", "id": new_id()}
    await ada.refused("too_large", "record:upsert", **wanted, data={"text": "x" * 65_536})
    await ada.refused("too_large", "record:upsert", **wanted, data={"text": "ä" * 32_768})
    await ada.refused("not_found", "record:get", **wanted)
    record = await creates(ada, "notes", {"text": "x" * (65_536 - len('{"text":""}'))}, wanted["id"])
    assert await reads(ada, record) == record


@pytest.mark.parametrize("door", DOORS)
async def test_depth_and_keys_are_bounded(arrive: Gathering, door: str) -> None:
    ada = await arrive("Ada")
    wanted = {"collection": "notes", "id": new_id()}
    deep: Any = 1
    for _ in range(31):
        deep = {"a": deep}
    many = {str(n): n for n in range(1001)}
    for data in ({"a": deep}, many):
        await ada.refused("invalid", "record:upsert", **wanted, data=data)
        mutation = {"mutationId": new_id(), "op": "upsert", **wanted, "data": data}
        await ada.refused("invalid", "record:sync", mutations=[mutation])
    await ada.refused("not_found", "record:get", **wanted)


async def test_what_javascript_can_say_is_stored_as_it_was(arrive: Gathering) -> None:
    ada = await arrive("Ada")
    wanted = {"collection": "notes", "id": new_id()}
    kept = {"n": [0, -0.5, 2**53, 1e300, 10**20, -1e30, True, None], "": "", "__proto__": {"x": 1}, "🦁": "\u2028"}
    record = await ada.creates("record:upsert", **wanted, data=kept | {"half \ud83c": "a\x00b\x1fc\ud83c"})
    assert record["data"] == kept | {"half \ufffd": "abc\ufffd"}
    assert await reads(ada, record) == record


@pytest.mark.parametrize("body", ['{"data": {"n": NaN}}', '{"data": {"n": Infinity}}', '{"data": {"n": 1e999}}', "["])
async def test_what_is_no_json_is_invalid(arrive: Gathering, body: str) -> None:
    ada = await arrive("Ada")
    path = f"/api/collections/notes/records/{new_id()}"
    reply = await ada.worker.rest("PUT", path, data=body, token=ada.credential)
    assert (reply.status, reply.body["error"]["code"]) == (422, "invalid")
    reply = await ada.worker.rest("GET", path, token=ada.credential)
    assert reply.status == 404


async def test_bytes_are_no_data(arrive: Gathering) -> None:
    ada = await arrive("Ada")
    await ada.refused("invalid", "record:upsert", collection="notes", id=new_id(), data={"file": b"abc"})
    record = await creates(ada, "notes", {"n": 1})
    await ada.refused("invalid", "record:upsert", **at(record), data=b"abc")
    assert await reads(ada, record) == record
