"""Tasks and documents on a phone, in the dark, without a mouse, and under the page's policy."""

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
    open_page,
    open_tasks,
    paper,
    task,
    tick,
    write,
)
from tests.browser.test_community_layout import TOO_PALE
from tests.browser.test_layout import PHONE, fits, tab_to
from tests.support.browser import Pages

LONG = "averyveryverylongwordwithoutanyplacetobreakit" * 4

pytestmark = pytest.mark.usefixtures("network_lost")


async def lively(ada: Person, bo: Person, title: str) -> str:
    """Tasks in every state, for Ada, and a document that both write; its id."""
    await open_tasks(ada, bo)
    for name in (title, f"{title} {LONG}"[:200], f"{title} waits"):
        await add_task(bo, name)
        await expect(task(ada, name)).to_be_visible()
    await edit_task(bo, title, Notes=f"Bring everything {LONG}", Priority="High")
    await expect(task(ada, title).get_by_text("High")).to_be_visible()
    document_id = await create_document(bo, f"Notes {LONG}")
    await write(bo, f"A text\n\nof several lines {LONG}")
    await go_offline(ada)
    await edit_task(ada, title, Title=f"{title} mine", Notes=f"Mine {LONG}")
    await open_tasks(bo)
    await edit_task(bo, title, Title=f"{title} theirs")
    await expect(task(bo, f"{title} theirs").get_by_text("Saved")).to_be_visible()
    return document_id


async def test_tasks_and_documents_on_a_phone(demo, visit, room_name):
    """At 360 px nothing is wider than the window, and all of it is reached by touch."""
    ada, bo = await visit(demo, "Ada", **PHONE), await visit(demo, "Bo")
    document_id = await lively(ada, bo, room_name)
    assert await fits(ada.page)
    await ada.photograph("phone-tasks-offline")
    await come_back(ada)
    await ada.page.get_by_role("button", name="Compare").tap()
    dialog = ada.page.get_by_role("dialog")
    assert await fits(ada.page)
    await ada.photograph("phone-conflict")
    await dialog.get_by_role("button", name="All theirs").tap()
    await dialog.get_by_role("button", name="Keep theirs").tap()
    await expect(dialog).to_have_count(0)
    await task(ada, f"{room_name} waits").get_by_role("button", name="Edit").tap()
    assert await fits(ada.page)
    await dialog.get_by_role("button", name="Cancel").tap()
    await tick(ada, f"{room_name} waits").tap()
    await expect(tick(bo, f"{room_name} waits")).to_be_checked()

    await open_document(ada, document_id, f"Notes {LONG}")
    await open_document(bo, document_id, f"Notes {LONG}")
    await paper(ada).tap()
    await expect(ada.page.locator(".collaborator")).to_have_count(1)
    assert await fits(ada.page)
    await ada.photograph("phone-document")
    await ada.page.get_by_role("button", name="All documents").tap()
    assert await fits(ada.page)


@pytest.mark.parametrize("system", ["light", "dark"])
async def test_tasks_and_documents_can_be_read_in_light_and_dark(demo, visit, room_name, system):
    """They follow the system's colours, and no text is too pale for its ground."""
    ada, bo = await visit(demo, "Ada", color_scheme=system), await visit(demo, "Bo")
    document_id = await lively(ada, bo, f"{room_name} {system}")
    assert await ada.page.evaluate(TOO_PALE) == []
    await come_back(ada)
    await expect(ada.page.get_by_role("button", name="Compare")).to_be_visible()
    assert await ada.page.evaluate(TOO_PALE) == []
    await ada.photograph(f"{system}-tasks")
    await open_document(bo, document_id, f"Notes {LONG}")
    await open_document(ada, document_id, f"Notes {LONG}")
    await expect(ada.page.locator(".collaborator")).to_have_count(1)
    ground = await ada.page.evaluate("getComputedStyle(document.querySelector('.paper')).backgroundColor")
    assert ground == {"light": "rgb(255, 255, 255)", "dark": "rgb(21, 24, 29)"}[system]
    ink = {"light": "rgb(25, 28, 34)", "dark": "rgb(231, 233, 237)"}[system]
    await expect(paper(ada)).to_have_css("color", ink)
    assert await ada.page.evaluate(TOO_PALE) == []
    await ada.photograph(f"{system}-document")
    await open_page(ada, "documents", "Documents")
    assert await ada.page.evaluate(TOO_PALE) == []


async def test_tasks_and_documents_with_the_keyboard(demo, visit, room_name):
    """Added, edited, ticked off, deleted and written without a mouse; the focus comes back to where it was."""
    ada = await visit(demo, "Ada")
    page, keyboard = ada.page, ada.page.keyboard
    await open_tasks(ada)
    await page.get_by_label("New task").focus()
    await keyboard.type(room_name)
    await keyboard.press("Enter")
    await expect(task(ada, room_name)).to_be_visible()
    await expect(page.get_by_label("New task")).to_be_focused()
    await tab_to(page, f"Edit {room_name}")
    await keyboard.press("Enter")
    await expect(page.get_by_label("Title")).to_be_focused()
    await keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await expect(task(ada, room_name).get_by_role("button", name="Edit")).to_be_focused()
    await keyboard.press("Shift+Tab")
    await expect(tick(ada, room_name)).to_be_focused()
    await keyboard.press("Space")
    await expect(tick(ada, room_name)).to_be_checked()
    await tab_to(page, f"Delete {room_name}")
    await keyboard.press("Enter")
    await expect(task(ada, room_name)).to_have_count(0)

    await create_document(ada, room_name)
    await expect(paper(ada)).to_have_attribute("aria-label", f"Text of {room_name}")
    await page.get_by_role("button", name="Actions for this document").focus()
    await keyboard.press("Tab")
    await keyboard.type("By hand")
    await expect(paper(ada)).to_contain_text("By hand")
    await keyboard.press("Tab")
    await keyboard.type("not here")
    await expect(paper(ada)).to_have_text("By hand")


async def test_the_policy_allows_style_attributes_and_no_style_elements(demo, visit, pages: Pages, room_name):
    """What the editor needs is allowed, and nothing beyond: neither style elements nor scripts of anybody else."""
    ada = await visit(demo, "Ada")
    policy = (await demo.rest("GET", "/")).headers["Content-Security-Policy"]
    assert re.findall(r"[^;]*unsafe[^;]*", policy) == [" style-src-attr 'unsafe-inline'"]
    await create_document(ada, room_name)
    await write(ada, "Seen")
    assert await ada.page.locator("style").count() == 0
    assert pages.errors == []
    colour = await ada.page.evaluate(
        """() => {
          const style = document.createElement("style");
          style.textContent = "h1 { color: rgb(1, 2, 3) }";
          document.head.append(style);
          return getComputedStyle(document.querySelector("h1")).color;
        }"""
    )
    assert colour != "rgb(1, 2, 3)"
    assert any("Content Security Policy" in error for error in pages.errors)
    pages.errors.clear()
