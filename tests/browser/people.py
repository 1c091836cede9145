"""What people do with the page, in their words."""

import re
from typing import Any

from playwright.async_api import Locator, Page, expect

from tests.support.browser import screenshot
from tests.support.hubbub import Hubbub


class Person:
    """Somebody at a browser of their own."""

    def __init__(self, page: Page, name: str, server: Hubbub) -> None:
        self.page = page
        self.name = name
        self.server = server
        self.field = page.locator("#composer-text")
        self.typing = page.locator(".typing")
        self.messages = page.locator(".messages")
        self.status = page.locator("[data-status]")

    async def enter(self, *, moderates: bool = False) -> None:
        """Give one's name and wait until the page is live."""
        await self.page.get_by_label("Your name").fill(self.name)
        await self.page.get_by_label("Let me moderate").set_checked(moderates)
        await self.page.get_by_role("button", name="Enter").click()
        await self.is_live()

    async def is_live(self) -> None:
        """Wait for the green indicator."""
        await expect(self.status).to_have_text("Live")

    async def token(self) -> str:
        """The token that the page keeps."""
        return await self.page.evaluate("sessionStorage.getItem('hubbub.token')")

    async def user_id(self) -> str:
        """This person's id."""
        reply = await self.server.rest("GET", "/api/me", token=await self.token())
        return reply.body["data"]["user"]["id"]

    def room_id(self) -> str:
        """The id of the room that is shown."""
        match = re.search(r"#/rooms/(.+)$", self.page.url)
        assert match, f"no room is shown at {self.page.url}"
        return match[1]

    async def create_room(self, name: str, *, private: bool = False) -> None:
        """Make a room and see it."""
        await self.page.get_by_role("button", name="Create a room").first.click()
        dialog = self.page.get_by_role("dialog")
        await dialog.get_by_label("Name", exact=True).fill(name)
        if private:
            await dialog.get_by_text("Private", exact=True).click()
        await dialog.get_by_role("button", name="Create", exact=True).click()
        await self.sees_room(name)

    async def discover(self, name: str) -> None:
        """Look into a public room without joining it."""
        await self.page.get_by_role("button", name="Discover rooms").first.click()
        dialog = self.page.get_by_role("dialog")
        await dialog.get_by_placeholder("Filter by name or subject").fill(name)
        await dialog.get_by_role("button").filter(has_text=name).click()
        await expect(self.page.get_by_role("heading", name=name)).to_be_visible()

    async def join(self, name: str) -> None:
        """Find a public room and join it."""
        await self.discover(name)
        await self.page.get_by_role("button", name="Join to write").click()
        await self.sees_room(name)

    async def sees_room(self, name: str) -> None:
        """The room is shown, loaded and can be written in."""
        await expect(self.page.get_by_role("heading", name=name)).to_be_visible()
        await expect(self.field).to_be_visible()
        await expect(self.messages).to_have_attribute("aria-busy", "false")

    def room_item(self, name: str) -> Locator:
        """The room's line at the left."""
        exactly = self.page.locator(".room-name").get_by_text(name, exact=True)
        return self.page.locator(".room-item").filter(has=exactly)

    async def send(self, text: str) -> None:
        """Write a message and wait until it is stored."""
        await self.write(text)
        await self.sees(text)

    async def write(self, text: str) -> None:
        """Write a message and press Enter."""
        await self.field.fill(text)
        await self.field.press("Enter")

    def message(self, text: str) -> Locator:
        """A stored message that holds this text."""
        return self.page.locator("[data-seq]").filter(has_text=text)

    async def sees(self, *texts: str) -> None:
        """Each of the messages is there, once, stored by the server."""
        for text in texts:
            await expect(self.message(text)).to_have_count(1)

    async def texts(self) -> list[str]:
        """The texts of the messages in the document, from top to bottom."""
        return await self.page.locator("[data-seq] .message-text").all_inner_texts()

    async def act(self, text: str, action: str) -> None:
        """Press one of the buttons that a message shows under the pointer."""
        message = self.message(text)
        await message.hover()
        await message.get_by_role("toolbar").get_by_role("button", name=action, exact=True).click()

    async def photograph(self, name: str) -> None:
        """Save what is on the screen to tests/artifacts/."""
        await screenshot(self.page, name)


async def write_history(server: Hubbub, token: str, room_id: str, count: int) -> None:
    """Fill a room with messages `Message 1.` to `Message <count>.`, in this order."""
    for number in range(1, count + 1):
        body: dict[str, Any] = {"roomId": room_id, "message": f"Message {number}."}
        reply = await server.rest("POST", "/api/chat/messages", body, token=token)
        assert reply.body["ok"], reply
