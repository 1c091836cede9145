"""SQLite without a thread for each statement.

aiosqlite hands every call to a thread. Waking one takes longer than most statements here, and a statement is four calls
(a cursor, its execution, its rows, its end). So a statement runs where it is called, and only what waits goes to the
thread: taking the write lock, and the commit, which waits for the disk.
"""

import sqlite3
from collections.abc import Callable
from typing import Any

import aiosqlite

_WAITING_CALLS = {"commit", "rollback", "close"}


class InlineConnection(aiosqlite.Connection):
    """An aiosqlite connection whose statements run in the caller's thread.

    One statement at a time, as before: SQLAlchemy waits for each, and gives a connection to one task at a time.
    """

    async def _execute(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Replaces aiosqlite.Connection._execute, which queues every call for the thread."""
        if fn.__name__ in _WAITING_CALLS or (args and args[0] == "BEGIN IMMEDIATE"):
            return await super()._execute(fn, *args, **kwargs)
        return fn(*args, **kwargs)


def connect(path: str, timeout: float) -> InlineConnection:
    """An awaitable connection to a file, for ``create_async_engine(async_creator=…)``; ``timeout`` in seconds."""

    def connector() -> sqlite3.Connection:
        # Used from two threads, never at the same time.
        return sqlite3.connect(path, timeout=timeout, check_same_thread=False, cached_statements=512)

    connection = InlineConnection(connector, iter_chunk_size=64)
    connection._thread.daemon = True  # as SQLAlchemy's own dialect does
    return connection
