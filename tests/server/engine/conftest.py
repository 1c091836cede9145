"""Fixtures of the engine's tests."""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
import uvloop
from aiohttp import ClientSession, ClientTimeout

from server.engine.redis_bus import RedisBus
from server.engine.redis_manager import RedisManager
from tests.server.engine.listener import Listener, StartBus
from tests.server.engine.peers_deployment import Deployment
from tests.server.engine.worker import StartWorker, Worker
from tests.support.redis_server import RedisServer


def pytest_asyncio_loop_factories(item: pytest.Item) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run what takes sockets away from event loops on both that people run servers on."""
    factories = {"asyncio": asyncio.new_event_loop}
    return {**factories, "uvloop": uvloop.new_event_loop} if item.path.name.startswith("test_peers") else factories


@pytest.fixture
async def start_bus(request: pytest.FixtureRequest) -> AsyncIterator[StartBus]:
    """Factory of started buses: `start_bus(url, **options)`. Nothing of them may remain."""
    started: list[Listener] = []

    async def start(url: str, **options: object) -> Listener:
        listener = Listener(RedisBus(url, **{"prefix": request.node.name, **options}))
        started.append(listener)
        await listener.bus.start()
        return listener

    yield start
    for listener in started:
        await listener.bus.stop()
    started.clear()
    assert [task for task in asyncio.all_tasks() if "Redis" in task.get_name()] == []
    gc.collect()


@pytest.fixture
def channel(request: pytest.FixtureRequest) -> str:
    """A Redis channel, and a prefix of channels, of the test's own."""
    return request.node.name


@pytest.fixture
async def start_worker(redis_server: RedisServer, channel: str) -> AsyncIterator[StartWorker]:
    """Factory of started workers that know each other: `start_worker(url, **manager_options)`."""
    workers: list[Worker] = []

    async def start(url: str | RedisBus = redis_server.url, **options: Any) -> Worker:
        worker = Worker(RedisManager(url, channel, **options))
        workers.append(worker)
        await worker.start()
        return worker

    yield start
    for worker in workers:
        await worker.stop()
        assert not worker.manager.rooms
        assert not worker.manager.callbacks
        assert not len(worker.manager._calls)
    workers.clear()
    assert [task for task in asyncio.all_tasks() if "Redis" in task.get_name()] == []
    gc.collect()


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
