"""The service worker: what is pushed shows up in Chromium with no help of a page, and leads back to one."""

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Page, Worker, expect

from tests.browser.people import Person
from tests.support.hubbub import Hubbub
from tests.support.push_service import PushService, push_service
from tests.support.waiting import eventually

PUSHED = {
    "id": "0190",
    "title": "Paid",
    "message": "Thank you",
    "type": "PAYMENT",
    "level": "success",
    "link": "/?orders=1",
    "data": {"order": 1},
}
SHOWN = """async () => {
    const registration = await navigator.serviceWorker.ready;
    const shown = await registration.getNotifications();
    return shown.map(({ title, body, tag, data }) => ({ title, body, tag, data }));
}"""
# A click that Chromium believes in takes a desktop to click on: only that it lets windows open is made up here.
CLICK = """async () => {
    const opened = [];
    self.clients.openWindow = async (url) => void opened.push(url);
    WindowClient.prototype.focus = async function () {
        opened.push(`focus ${this.url}`);
        return this;
    };
    const [notification] = await self.registration.getNotifications();
    const event = new NotificationEvent("notificationclick", { notification });
    const work = [];
    event.waitUntil = (promise) => work.push(promise);
    self.dispatchEvent(event);
    await Promise.all(work);
    return opened;
}"""
CHANGE = """async (subscription) => {
    const event = new ExtendableEvent("pushsubscriptionchange");
    const work = [];
    Object.assign(event, { newSubscription: subscription, waitUntil: (promise) => work.push(promise) });
    self.dispatchEvent(event);
    await Promise.all(work);
}"""


@pytest_asyncio.fixture(loop_scope="module")
async def service() -> AsyncIterator[PushService]:
    """A push service on this machine."""
    async with push_service() as started:
        yield started


async def worker_of(page: Page) -> Worker:
    """The page's service worker, active."""
    await page.evaluate("navigator.serviceWorker.ready.then(() => null)")
    await eventually(lambda: page.context.service_workers, "the service worker")
    return page.context.service_workers[0]


async def push(page: Page, data: str) -> None:
    """Have Chromium deliver a push, as if it came from its push service."""
    devtools = await page.context.new_cdp_session(page)
    known: list[dict[str, Any]] = []
    devtools.on("ServiceWorker.workerRegistrationUpdated", lambda event: known.extend(event["registrations"]))
    await devtools.send("ServiceWorker.enable")
    await eventually(lambda: known, "the registration of the service worker")
    origin = await page.evaluate("location.origin")
    await devtools.send(
        "ServiceWorker.deliverPushMessage",
        {"origin": origin, "registrationId": known[-1]["registrationId"], "data": data},
    )
    await devtools.detach()


async def shown(page: Page) -> dict[str, Any]:
    """The only notification on the screen, once there is one."""
    [notification] = await eventually(lambda: page.evaluate(SHOWN), "a notification on the screen")
    return notification


@pytest_asyncio.fixture(loop_scope="module")
async def ada(demo: Hubbub, visit: Callable[..., Any]) -> Person:
    """Somebody who lets the page notify."""
    person = await visit(demo, "Ada", permissions=["notifications"])
    await worker_of(person.page)
    return person


async def test_the_worker_is_in_charge_of_the_whole_site(ada: Person) -> None:
    scope = await ada.page.evaluate("navigator.serviceWorker.ready.then(({ scope }) => scope)")
    assert scope == f"{ada.server.url}/"
    reply = await ada.server.rest("GET", "/service-worker.js")
    assert (reply.status, reply.headers["Cache-Control"]) == (200, "no-cache")
    assert "javascript" in reply.headers["Content-Type"]


async def test_what_is_pushed_is_shown(ada: Person) -> None:
    await push(ada.page, json.dumps(PUSHED))
    notification = await shown(ada.page)
    assert notification == {
        "title": "Paid",
        "body": "Thank you",
        "tag": "0190",
        "data": {"id": "0190", "link": "/?orders=1", "data": {"order": 1}},
    }


async def test_a_renewed_notification_takes_the_place_of_the_one_before(ada: Person) -> None:
    await push(ada.page, json.dumps(PUSHED))
    await shown(ada.page)
    await push(ada.page, json.dumps(PUSHED | {"message": "Thank you twice"}))

    async def renewed() -> Any:
        return [each["body"] for each in await ada.page.evaluate(SHOWN)] == ["Thank you twice"]

    await eventually(renewed, "the renewed notification alone")


@pytest.mark.parametrize("data", ["", "not JSON", "{}"])
async def test_something_is_shown_whatever_was_pushed(ada: Person, data: str) -> None:
    await push(ada.page, data)
    notification = await shown(ada.page)
    assert notification["title"] == "Something new"


@pytest.mark.parametrize(
    ("link", "opened"),
    [
        ("/?orders=1", "{site}/?orders=1"),
        ("https://shop.example/orders/1", "https://shop.example/orders/1"),
        ("javascript:alert(1)", "focus {site}/"),
        (None, "focus {site}/"),
    ],
)
async def test_a_click_leads_to_the_link_or_to_the_page_that_shows_it(
    ada: Person, link: str | None, opened: str
) -> None:
    await push(ada.page, json.dumps(PUSHED | {"link": link}))
    await shown(ada.page)
    [led] = await (await worker_of(ada.page)).evaluate(CLICK)
    expected = opened.format(site=ada.server.url)
    assert led == expected or led.startswith(f"{expected}#")


async def test_a_notification_that_was_clicked_is_gone(ada: Person) -> None:
    await push(ada.page, json.dumps(PUSHED))
    await shown(ada.page)
    await (await worker_of(ada.page)).evaluate(CLICK)

    async def gone() -> bool:
        return await ada.page.evaluate(SHOWN) == []

    await eventually(gone, "the end of the notification")


async def test_a_page_that_is_brought_to_the_front_hears_what_was_clicked(ada: Person) -> None:
    await ada.page.evaluate(
        "navigator.serviceWorker.addEventListener('message', ({ data }) => { globalThis.heard = data; })"
    )
    await push(ada.page, json.dumps(PUSHED | {"link": None}))
    await shown(ada.page)
    await (await worker_of(ada.page)).evaluate(CLICK)
    heard = await eventually(lambda: ada.page.evaluate("globalThis.heard"), "what was clicked")
    assert heard == {"type": "notification:click", "notification": {"id": "0190", "link": None, "data": {"order": 1}}}


async def test_a_subscription_that_the_browser_replaced_reaches_the_server(
    start_hubbub: Callable[..., Hubbub], service: PushService, visit: Callable[..., Any]
) -> None:
    server = start_hubbub(HUBBUB_DEMO="on", HUBBUB_PUSH_ALLOW_LOOPBACK="on", HUBBUB_PRESENCE_GRACE_SECONDS="0.2")
    ada: Person = await visit(server, "Ada", permissions=["notifications"])
    browser, id = service.browser(), await ada.user_id()
    await (await worker_of(ada.page)).evaluate(CHANGE, browser.subscription)
    await ada.page.close()
    notice = {"userIds": [id], "title": "Away", "message": "You were", "type": "SYSTEM"}
    assert (await server.rest("POST", "/api/notifications", notice, token=server.api_key)).status == 201
    assert (await browser.gets()).payload["title"] == "Away"


async def test_a_click_on_a_mention_shows_the_message(ada: Person, visit: Callable[..., Any], room_name: str) -> None:
    bo: Person = await visit(ada.server, "Bo")
    await bo.create_room(room_name)
    await ada.join(room_name)
    await bo.send("Look here")
    room_id = bo.room_id()
    await ada.page.get_by_role("button", name="Lisbon in spring").click()
    await push(ada.page, json.dumps(PUSHED | {"link": None, "data": {"roomId": room_id, "seq": 1}}))
    await shown(ada.page)
    await (await worker_of(ada.page)).evaluate(CLICK)
    await expect(ada.message("Look here")).to_be_focused()


PUSH_MANAGER = """(subscription) => {
    // Chromium's own push service is not on this machine; the browser's part is played, the server's is not.
    let known = null;
    PushManager.prototype.getSubscription = async () => known;
    PushManager.prototype.subscribe = async ({ applicationServerKey }) => (known = {
        endpoint: subscription.endpoint,
        options: { applicationServerKey: applicationServerKey.buffer },
        toJSON: () => subscription,
        unsubscribe: async () => Boolean((known = null) === null),
    });
}"""


async def test_push_is_turned_on_and_off_in_the_settings(
    start_hubbub: Callable[..., Hubbub], service: PushService, visit: Callable[..., Any], room_name: str
) -> None:
    server = start_hubbub(HUBBUB_DEMO="on", HUBBUB_PUSH_ALLOW_LOOPBACK="on", HUBBUB_PRESENCE_GRACE_SECONDS="0.2")
    bo: Person = await visit(server, "Bo")
    ada: Person = await visit(server, "Ada", permissions=["notifications"])
    browser, id = service.browser(), await ada.user_id()
    await worker_of(ada.page)
    await ada.page.evaluate(PUSH_MANAGER, browser.subscription)
    await bo.create_room(room_name)
    await ada.join(room_name)
    await ada.page.get_by_role("button", name="Account").click()
    await ada.page.get_by_role("menuitem", name="Notification settings").click()
    switch = ada.page.get_by_role("switch", name="Push on this device")
    await switch.click()
    await expect(ada.page.locator("[data-push]")).to_have_attribute("data-push", "on")
    second = await ada.page.context.new_page()
    await second.goto(server.url)
    await expect(second.locator("[data-status]")).to_have_text("Live")
    await switch.click()
    await expect(ada.page.locator("[data-push]")).to_have_attribute("data-push", "off")
    await switch.click()
    await expect(ada.page.locator("[data-push]")).to_have_attribute("data-push", "on")
    await second.close()
    await ada.page.close()

    async def offline() -> bool:
        reply = await server.rest("GET", f"/api/users/presence/{id}", token=await bo.token())
        return reply.body["data"]["status"] == "offline"

    await eventually(offline, "Ada to be offline")
    await bo.write(f"Are you there, @{id}?")
    pushed = (await browser.gets()).payload
    assert (pushed["title"], pushed["data"]["kind"]) == (f"Bo mentioned you in {room_name}", "mention")
