"""The moderators' queue in the page: what waits comes by itself, and what they decide shows for everyone."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.browser.conftest import NO_LIMITS
from tests.browser.engaged import choose, comment, confirm, look_at, open_page, read, say, waiting, write_story
from tests.browser.people import Person
from tests.support.hubbub import Hubbub
from tests.support.process import temporary_folder


@pytest.fixture(scope="module")
def demo() -> Iterator[Hubbub]:
    """A server in demo mode that holds certain words back."""
    words = Path(temporary_folder("words")) / "words.txt"
    words.write_text("hold: cheap watches\nrefuse: slurword\n", encoding="utf-8")
    server = Hubbub(HUBBUB_DEMO="on", HUBBUB_BLOCKED_WORDS=str(words), **NO_LIMITS)
    server.start()
    yield server
    server.kill()


async def moderator(visit, demo: Hubbub) -> Person:
    """Somebody who looks at the queue."""
    mo = await visit(demo, "Mo", moderates=True)
    await open_page(mo, "moderation", "Moderation")
    return mo


async def counts(mo: Person, number: int) -> None:
    """So much waits, by the badge in the sidebar."""
    badge = mo.page.get_by_role("navigation", name="Pages").locator(".badge")
    if number:
        await expect(badge).to_have_text(str(number))
    else:
        await expect(badge).to_have_count(0)


async def status(mo: Person, name: str) -> None:
    """Look at what waits, or at what was decided in one way."""
    await mo.page.get_by_role("group", name="Status").get_by_role("button", name=name).click()


async def test_the_queue_is_for_moderators_alone(demo, visit):
    """Others have no way there, and its address leads them nowhere."""
    ada, mo = await visit(demo, "Ada"), await visit(demo, "Mo", moderates=True)
    way = [each.page.locator(".page-item").filter(has_text="Moderation") for each in (ada, mo)]
    await expect(way[1]).to_be_visible()
    await expect(way[0]).to_have_count(0)
    await way[1].click()
    await expect(mo.page.get_by_text("Nothing waits")).to_be_visible()
    await ada.page.evaluate("location.hash = '#/moderation'")
    await expect(ada.page.get_by_role("heading", name="Moderation")).to_have_count(0)
    await expect(ada.page.get_by_role("heading", name="Hello, Ada")).to_be_visible()


async def test_a_reported_comment_is_rejected_with_a_reason(demo, visit):
    """It comes into the queue by itself with who objects, and goes for everyone; its author is told why."""
    ada, bo, mo = await visit(demo, "Ada"), await visit(demo, "Bo"), await moderator(visit, demo)
    for person in (ada, bo):
        await look_at(person, "Lisbon in spring")
    await say(ada, "You are all wrong")
    await choose(bo, comment(bo, "You are all wrong").get_by_label("Actions for the comment of Ada"), "Report")
    await bo.page.get_by_role("dialog").get_by_label("Reason").fill("Rude")
    await confirm(bo, "Report")
    item = waiting(mo, "You are all wrong")
    await expect(item).to_contain_text("Reported once")
    await expect(item).to_contain_text("Rude")
    await expect(item).to_contain_text("Lisbon in spring")
    await counts(mo, 1)

    await item.get_by_role("button", name="Reject").click()
    await mo.page.get_by_role("dialog").get_by_label("Reason").fill("Be kind")
    await confirm(mo, "Reject")
    await expect(item).to_have_count(0)
    await counts(mo, 0)
    for person in (ada, bo):
        await expect(comment(person, "You are all wrong")).to_have_count(0)
    toast = ada.page.locator(".toast").filter(has_text="Your comment was removed")
    await expect(toast).to_contain_text("Be kind")
    await look_at(ada, "Kyoto on foot")
    await toast.get_by_role("button", name="View").click()
    await expect(ada.page.get_by_role("heading", name="Lisbon in spring")).to_be_visible()
    await status(mo, "Rejected")
    await expect(mo.page.locator("[data-item]").first).to_contain_text("“Be kind”")


async def test_what_is_held_back_appears_when_it_is_approved(demo, visit):
    """A story, a post and a comment with blocked words are their author's alone until then; the list is narrowed."""
    ada, bo, mo = await visit(demo, "Ada"), await visit(demo, "Bo"), await moderator(visit, demo)
    shown = await write_story(ada, "Of time")
    for person in (ada, bo):
        await read(person, shown)
    await say(ada, "He sold cheap watches")
    await expect(comment(ada, "cheap watches")).to_contain_text("Waiting for review")
    post = {"title": "Cheap watches?", "type": "question"}
    await demo.rest("POST", f"/api/stories/{shown['id']}/posts", post, token=await ada.token())
    held = await write_story(ada, "Cheap watches, a love story")
    assert held["status"] == "pending"
    await expect(mo.page.locator("[data-item]")).to_have_count(3)
    await counts(mo, 3)
    await expect(bo.page.locator("[data-comment], [data-post]")).to_have_count(0)

    for kind in ("story", "comment", "post"):
        await mo.page.get_by_label("Kind").select_option(kind)
        await expect(mo.page.locator("[data-item]")).to_have_attribute("data-kind", kind)
        await mo.page.get_by_role("button", name="Approve", exact=True).click()
        await expect(mo.page.locator("[data-item]")).to_have_count(0)
    await counts(mo, 0)
    await expect(comment(bo, "He sold cheap watches")).to_be_visible()
    await expect(bo.page.locator("[data-post]")).to_contain_text("Cheap watches?")
    await read(bo, held)
    await mo.page.get_by_label("Kind").select_option("")
    await status(mo, "Approved")
    await expect(mo.page.locator("[data-item] .approved")).to_have_count(3)


async def test_an_approval_can_say_something_too(demo, visit):
    """What a moderator says of it reaches the author."""
    ada, mo = await visit(demo, "Ada"), await moderator(visit, demo)
    await look_at(ada, "Kyoto on foot")
    await say_held(ada, "Cheap watches, a history")
    await choose(mo, waiting(mo, "a history").get_by_label("More decisions"), "Approve with a note")
    await mo.page.get_by_role("dialog").get_by_label("Reason").fill("Well found")
    await confirm(mo, "Approve")
    await expect(ada.page.locator(".toast").filter(has_text="Your comment was approved")).to_contain_text("Well found")
    await expect(comment(ada, "a history")).not_to_contain_text("Waiting for review")


async def test_what_is_refused_says_why(demo, visit):
    """A comment with a word that is never said stays with its author, who can discard it."""
    ada = await visit(demo, "Ada")
    await look_at(ada, "Kyoto on foot")
    await ada.page.get_by_label("Write a comment").fill("This is a slurword")
    await ada.page.get_by_role("button", name="Comment", exact=True).click()
    failed = ada.page.locator("[data-pending=failed]")
    await expect(failed.get_by_role("alert")).to_be_visible()
    await failed.get_by_role("button", name="Discard").click()
    await expect(failed).to_have_count(0)


async def test_two_moderators_see_the_same_and_people_are_muted_banned_and_pardoned(demo, visit):
    """What one decides leaves the other's list; who is muted says nothing more, and who is banned is sent away."""
    ada, mo, mia = await visit(demo, "Ada"), await moderator(visit, demo), await visit(demo, "Mia", moderates=True)
    await open_page(mia, "moderation", "Moderation")
    await look_at(ada, "Kyoto on foot")
    await say_held(ada, "Cheap watches, one")
    for each in (mo, mia):
        await expect(waiting(each, "Cheap watches, one")).to_be_visible()
    author = waiting(mo, "Cheap watches, one").get_by_label("Actions for Ada")
    await choose(mo, author, "Mute")
    await mo.page.get_by_role("dialog").get_by_label("How long").select_option("For a day")
    await confirm(mo, "Mute")
    await ada.page.get_by_label("Write a comment").fill("May I?")
    await ada.page.get_by_role("button", name="Comment", exact=True).click()
    await expect(ada.page.locator("[data-pending=failed]")).to_be_visible()
    await choose(mo, author, "Pardon")
    await expect(mo.page.locator(".toast").filter(has_text="may speak")).to_be_visible()
    await ada.page.get_by_role("button", name="Try again").click()
    await expect(comment(ada, "May I?")).to_be_visible()

    await choose(mo, author, "Ban")
    await confirm(mo, "Ban")
    await expect(ada.page.get_by_role("heading", name="You are signed out")).to_be_visible(timeout=15_000)
    await waiting(mia, "Cheap watches, one").get_by_role("button", name="Approve").click()
    await expect(waiting(mo, "Cheap watches, one")).to_have_count(0)


async def say_held(person: Person, text: str) -> None:
    """Write a comment that waits for a moderator."""
    await say(person, text)
    await expect(comment(person, text)).to_contain_text("Waiting for review")
