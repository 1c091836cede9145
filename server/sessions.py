"""Sessions: a connection lasts as long as its token, which a newer one may replace."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import orjson

from handlers.base import Actor
from handlers.errors import Forbidden, Invalid, Unauthenticated
from models.types import now, to_wire
from server.connections import Connection, Connections
from server.identity import Identity

WARNING_SECONDS = 60


class SocketSessions:
    """The port ``Sessions`` of the handlers."""

    def __init__(self, connections: Connections, identity: Identity) -> None:
        self._connections = connections
        self._identity = identity
        self.changed: Callable[[str, Actor], None] = lambda connection, actor: None
        """Called when a connection's user has another role, or other claims, from now on."""

    def watch(self, connection: Connection) -> None:
        """Warn a connection before its token expires, and end it then."""
        for timer in connection.timers:
            timer.cancel()
        connection.timers = []
        if connection.expires_at is None:
            return
        loop = asyncio.get_running_loop()
        left = connection.expires_at - time.time()
        connection.timers = [
            loop.call_later(max(0.0, left - WARNING_SECONDS), self._warn, connection),
            loop.call_later(max(0.0, left), self._end, connection),
        ]

    async def refresh(self, connection: str, token: str) -> dict[str, Any]:
        """Replace a connection's token by a newer one of the same user: ``{user, expiresAt}``."""
        if connection not in self._connections:
            raise Invalid("The connection has ended.")
        found = self._connections[connection]
        credential = await self._identity.user(token)
        if credential.user is None or found.actor.user is None or credential.user.id != found.actor.user.id:
            raise Forbidden("The new token is another user's.")
        # Its claims count from now on as well: who is no moderator any more acts as none.
        found.actor = replace(found.actor, user=credential.user)
        found.expires_at = credential.expires_at
        found.issued_at = credential.issued_at
        self.watch(found)
        self.changed(connection, found.actor)
        return {"user": credential.user.wire(), "expiresAt": _moment(credential.expires_at)}

    async def may_subscribe(self, token: str, user_id: str, channel: str) -> bool:
        """Whether a subscription token is this user's, and for this channel."""
        try:
            return await self._identity.subscription(token) == (user_id, channel)
        except Unauthenticated:
            return False

    def _warn(self, connection: Connection) -> None:
        self._tell(connection, "session:expiring", {"expiresAt": _moment(connection.expires_at)})

    def _end(self, connection: Connection) -> None:
        self._tell(connection, "session:expired", {"expiresAt": _moment(connection.expires_at)})
        connection.close("the token has expired")

    def _tell(self, connection: Connection, event: str, data: dict[str, Any]) -> None:
        connection.tell(event, orjson.dumps({"event": event, "at": now(), "data": data}))


def _moment(seconds: float | None) -> str | None:
    return None if seconds is None else to_wire(datetime.fromtimestamp(seconds, UTC))
