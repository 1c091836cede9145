"""SQLite statements run where they are called, and only what waits goes to a thread."""

import asyncio
import sqlite3
import threading
from pathlib import Path

import pytest
from sqlalchemy import text

from models.database import Database


@pytest.fixture
async def database(tmp_path: Path):
    """A database in a file of its own."""
    opened = Database(f"sqlite+aiosqlite:///{tmp_path}/test.db")
    yield opened
    await opened.close()


async def thread_of(conn) -> str:
    """The name of the thread in which SQLite calls a function of ours."""
    raw = await conn.get_raw_connection()
    driver = raw.driver_connection._connection
    seen: list[str] = []
    driver.create_function("whereami", 0, lambda: seen.append(threading.current_thread().name))
    await conn.execute(text("SELECT whereami()"))
    return seen[0]


async def test_statements_run_in_the_event_loops_thread(database: Database) -> None:
    """Waking a thread takes longer than a statement; relies on aiosqlite's Connection._execute."""
    here = threading.current_thread().name
    async with database.read() as conn:
        assert await thread_of(conn) == here
    async with database.write() as conn:
        assert await thread_of(conn) == here


async def test_long_queries_have_a_thread_of_their_own(database: Database) -> None:
    """What may take long never holds up the loop."""
    async with database.scan() as conn:
        assert (await conn.execute(text("SELECT 1"))).scalar() == 1
        raw = await conn.get_raw_connection()
        assert type(raw.driver_connection).__name__ == "Connection"


async def test_a_transaction_is_undone_whole(database: Database) -> None:
    """What was written before an error is gone after it."""
    async with database.write() as conn:
        await conn.execute(text("CREATE TABLE things (name TEXT)"))
    with pytest.raises(ZeroDivisionError):
        async with database.write() as conn:
            await conn.execute(text("INSERT INTO things VALUES ('one')"))
            raise ZeroDivisionError
    async with database.read() as conn:
        assert (await conn.execute(text("SELECT count(*) FROM things"))).scalar() == 0


async def test_commits_survive_a_power_cut(database: Database) -> None:
    """An acknowledged write is on the disk: the journal is synchronised at each commit."""
    async with database.write() as conn:
        assert (await conn.execute(text("PRAGMA synchronous"))).scalar() == 2
        assert (await conn.execute(text("PRAGMA journal_mode"))).scalar() == "wal"


async def test_a_commit_is_the_only_call_that_goes_to_the_thread(database: Database, monkeypatch) -> None:
    """A transaction of several statements waits once, for the disk."""
    async with database.write() as conn:
        await conn.execute(text("CREATE TABLE things (name TEXT)"))
        queue = (await conn.get_raw_connection()).driver_connection._tx
    queued: list[object] = []

    class Counted:
        def put_nowait(self, item) -> None:
            queued.append(item)
            queue.put_nowait(item)

    async with database.write() as conn:
        (await conn.get_raw_connection()).driver_connection._tx = Counted()
        await conn.execute(text("INSERT INTO things VALUES ('one')"))
        assert (await conn.execute(text("SELECT name FROM things"))).scalar() == "one"
    assert len(queued) == 1


async def test_a_second_writer_waits_for_the_lock(database: Database, tmp_path: Path) -> None:
    """Another process's transaction makes ours wait in its thread, not fail, and not stop the loop."""
    other = sqlite3.connect(tmp_path / "test.db", isolation_level=None)
    async with database.write() as conn:
        await conn.execute(text("CREATE TABLE things (name TEXT)"))
    other.execute("BEGIN IMMEDIATE")

    async def insert() -> None:
        async with database.write() as conn:
            await conn.execute(text("INSERT INTO things VALUES ('ours')"))

    ours = asyncio.create_task(insert())
    turns = 0
    while turns < 50:
        await asyncio.sleep(0)
        turns += 1
    assert not ours.done()
    other.execute("INSERT INTO things VALUES ('theirs')")
    other.execute("COMMIT")
    await ours
    assert [name for (name,) in other.execute("SELECT name FROM things ORDER BY rowid")] == ["theirs", "ours"]
    other.close()
