"""Sync: a queue of changes is made in its order, each once, each with its own result."""

import asyncio
import secrets
from typing import Any

import pytest

from tests.acceptance import contract
from tests.acceptance.people import DOORS, Gathering, Person
from tests.acceptance.recorders import at, conflicts_of, creates, lists, new_id, reads, variables, writes

pytestmark = pytest.mark.parametrize("door", DOORS)


@pytest.fixture(scope="module")
def cluster_variables() -> dict[str, str | None]:
    """Small pieces, so that longer queues are of several."""
    return variables(HUBBUB_SYNC_BATCH="10")


def upsert(collection: str, id: str, data: Any, **more: Any) -> dict[str, Any]:
    """A mutation that writes."""
    return {"mutationId": secrets.token_hex(8), "op": "upsert", "collection": collection, "id": id, "data": data} | more


def delete(collection: str, id: str, **more: Any) -> dict[str, Any]:
    """A mutation that deletes."""
    return {"mutationId": secrets.token_hex(8), "op": "delete", "collection": collection, "id": id} | more


async def syncs(person: Person, *mutations: dict[str, Any]) -> list[dict[str, Any]]:
    """Send a queue; the results, in its order."""
    if person.door == "socket":
        # A long queue takes a while on a busy machine.
        body = await person.socket.emit("record:sync", {"mutations": list(mutations)}, timeout=30)
        contract.reply(body)
        assert body["ok"], body
        reply = body["data"]
    else:
        reply = await person.does("record:sync", mutations=list(mutations))
    contract.keys(reply, {"results"})
    for mutation, result in zip(mutations, reply["results"], strict=True):
        contract.keys(result, {"mutationId", "ok", "data"} if result["ok"] else {"mutationId", "ok", "error"})
        assert result["mutationId"] == mutation["mutationId"]
        if not result["ok"]:
            contract.error(result["error"])
    return reply["results"]


def outcomes(results: list[dict[str, Any]]) -> list[str]:
    """``ok``, or the error's code, of each result."""
    return ["ok" if each["ok"] else each["error"]["code"] for each in results]


async def test_a_queue_is_made_in_its_order(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    await bo.subscribes("collection:notes")
    one, two = new_id(), new_id()
    results = await syncs(
        ada,
        upsert("notes", one, {"n": 1}, baseVersion=0),
        upsert("notes", two, {"n": 1}),
        upsert("notes", one, {"n": 2}, baseVersion=1),
        delete("notes", two, baseVersion=1),
        upsert("notes", two, {"n": 3}, baseVersion=2),
    )
    assert outcomes(results) == ["ok"] * 5
    assert [each["data"]["version"] for each in results] == [1, 1, 2, 2, 3]
    assert await reads(bo, results[2]["data"]) == results[2]["data"]
    await bo.hears("record:changed", lambda data: data["id"] == two and data["version"] == 3)
    told = [(data["id"], data["version"]) for data in bo.heard("record:changed") if data["id"] in {one, two}]
    assert told == [(one, 1), (two, 1), (one, 2), (two, 2), (two, 3)]


async def test_a_queue_that_is_sent_again_changes_nothing(arrive: Gathering) -> None:
    ada = await arrive("Ada")
    queue = [upsert("notes", new_id(), {"n": n}) for n in range(10)]
    first = await syncs(ada, *queue)
    later = [upsert("notes", queue[0]["id"], {"n": "later"})]
    second = await syncs(ada, *queue, *later)
    assert second[:10] == first
    assert second[10]["data"]["version"] == 2
    for each in first[1:]:
        assert await reads(ada, each["data"]) == each["data"]


async def test_two_requests_with_the_same_queue_race(arrive: Gathering) -> None:
    ada = await arrive("Ada")
    tab = await arrive.again(ada, at=arrive.cluster.b)
    queue = [upsert("notes", id, {"n": n}) for n, id in enumerate([new_id(), new_id(), new_id()] * 6)]
    both = await asyncio.gather(*(syncs(each, *queue) for each in (ada, tab, ada, tab)))
    assert all(outcomes(results) == ["ok"] * 18 for results in both)
    assert all(results == both[0] for results in both)
    assert [each["data"]["version"] for each in both[0]] == [n // 3 + 1 for n in range(18)]


async def test_queues_that_meet_in_opposite_order(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    for _ in range(5):
        ids = [new_id() for _ in range(6)]
        results = await asyncio.gather(
            syncs(ada, *(upsert("notes", id, {"by": "Ada"}) for id in ids)),
            syncs(bo, *(upsert("notes", id, {"by": "Bo"}) for id in reversed(ids))),
        )
        for mine, theirs in zip(results[0], reversed(results[1]), strict=True):
            assert {mine["data"]["version"], theirs["data"]["version"]} == {1, 2}


async def test_what_is_in_a_queue_twice_is_made_once(arrive: Gathering) -> None:
    ada = await arrive("Ada")
    mutation = upsert("notes", new_id(), {"n": 1})
    results = await syncs(ada, mutation, mutation | {"data": {"n": 2}})
    assert results[0] == results[1]
    assert (await reads(ada, results[0]["data"]))["data"] == {"n": 1}


async def test_ids_of_mutations_are_a_user_s_own(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    mutation = upsert("notes", new_id(), {"n": 1})
    await syncs(ada, mutation)
    (result,) = await syncs(bo, mutation)
    assert result["data"]["version"] == 2


async def test_one_that_fails_holds_up_nothing_else_and_leaves_nothing(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    theirs = await creates(bo, "cards", {"name": "Bo"})
    missing, fine, other = new_id(), new_id(), new_id()
    queue = [
        upsert("tasks", other, {"title": ""}),
        upsert("tasks", fine, {"title": "Fine"}),
        delete("tasks", missing),
        upsert("cards", theirs["id"], {"name": "Ada"}),
        upsert("nothing", fine, {}),
        upsert("tasks", fine, {"title": "Finer"}, baseVersion=9),
        upsert("notes", fine, {"text": "x" * 70_000}),
        upsert("tasks", "not an id", {"title": "x"}),
        upsert("tasks", fine, {"title": "Finest"}, baseVersion=1),
        {**delete("tasks", fine), "data": {}},
        {**upsert("tasks", fine, {}), "op": "replace"},
    ]
    results = await syncs(ada, *queue)
    expected = ["invalid", "ok", "not_found", "forbidden", "not_found", "invalid", "too_large", "invalid", "ok"]
    assert outcomes(results) == [*expected, "invalid", "invalid"]
    assert [list(results[at]["error"]["fields"]) for at in (0, 5, 7, 9, 10)] == [
        *(["data.title"], ["baseVersion"], ["id"], ["data"], ["op"]),
    ]
    assert (await lists(ada, "tasks", limit=1))[0]["id"] == fine
    await ada.refused("not_found", "record:get", collection="tasks", id=other)
    # What failed is tried again: nothing of it is remembered.
    await creates(bo, "tasks", {"title": "There now"}, missing)
    assert outcomes(await syncs(ada, *queue))[2] == "ok"


async def test_what_is_settled_is_told_in_its_result(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    record = await creates(ada, "tasks", {"title": "Write"})
    await writes(bo, record, {"title": "Bo's"})
    (result,) = await syncs(ada, upsert("tasks", record["id"], {"title": "Ada's"}, baseVersion=1))
    contract.record(result["data"], settled=True)
    assert result["data"]["conflict"]["lost"] == {"title": "Bo's"}


async def test_what_is_parked_is_answered_the_same_again(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    record = await creates(ada, "texts", {"text": "One"})
    await writes(bo, record, {"text": "Bo's"})
    other = new_id()
    queue = [upsert("texts", record["id"], {"text": "Ada's"}, baseVersion=1), upsert("texts", other, {"text": "Two"})]
    results = await syncs(ada, *queue)
    assert outcomes(results) == ["conflict", "ok"]
    (conflict,) = await conflicts_of(ada, record)
    await ada.does("conflict:resolve", conflictId=conflict["id"], resolution="local")
    assert await syncs(ada, *queue) == results
    assert await conflicts_of(ada, record) == []
    assert (await reads(bo, record))["version"] == 3


async def test_a_thousand_changes_of_many_fields_are_taken(arrive: Gathering) -> None:
    ada = await arrive("Ada")
    queue = [upsert("notes", f"{ada.id}-{n % 100}", {"a": n, "b": 1, "c": 2}) for n in range(1000)]
    results = await syncs(ada, *queue)
    assert outcomes(results) == ["ok"] * 1000
    assert [each["data"]["version"] for each in results] == [n // 100 + 1 for n in range(1000)]
    assert await syncs(ada, *queue) == results
    error = await ada.refused("invalid", "record:sync", mutations=[*queue, delete("notes", new_id())])
    assert list(error["fields"]) == ["mutations"]


async def test_a_backend_publishes_a_thousand_events_at_once(arrive: Gathering) -> None:
    backend = await arrive.backend()
    channel = f"app:{secrets.token_hex(8)}"
    events = [{"channel": channel, "event": "order:paid", "data": {"a": 1, "b": 2}} for _ in range(1000)]
    reply = await backend.worker.rest("POST", "/api/publish/batch", {"events": events}, token=backend.credential)
    assert (reply.status, reply.body["data"]["results"][-1]) == (201, {"seq": 1000})
    events[500]["data"] = dict.fromkeys(map(str, range(1001)), 1)
    reply = await backend.worker.rest("POST", "/api/publish/batch", {"events": events}, token=backend.credential)
    assert (reply.status, reply.body["error"]["code"]) == (422, "invalid")


async def test_visitors_have_no_queue_and_backends_have_theirs(arrive: Gathering) -> None:
    visitor, backend = await arrive.visitor(), await arrive.backend()
    await visitor.refused("unauthenticated", "record:sync", mutations=[])
    assert await syncs(backend) == []
    results = await syncs(backend, upsert("invoices", new_id(), {"sum": 1}, ownerId="ada"))
    assert results[0]["data"]["ownerId"] == "ada"
    assert await syncs(backend, upsert("invoices", results[0]["data"]["id"], {"sum": 2})) != results


async def test_a_queue_without_ids_is_invalid(arrive: Gathering) -> None:
    ada = await arrive("Ada")
    record = await creates(ada, "notes", {"n": 1})
    good = upsert("notes", record["id"], {"n": 2})
    for mutations in (
        *(None, {}, "x", 7, [7], [None], [[]], [{}], [good, {"op": "delete"}]),
        *([good | {"mutationId": wrong}] for wrong in ("", "x" * 65, 7, None, [], "a\x01")),
    ):
        error = await ada.refused("invalid", "record:sync", mutations=mutations)
        assert list(error["fields"]) == ["mutations"]
    assert await reads(ada, record) == record
    assert at(record)["collection"] == "notes"
