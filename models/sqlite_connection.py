"""SQLite without a thread for each statement.

aiosqlite hands every call to a thread. Waking one takes longer than most statements here, and a statement is four calls
(a cursor, its execution, its rows, its end). So a statement runs where it is called, and only what waits goes to the
thread: the commit, which waits for the disk, and the write lock when another process holds it.
"""

import sqlite3
from collections.abc import Callable
from typing import Any

import aiosqlite

BEGIN_WRITING = "BEGIN IMMEDIATE"
# Of the connection: a cursor's close waits for nothing.
_WAITING_CALLS = {"commit", "close"}


class InlineConnection(aiosqlite.Connection):
    """An aiosqlite connection whose statements run in the caller's thread.

    One statement at a time, as before: SQLAlchemy waits for each, and gives a connection to one task at a time.
    """

    patience_ms = 0

    async def _execute(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Replaces aiosqlite.Connection._execute, which queues every call for the thread."""
        if fn.__name__ in _WAITING_CALLS and getattr(fn, "__self__", None) is self._connection:
            return await super()._execute(fn, *args, **kwargs)
        if args and args[0] == BEGIN_WRITING:
            return await self._begin_writing(fn, *args, **kwargs)
        return fn(*args, **kwargs)

    async def _begin_writing(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Take the write lock: at once where it is free, else in the thread, as long as the patience lasts."""
        try:
            return fn(*args, **kwargs)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise

        def wait() -> Any:
            self._conn.execute(f"PRAGMA busy_timeout={self.patience_ms}")
            try:
                return fn(*args, **kwargs)
            finally:
                self._conn.execute("PRAGMA busy_timeout=0")

        return await super()._execute(wait)


def connect(path: str, timeout: float, *, writes: bool) -> InlineConnection:
    """An awaitable connection to a file, for ``create_async_engine(async_creator=…)``.

    Args:
        path: the file.
        timeout: seconds to wait for a lock.
        writes: its transactions take the write lock, and never wait for it in the caller's thread.
    """

    def connector() -> sqlite3.Connection:
        # Used from two threads, never at the same time.
        patience = 0 if writes else timeout
        return sqlite3.connect(path, timeout=patience, check_same_thread=False, cached_statements=512)

    connection = InlineConnection(connector, iter_chunk_size=64)
    connection.patience_ms = int(timeout * 1000)
    connection._thread.daemon = True  # as SQLAlchemy's own dialect does
    return connection
