"""A browser's own `EventSource`, which comes back by itself and says what it had last."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.async_api import Page

from tests.server.talk import numbers, publish, publish_many, someone
from tests.support.browser import Pages
from tests.support.hubbub import Hubbub
from tests.support.nginx import Nginx
from tests.support.waiting import eventually

LISTEN = """url => {
    window.heard = []; window.states = [];
    window.source = new EventSource(url);
    source.onopen = () => states.push("open");
    source.onerror = () => states.push(source.readyState === EventSource.CLOSED ? "closed" : "lost");
    source.onmessage = message => heard.push({type: "message", id: message.lastEventId, ...JSON.parse(message.data)});
    source.addEventListener("reset", message => heard.push({type: "reset", ...JSON.parse(message.data)}));
}"""


# What Chromium says on the console of connections that are cut on purpose, and of a page that has no icon.
EXPECTED = re.compile(r"net::ERR_|EventSource|CORS|favicon")


@pytest.fixture(autouse=True)
def cut_on_purpose(pages: Pages) -> Iterator[None]:
    """No error is left but those that are none."""
    yield
    pages.errors[:] = [error for error in pages.errors if not EXPECTED.search(error)]


async def listen(page: Page, path: str) -> None:
    """Have the page hear a stream, and wait until it does."""
    await page.evaluate(LISTEN, path)
    await until(page, "open")


async def until(page: Page, state: str, times: int = 1) -> None:
    """Wait until its `EventSource` has been in a state so often."""

    async def reached() -> bool:
        return (await page.evaluate("states")).count(state) >= times

    await eventually(reached, f"the stream to be {state}", 30)


async def heard(page: Page, count: int) -> list[dict[str, Any]]:
    """Wait until it has heard so many events; all of them."""

    async def enough() -> list[dict[str, Any]] | None:
        found = [each for each in await page.evaluate("heard") if "seq" in each]
        return found if len(found) >= count else None

    return await eventually(enough, f"{count} events", 30)


async def test_it_hears_every_event_once_across_restarts(start_hubbub: Callable[..., Hubbub], pages: Pages) -> None:
    server, trip = start_hubbub(HUBBUB_DEMO="on"), someone("trip")
    page = await pages.open(server.url)
    await listen(page, f"/api/subscribe/trip/{trip}/comments")
    await publish(server, f"trip:{trip}:comments")
    await heard(page, 1)
    for restart, end in enumerate((server.terminate, server.kill), 1):
        end()
        server.start()
        await publish(server, f"trip:{trip}:comments")
        await until(page, "open", restart + 1)
        await heard(page, 1 + restart)
    found = await heard(page, 3)
    assert numbers(found) == [1, 2, 3]
    assert [each["id"] for each in found] == ["1", "2", "3"]
    assert "closed" not in await page.evaluate("states")


async def test_it_takes_several_channels_up_again(start_hubbub: Callable[..., Hubbub], pages: Pages) -> None:
    server = start_hubbub(HUBBUB_DEMO="on")
    channels = [f"trip:{someone('trip')}:{topic}" for topic in ("comments", "likes", "rating")]
    page = await pages.open(server.url)
    await listen(page, "/api/subscribe?" + "&".join(f"channel={each}" for each in channels))
    # Cut off before it has heard anything.
    server.kill()
    server.start()
    for channel in channels:
        await publish_many(server, channel, 2)
    found = await heard(page, 6)
    for channel in channels:
        assert numbers([each for each in found if each["channel"] == channel]) == [1, 2]


async def test_it_is_told_to_reload(start_hubbub: Callable[..., Hubbub], pages: Pages) -> None:
    server, trip = start_hubbub(HUBBUB_DEMO="on"), someone("trip")
    await publish_many(server, f"trip:{trip}:likes", 3)
    page = await pages.open(server.url)
    await listen(page, f"/api/subscribe/trip/{trip}/likes?after=99")
    (reset,) = await heard(page, 1)
    assert reset == {"type": "reset", "channel": f"trip:{trip}:likes", "seq": 3}


async def test_it_waits_while_the_server_may_not_let_it_in(start_hubbub: Callable[..., Hubbub], pages: Pages) -> None:
    server = start_hubbub(HUBBUB_DEMO="on", HUBBUB_CONNECTIONS_PER_ADDRESS="1")
    first, second = await pages.open(server.url + "/healthz"), await pages.open(server.url + "/healthz")
    await listen(first, "/api/community/events")
    await listen(second, "/api/community/events")
    await until(second, "lost")
    await first.evaluate("source.close()")

    async def let_in() -> bool:
        await publish(server, "community")
        return bool(await second.evaluate("heard.length"))

    await eventually(let_in, "the second page to be let in", 40)
    assert "closed" not in await second.evaluate("states")


async def test_it_hears_through_nginx(start_hubbub: Callable[..., Hubbub], pages: Pages) -> None:
    server, channel = start_hubbub(HUBBUB_DEMO="on"), "community"
    nginx = Nginx([server.port], buffering=True)
    nginx.start()
    try:
        page = await pages.open(nginx.url + "/healthz")
        await listen(page, "/api/community/events")
        await publish(server, channel, "through")
        assert [each["data"] for each in await heard(page, 1)] == ["through"]
    finally:
        nginx.kill()


async def test_pages_of_other_sites_hear_if_they_are_allowed(start_hubbub: Callable[..., Hubbub], pages: Pages) -> None:
    page_server = start_hubbub()
    server = start_hubbub(HUBBUB_ORIGINS=page_server.url)
    stranger = start_hubbub(HUBBUB_ORIGINS="https://elsewhere.example")
    page = await pages.open(page_server.url + "/healthz")
    await listen(page, f"{server.url}/api/community/events")
    await publish(server, "community", "hello")
    assert [each["data"] for each in await heard(page, 1)] == ["hello"]
    await page.evaluate("source.close()")
    await page.evaluate(LISTEN, f"{stranger.url}/api/community/events")
    await until(page, "closed")
