"""Documents written together: the same text in every window, whoever was away, and cursors of those who are there."""

import asyncio
from collections.abc import Iterator

import pytest
from playwright.async_api import expect

from tests.browser.conftest import NO_LIMITS
from tests.browser.people import Person
from tests.browser.sharing import (
    come_back,
    create_document,
    go_offline,
    open_document,
    paper,
    share_document,
    text_of,
    write,
)
from tests.support.hubbub import Cluster, Hubbub, two_workers
from tests.support.waiting import eventually

pytestmark = pytest.mark.usefixtures("network_lost")


async def converge(*people: Person, holding: list[str]) -> str:
    """All come to show one text, which holds each of these once, and say that it is saved; the text."""

    async def agree() -> str | None:
        texts = [await text_of(person) for person in people]
        whole = len(set(texts)) == 1 and all(texts[0].count(each) == 1 for each in holding)
        return texts[0] if whole else None

    text = await eventually(agree, f"{holding} in all windows", timeout=30)
    for person in people:
        await expect(person.page.locator(".document-mark")).to_have_text("Saved", timeout=20_000)
    assert [await text_of(person) for person in people] == [text] * len(people)
    return text


async def test_two_who_type_at_once_end_with_one_text(demo: Hubbub, visit, room_name: str):
    """Each letter of both is there, in the order in which its writer typed it."""
    ada, bo = await visit(demo, "Ada"), await visit(demo, "Bo")
    document_id = await create_document(ada, room_name)
    await open_document(bo, document_id, room_name)
    await asyncio.gather(write(ada, "A1 A2 A3 A4 A5 ", at="Home"), write(bo, "B1 B2 B3 B4 B5 "))
    text = await converge(ada, bo, holding=[f"{who}{number}" for who in "AB" for number in range(1, 6)])
    assert text.index("A1") < text.index("A5")
    assert text.index("B1") < text.index("B5")
    await ada.page.keyboard.press("Control+z")
    await expect(paper(bo)).not_to_contain_text("A5")
    await expect(paper(bo)).to_contain_text("B5")


async def test_who_was_offline_for_a_while_brings_and_gets_what_was_written(demo: Hubbub, visit, room_name: str):
    """Both write while one is away; nothing of either is lost, and the page says how it stands."""
    ada, bo = await visit(demo, "Ada"), await visit(demo, "Bo")
    document_id = await create_document(ada, room_name)
    await write(ada, "Before. ")
    await open_document(bo, document_id, room_name)
    await expect(paper(bo)).to_contain_text("Before.")
    await go_offline(bo)
    await write(bo, "From afar. ")
    await expect(bo.page.locator(".document-mark")).to_have_text("Offline, kept here")
    await bo.photograph("document-offline")
    await write(ada, "Meanwhile. ", at="Home")
    await come_back(bo)
    await converge(ada, bo, holding=["Before.", "From afar.", "Meanwhile."])


async def test_what_was_written_offline_survives_that_the_page_is_closed(demo: Hubbub, visit, room_name: str):
    """The next page sends it, without the document being opened again."""
    ada, bo = await visit(demo, "Ada"), await visit(demo, "Bo")
    document_id = await create_document(ada, room_name)
    await write(ada, "Before. ")
    await open_document(bo, document_id, room_name)
    await expect(paper(bo)).to_contain_text("Before.")
    await go_offline(ada)
    await write(ada, "From afar.")
    await expect(ada.page.locator(".document-mark")).to_have_text("Offline, kept here")
    await ada.page.goto("about:blank")
    await ada.page.context.set_offline(False)
    await ada.page.goto(f"{demo.url}#/documents")
    await expect(paper(bo)).to_contain_text("From afar.")
    line = ada.page.locator(".documents li").filter(has_text=room_name)
    await expect(line.get_by_text("Not sent")).to_have_count(0)
    await line.get_by_role("button").first.click()
    await converge(ada, bo, holding=["Before.", "From afar."])


@pytest.fixture
def two_of_the_demo(redis_server, postgres_server) -> Iterator[Cluster]:
    """Two workers on one database, of which a test may kill one."""
    database = postgres_server.create_database()
    cluster = two_workers(redis_server.url, database, HUBBUB_DEMO="on", **NO_LIMITS)
    cluster.start()
    yield cluster
    cluster.kill()


async def test_a_worker_that_is_killed_while_two_write_costs_nothing(two_of_the_demo: Cluster, visit, room_name: str):
    """One of two workers dies in the middle of a word and comes back; both windows end with all that was typed."""
    ada, bo = await visit(two_of_the_demo.a, "Ada"), await visit(two_of_the_demo.b, "Bo")
    document_id = await create_document(ada, room_name)
    await open_document(bo, document_id, room_name)
    await write(bo, "Bo begins. ")
    await expect(paper(ada)).to_contain_text("Bo begins.")

    async def fall() -> None:
        await expect(paper(ada)).to_contain_text("B2")
        two_of_the_demo.b.kill()

    numbers = " ".join(f"B{number}" for number in range(1, 9))
    await asyncio.gather(write(ada, "A1 A2 A3 A4 ", at="Home"), write(bo, f"{numbers} "), fall())
    await expect(bo.page.locator(".document-mark")).to_contain_text("Offline")
    await write(bo, "B9 ")
    await write(ada, "A5 ", at="Home")
    two_of_the_demo.b.start()
    await expect(bo.status).to_have_text("Live", timeout=20_000)
    await converge(
        ada, bo, holding=["Bo begins.", *(f"A{each}" for each in range(1, 6)), *(f"B{each}" for each in range(1, 10))]
    )


async def test_who_may_only_read_reads_and_who_may_no_longer_is_told(demo: Hubbub, visit, room_name: str):
    """Read only is said and meant; what is shared no longer is not here."""
    ada, bo = await visit(demo, "Ada"), await visit(demo, "Bo")
    document_id = await create_document(ada, room_name, everyone="read")
    await open_document(bo, document_id, room_name)
    await expect(bo.page.locator(".document-mark")).to_have_text("Read only")
    await expect(paper(bo)).to_have_attribute("contenteditable", "false")
    await expect(paper(bo)).to_contain_text("Nothing written yet.")
    await write(ada, "For all to see")
    await expect(paper(bo)).to_contain_text("For all to see")
    await bo.photograph("document-read-only")
    await share_document(ada, document_id, "none")
    await bo.page.reload()
    await expect(bo.page.get_by_text("This document is not here")).to_be_visible()
    await bo.page.get_by_role("button", name="All documents").last.click()
    await expect(bo.page.get_by_text("No documents yet")).to_be_visible()


async def test_edits_that_are_refused_are_said_and_can_be_discarded(demo: Hubbub, visit, room_name: str):
    """Somebody who loses the right to write sees that their words went nowhere, and gets rid of them."""
    ada, bo = await visit(demo, "Ada"), await visit(demo, "Bo")
    document_id = await create_document(ada, room_name)
    await write(ada, "Kept")
    await open_document(bo, document_id, room_name)
    await expect(paper(bo)).to_contain_text("Kept")
    await share_document(ada, document_id, "read")
    await write(bo, " and refused")
    await expect(bo.page.get_by_text("Your last changes could not be saved.")).to_be_visible()
    await bo.page.get_by_role("button", name="Discard them").click()
    await expect(bo.page.locator(".document-mark")).to_have_text("Read only")
    for person in (ada, bo):
        await eventually(lambda person=person: _shows(person, "Kept"), "what was kept")


async def test_versions_are_named_listed_and_restored(demo: Hubbub, visit, room_name: str):
    """What is restored shows in every window at once."""
    ada, bo = await visit(demo, "Ada"), await visit(demo, "Bo")
    document_id = await create_document(ada, room_name)
    await write(ada, "First thoughts")
    await open_document(bo, document_id, room_name)
    await expect(ada.page.locator(".document-mark")).to_have_text("Saved")
    await choose(ada, "Versions")
    dialog = ada.page.get_by_role("dialog", name="Versions")
    await dialog.get_by_label("Name what it is now").fill("Before the review")
    await dialog.get_by_role("button", name="Keep").click()
    await expect(dialog.get_by_text("Before the review")).to_be_visible()
    await ada.page.keyboard.press("Escape")
    await write(bo, " and many second ones")
    await expect(paper(ada)).to_contain_text("second ones")
    await choose(ada, "Versions")
    await dialog.get_by_role("button", name="Restore").click()
    for person in (ada, bo):
        await eventually(lambda person=person: _shows(person, "First thoughts"), "the version's text")


async def test_a_document_is_renamed_shared_and_deleted(demo: Hubbub, visit, room_name: str):
    """Its name changes where it is open; it comes into the list of whom it is shared with, and goes for everyone."""
    ada, bo = await visit(demo, "Ada"), await visit(demo, "Bo")
    document_id = await create_document(ada, "A working title")
    await open_document(bo, document_id, "A working title")
    await choose(ada, "Rename")
    await ada.page.get_by_role("dialog").get_by_label("Title").fill(room_name)
    await ada.page.get_by_role("dialog").get_by_role("button", name="Rename").click()
    for person in (ada, bo):
        await expect(person.page.get_by_role("heading", name=room_name, level=1)).to_be_visible()
    await ada.page.get_by_role("button", name="Share", exact=True).click()
    dialog = ada.page.get_by_role("dialog")
    await dialog.get_by_text("Only people below").click()
    await dialog.get_by_label("Add a person").select_option(label="Bo")
    await expect(dialog.get_by_label("What Bo may do")).to_have_value("write")
    await ada.photograph("document-share")
    await dialog.get_by_role("button", name="Save").click()
    await expect(dialog).to_have_count(0)
    await bo.page.get_by_role("button", name="All documents").click()
    line = bo.page.locator(".documents li").filter(has_text=room_name)
    await expect(line.get_by_text("Shared with you")).to_be_visible()
    await choose(ada, "Delete")
    await ada.page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    await expect(ada.page.get_by_role("heading", name="Documents", level=1)).to_be_visible()
    await expect(ada.page.locator(".documents li").filter(has_text=room_name)).to_have_count(0)


async def choose(person: Person, item: str) -> None:
    """One of the things that can be done with the document that is open."""
    await person.page.get_by_role("button", name="Actions for this document").click()
    await person.page.get_by_role("menuitem", name=item).click()


async def _shows(person: Person, text: str) -> bool:
    return await text_of(person) == text
