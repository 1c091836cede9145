"""The page on a phone, in the dark, without a mouse, and for those whom motion disturbs."""

import time

import pytest
from playwright.async_api import Page, expect

from tests.support.waiting import eventually

PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}

# What has the focus, by the name that assistive technology gives it.
FOCUSED = """(() => {
  const element = document.activeElement;
  const labelled = element.labels?.[0]?.innerText;
  return (element.getAttribute("aria-label") ?? labelled ?? element.innerText ?? "").trim();
})()"""


async def tab_to(page: Page, name: str, *, key: str = "Tab") -> None:
    """Press Tab until what bears this name has the focus, and see that it shows it."""
    for _ in range(60):
        if await page.evaluate(FOCUSED) == name:
            # A text field shows it by its caret.
            shown = "getComputedStyle(document.activeElement).outlineStyle !== 'none'"
            assert await page.evaluate(f"{shown} || document.activeElement.matches('textarea')")
            return
        await page.keyboard.press(key)
    raise AssertionError(f"Tab never reaches {name!r}; it ends at {await page.evaluate(FOCUSED)!r}")


async def fits(page: Page) -> bool:
    """Whether nothing is wider than the window."""
    return await page.evaluate(
        """document.scrollingElement.scrollWidth <= innerWidth &&
           [...document.querySelectorAll("main *, dialog *")].every((element) => {
             const { right, width } = element.getBoundingClientRect();
             return width === 0 || right <= innerWidth + 1 || element.closest(".room-last, .quote, svg");
           })"""
    )


async def test_mobile_layout(demo, visit, room_name):
    """At 360 px everything fits; rooms lie in a drawer, and messages are reached by touch."""
    ada, bo = await visit(demo, "Ada", **PHONE), await visit(demo, "Bo")
    await ada.photograph("phone-home")
    assert await fits(ada.page)
    await ada.create_room(room_name)
    await bo.join(room_name)
    await bo.send("A rather long message that has to be broken into several lines on a telephone, " * 3)
    await bo.send("averyveryverylongwordwithoutanyplacetobreakit" * 4)
    await ada.send("Got it")
    await bo.sees("Got it")
    await ada.photograph("phone-room")
    assert await fits(ada.page)

    await ada.message("Got it").locator(".message-text").tap()
    await ada.message("Got it").get_by_role("button", name="React").tap()
    await ada.photograph("phone-emoji-picker")
    assert await fits(ada.page)
    await ada.page.get_by_role("button", name="heart").tap()
    await expect(bo.message("Got it").get_by_role("button", name="❤️ 1")).to_be_visible()

    await ada.page.get_by_role("button", name="Members: 2").tap()
    await expect(ada.page.locator(".member")).to_have_count(2)
    await ada.photograph("phone-members")
    await ada.page.get_by_role("button", name="Close members").tap()

    await ada.page.get_by_role("button", name="Show rooms").tap()
    await expect(ada.room_item(room_name)).to_be_in_viewport(ratio=1)
    await expect(ada.page.locator("main.room")).to_have_attribute("inert", "")
    await ada.photograph("phone-drawer")
    await ada.room_item(room_name).tap()
    await expect(ada.page.locator("main.room")).not_to_have_attribute("inert", "")
    await expect(ada.field).to_be_visible()


async def test_everything_can_be_done_with_the_keyboard(demo, visit, room_name):
    """Rooms, messages, reactions and dialogs without a mouse; the focus is always visible and never lost."""
    ada = await visit(demo, "Ada")
    page, keyboard = ada.page, ada.page.keyboard
    await tab_to(page, "Create a room")
    await keyboard.press("Enter")
    await tab_to(page, "Name")
    await keyboard.type(room_name)
    await keyboard.press("Enter")
    await ada.sees_room(room_name)
    await expect(ada.field).to_be_focused()
    for text in ("first", "second"):
        await keyboard.type(text)
        await keyboard.press("Enter")
        await ada.sees(text)

    await keyboard.press("ArrowUp")
    await expect(page.get_by_label("Edit your message")).to_be_focused()
    await keyboard.type(", corrected")
    await keyboard.press("Enter")
    await ada.sees("second, corrected")
    await expect(ada.field).to_be_focused()
    await keyboard.press("ArrowUp")
    await keyboard.press("Escape")
    await expect(page.get_by_label("Edit your message")).to_have_count(0)
    await expect(ada.field).to_be_focused()

    await keyboard.press("Shift+Tab")
    while await page.evaluate("!document.activeElement.matches('[data-row]')"):
        await keyboard.press("Shift+Tab")
    await expect(ada.message("second")).to_be_focused()
    await keyboard.press("ArrowUp")
    await expect(ada.message("first")).to_be_focused()
    await ada.photograph("keyboard-message-focused")
    await keyboard.press("+")
    await expect(page.get_by_role("button", name="thumbs up")).to_be_focused()
    await keyboard.press("ArrowRight")
    await keyboard.press("Enter")
    await expect(ada.message("first").get_by_role("button", name="❤️ 1")).to_be_visible()
    await expect(ada.message("first")).to_be_focused()
    await keyboard.press("+")
    await keyboard.press("Escape")
    await expect(page.get_by_role("button", name="thumbs up")).to_be_hidden()

    await keyboard.press("Delete")
    await expect(page.get_by_role("dialog").get_by_role("button", name="Delete")).to_be_focused()
    await keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await expect(ada.message("first")).to_be_focused()
    await keyboard.press("Delete")
    await keyboard.press("Enter")
    await expect(page.get_by_text("This message was deleted.")).to_be_visible()

    await keyboard.press("r")
    await tab_to(page, "Account")
    await keyboard.press("Enter")
    await expect(page.get_by_role("menuitem", name="Keyboard shortcuts")).to_be_focused()
    await keyboard.press("Enter")
    await expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    await ada.photograph("keyboard-shortcuts")
    await keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_have_count(0)


@pytest.mark.parametrize("system", ["light", "dark"])
async def test_dark_mode_follows_the_system_until_chosen(demo, visit, room_name, system):
    """The page is as dark as the system; the button overrules it, for good."""
    dark = "getComputedStyle(document.body).backgroundColor"
    ada = await visit(demo, "Ada", color_scheme=system)
    await ada.create_room(f"{room_name} {system}")
    await ada.send("Is it dark?")
    first = await ada.page.evaluate(dark)
    await ada.photograph(f"theme-{system}")
    other = "light" if system == "dark" else "dark"
    await ada.page.get_by_role("button", name=f"Switch to {other} colours").click()
    await eventually(lambda: _differs(ada.page, dark, first), "another background")
    second = await ada.page.evaluate(dark)
    assert {system: first, other: second} == {"light": "rgb(255, 255, 255)", "dark": "rgb(21, 24, 29)"}
    await ada.page.reload()
    await ada.is_live()
    assert await ada.page.evaluate(dark) == second


async def _differs(page: Page, expression: str, value: str) -> bool:
    return await page.evaluate(expression) != value


async def test_motion_is_reduced_on_request(demo, visit):
    """Who asked their system for less motion gets none that repeats."""
    for motion, repeats in (("no-preference", "infinite"), ("reduce", "1")):
        ada = await visit(demo, "Ada", reduced_motion=motion)
        count = "getComputedStyle(document.querySelector('.status i')).animationIterationCount"
        assert await ada.page.evaluate(count) == repeats


async def test_a_guest_stays_signed_in_and_tabs_are_people_of_their_own(demo, visit, room_name):
    """A reload and a new tab keep the guest; another name in one tab leaves the other alone."""
    ada = await visit(demo, "Ada")
    await ada.create_room(room_name)
    await ada.page.reload()
    await ada.is_live()
    await ada.sees_room(room_name)
    second = await ada.page.context.new_page()
    await second.goto(demo.url)
    await expect(second.locator(".account-name")).to_have_text("Ada")
    await second.get_by_role("button", name="Account").click()
    await second.get_by_role("menuitem", name="Use another name").click()
    await second.get_by_label("Your name").fill("Bo")
    await second.get_by_role("button", name="Enter").click()
    await expect(second.locator(".account-name")).to_have_text("Bo")
    await second.screenshot(path="tests/artifacts/welcome.png")
    await ada.page.reload()
    await expect(ada.page.locator(".account-name")).to_have_text("Ada")


async def test_a_session_that_ends_says_so(demo, pages):
    """Shortly before a session ends the page tells when; afterwards it asks to sign in again."""
    page = await pages.open(demo.url)
    token = demo.token("short-lived", name="Shortly", exp=int(time.time()) + 5)
    await page.evaluate("(token) => sessionStorage.setItem('hubbub.token', token)", token)
    await page.reload()
    await expect(page.get_by_text("Your session ends at")).to_be_visible()
    await expect(page.get_by_role("heading", name="You are signed out")).to_be_visible(timeout=15_000)
    await page.get_by_role("button", name="Sign in again").click()
    await expect(page.get_by_label("Your name")).to_be_visible()
