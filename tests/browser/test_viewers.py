"""Viewers: how many people look at a trip, and who."""

from playwright.async_api import expect

from tests.browser.people import Person


async def look_at(person: Person, trip: str) -> None:
    """Open one of the demo's trips."""
    await person.page.get_by_role("button", name=trip).click()
    await expect(person.page.get_by_role("heading", name=trip)).to_be_visible()


async def counts(person: Person, words: str) -> None:
    """The trip on this screen says how many look at it."""
    await expect(person.page.locator(".viewers-words")).to_have_text(f"{words} this trip")


async def test_3_people_are_viewing_this_trip(demo, visit):
    """People are counted as they come and go, not their tabs; who looks is shown by picture and by name."""
    ada, bo, cy = [await visit(demo, name) for name in ("Ada Lovelace", "Bo", "Cy")]
    await look_at(ada, "Lisbon in spring")
    await counts(ada, "1 person viewing")
    await look_at(bo, "Lisbon in spring")
    await look_at(cy, "Lisbon in spring")
    for person in (ada, bo, cy):
        await counts(person, "3 people viewing")
    await expect(ada.page.locator(".viewers .avatar")).to_have_text(["AL", "B", "C"])
    await expect(ada.page.get_by_role("status", name="Viewers")).to_contain_text("Ada Lovelace, Bo, and Cy")
    await ada.photograph("viewers-three")

    second = await bo.page.context.new_page()
    await second.goto(f"{demo.url}/#/trips/lisbon")
    await expect(second.locator(".viewers-words")).to_have_text("3 people viewing this trip")
    await counts(ada, "3 people viewing")
    await second.close()

    await look_at(cy, "Kyoto on foot")
    await counts(cy, "1 person viewing")
    await counts(ada, "2 people viewing")
    await bo.page.close()
    await counts(ada, "1 person viewing")


async def test_the_first_five_are_shown_and_the_others_counted(demo, visit):
    """Of seven viewers five have a picture, and the rest stand as a number."""
    people = [await visit(demo, f"{name} Viewer") for name in ("Ada", "Bo", "Cy", "Di", "Ed", "Flo", "Gus")]
    for number, person in enumerate(people, start=1):
        await look_at(person, "Patagonia, end to end")
        await counts(person, "1 person viewing" if number == 1 else f"{number} people viewing")
    await expect(people[0].page.locator(".viewers .avatar")).to_have_text(["AV", "BV", "CV", "DV", "EV", "+2"])
    await people[0].photograph("viewers-seven")


async def test_viewers_after_a_reconnect(own_demo, visit, network_lost):
    """A server that dies and comes back finds its viewers again."""
    ada, bo = await visit(own_demo, "Ada"), await visit(own_demo, "Bo")
    for person in (ada, bo):
        await look_at(person, "Kyoto on foot")
    await counts(ada, "2 people viewing")
    own_demo.kill()
    await expect(ada.status).not_to_have_text("Live")
    own_demo.start()
    for person in (ada, bo):
        await expect(person.status).to_have_text("Live", timeout=20_000)
        await counts(person, "2 people viewing")


async def test_a_trip_on_a_phone(demo, visit):
    """At 360 px the trip and its viewers fit, and the drawer leads there and back."""
    phone = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}
    ada = await visit(demo, "Ada", **phone)
    await look_at(ada, "Lisbon in spring")
    await counts(ada, "1 person viewing")
    await ada.photograph("phone-trip")
    wide = "document.scrollingElement.scrollWidth <= innerWidth"
    assert await ada.page.evaluate(wide)
    await ada.page.get_by_role("button", name="Show rooms").tap()
    await expect(ada.page.get_by_role("button", name="Kyoto on foot")).to_be_in_viewport()
