"""Trips, stories and the moderators' queue on a phone, in the dark, without a mouse, and with nothing that jumps."""

import pytest
from playwright.async_api import expect

from tests.browser.engaged import (
    add_picture,
    comment,
    look_at,
    mark,
    open_page,
    read,
    say,
    tile,
    write_story,
)
from tests.browser.people import Person
from tests.browser.test_layout import PHONE, fits, tab_to

LONG = "averyveryverylongwordwithoutanyplacetobreakit" * 4

# Texts whose colour is too near to their ground (WCAG 2.2, 1.4.3). What lies on pictures or is disabled is left out.
TOO_PALE = """() => {
  const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const parts = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = (colour) => {
    const [r, g, b] = parts(colour).map((part) => {
      const share = part / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const colour = getComputedStyle(each).backgroundColor;
      if (parts(colour)[3] === 255) return colour;
    }
    return "white";
  };
  const found = [];
  for (const element of document.querySelectorAll("main *, .sidebar *")) {
    const text = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!text || !element.checkVisibility() || element.closest(":disabled, .tile, .hidden")) continue;
    const style = getComputedStyle(element);
    const [one, other] = [light(style.color), light(ground(element))].sort((a, b) => b - a);
    const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.6 && style.fontWeight >= 700);
    const ratio = (one + 0.05) / (other + 0.05);
    if (ratio < (large ? 3 : 4.5)) found.push(`${element.innerText.slice(0, 30)}: ${ratio.toFixed(2)}`);
  }
  return found;
}"""

# How far things moved by themselves, as browsers measure it (Layout Instability).
SHIFTS = """() => new Promise((resolve) => {
  requestAnimationFrame(() => requestAnimationFrame(() => {
    resolve(window.shifts.filter(({hadRecentInput}) => !hadRecentInput).reduce((sum, {value}) => sum + value, 0));
  }));
})"""
WATCH_SHIFTS = """
  window.shifts = [];
  const observer = new PerformanceObserver((list) => window.shifts.push(...list.getEntries()));
  observer.observe({type: "layout-shift", buffered: true});
"""


async def lively(ada: Person, bo: Person) -> dict:
    """A trip and a story that people have done something about; the story."""
    title = "The lighthouse keeper's daughter, and other stories"
    story = await write_story(ada, title, body=f"It was dark.\n{LONG}", genre="Mystery")
    path = f"/api/stories/{story['id']}/posts"
    await ada.server.rest("POST", path, {"title": "Why?", "body": LONG, "type": "question"}, token=await bo.token())
    await look_at(bo, "Lisbon in spring")
    await say(bo, f"Do not miss it {LONG}")
    await add_picture(bo, "A caption that is rather long for a picture of this size")
    return story


async def test_the_pages_on_a_phone(own_demo, visit):
    """At 360 px nothing is wider than the window, and all of it is reached by touch."""
    bo, mo = await visit(own_demo, "Bo"), await visit(own_demo, "Mo", moderates=True, **PHONE)
    story = await lively(mo, bo)
    await mo.page.get_by_role("button", name="Community").tap()
    await expect(mo.page.locator("[data-story]")).to_be_visible()
    assert await fits(mo.page)
    await mo.photograph("phone-community")
    await mo.page.locator("[data-story] a").tap()
    await expect(mo.page.locator("[data-post]")).to_be_visible()
    assert await fits(mo.page)
    await mo.photograph("phone-story")
    await mo.page.get_by_role("button", name="Show rooms").tap()
    await expect(mo.page.get_by_role("button", name="Lisbon in spring")).to_be_in_viewport()
    await mo.page.get_by_role("button", name="Lisbon in spring").tap()
    await expect(comment(mo, "Do not miss it")).to_be_visible()
    assert await fits(mo.page)
    await mark(mo, "Save").tap()
    await expect(mark(mo, "Save")).to_have_accessible_name("Save: 1")
    await mo.photograph("phone-trip-engaged")
    await comment(mo, "Do not miss it").get_by_role("button", name="Answer").tap()
    assert await fits(mo.page)
    await tile(mo, "A caption").get_by_role("button", name="Enlarge").tap()
    assert await fits(mo.page)
    await mo.page.get_by_role("button", name="Close").tap()
    for address, heading in (("saved", "Saved"), ("moderation", "Moderation")):
        await open_page(mo, address, heading)
        await expect(mo.page.locator("main li").first).to_be_visible()
        assert await fits(mo.page)
        await mo.photograph(f"phone-{address}")
    await mo.page.get_by_label("Kind").select_option("image")
    await mo.page.get_by_role("button", name="Approve", exact=True).tap()
    await expect(mo.page.locator("[data-item]")).to_have_count(0)
    await read(mo, story)


@pytest.mark.parametrize("system", ["light", "dark"])
async def test_dark_mode_is_dark_and_everything_can_be_read(own_demo, visit, system):
    """All pages follow the system's colours, and no text is too pale for its ground."""
    bo = await visit(own_demo, "Bo")
    mo = await visit(own_demo, "Mo", moderates=True, color_scheme=system)
    story = await lively(mo, bo)
    await mo.page.locator(".sidebar").get_by_role("button", name="Lisbon in spring").click()
    await mo.page.get_by_role("radio", name="4 stars").check()
    await mark(mo, "Like").click()
    await mark(mo, "Save").click()
    for address, heading in (
        ("community", "Community"),
        (f"stories/{story['id']}", "Story"),
        ("trips/lisbon", "Lisbon in spring"),
        ("saved", "Saved"),
        ("moderation", "Moderation"),
    ):
        await open_page(mo, address, heading)
        await expect(mo.page.locator("main li").first).to_be_visible()
        sheet = "getComputedStyle(document.querySelector('.sheet, .saved-item')).backgroundColor"
        assert await mo.page.evaluate(sheet) == {"light": "rgb(255, 255, 255)", "dark": "rgb(21, 24, 29)"}[system]
        assert await mo.page.evaluate(TOO_PALE) == []
        await mo.photograph(f"{system}-{heading}")


async def test_a_trip_with_the_keyboard(demo, visit):
    """Stars, marks, comments, menus and pictures without a mouse; the focus comes back to where it was."""
    ada = await visit(demo, "Ada")
    await look_at(ada, "Kyoto on foot")
    await add_picture(ada, "By hand")
    page, keyboard = ada.page, ada.page.keyboard
    await page.get_by_role("radio", name="1 star").focus()
    for _ in range(3):
        await keyboard.press("ArrowRight")
    await expect(page.locator(".rating-words")).to_contain_text("yours: 4")
    await tab_to(page, "Like: 0")
    await keyboard.press("Space")
    await expect(mark(ada, "Like")).to_have_attribute("aria-pressed", "true")

    await tab_to(page, "Enlarge: By hand")
    await keyboard.press("Enter")
    await expect(page.get_by_role("dialog", name="By hand")).to_be_visible()
    await keyboard.press("Escape")
    await expect(page.get_by_role("button", name="Enlarge: By hand")).to_be_focused()

    await tab_to(page, "Write a comment")
    await keyboard.type("With ten fingers")
    await keyboard.press("Control+Enter")
    await expect(comment(ada, "With ten fingers")).to_be_visible()
    await expect(page.get_by_label("Write a comment")).to_be_focused()
    await tab_to(page, "Actions for the comment of Ada")
    await keyboard.press("Enter")
    await expect(page.get_by_role("menuitem", name="Edit")).to_be_focused()
    await keyboard.press("Enter")
    await expect(page.get_by_label("Edit your comment")).to_be_focused()
    await keyboard.press("Escape")
    await expect(comment(ada, "With ten fingers").get_by_label("Actions for the comment of Ada")).to_be_focused()


async def test_nothing_jumps_as_a_page_fills(own_demo, visit, pages):
    """While a trip and the feed load, and as news comes, what stands there stays where it is."""
    bo = await visit(own_demo, "Bo")
    await lively(bo, bo)
    token = await bo.token()
    ada = await pages.open("about:blank", viewport={"width": 1200, "height": 760})
    await ada.add_init_script(f"{WATCH_SHIFTS} sessionStorage.setItem('hubbub.token', {token!r});")
    await ada.goto(f"{own_demo.url}/#/trips/lisbon")
    await expect(ada.locator("[data-comment]").first).to_be_visible()
    await expect(ada.locator("[data-picture] img").first).to_be_visible()
    assert await ada.evaluate(SHIFTS) < 0.05
    await ada.goto(f"{own_demo.url}/#/community")
    await expect(ada.locator("[data-story]").first).to_be_visible()
    cy = await visit(own_demo, "Cy")
    before = await ada.evaluate(SHIFTS)
    await write_story(cy, "News")
    await expect(ada.locator(".news-pill")).to_be_visible()
    assert await ada.evaluate(SHIFTS) == before
