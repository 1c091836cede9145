"""Headless Chromium, the distribution's, driven by Playwright."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, ConsoleMessage, Error, Page, async_playwright

from tests.support.process import ROOT, find_program

FAILED = pytest.StashKey[bool]()
"""Whether a test has failed, for what cleans up behind it."""
ARTIFACTS = ROOT / "tests" / "artifacts"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def find_chromium() -> str:
    """Path of the installed Chromium; AssertionError with the cure when there is none."""
    try:
        return find_program("chromium", "chromium")
    except AssertionError:
        return find_program("chromium-browser", "chromium")


@asynccontextmanager
async def launch() -> AsyncIterator[Browser]:
    """A browser of its own, closed at the end."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find_chromium(), args=ARGUMENTS, headless=True)
        try:
            yield browser
        finally:
            await browser.close()


async def screenshot(page: Page, name: str) -> Path:
    """Save what the page shows as tests/artifacts/<name>.png."""
    path = ARTIFACTS / f"{re.sub(r'[^A-Za-z0-9._-]+', '-', name)}.png"
    await page.screenshot(path=path, animations="disabled")
    return path


class Pages:
    """Pages for the people of one test: each has a browser context, and so cookies and storage, of its own."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self.opened: list[Page] = []
        self.errors: list[str] = []
        """Uncaught exceptions and console errors of all pages. A test removes those that it provokes on purpose."""

    async def open(self, url: str, **context: object) -> Page:
        """Open `url` as a person of their own; `context` are Playwright's options (`viewport`, `color_scheme`, …)."""
        page = await (await self._browser.new_context(**context)).new_page()
        page.on("pageerror", self._keep_exception)
        page.on("console", self._keep_console_error)
        self.opened.append(page)
        await page.goto(url)
        return page

    async def close(self) -> None:
        """Close every page, and what its person's browser keeps."""
        for page in self.opened:
            await page.context.close()

    def _keep_exception(self, error: Error) -> None:
        self.errors.append(str(error))

    def _keep_console_error(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.errors.append(f"{message.text} ({message.location.get('url')})")


@asynccontextmanager
async def observed(pages: Pages, request: pytest.FixtureRequest) -> AsyncIterator[None]:
    """At the end of a test its pages are photographed if it failed, else they must have been free of errors."""
    yield
    if FAILED in request.node.stash:
        for number, page in enumerate(pages.opened, 1):
            await screenshot(page, f"failed-{request.node.name}-{number}")
    else:
        assert pages.errors == []
