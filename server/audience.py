"""The audience: which channels this worker's connections hear, for those parts of the server that act on it."""

from collections.abc import Sequence
from typing import Protocol

from handlers.base import Actor
from server.typing_board import SignalTypingBoard
from server.watches import Watches


class Audience:
    """Told by the subscriptions who hears what; to this one it means nothing.

    A connection that ``came`` may be ``lost`` and come again; in the end it ``left``, or was lost for good.
    """

    def came(self, channel: str, connection: str, actor: Actor) -> None:
        """A connection hears the channel, for the first time or again."""

    async def ready(self, channel: str, connection: str, actor: Actor) -> None:
        """Wait until what changes in the channel is told, and others can know that the actor came."""

    async def watching(self, channel: str) -> None:
        """Wait until what changes in the channel is told."""

    async def missed(self, channel: str, since: float | None) -> list[tuple[str, bytes]]:
        """Name and envelope of the signals that bring a connection up to date that was away ``since`` then.

        That is a moment of the loop's time; None for one that comes from another worker.
        """
        return []

    def lost(self, channel: str, connection: str, actor: Actor) -> None:
        """A connection was lost, and may come back."""

    def left(self, channel: str, connection: str, actor: Actor) -> None:
        """A connection hears the channel no longer."""


class Attendants(Protocol):
    """Those who count the people that hear certain channels."""

    def came(self, channel: str, connection: str, actor: Actor) -> None:
        """A connection hears a channel, for the first time or again."""

    async def settled(self, channel: str, connection: str, actor: Actor) -> None:
        """Wait until everybody can know that it came."""

    def lost(self, channel: str, connection: str, actor: Actor) -> None:
        """A connection that hears a channel is lost, and may come back."""

    def left(self, channel: str, connection: str, actor: Actor) -> None:
        """A connection hears a channel no longer."""


class PeopleAudience(Audience):
    """Watches what is heard of people and of typists, and counts who views an entity, or has a document open."""

    def __init__(self, watches: Sequence[Watches], attendants: Sequence[Attendants], typing: SignalTypingBoard) -> None:
        self._watches = watches
        self._attendants = attendants
        self._typing = typing

    def came(self, channel: str, connection: str, actor: Actor) -> None:
        """Count somebody."""
        for each in self._attendants:
            each.came(channel, connection, actor)

    async def ready(self, channel: str, connection: str, actor: Actor) -> None:
        """Wait until what changes in the channel is told, and others can know that the actor came."""
        for each in self._attendants:
            await each.settled(channel, connection, actor)
        await self.watching(channel)

    async def watching(self, channel: str) -> None:
        """Wait until what changes in the channel is told."""
        self._typing.ask(channel)
        for each in self._watches:
            await each.ready(channel)

    async def missed(self, channel: str, since: float | None) -> list[tuple[str, bytes]]:
        """Name and envelope of the signals that bring a connection up to date that was away ``since`` then."""
        return [signal for each in self._watches for signal in await each.missed(channel, since)]

    def lost(self, channel: str, connection: str, actor: Actor) -> None:
        """Count somebody on for the grace."""
        for each in self._attendants:
            each.lost(channel, connection, actor)

    def left(self, channel: str, connection: str, actor: Actor) -> None:
        """Count somebody no longer."""
        for each in self._attendants:
            each.left(channel, connection, actor)
