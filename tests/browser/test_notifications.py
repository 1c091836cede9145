"""Notifications: the bell, its panel, toasts, and what somebody wants to be notified of."""

import re
from typing import Any

from playwright.async_api import Locator, Page, expect

from tests.browser.people import Person
from tests.support.hubbub import Hubbub

# What has the focus: its name, of a notification up to its text.
FOCUSED = (
    """(({ ariaLabel, textContent }) => ariaLabel ?? textContent.trim().split("About")[0])(document.activeElement)"""
)


async def notify(server: Hubbub, person: Person, title: str, **more: Any) -> str:
    """A backend notifies somebody; returns the notification's id."""
    body = {"userIds": [await person.user_id()], "title": title, "message": f"About {title}.", "type": "SYSTEM"} | more
    reply = await server.rest("POST", "/api/notifications", body, token=server.api_key)
    assert reply.status == 201, reply
    return reply.body["data"]["id"]


def bell(page: Page) -> Locator:
    """The bell that is in sight."""
    return page.get_by_role("button", name=re.compile("^Notifications"))


async def badge_is(page: Page, number: str | None) -> None:
    """The bell shows this number, or none."""
    shown = page.locator(".sidebar .bell-badge")
    if number is None:
        await expect(shown).to_have_count(0)
    else:
        await expect(shown).to_have_text(number)


async def open_inbox(page: Page) -> Locator:
    """Press the bell."""
    await bell(page).click()
    inbox = page.get_by_role("dialog", name="Notifications", exact=True)
    await expect(inbox).to_be_visible()
    return inbox


def item(page: Page, title: str) -> Locator:
    """The notification of this title in the panel."""
    return page.locator(".notification").filter(has_text=title)


def toast(page: Page, title: str) -> Locator:
    """The toast of this title."""
    return page.locator(".toast").filter(has_text=title)


async def second_tab(person: Person) -> Page:
    """Another tab of the same person."""
    page = await person.page.context.new_page()
    await page.goto(person.server.url)
    await expect(page.locator("[data-status]")).to_have_text("Live")
    return page


async def settings(page: Page) -> Locator:
    """Open the notification settings."""
    await page.get_by_role("button", name="Account").click()
    await page.get_by_role("menuitem", name="Notification settings").click()
    dialog = page.get_by_role("dialog", name="Notification settings")
    await expect(dialog.get_by_role("table")).to_be_visible()
    return dialog


async def mention(author: Person, other: Person, text: str) -> None:
    """Write a message that mentions somebody."""
    await author.write(f"{text}, @{await other.user_id()}")
    await author.sees(text)


async def test_the_bell_is_live_and_two_tabs_stay_in_step(demo, visit):
    """What is sent, read, marked unread and deleted in one tab is so in the other, without a reload."""
    ada = await visit(demo, "Ada")
    one, two = ada.page, await second_tab(ada)
    for number in range(3):
        await notify(demo, ada, f"News {number}")
    for page in (one, two):
        await badge_is(page, "3")
        await expect(bell(page)).to_have_attribute("aria-label", "Notifications, 3 unread")
        await open_inbox(page)
        await expect(page.locator(".notification strong")).to_contain_text(["News 2", "News 1", "News 0"])
    await one.bring_to_front()
    await item(one, "News 1").get_by_role("button", name="Mark as read").click()
    for page in (one, two):
        await badge_is(page, "2")
        await expect(item(page, "News 1")).not_to_have_class(re.compile(r"\bunread\b"))
    await item(two, "News 1").get_by_role("button", name="Mark as unread").click()
    for page in (one, two):
        await badge_is(page, "3")
    await item(two, "News 2").get_by_role("button", name="Delete").click()
    for page in (one, two):
        await expect(item(page, "News 2")).to_have_count(0)
        await badge_is(page, "2")
    await one.get_by_role("button", name="Mark all as read").click()
    for page in (one, two):
        await badge_is(page, None)
    await notify(demo, ada, "Later news")
    for page in (one, two):
        await badge_is(page, "1")
    await two.get_by_role("button", name="Delete all").click()
    await two.get_by_role("dialog", name="Delete all notifications?").get_by_role("button", name="Delete all").click()
    for page in (one, two):
        await badge_is(page, None)
    await expect(one.get_by_text("You are up to date")).to_be_visible()
    await ada.photograph("notifications-empty")
    await one.reload()
    await ada.is_live()
    await badge_is(one, None)


async def test_toasts_by_level_with_the_link_as_an_action(demo, visit):
    """Each level has its look; the link opens in the page, the toast goes, and the notification counts as read."""
    ada = await visit(demo, "Ada")
    for level in ("info", "success", "warning", "error"):
        link = "/#/trips/kyoto" if level == "success" else None
        await notify(demo, ada, f"A matter of {level}", level=level, **({"link": link} if link else {}))
        await expect(toast(ada.page, f"A matter of {level}")).to_have_attribute("data-level", level)
    await badge_is(ada.page, "4")
    await ada.photograph("notifications-toasts")
    await expect(ada.page.locator(".toast").get_by_role("button", name="View")).to_have_count(1)
    await toast(ada.page, "success").get_by_role("button", name="View").click()
    await expect(ada.page.get_by_role("heading", name="Kyoto on foot")).to_be_visible()
    await expect(toast(ada.page, "success")).to_have_count(0)
    await badge_is(ada.page, "3")
    await toast(ada.page, "error").get_by_role("button", name="Dismiss").click()
    await expect(toast(ada.page, "error")).to_have_count(0)
    await badge_is(ada.page, "3")


async def test_a_link_that_is_no_page_leads_nowhere(demo, visit):
    """The page offers no action for what a browser should not open."""
    ada = await visit(demo, "Ada")
    for link in ("javascript:document.title='owned'", "data:text/html,x"):
        body = {
            "userIds": [await ada.user_id()],
            "title": link,
            "message": "Press here.",
            "type": "SYSTEM",
            "link": link,
        }
        reply = await demo.rest("POST", "/api/notifications", body, token=demo.api_key)
        assert reply.status in {201, 422}
    await notify(demo, ada, "Last of them")
    await expect(toast(ada.page, "Last of them")).to_be_visible()
    await expect(ada.page.locator(".toast").get_by_role("button", name="View")).to_have_count(0)
    await open_inbox(ada.page)
    await item(ada.page, "Last of them").locator(".notification-main").click()
    assert await ada.page.title() == "Hubbub"


async def test_filters_by_type_and_unread(demo, visit):
    """The panel shows all or the unread, of all types or of one; the badge counts all whatever is shown."""
    ada = await visit(demo, "Ada")
    texts = {
        "BOOKING": "Your room is booked",
        "TOUR": "The tour starts at ten",
        "PAYMENT": "Paid",
        "PROMOTION": "Half price",
    }
    levels = {"BOOKING": "success", "TOUR": "info", "PAYMENT": "warning", "PROMOTION": "info"}
    for type_, title in texts.items():
        await notify(demo, ada, title, type=type_, level=levels[type_])
    await notify(demo, ada, "Your second room is booked", type="BOOKING", collapseKey="booking")
    await notify(demo, ada, "Your third room is booked", type="BOOKING", collapseKey="booking")
    await badge_is(ada.page, "5")
    inbox = await open_inbox(ada.page)
    await expect(inbox.locator(".notification")).to_have_count(5)
    await expect(item(ada.page, "Your third room").locator(".tag")).to_have_text("×2")
    await ada.photograph("notifications-panel")
    await item(ada.page, "Your third room").hover()
    await item(ada.page, "Your third room").get_by_role("button", name="Mark as read").click()
    await inbox.get_by_label("Type").select_option("BOOKING")
    await expect(inbox.locator(".notification strong")).to_contain_text(["Your third room", "Your room"])
    await inbox.get_by_role("button", name="Unread", exact=True).click()
    await expect(inbox.locator(".notification strong")).to_contain_text(["Your room is booked"])
    await expect(inbox.locator(".notification")).to_have_count(1)
    await badge_is(ada.page, "4")
    await notify(demo, ada, "Another tour", type="TOUR")
    await badge_is(ada.page, "5")
    await expect(inbox.locator(".notification")).to_have_count(1)
    await inbox.get_by_label("Type").select_option("SYSTEM")
    await expect(inbox.get_by_text("No notification matches.")).to_be_visible()
    await inbox.get_by_role("button", name="All", exact=True).click()
    await inbox.get_by_label("Type").select_option("")
    await expect(inbox.locator(".notification")).to_have_count(6)


async def test_a_long_list_comes_page_by_page(demo, visit):
    """Older notifications are loaded on request, each once."""
    ada = await visit(demo, "Ada")
    for number in range(70):
        await notify(demo, ada, f"Number {number:02}")
    await badge_is(ada.page, "70")
    await ada.page.reload()
    await ada.is_live()
    inbox = await open_inbox(ada.page)
    await expect(inbox.locator(".notification")).to_have_count(30)
    for shown in (60, 70):
        await inbox.get_by_role("button", name="Show more").click()
        await expect(inbox.locator(".notification")).to_have_count(shown)
    await expect(inbox.get_by_role("button", name="Show more")).to_have_count(0)
    titles = await inbox.locator(".notification strong").all_inner_texts()
    assert [re.sub(r"\D+", "", title) for title in titles] == [f"{number:02}" for number in reversed(range(70))]


async def test_a_mention_notifies_and_leads_to_its_message(demo, visit, room_name):
    """Who is mentioned elsewhere hears it, and a press on it shows the message in its room, found and in focus."""
    ada, bo = await visit(demo, "Ada"), await visit(demo, "Bo")
    await ada.create_room(room_name)
    await bo.join(room_name)
    await ada.page.get_by_role("button", name="Lisbon in spring").click()
    await mention(bo, ada, "Look at this")
    for number in range(80):
        reply = await demo.rest(
            "POST",
            "/api/chat/messages",
            {"roomId": bo.room_id(), "message": f"Filler {number}."},
            token=await bo.token(),
        )
        assert reply.status == 201, reply
    await badge_is(ada.page, "1")
    await expect(toast(ada.page, f"Bo mentioned you in {room_name}").get_by_role("button", name="Open")).to_be_visible()
    await open_inbox(ada.page)
    await ada.photograph("notifications-mention")
    await item(ada.page, "Bo mentioned you").locator(".notification-main").click()
    await ada.sees_room(room_name)
    await expect(ada.message("Look at this")).to_be_focused()
    await badge_is(ada.page, None)


async def test_a_mention_that_is_being_read_is_no_news(demo, visit, room_name):
    """What is mentioned in the room before one's eyes pops up nowhere and is read as soon as it is seen."""
    ada, bo = await visit(demo, "Ada"), await visit(demo, "Bo")
    await ada.create_room(room_name)
    await bo.join(room_name)
    await ada.page.evaluate(
        """() => {
          globalThis.toasts = 0;
          const counter = new MutationObserver(() => globalThis.toasts++);
          counter.observe(document.querySelector(".toasts"), { childList: true });
        }"""
    )
    await mention(bo, ada, "Right here")
    await ada.sees("Right here")
    await expect(ada.message("Right here")).to_have_class(re.compile("for-me"))
    inbox = await open_inbox(ada.page)
    await expect(inbox.locator(".notification")).to_have_count(1)
    await expect(item(ada.page, "Bo mentioned you")).not_to_have_class(re.compile(r"\bunread\b"))
    await badge_is(ada.page, None)
    assert await ada.page.evaluate("globalThis.toasts") == 0


async def test_settings_are_kept_and_hold(demo, visit, room_name):
    """Types, quiet hours and muted rooms are kept over a reload, and what they silence stays silent."""
    ada, bo = await visit(demo, "Ada", timezone_id="Europe/Lisbon"), await visit(demo, "Bo")
    await ada.create_room(room_name)
    await bo.join(room_name)
    await ada.page.get_by_role("button", name="Room menu").click()
    await ada.page.get_by_role("menuitem", name="Mute", exact=True).click()
    await expect(ada.page.get_by_text(f"{room_name} notifies you no more.")).to_be_visible()

    dialog = await settings(ada.page)
    await dialog.get_by_label("Promotions: in app").uncheck()
    await dialog.get_by_label("Tours: push").uncheck()
    await dialog.get_by_role("switch", name="Quiet hours").check()
    await expect(dialog.get_by_label("Time zone")).to_have_value("Europe/Lisbon")
    await dialog.get_by_label("From").fill("21:30")
    await dialog.get_by_label("Until").fill("06:45")
    await dialog.get_by_label("Until").press("Tab")
    await dialog.get_by_label("Time zone").select_option("Asia/Tokyo")
    await ada.photograph("notifications-settings")
    await expect(dialog.get_by_text(room_name)).to_be_visible()

    async def stored() -> dict[str, Any]:
        reply = await demo.rest("GET", "/api/notifications/preferences", token=await ada.token())
        return reply.body["data"]

    await ada.page.reload()
    await ada.is_live()
    dialog = await settings(ada.page)
    await expect(dialog.get_by_label("Promotions: in app")).not_to_be_checked()
    await expect(dialog.get_by_label("Promotions: push")).to_be_checked()
    await expect(dialog.get_by_label("Tours: push")).not_to_be_checked()
    await expect(dialog.get_by_label("From")).to_have_value("21:30")
    await expect(dialog.get_by_label("Until")).to_have_value("06:45")
    await expect(dialog.get_by_label("Time zone")).to_have_value("Asia/Tokyo")
    kept = await stored()
    assert kept["quietHours"] == {"start": "21:30", "end": "06:45", "timeZone": "Asia/Tokyo"}
    assert kept["mutedRooms"] == [ada.room_id()]
    await dialog.get_by_role("switch", name="Quiet hours").uncheck()
    await expect(dialog.get_by_label("From")).to_have_count(0)
    await ada.page.keyboard.press("Escape")

    await ada.page.get_by_role("button", name="Lisbon in spring").click()
    await mention(bo, ada, "Silence")
    await notify(demo, ada, "Nobody hears this", type="PROMOTION")
    await notify(demo, ada, "Everybody hears this", type="PROMOTION", critical=True)
    await expect(toast(ada.page, "Everybody hears this")).to_be_visible()
    await badge_is(ada.page, "1")
    await expect(toast(ada.page, "Nobody hears this")).to_have_count(0)
    assert (await stored())["quietHours"] is None

    dialog = await settings(ada.page)
    await dialog.get_by_role("button", name="Unmute").click()
    await expect(dialog.get_by_text("None. A room is muted in its menu.")).to_be_visible()


async def test_quiet_hours_let_nothing_pop_up(demo, visit):
    """In quiet hours a notification waits behind the bell; what is critical passes."""
    ada = await visit(demo, "Ada")
    # Whatever the clock says, one of two halves of a day that overlap holds this moment.
    for start, end in (("00:00", "23:59"), ("12:00", "11:59")):
        hours = {"quietHours": {"start": start, "end": end, "timeZone": "UTC"}}
        reply = await demo.rest("PUT", "/api/notifications/preferences", hours, token=await ada.token())
        assert reply.status == 200, reply
    await notify(demo, ada, "Sleep well")
    await badge_is(ada.page, "1")
    await notify(demo, ada, "Fire!", critical=True)
    await expect(toast(ada.page, "Fire!")).to_be_visible()
    await expect(toast(ada.page, "Sleep well")).to_have_count(0)
    await badge_is(ada.page, "2")


async def test_the_panel_with_the_keyboard(demo, visit):
    """Bell, filters, items and their buttons without a mouse; Escape gives the focus back to the bell."""
    ada = await visit(demo, "Ada")
    await notify(demo, ada, "Older")
    await notify(demo, ada, "Newer")
    await badge_is(ada.page, "2")
    keyboard = ada.page.keyboard
    await bell(ada.page).focus()
    await keyboard.press("Enter")
    await expect(ada.page.get_by_role("dialog", name="Notifications", exact=True)).to_be_focused()
    names = []
    for _ in range(11):
        await keyboard.press("Tab")
        names.append(await ada.page.evaluate(FOCUSED))
    assert names == [
        "Mark all as read",
        "Delete all",
        "Notification settings",
        "All",
        "Unread",
        "Type",
        "Unread: Newer",
        "Mark as read",
        "Delete",
        "Unread: Older",
        "Mark as read",
    ]
    await keyboard.press("Enter")
    await badge_is(ada.page, "1")
    await keyboard.press("Escape")
    await expect(ada.page.get_by_role("dialog", name="Notifications", exact=True)).to_be_hidden()
    await expect(bell(ada.page)).to_be_focused()


async def test_notifications_on_a_phone_and_in_the_dark(demo, visit, room_name):
    """At 360 px the panel fills the screen, and bell, toasts and settings fit."""
    phone = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}
    ada = await visit(demo, "Ada", color_scheme="dark", **phone)
    await ada.create_room(room_name)
    await notify(
        demo,
        ada,
        "Your ticket for the night train to Lisbon is ready",
        type="BOOKING",
        level="success",
        link="/#/trips/lisbon",
    )
    await notify(demo, ada, "averyveryverylongwordwithoutanyplacetobreakit" * 2, type="PAYMENT", level="error")
    await expect(ada.page.locator(".toast")).to_have_count(2)
    await ada.photograph("phone-toasts")
    await ada.page.get_by_role("button", name="Notifications, 2 unread").tap()
    await expect(ada.page.locator(".notification")).to_have_count(2)
    await ada.photograph("phone-notifications")
    wide = "document.scrollingElement.scrollWidth <= innerWidth"
    assert await ada.page.evaluate(wide)
    await ada.page.get_by_role("button", name="Notification settings").tap()
    await expect(ada.page.get_by_role("dialog", name="Notification settings").get_by_role("table")).to_be_visible()
    await ada.photograph("phone-notification-settings")
    assert await ada.page.evaluate(wide)


async def test_push_says_how_things_stand(demo, visit):
    """The switch of this device is off where push can be had, and says so where it was forbidden."""
    ada = await visit(demo, "Ada", permissions=["notifications"])
    dialog = await settings(ada.page)
    await expect(dialog.locator("[data-push]")).to_have_attribute("data-push", "off")
    await expect(dialog.get_by_role("switch", name="Push on this device")).to_be_enabled()
    bo = await visit(demo, "Bo")
    dialog = await settings(bo.page)
    await expect(dialog.locator("[data-push]")).to_have_attribute("data-push", re.compile("^(denied|off)$"))
