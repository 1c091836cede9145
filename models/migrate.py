"""Migrations: bringing a database to the schema that this program knows, with Alembic."""

import asyncio
from importlib.resources import files
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

import models.broadcasts
import models.comments
import models.conflicts
import models.document_updates
import models.document_versions
import models.documents
import models.engagement
import models.event_log
import models.idempotency
import models.images
import models.leftovers
import models.likes
import models.members
import models.moderation
import models.notifications
import models.posts
import models.preferences
import models.pushes
import models.ratings
import models.record_versions
import models.records
import models.sanctions
import models.saves
import models.secrets
import models.stories  # noqa: F401 - each table's module adds it to the metadata

# How long a program waits for another one that migrates the same SQLite file.
LOCK_SECONDS = 60.0
_RETRY_SECONDS = 0.05


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

    Two programs may call this at once: the second waits, and finds it done.

    Raises:
        sqlalchemy.exc.SQLAlchemyError, OSError: the database cannot be reached, or refuses.
    """
    asyncio.run(_upgrade(url))


async def _upgrade(url: str) -> None:
    if make_url(url).get_backend_name() == "sqlite":
        await _upgrade_file(url)
        return
    engine = create_async_engine(url)
    try:
        async with engine.connect() as conn:
            await conn.exec_driver_sql(f"SELECT pg_advisory_lock({_LOCK})")
            await conn.commit()
            await conn.run_sync(_run)
            await conn.commit()
    finally:
        await engine.dispose()


async def _upgrade_file(url: str) -> None:
    engine = create_async_engine(url, connect_args={"timeout": LOCK_SECONDS}, isolation_level="AUTOCOMMIT")
    try:
        async with engine.connect() as conn:
            # The revision is read with the write lock in hand: two programs that both found none would both begin.
            await conn.exec_driver_sql("BEGIN IMMEDIATE")
            await conn.run_sync(_run)
            await conn.exec_driver_sql("COMMIT")
            await _write_ahead(conn)
    finally:
        await engine.dispose()


async def _write_ahead(conn: AsyncConnection) -> None:
    """Have an SQLite file keep a write-ahead log.

    That takes the file for oneself for a moment, and SQLite does not wait for it: whoever reads the file just then
    might be waiting for the same.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + LOCK_SECONDS
    while True:
        try:
            await conn.exec_driver_sql("PRAGMA journal_mode=WAL")
            return
        except OperationalError:
            if loop.time() > end:
                raise
            await asyncio.sleep(_RETRY_SECONDS)


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
