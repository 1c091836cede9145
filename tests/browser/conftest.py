"""Fixtures of the browser tests: a server in demo mode, and people who use its page."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.browser.people import Person
from tests.support.browser import Pages, launch, observed
from tests.support.hubbub import Hubbub

HERE = Path(__file__).parent

LIMITS = ("ACTIONS_PER_SECOND", "ACTIONS_BURST", "MESSAGES_PER_SECOND", "MESSAGES_BURST")
LOST = re.compile(r"net::ERR_|WebSocket connection to|WebSocket is already in CLOSING or CLOSED state")
NO_LIMITS = {f"HUBBUB_{limit}": "1000000" for limit in LIMITS}
"""Histories are written as fast as the server takes them."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the tests of a module on one event loop, so that they can share Chromium, which is slow to start."""
    for item in items:
        if HERE in item.path.parents and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="module"), append=False)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    """Headless Chromium, one for all tests of a module: each person has a context of their own in it."""
    async with launch() as started:
        yield started


@pytest_asyncio.fixture(loop_scope="module")
async def pages(browser: Browser, request: pytest.FixtureRequest) -> AsyncIterator[Pages]:
    """Pages for the people of a test, closed with its end."""
    opened = Pages(browser)
    try:
        async with observed(opened, request):
            yield opened
    finally:
        await opened.close()


@pytest.fixture(scope="module")
def demo() -> Iterator[Hubbub]:
    """A server in demo mode, shared by a module: its tests use rooms of their own."""
    server = Hubbub(HUBBUB_DEMO="on", **NO_LIMITS)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def own_demo() -> Iterator[Hubbub]:
    """The same for one test, which may stop and start it."""
    server = Hubbub(HUBBUB_DEMO="on", **NO_LIMITS)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def limits() -> dict[str, str]:
    """Variables that lift the limits on writing."""
    return NO_LIMITS


@pytest.fixture
def room_name(request: pytest.FixtureRequest) -> str:
    """A name that no other test gives a room."""
    return re.sub(r"[\W_]+", " ", request.node.name.removeprefix("test_")).strip().capitalize()[:60]


@pytest.fixture
def visit(pages: Pages) -> Callable[..., Awaitable[Person]]:
    """`await visit(server, "Ada", **context)`: somebody who has opened the page and entered their name.

    With `moderates=True` they have asked for the moderators' queue as well.
    """

    async def visit(server: Hubbub, name: str, *, moderates: bool = False, **context: object) -> Person:
        context.setdefault("viewport", {"width": 1200, "height": 760})
        person = Person(await pages.open(server.url, **context), name, server)
        await person.enter(moderates=moderates)
        return person

    return visit


@pytest.fixture
def network_lost(pages: Pages) -> Iterator[None]:
    """For tests that cut connections on purpose: what Chromium says of it on the console is no defect."""
    yield
    pages.errors[:] = [error for error in pages.errors if not LOST.search(error)]
