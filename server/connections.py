"""Connections: who is connected to this worker, through whatever door stays open."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from handlers.base import Actor

Door = Literal["socket", "stream", "poll"]


@dataclass(slots=True)
class Connection:
    """A Socket.IO connection, a stream or a waiting poll: who acts through it, until when, and its timers.

    ``tell(event, envelope)`` sends an event to it alone. ``close(reason)`` ends it for good: its client does not come
    back by itself (a stream's tries, and is refused if the cause lasts). ``issued_at`` is when the user's token was
    made, None when it doesn't say.
    """

    id: str
    door: Door
    actor: Actor
    expires_at: float | None
    tell: Callable[[str, bytes], None]
    close: Callable[[str], None]
    issued_at: float | None = None
    timers: list[asyncio.TimerHandle] = field(default_factory=list)


class Connections:
    """This worker's connections, by id and by user."""

    def __init__(self) -> None:
        self._by_id: dict[str, Connection] = {}
        self._by_user: dict[str, dict[str, None]] = {}
        self._of_door: Counter[Door] = Counter()
        self.admit: Callable[[Connection], None] = lambda connection: None

    def __contains__(self, connection_id: str) -> bool:
        return connection_id in self._by_id

    def __getitem__(self, connection_id: str) -> Connection:
        return self._by_id[connection_id]

    def __iter__(self) -> Iterator[Connection]:
        return iter(list(self._by_id.values()))

    def __len__(self) -> int:
        return len(self._by_id)

    def count(self, door: Door) -> int:
        """How many came through a door."""
        return self._of_door[door]

    def of_user(self, user_id: str) -> list[str]:
        """The ids of a user's connections."""
        return list(self._by_user.get(user_id, ()))

    def add(self, connection: Connection) -> None:
        """Enter a connection. Raises ``Forbidden`` or ``Unauthenticated`` for who may no longer be here."""
        self.admit(connection)
        self._by_id[connection.id] = connection
        self._of_door[connection.door] += 1
        if connection.actor.user is not None:
            self._by_user.setdefault(connection.actor.user.id, {})[connection.id] = None

    def remove(self, connection_id: str) -> Connection | None:
        """Take a connection out, its timers stopped; None when it is not here."""
        connection = self._by_id.pop(connection_id, None)
        if connection is None:
            return None
        self._of_door[connection.door] -= 1
        for timer in connection.timers:
            timer.cancel()
        if connection.actor.user is not None:
            mine = self._by_user[connection.actor.user.id]
            del mine[connection_id]
            if not mine:
                del self._by_user[connection.actor.user.id]
        return connection
