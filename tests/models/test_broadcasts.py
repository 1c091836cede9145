"""Broadcasts: everybody is reached once, whoever writes them and whoever dies of it."""

import asyncio
import contextlib
import secrets
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, select

from models import broadcasts, notifications, users
from models.database import Database
from models.migrate import upgrade
from models.notifications import Notice
from models.users import User
from server.setting_urls import database_url
from tests.models.conftest import Store, opened, sqlite_url
from tests.support.postgres_server import PostgresServer

ROLES = ("user", "moderator", "admin")


class Crash(Exception):
    """A worker dies within a transaction."""


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def own_store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A store whose users are these tests' alone."""
    if request.param == "sqlite":
        folder: Path = tmp_path_factory.mktemp("broadcasts")
        upgrade(sqlite_url(folder))
        url = sqlite_url(folder)
    else:
        postgres: PostgresServer = request.getfixturevalue("postgres_server")
        url = database_url(postgres.create_database())
    with opened(url) as store:
        yield store


async def people(database: Database, count: int) -> dict[str, str]:
    """So many people and nobody else: their ids and roles."""
    mark = secrets.token_hex(4)
    # Ids whose order is another one in Python, in SQLite and by the rules of a language.
    made = {f"{'aBÄz_-'[n % 6]}{mark}{n}": ROLES[n % 3] for n in range(count)}
    async with database.write() as conn:
        await conn.execute(delete(users.users))
        if made:
            await users.remember(conn, [User(id, id, role=role) for id, role in made.items()])
    return made


async def batch(database: Database, size: int, *, crash: bool = False) -> bool:
    """Write a batch as the broadcaster does; whether there was anything to do. `crash`: die before the commit."""
    async with database.write() as conn:
        broadcast = await broadcasts.claim(conn)
        if broadcast is None:
            return False
        reached = await broadcasts.following(conn, broadcast, size)
        await notifications.deliver(conn, [(each, broadcast.notice) for each in reached])
        await broadcasts.advance(conn, broadcast, reached, done=len(reached) < size)
        if crash:
            raise Crash
    return True


async def reached_by(database: Database, id: str) -> Counter[str]:
    """How often each person has the notification."""
    table = notifications.notifications
    async with database.read() as conn:
        return Counter(await conn.scalars(select(table.c.user_id).where(table.c.id == id)))


@settings(max_examples=15, deadline=None)
@given(
    st.integers(0, 40),
    st.integers(1, 12),
    st.sampled_from([None, ["admin"], ["moderator", "user"], list(ROLES)]),
    st.lists(st.booleans(), max_size=12),
)
def test_everybody_is_reached_once_whoever_dies(
    own_store: Store, count: int, size: int, roles: list[str] | None, crashes: list[bool]
) -> None:
    async def work(database: Database) -> None:
        everyone = await people(database, count)
        expected = {id for id, role in everyone.items() if roles is None or role in roles}
        notice = Notice("Title", "Text", "SYSTEM", data={"n": 1}, collapse_key="key")
        async with database.write() as conn:
            assert await broadcasts.begin(conn, notice, roles) == len(expected)
        for crash in crashes:
            with contextlib.suppress(Crash):
                await batch(database, size, crash=crash)
        while await batch(database, size):
            pass
        assert await reached_by(database, notice.id) == Counter(expected)
        async with database.read() as conn:
            assert await broadcasts.waiting(conn) == (0, 0)
            state = (
                await conn.execute(select(broadcasts.broadcasts).where(broadcasts.broadcasts.c.id == notice.id))
            ).one()
        assert (state.reached, state.recipients) == (len(expected), len(expected))

    own_store.run(work)


def test_many_workers_at_once_reach_everybody_once(own_store: Store) -> None:
    async def work(database: Database) -> None:
        everyone = await people(database, 300)
        sent = [Notice(f"Title {n}", "Text", "SYSTEM") for n in range(3)]
        async with database.write() as conn:
            for notice in sent:
                await broadcasts.begin(conn, notice, None)

        async def worker() -> None:
            while True:
                async with database.read() as conn:
                    if await broadcasts.waiting(conn) == (0, 0):
                        return
                await batch(database, 7)

        await asyncio.gather(*(worker() for _ in range(4)))
        for notice in sent:
            assert await reached_by(database, notice.id) == Counter(everyone.keys())
        async with database.read() as conn:
            counts = select(notifications.inboxes.c.unread_count).where(
                notifications.inboxes.c.user_id.in_(list(everyone))
            )
            assert set(await conn.scalars(counts)) == {3}

    own_store.run(work)


def test_what_is_done_is_forgotten_after_a_while(own_store: Store) -> None:
    async def work(database: Database) -> None:
        await people(database, 2)
        async with database.write() as conn:
            await broadcasts.begin(conn, Notice("Title", "Text", "SYSTEM"), None)
        while await batch(database, 10):
            pass
        async with database.write() as conn:
            await broadcasts.begin(conn, Notice("Under way", "Text", "SYSTEM"), None)
            await broadcasts.expire(conn, "2999-01-01T00:00:00.000Z")
        async with database.read() as conn:
            assert await conn.scalar(select(func.count()).select_from(broadcasts.broadcasts)) == 1
            assert await broadcasts.waiting(conn) == (1, 2)
        while await batch(database, 10):
            pass

    own_store.run(work)
