"""The roster: no more connections than each person and each address may have, over all workers."""

from collections import Counter
from collections.abc import Iterable

from handlers.base import Actor
from handlers.errors import RateLimited
from server.leases import Leases

TOPIC = "connections"
RETRY_SECONDS = 5.0


class Roster:
    """Admits connections within their limits.

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
                if limit < int(here[member] or 0) + sum(map(int, elsewhere.get(member, ()))):
                    raise RateLimited(RETRY_SECONDS, "There are too many connections from here; close some first.")
        except BaseException:
            await self.leave(actor)
            raise

    async def leave(self, actor: Actor) -> None:
        """Count a connection out."""
        await self._leases.hold(TOPIC, self._count(self._limits(actor), -1))

    def _limits(self, actor: Actor) -> dict[str, int]:
        """Where a connection counts, and how many there may be. Backends come from the application's own machines."""
        limits = {}
        if self._per_address and not actor.backend:
            limits[f"address:{actor.address}"] = self._per_address
        if self._per_user and actor.user is not None:
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
