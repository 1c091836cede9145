"""People talk in rooms: what one does, the others see."""

import re

from playwright.async_api import expect


async def test_two_people_chat(demo, visit, room_name):
    """Messages appear for both, once, in one order; what one author says in a row stands together."""
    ada, bo = await visit(demo, "Ada Lovelace"), await visit(demo, "Bo")
    await ada.create_room(room_name)
    await bo.join(room_name)
    await ada.send("Good morning!")
    await bo.sees("Good morning!")
    await bo.send("Morning, Ada. Did you see https://example.org/engine yet?")
    await bo.send("It is worth a look.")
    await ada.sees("It is worth a look.")
    await ada.field.fill("First line")
    await ada.field.press("Shift+Enter")
    await ada.field.type("second line")
    await ada.field.press("Enter")
    await bo.sees("second line")
    assert await ada.texts() == await bo.texts()
    assert (await bo.texts())[-1] == "First line\nsecond line"
    await expect(bo.message("It is worth a look.")).to_have_class(re.compile("grouped"))
    await expect(ada.page.get_by_role("link", name="https://example.org/engine")).to_have_attribute(
        "rel", re.compile("noopener")
    )
    await ada.photograph("chat-wide")


async def test_edit_delete_and_react_are_seen_by_the_other(demo, visit, room_name):
    """Editing, deleting and reacting change the message on both screens, without a reload."""
    ada, bo = await visit(demo, "Ada"), await visit(demo, "Bo")
    await ada.create_room(room_name)
    await bo.join(room_name)
    await ada.send("A massage with a mistake")
    await ada.send("Something that should not stay")

    await ada.act("A massage with a mistake", "Edit")
    await ada.page.get_by_label("Edit your message").fill("A message without a mistake")
    await ada.page.keyboard.press("Enter")
    await bo.sees("A message without a mistake")
    await expect(bo.message("A message without a mistake")).to_contain_text("(edited)")

    await bo.act("A message without a mistake", "React")
    await bo.page.get_by_role("button", name="party").click()
    chip = ada.message("A message without a mistake").get_by_role("button", name="🎉 1")
    await expect(chip).to_have_attribute("aria-pressed", "false")
    await expect(chip).to_have_attribute("title", "Bo reacted with 🎉")
    await chip.click()
    await expect(bo.message("A message without a mistake").get_by_role("button", name="🎉 2")).to_be_visible()
    await ada.message("A message without a mistake").get_by_role("button", name="🎉 2").click()
    await expect(bo.message("A message without a mistake").get_by_role("button", name="🎉 1")).to_be_visible()

    await ada.act("Something that should not stay", "Delete")
    await ada.photograph("chat-delete-confirmation")
    await ada.page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    await expect(bo.page.get_by_text("This message was deleted.")).to_be_visible()
    await expect(bo.page.get_by_text("Something that should not stay")).to_have_count(0)
    await bo.photograph("chat-edited-deleted-reacted")


async def test_a_reply_quotes_what_it_answers(demo, visit, room_name):
    """A reply carries the quoted message, and pressing the quote goes there."""
    ada, bo = await visit(demo, "Ada"), await visit(demo, "Bo")
    await ada.create_room(room_name)
    await bo.join(room_name)
    await ada.send("Shall we meet at noon?")
    await ada.send("Or later?")
    await bo.sees("Or later?")
    await bo.act("Shall we meet at noon?", "Reply")
    await expect(bo.page.get_by_text("Replying to")).to_be_visible()
    await bo.photograph("chat-replying")
    await bo.field.press_sequentially("Noon is fine.")
    await bo.field.press("Enter")
    quote = ada.message("Noon is fine.").get_by_role("button", name="Ada Shall we meet at noon?")
    await quote.click()
    await expect(ada.message("Shall we meet at noon?").first).to_be_focused()


async def test_a_mention_is_completed_and_marks_the_room(demo, visit, room_name):
    """ "@" offers members; who is mentioned sees an @ beside the room and the message set apart."""
    ada, bo = await visit(demo, "Ada Lovelace"), await visit(demo, "Bo")
    await ada.create_room(room_name)
    await bo.join(room_name)
    await bo.send("I am here")
    await ada.sees("I am here")
    await ada.create_room(f"{room_name} aside")
    await bo.field.press_sequentially("Look here, @lov")
    option = bo.page.get_by_role("option", name="Ada Lovelace")
    await expect(option).to_have_attribute("aria-selected", "true")
    await bo.photograph("chat-mention-menu")
    await bo.field.press("Enter")
    await bo.field.press_sequentially("please")
    await expect(bo.field).to_have_value("Look here, @Ada Lovelace please")
    await bo.field.press("Enter")
    badge = ada.room_item(room_name).locator(".badge")
    await expect(badge).to_have_attribute("aria-label", "1 unread message, 1 mention of you")
    await ada.photograph("chat-mention-badge")
    await ada.room_item(room_name).click()
    await expect(ada.message("please")).to_have_class(re.compile("for-me"))
    await expect(ada.message("please").locator(".mention")).to_have_text("@Ada Lovelace")


async def test_unread_badges_count_what_was_not_seen(demo, visit, room_name):
    """A room that is not shown counts its messages; showing it reads them, on every device."""
    ada, bo = await visit(demo, "Ada"), await visit(demo, "Bo")
    await ada.create_room(room_name)
    await bo.join(room_name)
    await bo.create_room(f"{room_name} aside")
    badge = bo.room_item(room_name).locator(".badge")
    await expect(badge).to_have_count(0)
    for text in ("one", "two", "three"):
        await ada.send(f"Number {text}")
    await expect(badge).to_have_attribute("aria-label", "3 unread messages")
    await expect(bo.page).to_have_title("(3) Hubbub")
    await bo.photograph("chat-unread-badge")
    await bo.room_item(room_name).click()
    await expect(bo.page.locator(".divider-new")).to_be_visible()
    await expect(badge).to_have_count(0)
    await expect(bo.page).to_have_title("Hubbub")
    await bo.page.reload()
    await bo.is_live()
    await bo.sees("Number three")
    await expect(badge).to_have_count(0)


async def test_a_direct_room_is_between_two_and_shows_what_was_seen(demo, visit, room_name):
    """A direct room is called after the other, is the same from both sides, and tells when a message was seen."""
    ada, bo = await visit(demo, "Ada"), await visit(demo, "Bo")
    await ada.create_room(room_name)
    await bo.join(room_name)
    await bo.page.get_by_role("button", name="Message a person").click()
    await bo.page.get_by_role("dialog").get_by_role("button", name="Ada").click()
    await bo.sees_room("Ada")
    await bo.send("Between us")
    await expect(bo.page.get_by_text("Seen", exact=True)).to_have_count(0)
    item = ada.page.get_by_role("navigation").locator(".room-item").filter(has_text="Between us")
    await expect(item.locator(".badge")).to_have_attribute("aria-label", "1 unread message")
    await item.click()
    await ada.sees_room("Bo")
    await expect(bo.page.get_by_text("Seen", exact=True)).to_be_visible()
    await bo.photograph("chat-direct-seen")


async def test_members_roles_inviting_and_leaving(demo, visit, room_name):
    """An owner invites, gives roles, removes and invites again; who left a private room does not see it any more."""
    ada, bo, cy = await visit(demo, "Ada"), await visit(demo, "Bo"), await visit(demo, "Cy")
    await ada.create_room(f"{room_name} hall")
    await bo.join(f"{room_name} hall")
    await cy.join(f"{room_name} hall")
    await ada.create_room(room_name, private=True)
    await ada.page.get_by_role("button", name="Members: 1").click()
    for name in ("Bo", "Cy"):
        await ada.page.get_by_role("button", name="Invite people").click()
        await ada.page.get_by_role("dialog").get_by_role("button", name=name, exact=True).click()
        await expect(ada.page.locator(".member").filter(has_text=name)).to_be_visible()
    private = bo.room_item(room_name)
    await private.click()
    await bo.sees_room(room_name)

    await ada.page.get_by_role("button", name="Actions for Bo").click()
    await ada.photograph("chat-members-menu")
    await ada.page.get_by_role("menuitem", name="Make moderator").click()
    await expect(ada.page.locator(".member").filter(has_text="Bo").locator(".tag")).to_have_text("moderator")
    await bo.page.get_by_role("button", name="Members: ").click()
    await expect(bo.page.get_by_role("button", name="Invite people")).to_be_visible()

    await cy.room_item(room_name).click()
    await cy.sees_room(room_name)
    await ada.page.get_by_role("button", name="Actions for Cy").click()
    await ada.page.get_by_role("menuitem", name="Remove from room").click()
    await ada.page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    await expect(cy.room_item(room_name)).to_have_count(0)
    await expect(cy.page.get_by_role("heading", name="You cannot see this room")).to_be_visible()
    await expect(cy.field).to_have_count(0)
    await cy.photograph("chat-removed-from-room")
    await ada.page.get_by_role("button", name="Invite people").click()
    await ada.page.get_by_role("dialog").get_by_role("button", name="Cy", exact=True).click()
    await cy.sees_room(room_name)

    await bo.page.get_by_role("button", name="Room menu").click()
    await bo.page.get_by_role("menuitem", name="Leave room").click()
    await bo.page.get_by_role("dialog").get_by_role("button", name="Leave").click()
    await expect(private).to_have_count(0)
    await expect(ada.page.locator(".member")).to_have_count(2)


async def test_search_finds_a_message_and_goes_there(demo, visit, room_name):
    """Search looks in all rooms; choosing a result shows the message in its room."""
    ada = await visit(demo, "Ada")
    await ada.create_room(room_name)
    await ada.send("The xylophone stands in the attic")
    await ada.create_room(f"{room_name} aside")
    await ada.page.keyboard.press("Control+k")
    await ada.page.get_by_role("dialog").get_by_role("searchbox").fill("xyloph")
    result = ada.page.get_by_role("list", name="Messages found").get_by_role("button")
    await expect(result).to_have_count(1)
    await ada.photograph("chat-search")
    await result.click()
    await expect(ada.message("xylophone")).to_be_focused()


async def test_text_that_looks_like_html_is_shown_verbatim(demo, visit, room_name):
    """Message sanitising: markup in names, rooms and messages is text for everyone, and nothing of it runs."""
    script = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
    ada, bo = await visit(demo, "<b>Ada</b> & 'co'"), await visit(demo, "Bo")
    await ada.create_room(f"<i>{room_name}</i>")
    await bo.join(f"<i>{room_name}</i>")
    await ada.send(script)
    await ada.send('javascript:alert(1) and [x](javascript:alert(1)) &amp; <a href="https://example.org">link</a>')
    await bo.sees(script)
    assert (await bo.texts())[0] == script
    await expect(bo.message(script).locator("img, script, b, i")).to_have_count(0)
    await expect(bo.message(script).locator(".byline strong")).to_have_text("<b>Ada</b> & 'co'")
    assert await bo.page.title() == "Hubbub"
    await bo.photograph("chat-markup-is-text")


async def test_a_refused_message_says_why_and_can_be_dropped(demo, visit, room_name, network_lost):
    """A message that the server refuses stays where it was written, with the reason, a retry and a way to drop it."""
    ada, bo = await visit(demo, "Ada"), await visit(demo, "Bo")
    await ada.create_room(room_name)
    await bo.join(room_name)
    await bo.page.context.set_offline(True)
    await expect(bo.status).to_have_text("Offline")
    await bo.write("Too late")
    await ada.page.get_by_role("button", name="Room menu").click()
    await ada.page.get_by_role("menuitem", name="Room settings").click()
    await ada.page.get_by_role("button", name="Archive room").click()
    await ada.page.get_by_role("dialog").get_by_role("button", name="Archive").click()
    await bo.page.context.set_offline(False)
    failed = bo.page.locator(".message.failed")
    await expect(failed).to_contain_text("Too late")
    await expect(failed.get_by_role("alert")).to_contain_text("archived")
    await expect(bo.page.get_by_text("This room is archived. It can only be read.")).to_be_visible()
    await bo.photograph("chat-refused-message")
    await failed.get_by_role("button", name="Discard").click()
    await expect(failed).to_have_count(0)


async def test_slow_mode_holds_a_message_back_and_then_sends_it(demo, visit, room_name):
    """In slow mode a second message says that it waits, and goes out by itself."""
    ada, bo = await visit(demo, "Ada"), await visit(demo, "Bo")
    await ada.create_room(room_name)
    await bo.join(room_name)
    slow = {"slowMode": 2}
    reply = await demo.rest("PATCH", f"/api/chat/rooms/{ada.room_id()}", slow, token=await ada.token())
    assert reply.status == 200, reply
    await bo.send("first of all")
    await bo.write("and then")
    await expect(bo.page.locator(".message.waiting")).to_contain_text("Too fast")
    await ada.sees("and then")
    assert await ada.texts() == ["first of all", "and then"]
