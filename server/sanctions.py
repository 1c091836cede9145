"""Sanctions: who may not speak or not come in, known to every worker without asking anybody.

Changes stand in the log, in the transaction that made them, on a channel that every worker hears: like any event they
are read from the log when the bus did not bring them.
"""

import asyncio
import logging
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from handlers.base import Actor
from handlers.errors import Forbidden, Unauthenticated
from handlers.sanctions import CHANGES, standing
from models import sanctions
from models.database import Database
from models.event_log import Event
from server.connections import Connection, Connections
from server.delivery import Delivery
from server.feed import Feed
from server.hearers import Hearers

log = logging.getLogger("hubbub.sanctions")

RETRY_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class _Standing:
    """What holds for a person: moments in seconds since 1970, infinite where there is no end, 0 where there is none."""

    muted_until: float
    banned_until: float
    revoked_at: float
    told: dict[str, Any]


class ActiveSanctions:
    """The port ``Sanctions`` of the handlers, and what ends the connections of those who may no longer be here.

    Args:
        delivery: brings the changes.
        hearers: tells when changes were missed for good.
        connections: of this worker.
        database: where the sanctions are read at the start.
    """

    actor = Actor()

    def __init__(self, delivery: Delivery, hearers: Hearers, connections: Connections, database: Database) -> None:
        self._delivery = delivery
        self._hearers = hearers
        self._connections = connections
        self._database = database
        self._standings: dict[str, _Standing] = {}
        self._heard_meanwhile: dict[str, dict[str, Any]] | None = None
        self._feed: Feed | None = None
        self._reading: asyncio.Task[None] | None = None
        connections.admit = self._admit

    async def start(self) -> None:
        """Listen, then read what holds already. Raises what the database raises."""
        self._feed = await self._delivery.open(CHANGES)
        self._feed.add(self, self)
        self._hearers.add(CHANGES, self, self)
        await self._read()

    async def stop(self) -> None:
        """Listen no longer."""
        if self._feed is not None:
            self._hearers.remove(CHANGES, self)
            self._feed.remove(self)
            self._delivery.close(self._feed)
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)

    def require(self, actor: Actor, *, speaks: bool) -> None:
        """Raise ``Forbidden`` when the actor is banned or, for what ``speaks``, muted."""
        now = time.time()
        found = None if actor.user is None else self._lasting(actor.user.id, now)
        if found is None:
            return
        if found.banned_until > now:
            raise Forbidden(_sentence("You are banned", found.told["banned"]))
        if speaks and found.muted_until > now:
            raise Forbidden(_sentence("You are muted", found.told["muted"]))

    def admit(self, user_id: str, issued_at: float | None) -> None:
        """Raise ``Forbidden`` for who is banned, ``Unauthenticated`` for a token from before their revocation.

        ``issued_at`` is the token's ``iat``, in seconds since 1970; None, when it does not say, is before all.
        """
        now = time.time()
        found = self._lasting(user_id, now)
        if found is None:
            return
        if found.banned_until > now:
            raise Forbidden(_sentence("You are banned", found.told["banned"]))
        if issued_at is None or issued_at < found.revoked_at:
            raise Unauthenticated("This token was revoked: sign in again.")

    def _lasting(self, user_id: str, now: float) -> _Standing | None:
        """How somebody stands; what has ended is forgotten."""
        found = self._standings.get(user_id)
        if found is not None and not found.revoked_at and max(found.muted_until, found.banned_until) <= now:
            del self._standings[user_id]
            return None
        return found

    def hear(self, event: Event) -> None:
        """Take a change."""
        told = event.data
        if self._heard_meanwhile is not None:
            self._heard_meanwhile[told["userId"]] = told
        self._apply(told)

    def hear_signal(self, channel: str, event: str, envelope: bytes, attachments: tuple[bytes, ...] = ()) -> None:
        """There are no signals here."""

    def send_away(self) -> None:
        """Nobody sends a worker away."""

    def reset(self) -> None:
        """Changes were missed for good: read everything."""
        if self._reading is None or self._reading.done():
            self._reading = asyncio.ensure_future(self._read_until_done())

    async def _read_until_done(self) -> None:
        while True:
            try:
                await self._read()
                return
            except Exception as error:
                log.warning("Sanctions could not be read; trying again", extra={"cause": repr(error)})
                await asyncio.sleep(RETRY_SECONDS)

    async def _read(self) -> None:
        # What is heard while the query runs is newer than what it brings.
        self._heard_meanwhile = {}
        try:
            async with self._database.read() as conn:
                rows = await sanctions.lasting(conn)
            of_user: dict[str, dict[str, Any]] = {}
            for row in rows:
                of_user.setdefault(row.user_id, {})[row.kind] = row
            told = {user_id: standing(user_id, found) for user_id, found in of_user.items()}
            told |= self._heard_meanwhile
        finally:
            self._heard_meanwhile = None
        for gone in self._standings.keys() - told.keys():
            del self._standings[gone]
        for each in told.values():
            self._apply(each)

    def _apply(self, told: dict[str, Any]) -> None:
        user_id = told["userId"]
        found = _Standing(_end(told["muted"]), _end(told["banned"]), _moment(told["revokedAt"]), told)
        if found.muted_until or found.banned_until or found.revoked_at:
            self._standings[user_id] = found
        else:
            self._standings.pop(user_id, None)
        for connection in self._connections.of_user(user_id):
            try:
                self._admit(self._connections[connection])
            except (Forbidden, Unauthenticated) as error:
                self._connections[connection].close(str(error))

    def _admit(self, connection: Connection) -> None:
        if connection.actor.user is not None:
            self.admit(connection.actor.user.id, connection.issued_at)


def _end(sanction: dict[str, Any] | None) -> float:
    if sanction is None:
        return 0.0
    return float("inf") if sanction["until"] is None else _moment(sanction["until"])


def _moment(at: str | None) -> float:
    return 0.0 if at is None else datetime.fromisoformat(at).timestamp()


def _sentence(what: str, sanction: dict[str, Any]) -> str:
    until = "" if sanction["until"] is None else f" until {sanction['until']}"
    why = "" if sanction["reason"] is None else f": {sanction['reason']}"
    return f"{what} here{until}{why}."
