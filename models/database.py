"""The database: one door for reads, one for writes, the same on SQLite and PostgreSQL."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import MetaData, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from models import sqlite_connection
from models.sqlite_connection import BEGIN_WRITING

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
metadata = MetaData(naming_convention=NAMING)

# Searches that SQLite carries out at a time, each in a thread.
SCANS = 2
# PostgreSQL: serialization failure, deadlock, and a unique row that another transaction was first to write: the
# transaction was undone whole, and run again it sees what it collided with.
_RETRYABLE = {"40001", "40P01", "23505"}
# PostgreSQL classes: connection exceptions, insufficient resources, operator intervention, system errors.
_AWAY = ("08", "53", "57", "58")


class Database:
    """Transactions on one database.

    SQLite has one writer: writes queue here, in this process, instead of failing with "database is locked", and
    each begins with ``BEGIN IMMEDIATE`` so that it never has to give up half-way. Reads see the last commit.
    Its statements run in the event loop's thread (see ``models.sqlite_connection``), those of ``scan`` apart.

    Args:
        url: an async SQLAlchemy URL (``sqlite+aiosqlite:///…`` or ``postgresql+asyncpg://…``).
        pool_size: connections to PostgreSQL, or reading connections to SQLite.
        timeout: seconds to wait for a connection, a lock or a statement.
    """

    def __init__(self, url: str, *, pool_size: int = 10, timeout: float = 5.0) -> None:
        self.dialect = make_url(url).get_backend_name()
        self._timeout = timeout
        self._turn: asyncio.Lock | None = None
        if self.dialect == "sqlite":
            self._reader = _sqlite_engine(url, pool_size, timeout)
            self._writer = _sqlite_engine(url, 1, timeout, writes=True)
            self._scanner = _sqlite_engine(url, SCANS, timeout, threaded=True)
            self._turn = asyncio.Lock()
        else:
            self._writer = _postgresql_engine(url, pool_size, timeout)
            # A query by itself needs no BEGIN and no ROLLBACK, which are a round trip each.
            self._reader = self._scanner = self._writer.execution_options(isolation_level="AUTOCOMMIT")

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A connection for queries, each of which sees what was committed before it."""
        async with self._reader.connect() as conn:
            yield conn

    @asynccontextmanager
    async def scan(self) -> AsyncIterator[AsyncConnection]:
        """Like ``read``, for queries that may take long: they never hold up the event loop."""
        async with self._scanner.connect() as conn:
            yield conn

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A transaction: committed when the block ends, undone when it raises."""
        if self._turn is None:
            async with self._writer.begin() as conn:
                yield conn
        else:
            async with self._turn, self._writer.begin() as conn:
                yield conn

    @asynccontextmanager
    async def line(self) -> AsyncIterator[Any]:
        """asyncpg's own connection to PostgreSQL, apart from the pool, for what lasts as long as the program."""
        engine = create_async_engine(
            self._writer.url, poolclass=NullPool, connect_args=_postgresql_arguments(self._timeout)
        )
        try:
            async with engine.connect() as conn:
                yield (await conn.get_raw_connection()).driver_connection
        finally:
            await engine.dispose()

    async def close(self) -> None:
        """Close every connection."""
        await self._writer.dispose()
        if self.dialect == "sqlite":
            await self._reader.dispose()
            await self._scanner.dispose()


_BEGIN_READING = {"sqlite": "BEGIN", "postgresql": "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"}


@asynccontextmanager
async def one_moment(conn: AsyncConnection) -> AsyncIterator[None]:
    """Let all queries on a connection for reading see what was committed when the first of them ran."""
    await conn.exec_driver_sql(_BEGIN_READING[conn.dialect.name])
    try:
        yield
    except asyncio.CancelledError:
        # A query may be under way: nobody can say in what state the connection is.
        await conn.invalidate()
        raise
    finally:
        if not conn.invalidated:
            await conn.exec_driver_sql("ROLLBACK")


def _sqlite_engine(url: str, size: int, timeout: float, *, writes: bool = False, threaded: bool = False) -> AsyncEngine:
    path = make_url(url).database or ":memory:"
    creator: dict[str, Any] = (
        {} if threaded else {"async_creator": lambda: sqlite_connection.connect(path, timeout, writes=writes)}
    )
    # A transaction has always ended when its connection comes back to the pool.
    engine = create_async_engine(
        url, pool_size=size, max_overflow=0, pool_timeout=timeout, pool_reset_on_return=None, **creator
    )

    @event.listens_for(engine.sync_engine, "connect")
    def configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver's own BEGIN comes too late for IMMEDIATE
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")  # an acknowledged write survives a power cut
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    if writes:

        @event.listens_for(engine.sync_engine, "begin")
        def begin(connection: Any) -> None:
            connection.exec_driver_sql(BEGIN_WRITING)

    return engine


def _postgresql_engine(url: str, size: int, timeout: float) -> AsyncEngine:
    return create_async_engine(
        url,
        pool_size=size,
        max_overflow=0,
        pool_timeout=timeout,
        pool_use_lifo=True,
        connect_args=_postgresql_arguments(timeout),
    )


def _postgresql_arguments(timeout: float) -> dict[str, Any]:
    return {
        "timeout": timeout,
        "command_timeout": timeout,
        "server_settings": {"application_name": "hubbub", "jit": "off"},
    }


def is_unavailable(error: BaseException) -> bool:
    """Whether the error means that the database cannot be reached now, so that the same call may succeed later."""
    if isinstance(error, (PoolTimeout, TimeoutError, ConnectionError, OSError)):
        return True
    if isinstance(error, DBAPIError):
        code = getattr(error.orig, "sqlstate", None) or ""
        if error.connection_invalidated or code.startswith(_AWAY):
            return True
        if isinstance(error, InterfaceError):
            return True
        # SQLite calls everything operational, a statement about a table that is not there as well as a full disk.
        wrong = getattr(error.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR
        return isinstance(error, OperationalError) and not code and not wrong
    return isinstance(error, SQLAlchemyError) and isinstance(error.__cause__, (ConnectionError, OSError))


def is_retryable(error: BaseException) -> bool:
    """Whether the database undid the transaction only because another one stood in its way."""
    return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) in _RETRYABLE
