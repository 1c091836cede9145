"""Broadcasts by whole servers: one that is killed midway, or restarted, costs nobody a notification, and nobody two."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import func, select

from models import event_log, notifications, users
from models.broadcasts import broadcasts
from models.database import Database
from models.users import User
from server.setting_urls import database_url
from tests.support.hubbub import Cluster, Hubbub
from tests.support.waiting import eventually

PEOPLE = 2000
EVERYONE = {"everyone": True, "title": "Hello", "message": "To everyone", "type": "SYSTEM"}


@pytest.fixture(scope="module")
def cluster_variables() -> dict[str, str | None]:
    """Batches so small, and so far apart, that a broadcast lasts long enough to be caught at it."""
    unlimited = {"HUBBUB_ACTIONS_PER_SECOND": "10000", "HUBBUB_ACTIONS_BURST": "10000"}
    return unlimited | {"HUBBUB_BROADCAST_BATCH": "10", "HUBBUB_BROADCAST_SHARE": "0.3"}


@asynccontextmanager
async def database_of(worker: Hubbub) -> AsyncIterator[Database]:
    """The database of a server."""
    database = Database(database_url(worker.env.get("DATABASE_URL", f"sqlite:///{worker.folder / 'hubbub.db'}")))
    try:
        yield database
    finally:
        await database.close()


async def settle(database: Database) -> list[str]:
    """Enter people who were once here; their ids."""
    ids = [f"person-{number}" for number in range(PEOPLE)]
    async with database.write() as conn:
        await users.remember(conn, [User(each, each) for each in ids])
    return ids


async def progress(database: Database, id: str) -> int:
    """How many people a broadcast has reached."""
    async with database.read() as conn:
        return await conn.scalar(select(broadcasts.c.reached).where(broadcasts.c.id == id)) or 0


async def check(database: Database, id: str, people: list[str]) -> None:
    """Wait until a broadcast is done; everybody has it once, was told of it once, and has it counted once."""

    async def done() -> bool:
        async with database.read() as conn:
            return await conn.scalar(select(broadcasts.c.done_at).where(broadcasts.c.id == id)) is not None

    await eventually(done, "the broadcast to be done", timeout=60)
    table, log, inboxes = notifications.notifications, event_log.event_log, notifications.inboxes
    async with database.read() as conn:
        assert Counter(await conn.scalars(select(table.c.user_id).where(table.c.id == id))) == Counter(people)
        assert Counter(await conn.scalars(select(log.c.channel))) == Counter(f"user:{each}" for each in people)
        counts = await conn.execute(select(inboxes.c.unread_count, func.count()).group_by(inboxes.c.unread_count))
        assert [tuple(row) for row in counts] == [(1, len(people))]


async def test_a_worker_killed_midway_costs_nobody_a_notification(own_cluster: Cluster) -> None:
    async with database_of(own_cluster.a) as database:
        people = await settle(database)
        sent = await own_cluster.a.rest("POST", "/api/notifications", EVERYONE, token=own_cluster.api_key)
        assert sent.body["data"]["recipients"] == PEOPLE
        id = sent.body["data"]["id"]

        async def under_way() -> bool:
            return await progress(database, id) > 100

        await eventually(under_way, "the broadcast to be under way")
        own_cluster.a.kill()
        assert await progress(database, id) < PEOPLE, "the broadcast was over before the worker was killed"
        if own_cluster.b is own_cluster.a:
            own_cluster.a.start()
        await check(database, id, people)


async def test_a_worker_that_drains_hands_its_broadcast_over(own_cluster: Cluster) -> None:
    async with database_of(own_cluster.a) as database:
        people = await settle(database)
        sent = await own_cluster.a.rest("POST", "/api/notifications", EVERYONE, token=own_cluster.api_key)
        id = sent.body["data"]["id"]
        assert own_cluster.a.terminate() == 0
        assert await progress(database, id) < PEOPLE
        if own_cluster.b is own_cluster.a:
            own_cluster.a.start()
        await check(database, id, people)


async def test_other_actions_go_on_while_everyone_is_notified(own_cluster: Cluster) -> None:
    async with database_of(own_cluster.a) as database:
        people = await settle(database)
        sent = await own_cluster.a.rest("POST", "/api/notifications", EVERYONE, token=own_cluster.api_key)
        id = sent.body["data"]["id"]
        token = own_cluster.token(people[-1])
        answers = 0
        while await progress(database, id) < PEOPLE:
            answer = await own_cluster.b.rest(
                "POST", "/api/chat/rooms", {"name": f"Room {answers}", "visibility": "private"}, token=token
            )
            assert answer.status == 201, answer
            answers += 1
        assert answers > 10
