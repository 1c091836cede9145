"""Fixtures of the engine's tests."""

import asyncio
import gc
from collections.abc import AsyncIterator
from typing import Any

import pytest

from server.engine.redis_bus import RedisBus
from server.engine.redis_manager import RedisManager
from tests.server.engine.listener import Listener, StartBus
from tests.server.engine.worker import StartWorker, Worker
from tests.support.redis_server import RedisServer


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
