"""Waiting for a condition, with a deadline: the only place in the tests where anything polls."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

POLL_SECONDS = 0.02


def wait_until(condition: Callable[[], T], what: str, timeout: float = 30) -> T:
    """Call `condition` until it returns something true, and return that.

    AssertionError naming `what` after `timeout` seconds.
    """
    deadline = time.monotonic() + timeout
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout:g} s in vain for {what}")
        time.sleep(POLL_SECONDS)
    return value


async def eventually(condition: Callable[[], T | Awaitable[T]], what: str, timeout: float = 10) -> T:
    """The same inside an event loop; `condition` may be a coroutine function."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if inspect.isawaitable(value):
            value = await value
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout:g} s in vain for {what}; last seen: {value!r}")
        await asyncio.sleep(POLL_SECONDS)
