"""Leases: what a worker holds for as long as it lives, seen by all workers.

A *topic* is a name (``people``, ``viewers:trip:1``), a *member* of it a user's id or an address, a *value* a text.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Protocol

Lost = Callable[[str, Collection[str]], Awaitable[None] | None]


class Leases(Protocol):
    """The port; ``server.leases_memory`` fills it for one worker, ``server.leases_redis`` for many."""

    worker: str

    @property
    def whole(self) -> bool:
        """Whether reads answer for all workers.

        False while the store is away, and after it lost its data until the workers known before have filled it again.
        Who is missing in what is read meanwhile need not be gone.
        """

    async def start(self) -> None:
        """Begin to hold."""

    async def stop(self) -> None:
        """Give up everything that this worker holds."""

    async def hold(self, topic: str, values: Mapping[str, str | None]) -> dict[str, list[str]]:
        """Hold members with these values, or let go those whose value is None.

        Returns what others (living workers, loans) hold of these members, read as this was written: of two workers
        that let go at a time, one finds nobody left. While the store is away nothing is returned, and what was to be
        written is written when it is back.
        """

    async def lend(self, topic: str, member: str, value: str, seconds: float) -> dict[str, list[str]]:
        """Let a member stand for ``seconds`` from now, whichever workers come and go.

        Returns what workers hold of the member, this one included.
        """

    async def end(self, topic: str, member: str) -> dict[str, list[str]]:
        """End a loan now; nothing happens when there is none. Returns like ``lend``."""

    async def read(self, topic: str, members: Collection[str] | None = None) -> dict[str, list[str]]:
        """All values of these members, or of everyone in the topic; who is held by nobody is left out.

        While the store is away, what this worker holds.
        """

    def on_lost(self, callback: Lost) -> None:
        """Call ``callback(topic, members)`` when a worker that held them has died, or their loans have run out.

        It is called on one living worker, as a rule; again, on the same or another, when that one dies over it, or it
        raises. What it returns, if anything, is awaited. Reads do not show any more what was lost.
        """

    def on_restored(self, callback: Callable[[], None]) -> None:
        """Call back when the store has been away, or had lost this worker, and holds everything again.

        Read anew what you watch, and tell others again of what this worker holds: they may have been told that it was
        lost.
        """
