"""Announcements: PostgreSQL itself tells, with the commit, of what SQL publishes through ``hubbub_publish``."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from models.database import Database

_TOPIC = "hubbub_events"
_CHANNEL, _NONCE = "c:", "n:"


class Line:
    """A connection that hears announcements, and its own voice: a proxy may let one speak and not hear."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._nonce = secrets.token_hex(8)
        self._cut = asyncio.Event()
        self.heard_itself: Callable[[], None] = lambda: None
        self.heard: Callable[[str], None] = lambda channel: None

    async def speak(self) -> None:
        """Announce something to oneself. Raises what asyncpg raises."""
        await self._connection.execute("SELECT pg_notify($1, $2)", _TOPIC, _NONCE + self._nonce)

    async def listen(self) -> None:
        """Begin to hear. Raises what asyncpg raises."""
        self._connection.add_termination_listener(lambda _: self._cut.set())
        await self._connection.add_listener(_TOPIC, self._take)

    async def until_cut(self, seconds: float) -> None:
        """Wait so long, or until the connection is lost. Raises ``ConnectionError`` then."""
        try:
            async with asyncio.timeout(seconds):
                await self._cut.wait()
        except TimeoutError:
            return
        raise ConnectionResetError("PostgreSQL closed the connection")

    async def close(self) -> None:
        """Hear no more."""
        if not self._connection.is_closed():
            await self._connection.remove_listener(_TOPIC, self._take)

    def _take(self, _connection: Any, _process: int, _topic: str, payload: str) -> None:
        if payload.startswith(_CHANNEL):
            self.heard(payload.removeprefix(_CHANNEL))
        elif payload == _NONCE + self._nonce:
            self.heard_itself()


@asynccontextmanager
async def open_line(database: Database) -> AsyncIterator[Line]:
    """A new line to a PostgreSQL database. Raises what the database raises."""
    async with database.line() as connection:
        line = Line(connection)
        try:
            yield line
        finally:
            await line.close()
