"""The inventory's rows of "A, B: travel community", in the page; each test bears its row's name."""

import re

from playwright.async_api import expect

from tests.browser.engaged import (
    add_picture,
    choose,
    comment,
    confirm,
    is_shown,
    look_at,
    mark,
    open_page,
    say,
    tile,
    waiting,
)


async def test_comments_appear_without_a_refresh(demo, visit):
    """What one writes, answers, edits and deletes the other sees at once, who types included."""
    ada, bo = await visit(demo, "Ada"), await visit(demo, "Bo")
    for person in (ada, bo):
        await look_at(person, "Lisbon in spring")
    await ada.page.get_by_label("Write a comment").press_sequentially("I was", delay=20)
    await expect(bo.page.locator(".comments .typing")).to_have_text("Ada is typing…")
    await say(ada, "I was there")
    await expect(comment(bo, "I was there")).to_be_visible()
    await expect(bo.page.locator(".comments .typing")).to_have_text("")
    await expect(bo.page.locator("[data-count=comments]")).to_have_text("1")

    await comment(bo, "I was there").get_by_role("button", name="Answer").click()
    await bo.page.get_by_label("Answer Ada").fill("When?")
    await bo.page.keyboard.press("Control+Enter")
    answers = ada.page.get_by_role("list", name="Answers to Ada")
    await expect(answers.locator("[data-comment]")).to_contain_text("When?")

    await choose(ada, comment(ada, "I was there").get_by_label("Actions for the comment of Ada"), "Edit")
    await ada.page.get_by_label("Edit your comment").fill("I was there in May")
    await ada.page.get_by_role("button", name="Save", exact=True).click()
    await expect(comment(bo, "I was there in May")).to_contain_text("(edited)")

    await choose(bo, comment(bo, "When?").get_by_label("Actions for the comment of Bo"), "Delete")
    await confirm(bo, "Delete")
    await expect(comment(ada, "When?")).to_have_count(0)
    await expect(ada.page.locator("[data-count=comments]")).to_have_text("1")


async def test_older_comments_come_page_by_page(demo, visit):
    """A page shows the newest, and the older ones when they are wanted."""
    ada = await visit(demo, "Ada")
    token = await ada.token()
    for number in range(1, 36):
        reply = await demo.rest("POST", "/api/trip/patagonia/comments", {"body": f"Comment {number}."}, token=token)
        assert reply.body["ok"], reply
    await look_at(ada, "Patagonia, end to end")
    await expect(ada.page.locator("[data-comment]")).to_have_count(30)
    await expect(comment(ada, "Comment 35.")).to_be_visible()
    await ada.page.get_by_role("button", name="Show older comments").click()
    await expect(ada.page.locator("[data-comment]")).to_have_count(35)
    await expect(ada.page.get_by_role("button", name="Show older comments")).to_have_count(0)


async def test_star_ratings_live_average_rating_and_rating_count(demo, visit):
    """The average has two decimals, and changes for everyone; each person has one rating."""
    ada, bo, cy = [await visit(demo, name) for name in ("Ada", "Bo", "Cy")]
    for person, stars in ((ada, 5), (bo, 4), (cy, 4)):
        await look_at(person, "Kyoto on foot")
        await person.page.get_by_role("radio", name=f"{stars} stars").check()
    for person in (ada, bo, cy):
        await expect(person.page.locator(".rating-average")).to_have_text("4.33")
        await expect(person.page.locator(".rating-words")).to_contain_text("3 ratings")
    await expect(ada.page.locator(".rating-words")).to_contain_text("yours: 5")
    await ada.page.get_by_role("radio", name="5 stars").press("ArrowLeft")
    await expect(bo.page.locator(".rating-average")).to_have_text("4.00")
    await expect(bo.page.locator(".rating-words")).to_contain_text("3 ratings")


async def test_like_and_unlike_a_trip(demo, visit):
    """The heart is one's own, the number everyone's."""
    ada, bo = await visit(demo, "Ada"), await visit(demo, "Bo")
    for person in (ada, bo):
        await look_at(person, "Kyoto on foot")
    for number, person in enumerate((ada, bo), start=1):
        await mark(person, "Like").click()
        for each in (ada, bo):
            await expect(mark(each, "Like")).to_have_accessible_name(f"Like: {number}")
    await mark(ada, "Like").click()
    await expect(mark(bo, "Like")).to_have_accessible_name("Like: 1")
    await expect(mark(ada, "Like")).to_have_attribute("aria-pressed", "false")
    await expect(mark(bo, "Like")).to_have_attribute("aria-pressed", "true")


async def test_save_and_unsave_with_toasts_saved_and_unsaved(demo, visit):
    """A toast says so, the count is everyone's, and the list of what was saved is one's own."""
    ada, bo = await visit(demo, "Ada"), await visit(demo, "Bo")
    for person in (ada, bo):
        await look_at(person, "Lisbon in spring")
    toasts = ada.page.locator(".toasts")
    await mark(ada, "Save").click()
    await expect(toasts).to_contain_text("Saved!")
    await expect(mark(bo, "Save")).to_have_accessible_name("Save: 1")
    await expect(mark(bo, "Save")).to_have_attribute("aria-pressed", "false")
    await mark(ada, "Save").click()
    await expect(toasts.locator(".toast-text")).to_have_text(["Unsaved!"])
    await expect(mark(bo, "Save")).to_have_accessible_name("Save: 0")
    await mark(ada, "Save").click()
    await toasts.get_by_role("button", name="See all").click()

    saved = ada.page.locator("main .saved-item")
    await expect(saved).to_contain_text("Lisbon in spring")
    await open_page(bo, "saved", "Saved")
    await expect(bo.page.get_by_text("Nothing saved yet")).to_be_visible()
    await saved.get_by_role("button", name="Remove from saved").click()
    await expect(ada.page.get_by_text("Nothing saved yet")).to_be_visible()
    await expect(toasts).to_contain_text("Unsaved!")


async def test_gallery_community_uploads_moderation_queue_delete_and_set_featured(demo, visit):
    """A picture waits, seen by its uploader alone, until a moderator in another window lets it appear."""
    ada, bo = await visit(demo, "Ada"), await visit(demo, "Bo")
    mo = await visit(demo, "Mo", moderates=True)
    for person in (ada, bo):
        await look_at(person, "Lisbon in spring")
    await open_page(mo, "moderation", "Moderation")
    await add_picture(ada, "The lake at noon")
    await expect(tile(ada, "The lake at noon")).to_contain_text("Waiting for review")
    await is_shown(tile(ada, "The lake at noon"))
    await expect(waiting(mo, "The lake at noon")).to_contain_text("New upload")
    await is_shown(waiting(mo, "The lake at noon"))
    await expect(bo.page.locator("[data-picture]")).to_have_count(0)

    await waiting(mo, "The lake at noon").get_by_role("button", name="Approve").click()
    await expect(tile(ada, "The lake at noon")).to_have_attribute("data-picture", "approved")
    await expect(bo.page.locator("[data-count=pictures]")).to_have_text("1")
    await is_shown(tile(bo, "The lake at noon"))

    await look_at(mo, "Lisbon in spring")
    await tile(mo, "The lake at noon").hover()
    await choose(mo, tile(mo, "The lake at noon").get_by_label("Actions for The lake at noon"), "Feature")
    await expect(tile(bo, "The lake at noon")).to_contain_text("Featured")
    await expect(bo.page.locator(".trip-picture").get_by_alt_text("The lake at noon")).to_be_visible()

    await tile(bo, "The lake at noon").get_by_role("button", name="Enlarge").click()
    viewer = bo.page.get_by_role("dialog", name="The lake at noon")
    await expect(viewer.get_by_alt_text("The lake at noon")).to_have_js_property("naturalWidth", 640)
    await tile(ada, "The lake at noon").hover()
    await choose(ada, tile(ada, "The lake at noon").get_by_label("Actions for The lake at noon"), "Delete")
    await confirm(ada, "Delete")
    await expect(viewer).to_have_count(0)
    await expect(bo.page.locator("[data-picture]")).to_have_count(0)


async def test_an_upload_that_is_refused_says_why_and_can_be_discarded(demo, visit, pages):
    """What is no picture stays with its reason, and goes when its owner lets it."""
    ada = await visit(demo, "Ada")
    await look_at(ada, "Kyoto on foot")
    text = {"name": "notes.jpg", "mimeType": "image/jpeg", "buffer": b"no picture at all"}
    await ada.page.get_by_label("Picture to add").set_input_files(text)
    await ada.page.get_by_role("button", name="Upload").click()
    failed = ada.page.locator("[data-upload=failed]")
    await expect(failed.get_by_role("alert")).to_have_text(re.compile("JPEG"))
    await failed.get_by_role("button", name="Discard the picture").click()
    await expect(failed).to_have_count(0)
    pages.errors[:] = [error for error in pages.errors if "422" not in error and "blob:" not in error]


async def test_optimistic_update_first_synchronised_after(own_demo, visit, network_lost):
    """Without a server one's comment stands there at once, and is everyone's, once, when it is back."""
    ada, bo = await visit(own_demo, "Ada"), await visit(own_demo, "Bo")
    for person in (ada, bo):
        await look_at(person, "Lisbon in spring")
    own_demo.kill()
    await expect(ada.status).not_to_have_text("Live")
    await ada.page.get_by_label("Write a comment").fill("Written in a tunnel")
    await ada.page.keyboard.press("Control+Enter")
    await expect(ada.page.locator("[data-pending]")).to_contain_text("Written in a tunnel")
    own_demo.start()
    for person in (ada, bo):
        await expect(comment(person, "Written in a tunnel")).to_have_count(1, timeout=30_000)
    await expect(ada.page.locator("[data-pending]")).to_have_count(0)
