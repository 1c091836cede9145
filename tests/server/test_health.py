"""Alive, ready, and why not: what a balancer asks, and how the answer changes by itself."""

from collections.abc import Callable

from tests.server.conftest import Upon
from tests.server.talk import data_of, publish, someone
from tests.support.hubbub import Cluster, Hubbub, two_workers
from tests.support.postgres_server import PostgresServer
from tests.support.redis_server import RedisServer
from tests.support.waiting import eventually

# The contract's, with all settings at their defaults: /readyz turns 503 within 10 s of losing the database or the bus.
NOTICED_SECONDS = 10


async def readiness(worker: Hubbub) -> tuple[int, str]:
    reply = await worker.rest("GET", "/readyz")
    return reply.status, str(reply.body)


async def all_say(cluster: Cluster, status: int) -> None:
    async def do() -> bool:
        return all([(await readiness(worker))[0] == status for worker in cluster.workers])

    await eventually(do, f"/readyz to answer {status} on every worker", NOTICED_SECONDS)


async def assert_alive(cluster: Cluster) -> None:
    for worker in cluster.workers:
        assert (await worker.rest("GET", "/healthz")).status == 200


async def test_a_started_server_is_alive_and_ready(cluster: Cluster) -> None:
    await assert_alive(cluster)
    await all_say(cluster, 200)


async def test_without_its_bus_a_worker_is_not_ready(upon_redis: Upon[RedisServer]) -> None:
    cluster, redis = upon_redis.cluster, upon_redis.server
    redis.stop()
    await all_say(cluster, 503)
    assert "REDIS_URL" in (await readiness(cluster.a))[1]
    await assert_alive(cluster)
    redis.start()
    await all_say(cluster, 200)
    redis.pause()
    await all_say(cluster, 503)
    await assert_alive(cluster)
    redis.resume()
    await all_say(cluster, 200)


async def test_without_its_database_a_worker_is_not_ready(upon_postgres: Upon[PostgresServer]) -> None:
    cluster, postgres = upon_postgres.cluster, upon_postgres.server
    postgres.stop()
    await all_say(cluster, 503)
    assert "DATABASE_URL" in (await readiness(cluster.a))[1]
    await assert_alive(cluster)
    postgres.start()
    await all_say(cluster, 200)
    assert await publish(cluster.a, f"app:{someone('channel')}") == 1
    postgres.pause()
    await all_say(cluster, 503)
    await assert_alive(cluster)
    postgres.resume()
    await all_say(cluster, 200)
    data_of(await cluster.b.rest("GET", "/api/me", token=cluster.token(someone())))


async def test_a_worker_starts_without_its_bus_and_becomes_ready_with_it(
    own_redis: Callable[[], RedisServer], postgres_server: PostgresServer
) -> None:
    redis = own_redis()
    redis.stop()
    cluster = two_workers(redis.url, postgres_server.create_database())
    try:
        for worker in cluster.workers:
            worker.start(wait=False)
        await eventually(lambda: all("listening" in worker.log() for worker in cluster.workers), "both to listen", 20)
        await all_say(cluster, 503)
        await assert_alive(cluster)
        assert await publish(cluster.a, f"app:{someone('channel')}") == 1
        redis.start()
        await all_say(cluster, 200)
    finally:
        cluster.kill()
