"""What people do about trips and stories, and as moderators, in the page."""

from io import BytesIO
from typing import Any

from PIL import Image
from playwright.async_api import Locator, expect

from tests.browser.people import Person


def picture(name: str = "lake.jpg", colour: str = "teal") -> dict[str, Any]:
    """A picture to choose, as Playwright takes files."""
    file = BytesIO()
    Image.new("RGB", (640, 480), colour).save(file, "JPEG")
    return {"name": name, "mimeType": "image/jpeg", "buffer": file.getvalue()}


async def open_page(person: Person, address: str, heading: str) -> None:
    """Go to one of the pages by its address behind the ``#``."""
    await person.page.evaluate("address => { location.hash = address }", f"#/{address}")
    await expect(person.page.get_by_role("heading", name=heading, level=1)).to_be_visible()


async def look_at(person: Person, trip: str) -> None:
    """Open one of the demo's trips, and wait until what people did about it is there."""
    await person.page.locator(".sidebar").get_by_role("button", name=trip).click()
    await expect(person.page.get_by_role("heading", name=trip)).to_be_visible()
    await expect(mark(person, "Like")).to_be_enabled()


async def read(person: Person, story: dict[str, Any]) -> None:
    """Open a story by its address."""
    await open_page(person, f"stories/{story['id']}", "Story")
    await expect(person.page.get_by_role("heading", name=story["title"])).to_be_visible()


async def write_story(person: Person, title: str, visibility: str = "public", **more: str) -> dict[str, Any]:
    """Write a story through the REST door; the story."""
    body = {"title": title, "visibility": visibility, **more}
    reply = await person.server.rest("POST", "/api/stories", body, token=await person.token())
    assert reply.body["ok"], reply
    return reply.body["data"]


def comment(person: Person, text: str) -> Locator:
    """A stored comment that holds this text."""
    return person.page.locator("[data-comment]").filter(has_text=text)


async def say(person: Person, text: str) -> None:
    """Write a comment, and wait until it is stored."""
    await person.page.get_by_label("Write a comment").fill(text)
    await person.page.get_by_role("button", name="Comment", exact=True).click()
    await expect(comment(person, text)).to_be_visible()


async def choose(person: Person, menu: Locator, item: str) -> None:
    """Open a menu and choose something in it."""
    await menu.click()
    await person.page.get_by_role("menuitem", name=item, exact=True).click()


async def confirm(person: Person, action: str) -> None:
    """Press the button of the dialog that asks, and see it go."""
    dialog = person.page.get_by_role("dialog")
    await dialog.get_by_role("button", name=action, exact=True).click()
    await expect(dialog).to_have_count(0)


def mark(person: Person, name: str) -> Locator:
    """The button of likes or saves."""
    return person.page.locator(".toggle").filter(has_text=name)


async def add_picture(person: Person, caption: str, colour: str = "teal") -> None:
    """Choose a picture, give it a caption and send it."""
    await person.page.get_by_label("Picture to add").set_input_files(picture(colour=colour))
    dialog = person.page.get_by_role("dialog", name="Add a picture")
    await dialog.get_by_label("Caption").fill(caption)
    await dialog.get_by_role("button", name="Upload").click()
    await expect(tile(person, caption)).to_be_visible()


def tile(person: Person, caption: str) -> Locator:
    """A picture in the gallery that the server has."""
    return person.page.locator("[data-picture]").filter(has_text=caption)


async def is_shown(picture_or_tile: Locator) -> None:
    """The picture itself has arrived, not only its place."""
    image = picture_or_tile.locator("img")
    await expect(image).to_be_visible()
    await expect(image).to_have_js_property("naturalWidth", 480)


def waiting(person: Person, text: str) -> Locator:
    """What waits for moderators and holds this text."""
    return person.page.locator("[data-item]").filter(has_text=text)
