"""Editors with stock Yjs: they type at once, on two workers, come and go, and have the same in the end."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.acceptance.people import Gathering, Person
from tests.acceptance.writers import SOON, begin, channel, saved
from tests.support.editors import Editor, Editors, converge
from tests.support.sse import SseStream
from tests.support.switch import Switch
from tests.support.waiting import eventually


@pytest.fixture(scope="module")
def cluster_variables() -> dict[str, str | None]:
    """Saved soon."""
    return SOON


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def editors() -> AsyncIterator[Editors]:
    """A Node process with editors."""
    async with Editors() as started:
        yield started


async def sit_down(editors: Editors, document: dict[str, Any], *people: Person) -> list[Editor]:
    """An editor for each of the people, which has the document open."""
    return [await editors.open(each.worker.url, each.credential, document["id"]) for each in people]


async def sees(editor: Editor, *user_ids: str) -> list[dict[str, Any]]:
    """Wait until an editor sees exactly these people, in the order in which they came; what it sees of them."""

    async def exactly() -> Any:
        found = (await editor.state())["collaborators"]
        return found if [each["userId"] for each in found] == list(user_ids) else None

    return await eventually(exactly, f"{user_ids} to be there")


async def test_people_type_at_once_on_two_workers_and_have_the_same(arrive: Gathering, editors: Editors) -> None:
    ada, bo, cy = await arrive("Ada"), await arrive("Bo"), await arrive("Cy")
    document = await begin(ada, "Start. ", **{bo.id: "write", cy.id: "write"})
    await ada.subscribes(channel(document))
    desks = await sit_down(editors, document, ada, bo, cy)
    words = ["alpha beta gamma ", "один два три ", "😀😁😂🤣😃😄 "]
    await asyncio.gather(*(desk.does("type", text=word, pause=3) for desk, word in zip(desks, words, strict=True)))
    text = await converge(*desks)
    assert sorted(text) == sorted("Start. " + "".join(words))
    for desk in desks:
        state = await desk.state()
        assert state["errors"] == []
        assert state["n"] == sum(map(len, words)), "each edit has a number, and nobody misses one"
    # However it was cut into versions, the last one is everything.
    found = await saved(ada, document, 2)
    while found["content"] != text:
        found = await saved(ada, document, found["version"] + 1)


async def test_who_was_away_brings_along_what_they_wrote(arrive: Gathering, editors: Editors) -> None:
    ada, bo = await arrive("Ada", at=arrive.cluster.a), await arrive("Bo", at=arrive.cluster.b)
    document = await begin(ada, "", **{bo.id: "write"})
    here, away = await sit_down(editors, document, ada, bo)
    await here.insert("together ")
    await converge(here, away)
    await away.does("away")
    await away.insert("in the train ")
    await here.insert("at home ")
    await here.settled()
    await away.does("back")
    text = await converge(here, away)
    assert sorted(text.split()) == ["at", "home", "in", "the", "together", "train"]


async def test_a_lost_connection_costs_nobody_a_letter(arrive: Gathering, editors: Editors) -> None:
    ada, bo = await arrive("Ada", at=arrive.cluster.a), await arrive("Bo", at=arrive.cluster.b)
    document = await begin(ada, "", **{bo.id: "write"})
    steady, shaky = await sit_down(editors, document, ada, bo)
    typing = asyncio.gather(steady.does("type", text="a" * 60, pause=5), shaky.does("type", text="b" * 60, pause=5))
    for _ in range(3):
        heard = (await shaky.state())["reopened"]
        await shaky.does("drop")

        async def is_back(heard: int = heard) -> bool:
            return (await shaky.state())["reopened"] > heard

        await eventually(is_back, "the editor to be back")
    await typing
    text = await converge(steady, shaky)
    assert (text.count("a"), text.count("b")) == (60, 60)


async def test_an_editor_that_is_taken_up_by_another_worker_is_there_once(arrive: Gathering, editors: Editors) -> None:
    ada, bo = await arrive("Ada", at=arrive.cluster.a), await arrive("Bo")
    document = await begin(ada, "", **{bo.id: "write"})
    async with Switch(arrive.cluster.a.port) as switch:
        (steady,) = await sit_down(editors, document, ada)
        moving = await editors.open(switch.url, bo.credential, document["id"])
        await sees(steady, ada.id, bo.id)
        switch.turn(arrive.cluster.b.port)
        await moving.does("drop")
        await steady.insert("while it was away ")

        async def is_back() -> bool:
            state = await moving.state()
            return state["reopened"] > 1 and state["recovered"]

        await eventually(is_back, "the editor to be taken up again")
        await moving.insert("and back ")
        assert await converge(steady, moving) == "while it was away and back "
        await sees(steady, ada.id, bo.id)
        await moving.does("away")
        await sees(steady, ada.id)


async def test_collaborators_have_names_colours_and_cursors(arrive: Gathering, editors: Editors) -> None:
    ada, bo = await arrive("Ada", at=arrive.cluster.a), await arrive("Bo", at=arrive.cluster.b)
    document = await begin(ada, "Hello", **{bo.id: "write"})
    first, second = await sit_down(editors, document, ada, bo)
    await second.does("cursor", cursor={"anchor": 2, "head": 4})

    async def has_cursor() -> Any:
        return [each for each in (await first.state())["collaborators"] if each["cursor"]]

    (found,) = await eventually(has_cursor, "Bo's cursor")
    client = (await second.state())["client"]
    assert found == {
        "userId": bo.id,
        "name": "Bo",
        "color": found["color"],
        "cursor": {"anchor": 2, "head": 4},
        "clientId": client,
    }
    colors = {each["userId"]: each["color"] for each in await sees(second, ada.id, bo.id)}
    assert colors[bo.id] == found["color"]
    await second.does("away")
    await sees(first, ada.id)


async def test_a_second_window_is_a_collaborator_of_its_own(arrive: Gathering, editors: Editors) -> None:
    ada = await arrive("Ada", at=arrive.cluster.a)
    document = await begin(ada, "Hello", everyone="read")
    first, second = await sit_down(editors, document, ada, ada)
    await sees(first, ada.id, ada.id)
    # Visitors have no name, and are not listed.
    visitor = await editors.open(arrive.cluster.b.url, None, document["id"])
    assert await visitor.text() == "Hello"
    await second.does("away")
    await sees(first, ada.id)
    await sees(visitor, ada.id)


async def test_streams_hear_of_versions_and_of_people_but_not_of_edits(arrive: Gathering, editors: Editors) -> None:
    ada, bo = await arrive("Ada", at=arrive.cluster.a), await arrive("Bo", at=arrive.cluster.b)
    document = await begin(ada, "", **{bo.id: "read"})
    url = f"{arrive.cluster.b.url}/api/subscribe?channel={channel(document)}&token={bo.credential}"
    async with SseStream(url) as stream:
        (desk,) = await sit_down(editors, document, ada)
        await desk.insert("Hello")
        (event,) = await stream.has(1)
        assert event["data"] == {"documentId": document["id"], "version": 2, "n": 1}
        assert stream.signals("document:collaborators")
        assert not stream.signals("document:updated")
        await ada.does("document:share", documentId=document["id"])
        await stream.until_ended()


async def test_the_last_to_close_has_it_saved_at_once(arrive: Gathering, editors: Editors) -> None:
    ada, bo = await arrive("Ada", at=arrive.cluster.a), await arrive("Bo", at=arrive.cluster.b)
    document = await begin(ada, "", **{bo.id: "write"})
    await ada.subscribes(channel(document))
    desks = await sit_down(editors, document, ada, bo)
    await desks[0].insert("Good bye")
    await converge(*desks)
    for desk in desks:
        await desk.does("request", event="document:close", payload={"documentId": document["id"]})
    assert (await saved(ada, document, 2))["content"] == "Good bye"


async def test_who_may_only_read_follows_but_cannot_write(arrive: Gathering, editors: Editors) -> None:
    ada, bo = await arrive("Ada", at=arrive.cluster.a), await arrive("Bo", at=arrive.cluster.b)
    document = await begin(ada, "", **{bo.id: "read"})
    writer, reader = await sit_down(editors, document, ada, bo)
    await writer.insert("Read this")
    await converge(writer, reader)
    await reader.insert("Mine")
    await reader.settled()
    assert [error["code"] for error in (await reader.state())["errors"]] == ["forbidden"]
    assert await writer.text() == "Read this"
