"""Typing: who writes at this moment, in words and with dots."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import expect

from tests.browser.people import Person


@asynccontextmanager
async def keys_pressed(person: Person) -> AsyncIterator[None]:
    """Somebody goes on pressing keys inside of the block."""
    enough = asyncio.Event()

    async def press() -> None:
        while not enough.is_set():
            await person.field.press_sequentially("la ", delay=60)

    typist = asyncio.create_task(press())
    try:
        yield
    finally:
        enough.set()
        await typist


async def test_typing_john_is_typing_john_and_jane_are_typing_3_people_are_typing(demo, visit, room_name):
    """The line names one and two people, counts more, never oneself, and ends with sending or two seconds after."""
    john, jane, joe, ada = [await visit(demo, name) for name in ("John", "Jane", "Joe", "Ada")]
    await john.create_room(room_name)
    for person in (jane, joe, ada):
        await person.join(room_name)
    await expect(ada.typing).to_have_text("")
    async with keys_pressed(john):
        await expect(ada.typing).to_have_text("John is typing…")
        await expect(john.typing).to_have_text("")
        async with keys_pressed(jane):
            await expect(ada.typing).to_have_text("John and Jane are typing…")
            await expect(john.typing).to_have_text("Jane is typing…")
            async with keys_pressed(joe):
                await expect(ada.typing).to_have_text("3 people are typing…")
                await expect(ada.page.locator(".typing-dots i")).to_have_count(3)
                await ada.photograph("typing-three-people")
            await joe.field.press("Enter")
            await expect(ada.typing).to_have_text("John and Jane are typing…")
        await jane.field.fill("")
        await expect(ada.typing).to_have_text("John is typing…")
    # John has stopped and neither sent nor emptied it: the server ends it.
    await expect(ada.typing).to_have_text("")


async def test_typing_ends_when_the_connection_is_lost(demo, visit, room_name, network_lost):
    """Nobody is left "typing" on a screen that cannot hear that they stopped."""
    ada, bo = await visit(demo, "Ada"), await visit(demo, "Bo")
    await ada.create_room(room_name)
    await bo.join(room_name)
    async with keys_pressed(ada):
        await expect(bo.typing).to_have_text("Ada is typing…")
        await bo.page.context.set_offline(True)
        await expect(bo.typing).to_have_text("")
