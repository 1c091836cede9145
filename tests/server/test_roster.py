"""The roster counts connections over all workers, and never one that is not there."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

import pytest

from handlers.base import Actor
from handlers.errors import RateLimited
from models.users import User
from server.roster import Roster
from tests.server.leasing import Deployment, Worker
from tests.support.redis_server import RedisServer
from tests.support.waiting import eventually

ADDRESS = "192.0.2.1"


@pytest.fixture
def server(own_redis: Callable[[], RedisServer]) -> RedisServer:
    return own_redis()


@pytest.fixture
async def deployment(server: RedisServer) -> AsyncIterator[Deployment]:
    async with AsyncExitStack() as stack:
        yield Deployment(stack, server.url, f"roster-{secrets.token_hex(4)}")


def visitor() -> Actor:
    return Actor(address=ADDRESS)


def ada() -> Actor:
    return Actor(User("ada", "Ada"), address=ADDRESS)


def roster(worker: Worker, *, per_address: int = 2, per_user: int = 0) -> Roster:
    return Roster(worker.leases, per_address=per_address, per_user=per_user)


async def is_full(of: Roster) -> bool:
    try:
        await of.admit(visitor())
    except RateLimited:
        return True
    await of.leave(visitor())
    return False


async def test_no_more_than_the_limit_come_in_at_a_time(deployment: Deployment) -> None:
    """Through whatever worker; and as many as are refused leave no trace."""
    rosters = [roster(await deployment.start()) for _ in range(3)]
    tries = await asyncio.gather(*(rosters[n % 3].admit(visitor()) for n in range(30)), return_exceptions=True)
    came_in = [rosters[n % 3] for n, error in enumerate(tries) if error is None]
    assert len(came_in) <= 2
    assert all(isinstance(error, RateLimited) for error in tries if error is not None)
    for each in came_in:
        await each.leave(visitor())
    for _ in range(2):
        await rosters[0].admit(visitor())
    assert await is_full(rosters[1])


async def test_a_backend_counts_nowhere(deployment: Deployment) -> None:
    one = roster(await deployment.start(), per_address=1)
    for _ in range(3):
        await one.admit(Actor(backend="shop", address=ADDRESS))
    await one.admit(visitor())


async def test_a_user_and_an_address_have_limits_of_their_own(deployment: Deployment) -> None:
    one = roster(await deployment.start(), per_address=3, per_user=1)
    await one.admit(ada())
    with pytest.raises(RateLimited):
        await one.admit(ada())
    for _ in range(2):
        await one.admit(visitor())
    assert await is_full(one)


async def test_who_gives_up_waiting_leaves_no_trace(server: RedisServer, deployment: Deployment) -> None:
    worker = await deployment.start(timeout=0.3)
    one, other = roster(worker), roster(await deployment.start())
    server.pause()
    try:
        waiting = asyncio.create_task(one.admit(ada()))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    finally:
        server.resume()
    await eventually(lambda: worker.whole, "Redis to be back")
    for _ in range(2):
        await other.admit(visitor())
    assert await is_full(one)


async def test_counts_outlive_redis_and_not_their_worker(server: RedisServer, deployment: Deployment) -> None:
    doomed = await deployment.start(severable=True, timeout=0.3)
    one, other = roster(await deployment.start()), roster(doomed)
    await one.admit(visitor())
    await other.admit(visitor())
    assert await is_full(one)
    server.flush()
    await eventually(lambda: is_full(one), "the workers to have told the new Redis")
    deployment.cut(doomed)

    async def has_room() -> bool:
        return not await is_full(one)

    await eventually(has_room, "the dead worker's connection to count no longer")
    await one.admit(visitor())
    assert await is_full(one)
