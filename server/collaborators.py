"""Collaborators: who has a document open, and where in it each of them is; on all workers.

Each connection that has a document open is held in ``Leases``, with what its editor said last. Who they are is
what their tokens say: an editor tells nothing but its own number and its cursor.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any, Self

import orjson

from handlers import access
from handlers.base import Actor
from models.types import now
from server.attendance import Attendance, Written
from server.leases import Leases
from server.watches import Told, Watches

_TOPIC = "document:"
# Of the same lightness, dark enough for white letters on them, and far from each other.
COLORS = (
    *("#b3261e", "#a83c00", "#8a5300", "#6b6100", "#3f6b00", "#00701c", "#006f5b", "#006a86"),
    *("#005fb3", "#3b53c4", "#6546c3", "#8a38b0", "#a3298c", "#b01f62", "#7a5548", "#52606d"),
)


def color_of(user_id: str) -> str:
    """The colour of somebody, the same on every worker and every day."""
    digest = blake2b(user_id.encode(), digest_size=4).digest()
    return COLORS[int.from_bytes(digest, "big") % len(COLORS)]


@dataclass(frozen=True, slots=True)
class Place:
    """Somebody in a document: since when, their editor's number in Yjs, and its cursor."""

    user_id: str
    name: str
    since: str
    client: int | None = None
    cursor: Any = None

    @classmethod
    def decode(cls, text: str) -> Self:
        """The value in ``Leases``."""
        return cls(*orjson.loads(text)["place"])

    def encode(self) -> str:
        """The value in ``Leases``."""
        place = [self.user_id, self.name, self.since, self.client, self.cursor]
        return orjson.dumps({"place": place}).decode()

    def wire(self) -> dict[str, Any]:
        """The collaborator of the contract's section 9."""
        return {
            "userId": self.user_id,
            "name": self.name,
            "color": color_of(self.user_id),
            "cursor": self.cursor,
            "clientId": self.client,
        }


class Collaborators:
    """Told by the subscriptions who opens a document and who goes.

    Args:
        leases: what all workers hold.
        watches: tells the subscribers what has changed.
        grace_seconds: how long somebody stays who lost their connection.
    """

    def __init__(self, leases: Leases, watches: Watches, grace_seconds: float) -> None:
        self._leases = leases
        self._watches = watches
        self._here: Attendance[Place] = Attendance(leases, grace_seconds, _only, self._wrote)
        self.last_left: Callable[[str], None] = lambda document_id: None
        """Called when somebody left a document here whom nobody here follows."""
        leases.on_lost(self._ended)

    def came(self, channel: str, connection: str, actor: Actor) -> None:
        """A connection hears a channel, for the first time or again."""
        topic = _topic_of(channel)
        if topic is not None and actor.user is not None:
            known = self._here.place(topic, connection, connection)
            place = Place(actor.user.id, actor.user.name, now())
            self._here.enter(topic, connection, connection, place if known is None else known)

    async def settled(self, channel: str, connection: str, actor: Actor) -> None:
        """Wait until everybody can know that it came."""
        topic = _topic_of(channel)
        if topic is not None and actor.user is not None:
            await self._here.settled(topic, connection)

    def lost(self, channel: str, connection: str, actor: Actor) -> None:
        """A connection that hears a channel is lost, and may come back."""
        topic = _topic_of(channel)
        if topic is not None:
            self._here.lose(topic, connection, connection)

    def left(self, channel: str, connection: str, actor: Actor) -> None:
        """A connection hears a channel no longer."""
        topic = _topic_of(channel)
        if topic is not None:
            self._here.leave(topic, connection, connection)

    def say(self, document_id: str, connection: str, states: Sequence[tuple[int, Any]]) -> bool:
        """What a connection's editor says; False when it does not have the document open.

        Editors send what they know of others as well. Their own is what is said of the number that they came with.
        """
        topic = _TOPIC + document_id
        known = self._here.place(topic, connection, connection)
        if known is None:
            return False
        for client, state in states:
            if known.client in (None, client):
                cursor = None if state is None else state.get("cursor")
                self._here.change(topic, connection, connection, replace(known, client=client, cursor=cursor))
                break
        return True

    async def state(self, channel: str) -> dict[str, Any]:
        """Who is there, for somebody who hears the channel: ``{collaborators: […]}``."""
        return await self._watches.state(channel)

    async def is_empty(self, document_id: str) -> bool:
        """Whether nobody has a document open, on any worker."""
        return not await self._leases.read(_TOPIC + document_id)

    async def stop(self) -> None:
        """Who was here goes through the grace on the other workers."""
        await self._here.stop()

    def _wrote(self, topic: str, written: Sequence[Written[Place]]) -> None:
        self._watches.changed(topic, [each.member for each in written])
        if any(each.after is None for each in written):
            self.last_left(topic.removeprefix(_TOPIC))

    def _ended(self, topic: str, members: Collection[str]) -> None:
        if topic.startswith(_TOPIC):
            self._watches.changed(topic, members)


class CollaboratorsTold:
    """What the subscribers of a document were told of who is there."""

    def __init__(self, leases: Leases, topic: str) -> None:
        self._leases = leases
        self._topic = topic
        self._seen: list[dict[str, Any]] = []
        self._unsure = False

    async def load(self) -> None:
        """Begin with who is there now; whoever comes next hears of it, even if it is the one who just came."""
        self._seen, self._unsure = await self._read(), True

    async def compare(self, members: Collection[str] | None) -> tuple[Any, Collection[str]]:
        """The data of the signal, if it is another than before."""
        whole = self._leases.whole
        seen = await self._read()
        if (seen == self._seen and not self._unsure) or (members is None and not (whole and self._leases.whole)):
            return None, ()
        self._seen, self._unsure = seen, False
        return {"collaborators": seen}, ()

    async def state(self, pending: Collection[str] | None) -> dict[str, Any]:
        """``{collaborators: […]}``."""
        seen = self._seen if pending == () else await self._read()
        self._unsure = self._unsure or seen != self._seen
        return {"collaborators": seen}

    async def since(self, moment: float | None) -> Sequence[Any]:
        """The data of one signal, whatever was told meanwhile."""
        return [{"collaborators": self._seen}]

    async def _read(self) -> list[dict[str, Any]]:
        found = await self._leases.read(self._topic)
        places = {connection: Place.decode(texts[0]) for connection, texts in found.items()}
        order = sorted(places, key=lambda connection: (places[connection].since, connection))
        return [places[connection].wire() for connection in order]


def told_of(leases: Leases, channel: str) -> Told | None:
    """What is told on a channel, if it is a document's."""
    is_document = channel.startswith(_TOPIC) and not channel.endswith(access.OPEN)
    return CollaboratorsTold(leases, channel) if is_document else None


def _topic_of(channel: str) -> str | None:
    """The topic of those who have a document open; None for a channel that does not say so."""
    if channel.startswith(_TOPIC) and channel.endswith(access.OPEN):
        return channel.removesuffix(access.OPEN)
    return None


def _only(values: Collection[Place]) -> Place:
    return next(iter(values))
