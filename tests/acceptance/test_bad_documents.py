"""What nobody should send to documents: it is refused, hurts neither document nor worker, and others write on."""

import secrets
from typing import Any

import pytest

from tests.acceptance.people import DOORS, Gathering
from tests.acceptance.writers import SOON, begin, edit, open_document, saved
from tests.support.hostile_updates import CLIENT, MALFORMED, nested_types, number
from tests.support.updates import awareness


@pytest.fixture(scope="module")
def cluster_variables() -> dict[str, str | None]:
    """Saved soon; updates of 100,000 bytes at most, documents of twice as many."""
    return SOON | {"HUBBUB_DOCUMENT_UPDATE_BYTES": "100000", "HUBBUB_DOCUMENT_BYTES": "200000"}


async def test_what_is_no_update_is_invalid_and_changes_nothing(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada", at=arrive.cluster.a), await arrive("Bo", at=arrive.cluster.b)
    document = await begin(ada, "Hello", **{bo.id: "write"})
    pad = await open_document(bo, document)
    bad = [MALFORMED[name]() for name in MALFORMED]
    bad += [secrets.token_bytes(size) for size in range(3, 60)]
    for update in bad:
        if len(update) > 100_000:
            await ada.refused("too_large", "document:update", documentId=document["id"], update=update)
        else:
            error = await ada.refused("invalid", "document:update", documentId=document["id"], update=update)
            assert error["fields"].keys() == {"update"}
    for update in (None, "text", {}, [1]):
        await ada.refused("invalid", "document:update", documentId=document["id"], update=update)
    assert await edit(bo, document, pad.write("Still here. ")) == 1
    assert bo.heard("document:updated") == [] or bo.heard("document:updated")[0]["n"] == 1


async def test_state_vectors_and_awareness_are_checked_as_well(arrive: Gathering) -> None:
    ada = await arrive("Ada")
    document = await begin(ada, "Hello")
    same: dict[str, Any] = {"documentId": document["id"]}
    for vector in (b"", b"\xff\xff\xff\xff\x0f", b"\x02\x01", "text"):
        await ada.refused("invalid", "document:open", **same, stateVector=vector)
    await ada.refused("not_found", "document:awareness", **same, update=awareness(1, {}))
    await open_document(ada, document)
    for update in (b"", b"\x05\x01", b"\x01\x07\x00\x01{"):
        await ada.refused("invalid", "document:awareness", **same, update=update)
    await ada.refused("too_large", "document:awareness", **same, update=awareness(1, {"cursor": "x" * 5000}))


async def test_what_is_too_large_is_refused(arrive: Gathering) -> None:
    ada = await arrive("Ada")
    document = await begin(ada, "Hello")
    pad = await open_document(ada, document)
    same: dict[str, Any] = {"documentId": document["id"]}
    big = pad.write("x" * 99_000)
    await edit(ada, document, big)
    await ada.refused("too_large", "document:update", **same, update=pad.write("y" * 100_001))
    other = await open_document(ada, document)
    await edit(ada, document, other.write("z" * 99_000))
    await ada.refused("too_large", "document:update", **same, update=other.write("a" * 9000))
    await ada.refused("too_large", "document:save", **same, content="x" * 100_001)
    await ada.refused("too_large", "document:create", title="Big", content="é" * 50_001)
    # What is deleted makes room once it is saved.
    await edit(ada, document, other.erase(0, 99_000))
    await ada.subscribes(f"document:{document['id']}")
    await saved(ada, document, 2)
    await edit(ada, document, other.write("a" * 9000))


async def test_ten_mebibytes_end_the_connection_and_nothing_else(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada", at=arrive.cluster.a), await arrive("Bo", at=arrive.cluster.a)
    document = await begin(ada, "Hello", **{bo.id: "write"})
    pad = await open_document(bo, document)
    ada.socket.send("document:update", {"documentId": document["id"], "update": b"\0" * (10 << 20)})
    await ada.socket.wait_for("disconnect")
    assert await edit(bo, document, pad.write("Still here. ")) == 1


async def test_an_update_that_cannot_be_applied_is_left_out_when_it_is_saved(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada", at=arrive.cluster.a), await arrive("Bo", at=arrive.cluster.b)
    document = await begin(ada, "", **{bo.id: "write"})
    pad = await open_document(bo, document)
    await edit(bo, document, pad.write("first "))
    parent = number(pad.doc.client_id)
    # Types within types, which only show what they are when the outermost is deleted; and a letter within a letter.
    deadly = nested_types(8_000, deleted=True)
    wrong = number(1) + number(1) + CLIENT + number(0) + b"\x04" + number(0) + parent + number(0) + b"\x01a" + number(0)
    for update in (deadly, wrong):
        await edit(ada, document, update)
    await edit(bo, document, pad.write("second "))
    found = await saved(bo, document, 2)
    while found["content"] != "second first ":
        found = await saved(bo, document, found["version"] + 1)
    fresh = await open_document(ada, document)
    assert str(fresh) == "second first "


@pytest.mark.parametrize("door", DOORS)
async def test_payloads_are_checked(arrive: Gathering) -> None:
    ada = await arrive("Ada")
    document = await begin(ada, "Hello")
    for action, payload in (
        ("document:create", {}),
        ("document:create", {"title": ""}),
        ("document:create", {"title": "x" * 201}),
        ("document:create", {"title": "x", "content": 7}),
        ("document:list", {"limit": 101}),
        ("document:save", {"documentId": document["id"]}),
        ("document:save", {"documentId": document["id"], "content": "x", "strategy": "best"}),
        ("document:save", {"documentId": document["id"], "content": "x", "baseVersion": 0}),
        ("document:share", {"documentId": document["id"], "everyone": "own"}),
        ("document:share", {"documentId": document["id"], "users": [ada.id]}),
        ("document:snapshot", {"documentId": document["id"], "name": " "}),
    ):
        await ada.refused("invalid", action, **payload)


async def test_editing_takes_a_connection(arrive: Gathering) -> None:
    ada = await arrive("Ada")
    for action in ("open", "update", "awareness", "close"):
        reply = await ada.worker.rest("POST", f"/api/documents/1/{action}", {}, token=ada.credential)
        assert reply.status == 404
