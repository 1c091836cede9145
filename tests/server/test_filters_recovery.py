"""Connection state recovery keeps the filter, on the same worker and on another."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.acceptance.recorders import new_id, variables
from tests.server.talk import data_of, someone, subscribe
from tests.server.test_recovery import SERVER, connected, lose, return_of
from tests.server.test_recovery_elsewhere import arrive
from tests.support.hubbub import Cluster, two_workers
from tests.support.js import JsClients, JsSocket
from tests.support.postgres_server import PostgresServer
from tests.support.redis_server import RedisServer
from tests.support.switch import Switch
from tests.support.waiting import eventually

NOTES = "collection:notes"


@pytest.fixture
def workers(redis_server: RedisServer, postgres_server: PostgresServer) -> Iterator[Cluster]:
    """Two workers with collections."""
    cluster = two_workers(redis_server.url, postgres_server.create_database(), **(variables() | SERVER))
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.kill()


@pytest.mark.parametrize("elsewhere", [False, True], ids=["same", "elsewhere"])
async def test_who_comes_back_hears_through_the_same_filter(workers: Cluster, js: JsClients, elsewhere: bool) -> None:
    ids = [new_id() for _ in range(2)]

    async def write(number: int, n: int) -> None:
        data_of(await ada.emit("record:upsert", {"collection": "notes", "id": ids[number], "data": {"n": n}}))

    def heard(socket: JsSocket) -> list[tuple[Any, ...]]:
        changes = [each["data"] for each in socket.received("record:changed")]
        return [(each["eventType"], each["id"], (each["new"] or {}).get("data", {}).get("n")) for each in changes]

    async with Switch(workers.a.port) as switch:
        ada = await arrive(js, workers.b.url, workers.b, someone("ada"))
        bo = await arrive(js, switch.url, workers.a, someone("bo"))
        await connected(bo)
        await subscribe(bo, NOTES, filter="n=gte.5")
        await write(0, 1)
        await write(0, 5)
        expected: list[tuple[Any, ...]] = [("INSERT", ids[0], 5)]
        await eventually(lambda: heard(bo) == expected, "what matches")
        if elsewhere:
            switch.turn(workers.b.port)
        for n in (6, 2):
            await lose(bo)
            await write(1, 3)
            await write(0, n)
            assert await return_of(bo)
            expected.append(("UPDATE", ids[0], 6) if n == 6 else ("DELETE", ids[0], None))
            await eventually(lambda: heard(bo) == expected, "what was missed")
        await write(1, 4)
        await write(1, 7)
        expected.append(("INSERT", ids[1], 7))
        await eventually(lambda: heard(bo) == expected, "what is live")
