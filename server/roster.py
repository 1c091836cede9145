"""The roster: no more connections than each person and each address may have, over all workers."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from handlers.base import Actor
from handlers.errors import RateLimited
from models import users
from models.users import User
from server.leases import Leases

TOPIC = "connections"
RETRY_SECONDS = 5.0


class Roster:
    """Admits connections within their limits and says who is online. The port ``Presence`` of the handlers.

    Each worker holds, for each address and each user, how many connections it has. While the leases' store is away it
    counts alone.

    Args:
        leases: where the workers' counts meet.
        per_address, per_user: the limits; 0 is none.
    """

    def __init__(self, leases: Leases, *, per_address: int, per_user: int) -> None:
        self._leases = leases
        self._per_address = per_address
        self._per_user = per_user
        self._counts: Counter[str] = Counter()

    async def admit(self, actor: Actor) -> None:
        """Count a connection in. Raises ``RateLimited`` when its address or its user has as many as they may."""
        limits = self._limits(actor)
        here = self._count(limits, 1)
        try:
            elsewhere = await self._leases.hold(TOPIC, here)
            for member, limit in limits.items():
                if 0 < limit < int(here[member] or 0) + sum(map(int, elsewhere.get(member, ()))):
                    raise RateLimited(RETRY_SECONDS, "There are too many connections from here; close some first.")
        except BaseException:
            await self.leave(actor)
            raise

    async def leave(self, actor: Actor) -> None:
        """Count a connection out."""
        await self._leases.hold(TOPIC, self._count(self._limits(actor), -1))

    async def of(self, conn: AsyncConnection, people: Mapping[str, User]) -> dict[str, dict[str, Any]]:
        """The presence of each of the users: ``{userId, isOnline, status, lastSeenAt, …}``."""
        ids = list(people)
        statuses = await self.statuses(ids)
        seen = await users.last_seen(conn, ids)
        return {
            each: {
                "userId": each,
                "isOnline": statuses[each] == "online",
                "status": statuses[each],
                "lastSeenAt": seen.get(each),
                "currentPage": None,
                "activity": None,
                "user": people[each].wire(),
            }
            for each in ids
        }

    async def statuses(self, ids: Iterable[str]) -> dict[str, str]:
        """``online`` or ``offline`` for each of the ids."""
        wanted = list(ids)
        found = await self._leases.read(TOPIC, [f"user:{each}" for each in wanted])
        return {each: "online" if f"user:{each}" in found else "offline" for each in wanted}

    def is_here(self, user_id: str) -> bool:
        """Whether the user has a connection to this worker."""
        return f"user:{user_id}" in self._counts

    def _limits(self, actor: Actor) -> dict[str, int]:
        """Where a connection counts, and how many there may be. Backends come from the application's own machines."""
        limits = {} if actor.backend else {f"address:{actor.address}": self._per_address}
        if actor.user is not None:
            limits[f"user:{actor.user.id}"] = self._per_user
        return limits

    def _count(self, members: Iterable[str], change: int) -> dict[str, str | None]:
        """Count here; what this worker holds of these members from now on."""
        held: dict[str, str | None] = {}
        for member in members:
            self._counts[member] += change
            if self._counts[member] > 0:
                held[member] = str(self._counts[member])
            else:
                del self._counts[member]
                held[member] = None
        return held
