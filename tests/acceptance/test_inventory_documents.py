"""The inventory's row of "D: collaborative app kit" about the editor; the test bears the row's name."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.acceptance.people import Gathering
from tests.acceptance.writers import begin
from tests.support.editors import Editors, converge
from tests.support.waiting import eventually


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def editors() -> AsyncIterator[Editors]:
    """A Node process with editors."""
    async with Editors() as started:
        yield started


async def test_collaborative_editor(arrive: Gathering, editors: Editors) -> None:
    """Several people in one text, with names and colours; it is empty until somebody starts typing."""
    ada, bo, cy = await arrive("Ada"), await arrive("Bo"), await arrive("Cy")
    document = await begin(ada, **{bo.id: "write", cy.id: "write"})
    people = (ada, bo, cy)
    desks = [await editors.open(each.worker.url, each.credential, document["id"]) for each in people]
    assert await converge(*desks) == ""
    for desk, word in zip(desks, ("Ada was here. ", "So was Bo. ", "And Cy."), strict=True):
        await desk.insert(word)
        await converge(*desks)
    assert await desks[0].text() == "Ada was here. So was Bo. And Cy."

    async def everybody() -> bool:
        seen = [(await desk.state())["collaborators"] for desk in desks]
        return all([each["name"] for each in found] == ["Ada", "Bo", "Cy"] for found in seen)

    await eventually(everybody, "everybody to see everybody")
    seen = [{each["userId"]: each["color"] for each in (await desk.state())["collaborators"]} for desk in desks]
    assert seen[0] == seen[1] == seen[2], "somebody has one colour for all"
