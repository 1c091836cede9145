"""Migrations bring an empty database to exactly the tables that the program declares."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine

from models import migrate
from models.database import metadata

# What full-text search needs is written by hand: no metadata can say it.
FULL_TEXT = ("messages_fts", "ix_messages_search")


def ask(url: str, question: Callable[[Connection], Any]) -> Any:
    """Ask the database at an async URL something, synchronously."""

    async def asking() -> Any:
        engine = create_async_engine(url)
        try:
            async with engine.connect() as conn:
                return await conn.run_sync(question)
        finally:
            await engine.dispose()

    return asyncio.run(asking())


def default_differs(
    context: MigrationContext, _found: Any, _column: Any, found: str | None, _default: Any, declared: str | None
) -> bool | None:
    """Whether a column's default is another one. On SQLite Alembic reads it with other quotes."""
    if context.dialect.name != "sqlite":
        return None
    return (found and found.strip("'()")) != (declared and declared.strip("'()"))


def differences(conn: Connection) -> list[Any]:
    """What would have to change for the database to be as the metadata says."""

    def counts(_object: Any, name: str | None, _type: str, _reflected: bool, _other: Any) -> bool:
        return not str(name).startswith(FULL_TEXT)

    options = {"compare_type": True, "compare_server_default": default_differs, "include_object": counts}
    return compare_metadata(MigrationContext.configure(conn, opts=options), metadata)


def is_current(url: str) -> bool:
    """Whether the program finds its schema there."""

    async def asking() -> bool:
        engine = create_async_engine(url)
        try:
            async with engine.connect() as conn:
                return await migrate.is_current(conn)
        finally:
            await engine.dispose()

    return asyncio.run(asking())


def test_a_migrated_database_has_the_tables_that_are_declared(empty_url: str) -> None:
    assert not is_current(empty_url)
    assert ask(empty_url, differences) != []
    migrate.upgrade(empty_url)
    assert ask(empty_url, differences) == []
    assert is_current(empty_url)


def test_migrating_again_changes_nothing(empty_url: str) -> None:
    migrate.upgrade(empty_url)
    migrate.upgrade(empty_url)
    assert ask(empty_url, differences) == []


def test_migrating_from_several_programs_at_once_is_harmless(empty_url: str) -> None:
    with ProcessPoolExecutor(3, get_context("spawn")) as programs:
        for each in [programs.submit(migrate.upgrade, empty_url) for _ in range(6)]:
            each.result()
    assert ask(empty_url, differences) == []


@pytest.mark.parametrize("statement", ["ALTER TABLE rooms ADD COLUMN colour text", "DROP INDEX ix_members_user_id"])
def test_a_difference_would_be_noticed(empty_url: str, statement: str) -> None:
    migrate.upgrade(empty_url)

    def change(conn: Connection) -> list[Any]:
        conn.execute(text(statement))
        return differences(conn)

    assert len(ask(empty_url, change)) == 1
