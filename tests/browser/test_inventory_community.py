"""The inventory's rows of "C: story community", in the page; each test bears its row's name."""

import re
from typing import Any

import pytest
from playwright.async_api import Page, Route, expect

from tests.browser.engaged import choose, comment, confirm, open_page, read, say, write_story
from tests.browser.people import Person
from tests.support.waiting import eventually

# A browser behind a proxy that lets no Socket.IO through, and one that lets no streams through either.
NO_SOCKETS = "window.WebSocket = class { constructor() { throw new Error('cut off') } };"
NO_STREAMS = "delete window.EventSource;"
# Whether the tab is before somebody's eyes, which a headless browser's always is.
SEEN = """state => {
    Object.defineProperty(document, "visibilityState", {value: state, configurable: true});
    document.dispatchEvent(new Event("visibilitychange"));
}"""
QUICK = "communityFallbackMs=10&retryDelayMs=20&retryDelayMaxMs=40&pollMs=50&pollMaxMs=200"


async def in_community(person: Person) -> None:
    """Open the community page and wait until it hears."""
    await open_page(person, "community", "Community")
    await is_live(person.page)


async def is_live(page: Page) -> None:
    """The community's own indicator is green."""
    await expect(page.locator("[data-live]")).to_have_text("Live")


async def cut_off(page: Page, cuts: str, token: str) -> None:
    """Let a page that is opened next be somebody's whose browser lacks what is cut."""
    await page.add_init_script(f"{cuts} sessionStorage.setItem('hubbub.token', {token!r});")
    await page.route("**/socket.io/**", lambda route: route.abort())


def card(person: Person, title: str) -> Any:
    """A story in the feed."""
    return person.page.locator("[data-story]").filter(has_text=title)


async def test_green_live_indicator_and_what_was_missed(own_demo, visit, network_lost):
    """It is green while news comes in, and says so when it does not; what was published meanwhile is told."""
    ada = await visit(own_demo, "Ada")
    bo = await visit(own_demo, "Bo")
    await in_community(ada)
    green = "getComputedStyle(document.querySelector('[data-live]')).color"
    assert await ada.page.evaluate(green) == "rgb(18, 130, 76)"
    own_demo.kill()
    await expect(ada.page.locator("[data-live]")).to_have_text("Reconnecting…")
    own_demo.start()
    await write_story(bo, "Written while you were away")
    await expect(ada.page.locator("[data-live]")).to_have_text("Live", timeout=30_000)
    await expect(ada.page.locator(".news")).to_contain_text("1 new story")


@pytest.mark.parametrize(("cuts", "word"), [(NO_SOCKETS, "Live"), (NO_SOCKETS + NO_STREAMS, "Polling")])
async def test_use_community_events_with_polling_as_the_last_resort(demo, visit, pages, cuts, word):
    """Without Socket.IO the page hears of stories as server-sent events, and without those by polling."""
    bo = await visit(demo, "Bo")
    ada = await pages.open("about:blank")
    await cut_off(ada, cuts, await bo.token())
    await ada.goto(f"{demo.url}/?{QUICK}#/community")
    indicator = ada.locator("[data-live]")
    await expect(indicator).to_have_text(word)
    await expect(indicator).to_have_attribute("data-live", "stream" if word == "Live" else "polling")
    cy = await visit(demo, "Cy")
    await write_story(cy, f"Heard by {word.lower()}")
    await expect(ada.locator(".news")).to_contain_text("1 new story")
    await ada.get_by_role("button", name="View Now").click()
    await expect(ada.locator(".story-card.fresh")).to_contain_text(f"Heard by {word.lower()}")
    pages.errors[:] = [error for error in pages.errors if "net::ERR_FAILED" not in error]


async def test_smart_polling_only_while_the_tab_is_visible(demo, visit, pages):
    """A page that polls asks for nothing while nobody sees it, and at once when somebody does."""
    bo = await visit(demo, "Bo")
    ada = await pages.open("about:blank")
    await ada.add_init_script(
        f"{NO_SOCKETS + NO_STREAMS} sessionStorage.setItem('hubbub.token', {await bo.token()!r});"
    )
    await ada.route("**/socket.io/**", lambda route: route.abort())
    polls = []
    ada.on("request", lambda request: "/api/poll?" in request.url and polls.append(request.url))
    await ada.goto(f"{demo.url}/?{QUICK}#/community")
    await expect(ada.locator("[data-live]")).to_have_text("Polling")
    await eventually(lambda: len(polls) > 3, "the page to poll")
    await ada.evaluate(SEEN, "hidden")
    before = len(polls)
    cy = await visit(demo, "Cy")
    await write_story(cy, "Nobody looks")
    # One may have been on its way.
    assert len(polls) <= before + 1
    await ada.evaluate(SEEN, "visible")
    await expect(ada.locator(".news")).to_contain_text("1 new story")
    pages.errors[:] = [error for error in pages.errors if "net::ERR_FAILED" not in error]


async def test_toasts_with_an_action_and_an_x_new_stories_banner(demo, visit):
    """What others publish does not push the feed down: a banner counts it, and a toast leads to it."""
    ada, bo = await visit(demo, "Ada"), await visit(demo, "Bo")
    await write_story(bo, "There before")
    await in_community(ada)
    await expect(card(ada, "There before")).to_be_visible()
    for number in range(1, 4):
        await write_story(bo, f"News {number}")
    await expect(ada.page.locator(".news")).to_contain_text("3 new stories")
    assert await ada.page.evaluate("getComputedStyle(document.querySelector('.news-pill')).animationName") == "drop"
    await expect(card(ada, "News")).to_have_count(0)
    toast = ada.page.locator(".toast").filter(has_text="New story: News 3")
    await toast.get_by_role("button", name="Read").click()
    await expect(ada.page.get_by_role("heading", name="News 3")).to_be_visible()


async def test_view_now_scrolls_to_them_new_badges_and_highlight(demo, visit):
    """They come to the top, marked and highlighted, in sight and with the focus; the mark goes when one was away."""
    ada, bo = await visit(demo, "Ada"), await visit(demo, "Bo")
    for number in range(12):
        await write_story(bo, f"Older {number}", body="A line.\n" * 6)
    draft = await write_story(bo, "Begun long ago", "private")
    await write_story(bo, "After the draft")
    await in_community(ada)
    await card(ada, "Older 2").scroll_into_view_if_needed()
    path, body = f"/api/stories/{draft['id']}/visibility", {"visibility": "public"}
    await demo.rest("PUT", path, body, token=await bo.token())
    await write_story(bo, "Fresh from the press")
    await expect(ada.page.locator(".news")).to_contain_text("2 new stories")
    await ada.page.get_by_role("button", name="View Now").click()
    fresh = ada.page.locator(".story-card.fresh")
    await expect(fresh.locator("h2")).to_have_text(["Fresh from the press", "Begun long ago"])
    await expect(fresh.locator(".new-badge")).to_have_text(["NEW", "NEW"])
    await expect(fresh.first).to_be_in_viewport()
    await expect(fresh.first.get_by_role("link")).to_be_focused()
    highlight = "getComputedStyle(document.querySelector('.story-card.fresh')).animationName"
    assert await ada.page.evaluate(highlight) == "arrive"
    await expect(ada.page.locator(".news-pill")).to_have_count(0)
    await ada.page.keyboard.press("Enter")
    await expect(ada.page.get_by_role("heading", name="Fresh from the press")).to_be_visible()
    await in_community(ada)
    await expect(card(ada, "Begun long ago")).to_be_visible()
    await expect(ada.page.locator(".new-badge")).to_have_count(0)


async def test_loading_error_and_empty_states(own_demo, visit, pages):
    """Skeletons while the stories come, a reason and a second try when they do not, and words when there are none."""
    ada = await visit(own_demo, "Ada")
    await in_community(ada)
    await expect(ada.page.get_by_text("No stories yet")).to_be_visible()
    await write_story(ada, "The first")
    await expect(card(ada, "The first")).to_be_visible()

    # As a browser without Socket.IO, whose requests can be held up and refused.
    token = await ada.token()
    page = await ada.page.context.new_page()
    await cut_off(page, NO_SOCKETS, token)
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    await page.route("**/api/stories?**", hold)
    await page.goto(f"{own_demo.url}/?{QUICK}#/community")
    await expect(page.locator(".story-skeleton").first).to_be_visible()
    await eventually(lambda: held, "the stories to be asked for")
    refused = {"ok": False, "error": {"code": "internal", "message": "Something broke (1234)."}}
    await held[0].fulfill(status=500, json=refused)
    await expect(page.get_by_text("The stories could not be loaded")).to_be_visible()
    await expect(page.get_by_text("Something broke (1234).")).to_be_visible()
    await page.unroute("**/api/stories?**")
    await page.get_by_role("button", name="Try again").click()
    await expect(page.locator("[data-story]")).to_contain_text("The first")
    pages.errors[:] = [error for error in pages.errors if not re.search("net::ERR_FAILED|status of 500", error)]


async def test_a_story_is_written_edited_published_and_taken_back(demo, visit):
    """Others see it while it is public, as it is; when it is private again it is gone for them, opened or not."""
    ada, bo, cy = [await visit(demo, name) for name in ("Ada", "Bo", "Cy")]
    for person in (ada, bo):
        await in_community(person)
    await ada.page.get_by_role("button", name="Write a story").click()
    editor = ada.page.get_by_role("dialog", name="Write a story")
    await editor.get_by_label("Title").fill("The lighthouse")
    await editor.get_by_label("Genre").fill("Mystery")
    await editor.get_by_label("Story", exact=True).fill("It was dark.")
    await editor.get_by_label("Private").check()
    await editor.get_by_role("button", name="Save draft").click()
    await expect(ada.page.get_by_role("heading", name="The lighthouse")).to_be_visible()
    actions = ada.page.get_by_label("Actions for this story")
    await choose(ada, actions, "Publish")
    await bo.page.get_by_role("button", name="View Now").click()
    await expect(card(bo, "The lighthouse")).to_contain_text("It was dark.")

    await open_page(cy, ada.page.url.split("#/")[1], "Story")
    await expect(cy.page.get_by_role("heading", name="The lighthouse")).to_be_visible()
    await choose(ada, actions, "Edit")
    editor = ada.page.get_by_role("dialog", name="Edit your story")
    await editor.get_by_label("Story", exact=True).fill("It grew light.")
    await editor.get_by_role("button", name="Save").click()
    await expect(card(bo, "The lighthouse")).to_contain_text("It grew light.")
    await expect(cy.page.locator(".story-body")).to_contain_text("It grew light.")

    await choose(ada, actions, "Unpublish")
    await expect(ada.page.locator("article.story")).to_have_attribute("data-visibility", "private")
    await expect(card(bo, "The lighthouse")).to_have_count(0)
    await expect(cy.page.get_by_text("This story is not here")).to_be_visible()

    await choose(ada, actions, "Publish")
    await expect(cy.page.get_by_role("heading", name="The lighthouse")).to_be_visible()
    await choose(ada, actions, "Delete")
    await confirm(ada, "Delete")
    await expect(ada.page.get_by_role("heading", name="Community")).to_be_visible()
    await expect(cy.page.get_by_text("This story is not here")).to_be_visible()


async def test_x_people_viewing_this_story_and_is_writing_a_post(demo, visit):
    """Who else reads it, who writes a post about it, and the posts as they come, change and go."""
    ada, bo = await visit(demo, "Ada"), await visit(demo, "Bo")
    story = await write_story(ada, "The garden")
    for person in (ada, bo):
        await read(person, story)
    await expect(ada.page.locator(".viewers-words")).to_have_text("2 people viewing this story")

    await bo.page.get_by_role("button", name="Write a post").click()
    editor = bo.page.get_by_role("dialog", name="Write a post")
    await expect(editor.get_by_label("Announcement")).to_have_count(0)
    await editor.get_by_label("Question").check()
    await editor.get_by_label("Title").press_sequentially("Why roses?", delay=20)
    await expect(ada.page.locator(".posts .typing")).to_have_text("Bo is writing a post…")
    await editor.get_by_role("button", name="Post", exact=True).click()
    post = ada.page.locator("[data-post]")
    await expect(post).to_contain_text("Why roses?")
    await expect(post.locator(".post-type")).to_have_text(re.compile("question", re.IGNORECASE))
    await expect(ada.page.locator(".posts .typing")).to_have_text("")

    await choose(bo, bo.page.get_by_label("Actions for the post Why roses?"), "Edit")
    editor = bo.page.get_by_role("dialog", name="Edit your post")
    await editor.get_by_label("Title").fill("Why tulips?")
    await editor.get_by_role("button", name="Save").click()
    await expect(post).to_contain_text("Why tulips?")
    await choose(bo, bo.page.get_by_label("Actions for the post Why tulips?"), "Delete")
    await confirm(bo, "Delete")
    await expect(post).to_have_count(0)

    await say(bo, "Lovely, all the same")
    await expect(comment(ada, "Lovely, all the same")).to_be_visible()


async def test_a_post_in_ones_own_story_is_told_in_the_community(demo, visit):
    """A toast tells an author who looks at the feed of a post about their story, and leads there."""
    ada, bo = await visit(demo, "Ada"), await visit(demo, "Bo")
    story = await write_story(ada, "The attic")
    await in_community(ada)
    await expect(card(ada, "The attic")).to_be_visible()
    body = {"title": "What was in the trunk?", "type": "question"}
    await demo.rest("POST", f"/api/stories/{story['id']}/posts", body, token=await bo.token())
    toast = ada.page.locator(".toast").filter(has_text="What was in the trunk?")
    await toast.get_by_role("button", name="View").click()
    await expect(ada.page.locator("[data-post]")).to_contain_text("What was in the trunk?")
