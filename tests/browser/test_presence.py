"""Presence: who is there, as dots and in words, and how it changes while one looks."""

from playwright.async_api import Locator, Page, expect

from tests.browser.people import Person


def dot(person: Person, other: str) -> Locator:
    """The dot of somebody in the list of members."""
    return person.page.locator(".member").filter(has_text=other).locator(".presence-dot")


def words(person: Person, other: str) -> Locator:
    """What the list of members says of somebody's presence."""
    return person.page.locator(".member").filter(has_text=other).locator(".presence-words")


async def hide(page: Page, state: str) -> None:
    """The page goes out of sight, as behind another tab, or comes back."""
    await page.evaluate(
        """(state) => {
          Object.defineProperty(document, "visibilityState", { value: state, configurable: true });
          document.dispatchEvent(new Event("visibilitychange"));
        }""",
        state,
    )


async def together(visit, demo, room_name: str) -> tuple[Person, Person]:
    """Two people in one room; the first sees its members."""
    ada, bo = await visit(demo, "Ada Lovelace"), await visit(demo, "Bo")
    await ada.create_room(room_name)
    await bo.join(room_name)
    await ada.page.get_by_role("button", name="Members: 2").click()
    return ada, bo


async def test_dots_green_and_pulsing_yellow_and_gray_and_last_seen(demo, visit, room_name):
    """Online is green and pulses, away yellow, offline gray with when they were last seen; each shown as it happens."""
    ada, bo = await together(visit, demo, room_name)
    await bo.send("Good morning")
    await ada.sees("Good morning")
    beside_message = ada.message("Good morning").locator(".presence-dot")
    await expect(dot(ada, "Bo")).to_have_attribute("data-presence", "online")
    await expect(words(ada, "Bo")).to_have_text("Online")
    await expect(beside_message).to_have_attribute("data-presence", "online")
    pulse = "getComputedStyle(document.querySelector('[data-presence=online]'), '::after').animationName"
    assert await ada.page.evaluate(pulse) == "presence-pulse"
    await ada.photograph("presence-online")

    await hide(bo.page, "hidden")
    await expect(dot(ada, "Bo")).to_have_attribute("data-presence", "away")
    await expect(words(ada, "Bo")).to_have_text("Away")
    await expect(beside_message).to_have_attribute("data-presence", "away")
    await ada.photograph("presence-away")
    await hide(bo.page, "visible")
    await expect(dot(ada, "Bo")).to_have_attribute("data-presence", "online")

    await bo.page.close()
    await expect(dot(ada, "Bo")).to_have_attribute("data-presence", "offline", timeout=15_000)
    await expect(words(ada, "Bo")).to_have_text("Last seen just now")
    await expect(beside_message).to_have_attribute("data-presence", "offline")
    await ada.photograph("presence-offline")


async def test_nothing_touched_for_a_while_is_away_and_a_touch_is_online(demo, visit, room_name):
    """After the time of idleness (five minutes; here two seconds) somebody is away, and back with the first touch."""
    ada, bo = await together(visit, demo, room_name)
    await bo.page.goto(f"{demo.url}/?awayAfterMs=2000{bo.page.url[bo.page.url.index('#') :]}")
    await bo.is_live()
    await expect(dot(ada, "Bo")).to_have_attribute("data-presence", "away")
    await bo.page.mouse.move(300, 300)
    await expect(dot(ada, "Bo")).to_have_attribute("data-presence", "online")
    await expect(dot(ada, "Bo")).to_have_attribute("data-presence", "away")
    await bo.field.press("a")
    await expect(dot(ada, "Bo")).to_have_attribute("data-presence", "online")


async def test_many_tabs_are_one_person_and_the_most_active_shows(demo, visit, room_name):
    """Somebody with a hidden and an open tab is online; without the open one they are away."""
    ada, bo = await together(visit, demo, room_name)
    second = await bo.page.context.new_page()
    await second.goto(demo.url)
    await expect(second.locator("[data-status]")).to_have_text("Live")
    await hide(bo.page, "hidden")
    # Told through the same connection behind the change of presence: what follows it is known to be later.
    await bo.send("Hidden but here")
    await ada.sees("Hidden but here")
    await expect(dot(ada, "Bo")).to_have_attribute("data-presence", "online")
    await second.close()
    await expect(dot(ada, "Bo")).to_have_attribute("data-presence", "away", timeout=15_000)


async def test_a_reload_makes_no_noise(demo, visit, room_name):
    """Who reloads the page is online all the time for everybody else."""
    ada, bo = await together(visit, demo, room_name)
    await expect(dot(ada, "Bo")).to_have_attribute("data-presence", "online")
    await ada.page.evaluate(
        """() => {
          const dot = [...document.querySelectorAll(".member")].find((row) => row.textContent.includes("Bo"))
            .querySelector(".presence-dot");
          globalThis.seen = [];
          new MutationObserver(() => globalThis.seen.push(dot.dataset.presence)).observe(dot, { attributes: true });
        }"""
    )
    for _ in range(3):
        await bo.page.reload()
        await bo.is_live()
    await bo.send("Here again")
    await ada.sees("Here again")
    assert await ada.page.evaluate("globalThis.seen") == []


async def test_direct_rooms_show_the_other_in_all_sizes(demo, visit, room_name):
    """A direct room shows the other's dot large above, small in its header and at the left, and says it in words."""
    ada, bo = await together(visit, demo, room_name)
    await ada.page.get_by_role("button", name="Actions for Bo").click()
    await ada.page.get_by_role("menuitem", name="Send a message").click()
    await ada.sees_room("Bo")
    await expect(ada.page.locator(".room-head .presence-words")).to_have_text("Online")
    for place in (".room-head .presence-sm", ".rooms .presence-md", ".beginning .presence-lg"):
        await expect(ada.page.locator(place)).to_have_attribute("data-presence", "online")
    item = ada.page.get_by_role("navigation").get_by_role("button", name="Bo Online")
    await expect(item).to_be_visible()
    await ada.photograph("presence-direct")
    await bo.page.get_by_role("button", name="Lisbon in spring").click()
    await expect(ada.page.locator(".room-head .presence-words")).to_have_text("Online · Looking at Lisbon in spring")
    await bo.page.close()
    await expect(ada.page.locator(".room-head .presence-words")).to_have_text("Last seen just now", timeout=15_000)
    await expect(ada.page.get_by_role("navigation").get_by_role("button", name="Bo Last seen just now")).to_be_visible()


async def test_dots_do_not_pulse_for_those_whom_motion_disturbs(demo, visit):
    """With reduced motion nothing repeats."""
    for motion, repeats in (("no-preference", "infinite"), ("reduce", "1")):
        ada = await visit(demo, "Ada", reduced_motion=motion)
        await expect(ada.page.locator(".account .presence-dot")).to_have_attribute("data-presence", "online")
        count = "getComputedStyle(document.querySelector('.account .presence-dot'), '::after').animationIterationCount"
        assert await ada.page.evaluate(count) == repeats


async def test_a_screen_that_hears_nothing_claims_nothing(demo, visit, room_name, network_lost):
    """Without a connection for long no dot is shown; they are right again when it is back."""
    ada, bo = await together(visit, demo, room_name)
    await expect(dot(ada, "Bo")).to_have_attribute("data-presence", "online")
    await ada.page.context.set_offline(True)
    await expect(dot(ada, "Bo")).to_have_attribute("data-presence", "unknown")
    await hide(bo.page, "hidden")
    await ada.page.context.set_offline(False)
    await ada.is_live()
    await expect(dot(ada, "Bo")).to_have_attribute("data-presence", "away")
