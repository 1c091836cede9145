"""Sanctions while workers cannot hear one another: each reads them from the log."""

import asyncpg
import pytest

from tests.server.conftest import Upon
from tests.support.js import JsClients
from tests.support.redis_server import RedisServer
from tests.support.waiting import eventually

WHERE = "/api/trip/1/comments"


@pytest.fixture(scope="module")
def cluster_variables() -> dict[str, str | None]:
    """A worker that is deaf is soon to notice."""
    return {
        "HUBBUB_BUS_NONCE_SECONDS": "0.3",
        "HUBBUB_BUS_DEAF_SECONDS": "1",
        "HUBBUB_CATCH_UP_SECONDS": "0.3",
        "HUBBUB_RETENTION_EVENTS": "5",
    }


async def test_a_ban_reaches_every_worker_without_redis(upon_redis: Upon[RedisServer], js: JsClients) -> None:
    cluster = upon_redis.cluster
    token = cluster.token("ada")
    here, there = [await js.connect(each.url, {"token": token}, transports=["websocket"]) for each in cluster.workers]
    upon_redis.server.stop()
    for action, expected in (("mute", 403), ("pardon", 201), ("ban", 403)):
        reply = await cluster.a.rest("POST", f"/api/admin/users/ada/{action}", token=cluster.api_key)
        assert reply.status == 200
        for worker in cluster.workers:
            status = 0
            while status != expected:
                status = (await worker.rest("POST", WHERE, {"body": "Hm"}, token=token)).status
    for socket in (here, there):
        await eventually(lambda socket=socket: not socket.connected, "the end of a connection")


async def test_a_worker_that_the_log_tells_no_longer_reads_all_sanctions(upon_redis: Upon[RedisServer]) -> None:
    cluster = upon_redis.cluster
    names = [f"user-{number}" for number in range(12)]
    tokens = {name: cluster.token(name) for name in names}

    async def sanction(name: str, action: str) -> None:
        reply = await cluster.a.rest("POST", f"/api/admin/users/{name}/{action}", token=cluster.api_key)
        assert reply.status == 200

    async def status(name: str) -> int:
        return (await cluster.b.rest("GET", "/api/me", token=tokens[name])).status

    await sanction(names[0], "ban")
    while await status(names[0]) != 403:
        pass
    upon_redis.server.stop()
    cluster.b.pause()
    for name in names[1:]:
        await sanction(name, "ban")
    await sanction(names[0], "pardon")
    database = await asyncpg.connect(cluster.a.env["DATABASE_URL"])
    try:
        while await database.fetchval("SELECT count(*) FROM event_log WHERE channel = 'sanctions'") > 5:
            pass
    finally:
        await database.close()
    cluster.b.resume()
    for name in names[1:]:
        while await status(name) != 403:
            pass
    while await status(names[0]) != 200:
        pass
