"""What the tests of the engine's parts run on."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

import pytest
import uvloop
from aiohttp import ClientSession, ClientTimeout

from tests.server.engine.peers_deployment import Deployment
from tests.support.redis_server import RedisServer


def pytest_asyncio_loop_factories(item: pytest.Item) -> dict[str, Callable[[], asyncio.AbstractEventLoop]] | None:
    """Run what takes sockets away from event loops on both that people run servers on."""
    if not item.path.name.startswith("test_peers"):
        return None
    return {"uvloop": uvloop.new_event_loop, "asyncio": asyncio.new_event_loop}


@pytest.fixture
async def http() -> AsyncIterator[ClientSession]:
    async with ClientSession(timeout=ClientTimeout(total=30)) as session:
        yield session


@pytest.fixture
async def deployment(redis_server: RedisServer, http: ClientSession) -> AsyncIterator[Deployment]:
    async with AsyncExitStack() as stack:
        yield Deployment(stack, redis_server, http)


@pytest.fixture
async def lone_deployment(own_redis: Callable[[], RedisServer], http: ClientSession) -> AsyncIterator[Deployment]:
    """The same on a Redis that the test may stop."""
    async with AsyncExitStack() as stack:
        yield Deployment(stack, own_redis(), http)
