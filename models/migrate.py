"""Migrations: bringing a database to the schema that this program knows, with Alembic."""

import asyncio
from importlib.resources import files
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

import models.idempotency
import models.members  # noqa: F401 - each table's module adds it to the metadata


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(files("models") / "migrations"))
    config.set_main_option("path_separator", "os")
    return config


def head() -> str:
    """The newest revision that this program knows."""
    revision = ScriptDirectory.from_config(_config()).get_current_head()
    if revision is None:
        raise RuntimeError("the program holds no migrations: it was installed incompletely; install it again")
    return revision


def upgrade(url: str) -> None:
    """Bring the database at an async SQLAlchemy URL to the newest schema; nothing happens when it is there.

    Two programs may call this at once: on PostgreSQL the second waits, on SQLite the file is locked.

    Raises:
        sqlalchemy.exc.SQLAlchemyError, OSError: the database cannot be reached, or refuses.
    """
    asyncio.run(_upgrade(url))


async def _upgrade(url: str) -> None:
    engine = create_async_engine(url)
    try:
        async with engine.connect() as conn:
            if conn.dialect.name == "postgresql":
                await conn.exec_driver_sql(f"SELECT pg_advisory_lock({_LOCK})")
                await conn.commit()
            else:
                await conn.exec_driver_sql("PRAGMA journal_mode=WAL")
            await conn.run_sync(_run)
            await conn.commit()
    finally:
        await engine.dispose()


def _run(conn: Connection) -> None:
    config = _config()
    config.attributes["connection"] = conn
    command.upgrade(config, "head")


async def is_current(conn: AsyncConnection) -> bool:
    """Whether the database has the newest schema."""

    def revision(sync: Any) -> str | None:
        return MigrationContext.configure(sync).get_current_revision()

    return await conn.run_sync(revision) == head()


_LOCK = 0x6D696772
