"""Fixtures of the conformance tests; what they hand out is described in raw.py and served.py."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
import uvloop

from tests.conformance.raw import RawClient, raw_client
from tests.conformance.served import Serve, Served, serve


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run every test on both event loops that people run servers on."""
    return {"uvloop": uvloop.new_event_loop, "asyncio": asyncio.new_event_loop}


@pytest.fixture
async def start() -> AsyncIterator[Serve]:
    """Factory of running servers: takes the options of `RealtimeServer`."""
    async with AsyncExitStack() as stack:

        async def start_one(**options: Any) -> Served:
            served = serve(**options)
            await served.start()
            stack.push_async_callback(served.stop)
            return served

        yield start_one


@pytest.fixture
async def served(start: Serve) -> Served:
    """A server with the official suites' settings."""
    return await start()


@pytest.fixture
async def sio(served: Served) -> AsyncIterator[RawClient]:
    """A raw client of `served` at /socket.io/."""
    async with raw_client(f"{served.url}/socket.io/") as client:
        yield client


@pytest.fixture
async def eio(served: Served) -> AsyncIterator[RawClient]:
    """A raw client of `served` at /engine.io/, which echoes every message."""
    async with raw_client(f"{served.url}/engine.io/") as client:
        yield client
