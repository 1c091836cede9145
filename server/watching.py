"""``hubbub watch`` and ``hubbub unwatch``, and what ``serve`` says of tables that are not watched as they should be."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from handlers.declared import WatchedTable
from models import migrate, table_triggers
from models.database import Database
from models.table_columns import TableConfig, Unfit, shape_of
from server.errors import StartupError
from server.settings import Settings

log = logging.getLogger("hubbub.tables")

# Two programs that watch tables at once take turns.
_LOCK = 0x77617463


def watch(settings: Settings, title: str) -> str:
    """Have the changes of ``schema.table`` told as HUBBUB_COLLECTIONS says; a line that says so.

    Raises ``StartupError`` with a line for the operator when that cannot be.
    """
    tables = {} if settings.shared_data is None else settings.shared_data.tables
    if title not in tables:
        raise StartupError(
            f'{title} is not declared: give it an entry [tables."{title}"] in the file of HUBBUB_COLLECTIONS'
        )

    async def install(conn: AsyncConnection) -> str:
        shape = await shape_of(conn, config_of(tables[title], settings))
        await table_triggers.install(conn, shape)
        return f"{title} is watched: its changes are told on {shape.config.channel}."

    return asyncio.run(_in_transaction(settings, title, install))


def unwatch(settings: Settings, title: str) -> str:
    """Have nothing more told of ``schema.table``; a line that says so. Raises ``StartupError`` as ``watch`` does."""

    async def remove(conn: AsyncConnection) -> str:
        removed = await table_triggers.remove(conn, title)
        return f"{title} is watched no longer." if removed else f"{title} was not watched; nothing is changed."

    return asyncio.run(_in_transaction(settings, title, remove))


def config_of(table: WatchedTable, settings: Settings) -> TableConfig:
    """What is told of a declared table."""
    return TableConfig(table.schema, table.name, table.columns, table.owner, settings.record_bytes, settings.table_rows)


async def _in_transaction(settings: Settings, title: str, change: Callable[[AsyncConnection], Awaitable[str]]) -> str:
    if not settings.database_url.startswith("postgresql"):
        raise StartupError(f"{title}: tables need PostgreSQL; set DATABASE_URL=postgresql://…")
    database = Database(settings.database_url, pool_size=1, timeout=settings.database_timeout_seconds)
    try:
        async with database.write() as conn:
            if not await migrate.is_current(conn):
                raise StartupError(
                    "The database's schema is not this program's (DATABASE_URL): run hubbub migrate first."
                )
            await conn.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            return await change(conn)
    except Unfit as error:
        raise StartupError(str(error)) from error
    except TimeoutError as error:
        raise StartupError(
            f"{title}: the database did not answer in time, perhaps because a transaction holds the table;"
            " end that, or raise HUBBUB_DATABASE_TIMEOUT_SECONDS"
        ) from error
    except (SQLAlchemyError, OSError) as error:
        cause = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
        raise StartupError(f"{title}: {cause}; see that DATABASE_URL is right and its user may do this") from error
    finally:
        await database.close()


async def review(database: Database, tables: Mapping[str, WatchedTable], settings: Settings) -> None:
    """Warn of each declared table that is not watched as it is declared, and of each that is watched undeclared.

    Raises what the database raises.
    """
    if database.dialect != "postgresql":
        return
    async with database.read() as conn:
        for title, table in tables.items():
            trouble = await _trouble(conn, config_of(table, settings))
            if trouble is not None:
                log.warning("A table's changes are not told as declared: %s", trouble, extra={"table": title})
        for title in await table_triggers.watched(conn):
            if title not in tables:
                log.warning(
                    "A table is watched that HUBBUB_COLLECTIONS does not declare: run hubbub unwatch %s",
                    title,
                    extra={"table": title},
                )


async def _trouble(conn: AsyncConnection, config: TableConfig) -> str | None:
    try:
        current = await table_triggers.is_current(conn, await shape_of(conn, config))
    except Unfit as error:
        return str(error)
    if current is None:
        return f"{config.title} is not watched; run hubbub watch {config.title}"
    return None if current else f"{config.title} is watched, but not as declared; run hubbub watch {config.title} again"
