"""Documents through both doors: begun, listed, shared, sent whole, named, restored and deleted."""

import asyncio
from typing import Any

import pytest

from tests.acceptance import contract
from tests.acceptance.people import DOORS, Gathering, Person
from tests.acceptance.writers import SOON, begin, channel, edit, open_document, saved
from tests.support.updates import text_of


@pytest.fixture(scope="module")
def cluster_variables() -> dict[str, str | None]:
    """Saved soon; few named versions."""
    return SOON | {"HUBBUB_DOCUMENT_VERSIONS": "3", "HUBBUB_DOCUMENT_BASES": "4"}


async def ids(person: Person, **asked: Any) -> list[str]:
    """The documents that somebody finds."""
    return [each["id"] for each in (await person.does("document:list", **asked))["documents"]]


@pytest.mark.parametrize("door", DOORS)
async def test_a_document_is_its_owners_at_first(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    made = await begin(ada, "Hello 😀")
    assert (made["content"], made["version"], made["ownerId"], made["mine"]) == ("Hello 😀", 1, ada.id, "owner")
    assert made["access"] == {"everyone": "none", "users": {}}
    assert await ada.does("document:get", documentId=made["id"]) == made
    for action, more in (
        ("document:get", {}),
        ("document:save", {"content": "Mine"}),
        ("document:delete", {}),
        ("document:share", {"everyone": "read"}),
        ("document:history", {}),
        ("document:snapshot", {"name": "Mine"}),
        ("document:restore", {"versionId": "1"}),
        ("document:open", {}),
        ("document:update", {"update": b"\0\0"}),
    ):
        await bo.refused("not_found", action, documentId=made["id"], **more)
    await bo.refused("not_found", "channel:subscribe", channel=channel(made))


@pytest.mark.parametrize("door", DOORS)
async def test_lists_hold_ones_own_and_what_was_shared_newest_first(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    first, second, third = await begin(ada), await begin(bo, **{ada.id: "read"}), await begin(ada)
    await begin(bo, everyone="read")
    assert await ids(ada) == [third["id"], second["id"], first["id"]]
    page = await ada.does("document:list", limit=2)
    for each in page["documents"]:
        contract.document(each, listed=True)
    assert [each["mine"] for each in page["documents"]] == ["owner", "read"]
    assert page["hasMore"]
    assert await ids(ada, before=second["id"]) == [first["id"]]


@pytest.mark.parametrize("door", DOORS)
async def test_who_may_read_cannot_write(arrive: Gathering) -> None:
    ada, bo, visitor = await arrive("Ada"), await arrive("Bo"), await arrive.visitor()
    document = await begin(ada, "Look", everyone="read")
    for each in (bo, visitor):
        seen = await each.does("document:get", documentId=document["id"])
        assert (seen["content"], seen["mine"], seen["access"]["users"]) == ("Look", "read", {})
        assert str(await open_document(each, document)) == "Look"
    for action, more in (
        ("document:save", {"content": "Mine"}),
        ("document:snapshot", {"name": "Mine"}),
        ("document:update", {"update": b"\0\0"}),
        ("document:share", {"everyone": "write"}),
        ("document:delete", {}),
    ):
        await bo.refused("forbidden", action, documentId=document["id"], **more)
        await visitor.refused("unauthenticated", action, documentId=document["id"], **more)
    assert (await ada.does("document:get", documentId=document["id"]))["version"] == 1


@pytest.mark.parametrize("door", DOORS)
async def test_sharing_with_people_lets_them_write(arrive: Gathering) -> None:
    ada, bo, cy = await arrive("Ada"), await arrive("Bo"), await arrive("Cy")
    document = await begin(ada, "Hello", **{bo.id: "write", cy.id: "read"})
    assert document["access"] == {"everyone": "none", "users": {bo.id: "write", cy.id: "read"}}
    written = await bo.does("document:save", documentId=document["id"], content="Hello, world")
    assert (written["content"], written["version"], written["mine"]) == ("Hello, world", 2, "write")
    assert written["access"]["users"] == {bo.id: "write"}, "whom else it is shared with is the owner's business"
    await cy.refused("forbidden", "document:save", documentId=document["id"], content="Mine")
    await ada.refused("not_found", "document:share", documentId=document["id"], users={"nobody-at-all": "read"})
    await ada.refused("invalid", "document:share", documentId=document["id"], users={bo.id: "own"})


async def test_who_loses_access_is_sent_away_at_once_on_every_worker(arrive: Gathering) -> None:
    ada, bo, cy = [
        await arrive(name, at=at)
        for name, at in zip(("Ada", "Bo", "Cy"), (arrive.cluster.a, arrive.cluster.b, arrive.cluster.b), strict=True)
    ]
    visitor = await arrive.visitor(at=arrive.cluster.b)
    document = await begin(ada, "Hello", everyone="read", **{bo.id: "write", cy.id: "write"})
    pad = await open_document(ada, document)
    for each in (bo, cy, visitor):
        await open_document(each, document)
    await ada.does("document:share", documentId=document["id"], users={bo.id: "write"})
    # Who has gone is no longer among those who are there, so that everybody knows that it is done.
    await ada.hears(
        "document:collaborators", lambda data: {each["userId"] for each in data["collaborators"]} == {ada.id, bo.id}
    )
    n = await edit(ada, document, pad.write("Secret: "))
    await bo.hears("document:updated", lambda data: data["n"] == n)
    for each in (cy, visitor):
        await each.is_up_to_date() if each.id else None
        assert each.heard("document:updated") == []
        await each.refused("not_found", "document:open", documentId=document["id"])


@pytest.mark.parametrize("door", DOORS)
async def test_lists_of_documents_change_while_they_are_looked_at(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada", at=arrive.cluster.a), await arrive("Bo", at=arrive.cluster.b)
    tab = await arrive.again(ada, at=arrive.cluster.b)
    document = await begin(ada, "Hello")

    async def listed(reader: Person, **wanted: Any) -> None:
        """The newest that the reader was told is as their list has it."""
        told = await reader.hears(
            "document:added",
            lambda data: wanted.items() <= data["document"].items(),
            channel=reader.own_channel,
        )
        assert told["data"]["document"] in (await reader.does("document:list"))["documents"]

    await listed(tab, id=document["id"], mine="owner")
    for right in ("read", "write"):
        await ada.does("document:share", documentId=document["id"], users={bo.id: right})
        await listed(bo, id=document["id"], mine=right)
    await bo.does("document:save", documentId=document["id"], title="Another")
    for each in (bo, tab):
        await listed(each, id=document["id"], title="Another")
    await ada.does("document:share", documentId=document["id"])
    told = await bo.hears("document:removed", channel=bo.own_channel)
    assert told["data"] == {"documentId": document["id"]}
    assert (await bo.does("document:list"))["documents"] == []
    await ada.does("document:delete", documentId=document["id"])
    await tab.hears("document:removed", lambda data: data["documentId"] == document["id"], channel=tab.own_channel)
    assert "Another" not in str(await bo.subscribes(bo.own_channel, after=0)), "its title has gone from the log"


@pytest.mark.parametrize("door", DOORS)
async def test_texts_without_yjs_are_settled_by_strategy(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    document = await begin(ada, "one two three", **{bo.id: "write"})
    same = {"documentId": document["id"]}
    second = await ada.does("document:save", **same, content="one 2 three", baseVersion=1)
    assert second["version"] == 2
    assert "conflict" not in second
    await bo.refused("invalid", "document:save", **same, content="x", baseVersion=3)
    merged = await bo.does("document:save", **same, content="one two three four", baseVersion=1, strategy="merge")
    assert merged["content"] == "one 2 three four"
    assert merged["conflict"] == {"strategy": "merge", "fields": ["content"], "lost": {}}
    last = await bo.does("document:save", **same, content="mine", baseVersion=1)
    assert (last["content"], last["version"]) == ("mine", 4)
    lost = {"content": "one 2 three four"}
    assert last["conflict"] == {"strategy": "last-write-wins", "fields": ["content"], "lost": lost}
    await ada.does("document:save", **same, content="yours")
    error = await bo.refused("conflict", "document:save", **same, content="x", baseVersion=1, strategy="merge")
    assert "not kept" in error["message"]


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("resolution", ["local", "remote", "custom"])
async def test_a_text_that_was_parked_waits_until_it_is_resolved(arrive: Gathering, resolution: str) -> None:
    ada, bo = await arrive("Ada", at=arrive.cluster.a), await arrive("Bo", at=arrive.cluster.b)
    document = await begin(ada, "one two", **{bo.id: "write"})
    same = {"documentId": document["id"]}
    pad = await open_document(ada, document)
    await ada.does("document:save", **same, content="one 2", baseVersion=1)
    for _ in range(2):
        error = await bo.refused("conflict", "document:save", **same, content="1 two", baseVersion=1, strategy="manual")
        contract.document(error["current"])
        assert (error["current"]["content"], error["current"]["version"]) == ("one 2", 2)
    told = await bo.hears("conflict:created", channel=bo.own_channel)
    (parked,) = (await bo.does("conflict:list"))["conflicts"]
    assert told["data"] == {"conflictId": parked["id"], "collection": "document", "recordId": document["id"]}
    assert [parked[side] for side in ("local", "remote", "base")] == [
        {"content": "1 two"},
        {"content": "one 2"},
        {"content": "one two"},
    ]
    for bad in ({}, {"content": 1}):
        await bo.refused("invalid", "conflict:resolve", conflictId=parked["id"], resolution="custom", data=bad)
    data = {"data": {"content": "1 2"}} if resolution == "custom" else {}
    resolved = await bo.does("conflict:resolve", conflictId=parked["id"], resolution=resolution, **data)
    expected = {"local": "1 two", "remote": "one 2", "custom": "1 2"}[resolution]
    assert resolved["record"]["content"] == expected
    assert (await ada.does("document:get", **same))["content"] == expected
    await ada.hears("document:updated", lambda data: data["n"] == (1 if resolution == "remote" else 2))
    for update in [each["update"] for each in ada.heard("document:updated")]:
        pad.apply(update)
    assert str(pad) == expected
    assert (await bo.does("conflict:list"))["conflicts"] == []


async def test_what_was_parked_goes_with_its_document(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    document = await begin(ada, "one", **{bo.id: "write"})
    await ada.does("document:save", documentId=document["id"], content="two")
    stale = {"documentId": document["id"], "content": "three", "baseVersion": 1, "strategy": "manual"}
    await bo.refused("conflict", "document:save", **stale)
    await ada.does("document:delete", documentId=document["id"])
    assert (await bo.does("conflict:list"))["conflicts"] == []


async def test_a_text_without_yjs_changes_what_it_differs_in_alone(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada", at=arrive.cluster.a), await arrive("Bo", at=arrive.cluster.b)
    document = await begin(ada, "The cat sat.", **{bo.id: "write"})
    pad = await open_document(ada, document)
    # Not saved yet, and not known to who sends the whole text.
    await edit(ada, document, pad.write("Look! "))
    written = await bo.does("document:save", documentId=document["id"], content="The fat cat sat.", baseVersion=1)
    assert "fat" in written["content"]
    heard = await ada.hears("document:updated", lambda data: data["userId"] == bo.id)
    assert len(heard["data"]["update"]) < 40, "only the difference is sent"
    pad.apply(heard["data"]["update"])
    assert str(pad) == "Look! The fat cat sat."
    found = await saved(ada, document, written["version"] + 1)
    assert found["content"] == "Look! The fat cat sat."


@pytest.mark.parametrize("door", DOORS)
async def test_of_two_texts_from_one_version_one_is_a_conflict(arrive: Gathering) -> None:
    ada = await arrive("Ada")
    document = await begin(ada, "one")
    replies = await asyncio.gather(
        *(
            ada.call("document:save", documentId=document["id"], content=text, baseVersion=1, strategy="manual")
            for text in ("one two", "one three", "one four")
        )
    )
    assert sorted(body["ok"] for body, _ in replies) == [False, False, True]
    assert {body["error"]["code"] for body, _ in replies if not body["ok"]} == {"conflict"}


@pytest.mark.parametrize("door", DOORS)
async def test_a_named_version_is_restored_by_an_edit_that_live_editors_follow(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    document = await begin(ada, "Draft", **{bo.id: "write"})
    same = {"documentId": document["id"]}
    pad = await open_document(bo, document)
    await edit(bo, document, pad.write("First "))
    named = await ada.creates("document:snapshot", **same, name="First draft", clientId="first")
    assert await ada.does("document:snapshot", **same, name="First draft", clientId="first") == named
    contract.keys(named, contract.VERSION)
    assert named["name"] == "First draft"
    await edit(bo, document, pad.erase(0, len(str(pad))))
    await edit(bo, document, pad.write("All new"))
    history = await bo.does("document:history", **same)
    assert [each["id"] for each in history["versions"]] == [named["id"]]
    restored = await ada.does("document:restore", **same, versionId=named["id"])
    assert restored["content"] == "First Draft"
    heard = await bo.hears("document:updated", lambda data: data["userId"] == ada.id)
    pad.apply(heard["data"]["update"])
    assert str(pad) == "First Draft"
    await ada.refused("not_found", "document:restore", **same, versionId="none")
    for name in ("Second", "Third"):
        await ada.creates("document:snapshot", **same, name=name)
    await ada.refused("invalid", "document:snapshot", **same, name="One too many")
    page = await ada.does("document:history", **same, limit=2)
    assert [each["name"] for each in page["versions"]] == ["Third", "Second"]
    assert page["hasMore"]


@pytest.mark.parametrize("door", DOORS)
async def test_a_deleted_document_is_gone_with_its_channel(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada", at=arrive.cluster.a), await arrive("Bo", at=arrive.cluster.b)
    document = await ada.creates("document:create", title="Plan", content="Secret", clientId=f"plan of {ada.id}")
    await ada.does("document:share", documentId=document["id"], users={bo.id: "write"})
    await open_document(bo, document)
    await bo.refused("forbidden", "document:delete", documentId=document["id"])
    assert await ada.does("document:delete", documentId=document["id"]) == {"documentId": document["id"]}
    for each in (ada, bo):
        await each.refused("not_found", "document:get", documentId=document["id"])
        await each.refused("not_found", "document:open", documentId=document["id"])
        await each.refused("not_found", "document:update", documentId=document["id"], update=b"\0\0")
    again = await ada.does("document:create", title="Plan", content="Secret", clientId=f"plan of {ada.id}")
    assert (again["content"], again["title"]) == ("", "")


@pytest.mark.parametrize("door", DOORS)
async def test_who_is_muted_reads_but_does_not_write(arrive: Gathering) -> None:
    # At one worker: others hear of it a moment later.
    ada = await arrive("Ada", at=arrive.cluster.a)
    mo = await arrive("Mo", role="moderator", at=arrive.cluster.a)
    document = await begin(ada, "Hello")
    await open_document(ada, document)
    await mo.does("user:mute", userId=ada.id)
    for action, more in (
        ("document:save", {"content": "x"}),
        ("document:update", {"update": b"\0\0"}),
        ("document:awareness", {"update": b"\0"}),
        ("document:share", {"everyone": "read"}),
        ("document:snapshot", {"name": "x"}),
    ):
        await ada.refused("forbidden", action, documentId=document["id"], **more)
    assert (await ada.does("document:get", documentId=document["id"]))["content"] == "Hello"


async def test_a_snapshot_of_the_channel_is_the_document_and_who_is_there(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada", at=arrive.cluster.a), await arrive("Bo", at=arrive.cluster.b)
    document = await begin(ada, "Hello", **{bo.id: "read"})
    pad = await open_document(ada, document)
    reply = await bo.subscribes(channel(document), snapshot=True)
    assert reply["snapshot"]["document"]["content"] == "Hello"
    assert [each["userId"] for each in reply["snapshot"]["collaborators"]] == [ada.id]
    await edit(ada, document, pad.write("More. "))
    assert (await saved(bo, document, 2))["content"] == "More. Hello"


async def test_who_subscribes_without_opening_hears_edits_and_is_no_collaborator(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada", at=arrive.cluster.a), await arrive("Bo", at=arrive.cluster.b)
    document = await begin(ada, "Hello", **{bo.id: "read"})
    await bo.subscribes(channel(document))
    pad = await open_document(ada, document)
    update = pad.write("More. ")
    await edit(ada, document, update)
    told = (await bo.hears("document:updated"))["data"]
    assert (bytes(told["update"]), told["userId"], told["n"]) == (update, ada.id, 1)
    await edit(ada, document, pad.write("And more. "))
    await bo.hears("document:updated", lambda data: data["n"] == 2)
    assert [data["n"] for data in bo.heard("document:updated")] == [1, 2]
    reply = await bo.subscribes(channel(document), snapshot=True)
    assert [each["userId"] for each in reply["snapshot"]["collaborators"]] == [ada.id]


async def test_a_backend_reads_every_document_and_publishes_to_none(arrive: Gathering) -> None:
    ada, backend = await arrive("Ada"), await arrive.backend()
    document = await begin(ada, "Hello")
    assert (await backend.does("document:get", documentId=document["id"]))["content"] == "Hello"
    await backend.refused("invalid", "channel:publish", channel=channel(document), event="a:b", data={})
    await backend.refused("forbidden", "document:save", documentId=document["id"], content="x")


async def test_the_state_vector_saves_what_is_known(arrive: Gathering) -> None:
    ada = await arrive("Ada")
    document = await begin(ada, "x" * 10_000)
    first = await ada.does("document:open", documentId=document["id"])
    assert text_of(first["update"]) == "x" * 10_000
    again = await ada.does("document:open", documentId=document["id"], stateVector=first["stateVector"])
    assert len(again["update"]) < 10


@pytest.mark.parametrize("door", DOORS)
async def test_a_document_gets_another_title_and_whoever_reads_it_hears(arrive: Gathering) -> None:
    ada, bo, cy = await arrive("Ada"), await arrive("Bo"), await arrive("Cy")
    document = await begin(ada, "Hello", **{bo.id: "write", cy.id: "read"})
    await open_document(cy, document)
    renamed = await bo.does("document:save", documentId=document["id"], title="Plan B")
    assert (renamed["title"], renamed["content"], renamed["version"]) == ("Plan B", "Hello", 1)
    heard = await cy.hears("document:saved", lambda data: data.get("title") == "Plan B", channel=channel(document))
    assert heard["data"]["version"] == 1
    both = await ada.does("document:save", documentId=document["id"], title="Plan C", content="Good bye")
    assert (both["title"], both["content"], both["version"]) == ("Plan C", "Good bye", 2)
    await cy.refused("forbidden", "document:save", documentId=document["id"], title="Mine")
    await ada.refused("invalid", "document:save", documentId=document["id"])
