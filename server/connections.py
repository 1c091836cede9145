"""Connections: who is connected to this worker."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field

from handlers.base import Actor


@dataclass(slots=True)
class Connection:
    """A Socket.IO connection: who acts through it, until when, and the timers of its session."""

    id: str
    actor: Actor
    expires_at: float | None
    timers: list[asyncio.TimerHandle] = field(default_factory=list)


class Connections:
    """This worker's connections, by id and by user."""

    def __init__(self) -> None:
        self._by_id: dict[str, Connection] = {}
        self._by_user: dict[str, dict[str, None]] = {}

    def __contains__(self, connection_id: str) -> bool:
        return connection_id in self._by_id

    def __getitem__(self, connection_id: str) -> Connection:
        return self._by_id[connection_id]

    def __iter__(self) -> Iterator[Connection]:
        return iter(list(self._by_id.values()))

    def __len__(self) -> int:
        return len(self._by_id)

    def of_user(self, user_id: str) -> list[str]:
        """The ids of a user's connections."""
        return list(self._by_user.get(user_id, ()))

    def add(self, connection: Connection) -> None:
        """Enter a connection."""
        self._by_id[connection.id] = connection
        if connection.actor.user is not None:
            self._by_user.setdefault(connection.actor.user.id, {})[connection.id] = None

    def remove(self, connection_id: str) -> Connection | None:
        """Take a connection out, its timers stopped; None when it is not here."""
        connection = self._by_id.pop(connection_id, None)
        if connection is None:
            return None
        for timer in connection.timers:
            timer.cancel()
        if connection.actor.user is not None:
            mine = self._by_user[connection.actor.user.id]
            del mine[connection_id]
            if not mine:
                del self._by_user[connection.actor.user.id]
        return connection
