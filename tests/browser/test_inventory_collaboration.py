"""The inventory's rows of "D: collaborative app kit" that the page serves; each test bears its row's name."""

import re

import pytest
from playwright.async_api import expect

from tests.browser.people import Person
from tests.browser.sharing import (
    add_task,
    come_back,
    create_document,
    edit_task,
    go_offline,
    open_document,
    open_tasks,
    paper,
    stored_tasks,
    task,
    tick,
    write,
)

pytestmark = pytest.mark.usefixtures("network_lost")


async def sanction(person: Person, what: str) -> None:
    """A moderator lets somebody say nothing more (`mute`), or everything again (`pardon`)."""
    me = await person.server.rest("GET", "/api/me", token=await person.token())
    path = f"/api/admin/users/{me.body['data']['user']['id']}/{what}"
    reply = await person.server.rest("POST", path, {}, token=person.server.token("mo", role="moderator"))
    assert reply.body["ok"], reply


async def test_optimistic_updates_pending_success_cleared_after_2_s_error_with_message_and_roll_back(
    demo, visit, room_name
):
    """What is changed shows at once, says how it stands, and is rolled back by one press when it is refused."""
    ada, bo = await visit(demo, "Ada"), await visit(demo, "Bo")
    await open_tasks(ada, bo)
    await add_task(ada, room_name)
    mark = task(ada, room_name).locator(".mark")
    await expect(mark).to_have_text("Saved")
    shown_until = await ada.page.evaluate(
        """async () => {
          const { defaultSettings } = await import("/static/client/index.js");
          return defaultSettings.savedMs;
        }"""
    )
    assert shown_until == 2000
    await expect(mark).to_have_count(0)

    await go_offline(ada)
    await tick(ada, room_name).check()
    await expect(mark).to_have_text("Waiting")
    await expect(tick(bo, room_name)).not_to_be_checked()
    await come_back(ada)
    await expect(tick(bo, room_name)).to_be_checked()
    await expect(mark).to_have_count(0)

    await sanction(ada, "mute")
    await edit_task(ada, room_name, Notes="Nobody will read this")
    failure = task(ada, room_name).get_by_role("alert")
    await expect(failure).to_contain_text(re.compile("Not saved: .*mute", re.IGNORECASE))
    await expect(mark).to_have_text("Not saved")
    await expect(task(ada, room_name).get_by_text("Nobody will read this")).to_be_visible()
    await ada.photograph("task-failed")
    await failure.get_by_role("button", name="Undo").click()
    await expect(task(ada, room_name).get_by_text("Nobody will read this")).to_have_count(0)
    await expect(mark).to_have_count(0)


async def test_live_data_synchronisation_keeps_its_order_retries_what_failed_survives_being_offline(
    demo, visit, room_name
):
    """A queue of changes made offline goes out in its order; what is refused waits, and is tried again on request."""
    ada, bo = await visit(demo, "Ada"), await visit(demo, "Bo")
    await open_tasks(ada, bo)
    await go_offline(ada)
    names = [f"{room_name} {number}" for number in range(1, 6)]
    for name in names:
        await add_task(ada, name)
    await edit_task(ada, names[0], Title=f"{names[0]}, renamed")
    await expect(ada.page.get_by_text("6 changes kept here")).to_be_visible()
    await come_back(ada)
    await expect(task(bo, f"{names[0]}, renamed")).to_be_visible()
    await expect(ada.page.get_by_text("All your changes are sent.")).to_be_visible()
    stored = [each["title"] for each in await stored_tasks(ada) if each["title"].startswith(room_name)]
    assert stored == [f"{names[0]}, renamed", *names[1:]]

    await sanction(ada, "mute")
    await tick(ada, names[4]).check()
    failure = task(ada, names[4]).get_by_role("alert")
    await expect(failure).to_be_visible()
    await sanction(ada, "pardon")
    await failure.get_by_role("button", name="Try again").click()
    await expect(tick(bo, names[4])).to_be_checked()
    await expect(failure).to_have_count(0)


async def test_collaborative_editor_several_people_in_one_text_coloured_avatars_with_initials_start_typing(
    demo, visit, room_name
):
    """An empty text invites to write; everybody sees the others' avatars, and their cursors in the same colour."""
    ada, bo, cy = await visit(demo, "Ada Lovelace"), await visit(demo, "Bo"), await visit(demo, "Cy Young")
    document_id = await create_document(ada, room_name)
    await expect(paper(ada).get_by_text("Start typing…")).to_be_visible()
    for person in (bo, cy):
        await open_document(person, document_id, room_name)
    await write(ada, "Together")
    await expect(paper(bo)).to_contain_text("Together")
    await expect(paper(ada).get_by_text("Start typing…")).to_have_count(0)
    await write(bo, ", with everybody")
    await paper(cy).click()

    avatars = ada.page.locator(".collaborator > [aria-hidden]")
    await expect(avatars).to_have_count(2)
    assert sorted(await avatars.all_inner_texts()) == ["B", "CY"]
    for name in ("Bo", "Cy Young"):
        avatar = ada.page.locator(".collaborator").filter(has_text=name)
        label = paper(ada).locator(".cm-ySelectionInfo").get_by_text(name, exact=True)
        await expect(label).to_be_visible()
        colour = "element => getComputedStyle(element).backgroundColor"
        assert await label.evaluate(colour) == await avatar.evaluate(colour)
    await ada.photograph("document-collaborators")
    colours = await ada.page.locator(".collaborator").evaluate_all(
        "elements => elements.map((element) => getComputedStyle(element).backgroundColor)"
    )
    assert not {"rgba(0, 0, 0, 0)", "rgb(255, 255, 255)"} & set(colours)
    await bo.page.get_by_role("button", name="All documents").click()
    await expect(ada.page.locator(".collaborator").filter(has_text="Bo")).to_have_count(0)
    await expect(paper(ada).locator(".cm-ySelectionInfo").get_by_text("Bo", exact=True)).to_have_count(0)
