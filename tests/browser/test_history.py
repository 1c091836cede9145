"""Long histories: older messages load while scrolling, and what is read stays where it is."""

import pytest_asyncio
from playwright.async_api import expect

from tests.browser.people import Person, write_history
from tests.support.hubbub import Hubbub
from tests.support.waiting import eventually

LONG = 400
MOST_IN_DOCUMENT = 300

# Distance of a message from the upper edge of the list.
OFFSET = """(row) => row.getBoundingClientRect().top - row.closest(".messages").getBoundingClientRect().top"""


@pytest_asyncio.fixture(loop_scope="module")
async def ada(demo: Hubbub, visit, room_name: str) -> Person:
    """Ada, who has just opened a room with a long history."""
    bo = await visit(demo, "Bo")
    await bo.create_room(room_name)
    await write_history(demo, await bo.token(), bo.room_id(), LONG)
    await bo.page.goto("about:blank")
    ada = await visit(demo, "Ada")
    await ada.join(room_name)
    await ada.sees(f"Message {LONG}.")
    return ada


async def rows(person: Person) -> int:
    """How many messages are in the document."""
    return await person.page.locator("[data-seq]").count()


async def test_older_messages_load_on_scroll_and_nothing_jumps(ada: Person):
    """Scrolling up brings older messages, while the message under the eye stays where it is."""
    before = await rows(ada)
    assert before < LONG
    await ada.page.evaluate("document.querySelector('.messages').scrollTop = 200")
    seq = await ada.page.evaluate(
        "[...document.querySelectorAll('[data-seq]')].find((row) => row.offsetTop > 200).dataset.seq"
    )
    eye = ada.page.locator(f"[data-seq='{seq}']")
    offset = await eye.evaluate(OFFSET)
    await eventually(lambda: _more_than(ada, before), "older messages")
    assert abs(await eye.evaluate(OFFSET) - offset) <= 1
    await ada.photograph("history-older")


async def _more_than(person: Person, count: int) -> bool:
    return await rows(person) > count


async def test_virtualised_long_history(ada: Person):
    """All of a long history can be reached in both directions, while the document stays small and without holes."""
    scroll = "document.querySelector('.messages').scrollTop = {}"

    async def first_is_reached() -> bool:
        await ada.page.evaluate(scroll.format(0))
        return await ada.message("Message 1.").count() == 1

    await eventually(first_is_reached, "the first message", timeout=30)
    await expect(ada.page.get_by_text("This is where it all began.")).to_be_visible()
    assert await rows(ada) <= MOST_IN_DOCUMENT
    assert await ada.message(f"Message {LONG}.").count() == 0

    async def last_is_reached() -> bool:
        await ada.page.evaluate(scroll.format(1e9))
        return await ada.message(f"Message {LONG}.").count() == 1

    await eventually(last_is_reached, "the last message", timeout=30)
    seqs = await ada.page.evaluate("[...document.querySelectorAll('[data-seq]')].map((row) => Number(row.dataset.seq))")
    assert len(seqs) <= MOST_IN_DOCUMENT
    assert seqs == list(range(seqs[0], seqs[0] + len(seqs)))


async def test_new_messages_do_not_disturb_who_reads_above(demo: Hubbub, ada: Person, visit, room_name: str):
    """A message that arrives leaves a reader above in place and offers a button; at the end it is simply there."""
    bo = await visit(demo, "Bo again")
    await bo.join(room_name)
    await bo.send("At the end it is in sight")
    await expect(ada.message("At the end it is in sight")).to_be_in_viewport()
    # At once: a wheel's scrolling is animated, and where it ends is not known before it has.
    await ada.page.evaluate("document.querySelector('.messages').scrollBy({top: -900, behavior: 'instant'})")
    button = ada.page.get_by_role("button", name="Newest")
    await expect(button).to_be_visible()
    seq = await ada.page.evaluate(
        """(() => {
          const list = document.querySelector(".messages");
          return [...list.querySelectorAll("[data-seq]")].find((row) => row.offsetTop > list.scrollTop).dataset.seq;
        })()"""
    )
    eye = ada.page.locator(f"[data-seq='{seq}']")
    offset = await eye.evaluate(OFFSET)
    await bo.send("Above it is announced")
    jump = ada.page.get_by_role("button", name="New messages", exact=True)
    await expect(jump).to_be_visible()
    assert abs(await eye.evaluate(OFFSET) - offset) <= 1
    await ada.photograph("history-new-messages-button")
    await jump.click()
    await expect(ada.message("Above it is announced")).to_be_in_viewport()
    await expect(jump).to_have_count(0)


async def test_search_goes_to_a_message_far_back(ada: Person):
    """A search result from long ago is shown in the middle of what stood around it."""
    await ada.page.get_by_role("button", name="Search in this room").click()
    await ada.page.get_by_role("dialog").get_by_role("searchbox").fill("Message 37")
    await (
        ada.page.get_by_role("list", name="Messages found").get_by_role("button").filter(has_text="Message 37.").click()
    )
    await expect(ada.message("Message 37.")).to_be_focused()
    await expect(ada.message("Message 37.")).to_be_in_viewport()
    await expect(ada.message("Message 38.")).to_be_in_viewport()
    await ada.page.get_by_role("button", name="Newest").click()
    await expect(ada.message(f"Message {LONG}.")).to_be_in_viewport()
