"""Viewers: who looks at an entity, on all workers: people, not tabs.

Connections count while they hear ``{type}:{id}:viewers``, clients without one for a while after each call.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Self

import orjson

from handlers.base import Actor
from models import users
from models.database import Database
from models.types import now
from server.attendance import Attendance, Written
from server.leases import Leases
from server.watches import Told, Watches

_SHOWN = 5
_END = ":viewers"


@dataclass(frozen=True, slots=True)
class Looking:
    """Since when somebody looks; ``call`` if a call says so."""

    since: str
    call: bool = False

    @classmethod
    def decode(cls, text: str) -> Self:
        """The value in ``Leases``."""
        stored = orjson.loads(text)
        return cls(stored["since"], bool(stored.get("call")))

    def encode(self) -> str:
        """The value in ``Leases``."""
        return orjson.dumps({"since": self.since} | ({"call": True} if self.call else {})).decode()


class EntityViewers:
    """The port ``Viewers`` of the handlers; the subscriptions tell it who comes to hear and who goes.

    Args:
        leases: what all workers hold.
        watches: tells the subscribers what has changed.
        grace_seconds: how long somebody stays who lost their connection.
        call_seconds: how long a call counts.
    """

    def __init__(self, leases: Leases, watches: Watches, *, grace_seconds: float, call_seconds: float) -> None:
        self._leases = leases
        self._watches = watches
        self._call_seconds = call_seconds
        self._here: Attendance[Looking] = Attendance(leases, grace_seconds, _first, self._wrote)
        leases.on_lost(self._ended)

    async def track(self, entity: str, user_id: str) -> dict[str, Any]:
        """A user looks at ``{type}:{id}``, for a while from now on: ``{count, viewers}``."""
        topic = _topic(entity)
        values = (await self._leases.read(topic, [user_id])).get(user_id, ())
        since = min((Looking.decode(text).since for text in values), default=now())
        await self._leases.lend(topic, user_id, Looking(since, call=True).encode(), self._call_seconds)
        if not values:
            self._watches.changed(entity + _END, [user_id])
        return await self.viewers(entity)

    async def untrack(self, entity: str, user_id: str) -> dict[str, Any]:
        """What ``track`` began ends; who hears the channel looks on."""
        await self._leases.end(_topic(entity), user_id)
        self._watches.changed(entity + _END, [user_id])
        return await self.viewers(entity)

    async def viewers(self, entity: str) -> dict[str, Any]:
        """How many look, and the first five of them: ``{count, viewers}``."""
        return await self._watches.present(entity + _END)

    async def state(self, channel: str) -> dict[str, Any]:
        """The same, for somebody who hears the channel."""
        return await self._watches.state(channel)

    def came(self, channel: str, connection: str, actor: Actor) -> None:
        """A connection hears a channel, for the first time or again."""
        if channel.endswith(_END) and actor.user is not None:
            topic = _topic(channel.removesuffix(_END))
            known = self._here.of(topic, actor.user.id)
            self._here.enter(topic, actor.user.id, connection, known or Looking(now()))

    async def settled(self, channel: str, connection: str, actor: Actor) -> None:
        """Wait until everybody can know that somebody came."""
        if channel.endswith(_END) and actor.user is not None:
            await self._here.settled(_topic(channel.removesuffix(_END)), actor.user.id)

    def lost(self, channel: str, connection: str, actor: Actor) -> None:
        """A connection that hears a channel is lost, and may come back."""
        if channel.endswith(_END) and actor.user is not None:
            self._here.lose(_topic(channel.removesuffix(_END)), actor.user.id, connection)

    def left(self, channel: str, connection: str, actor: Actor) -> None:
        """A connection hears a channel no longer."""
        if channel.endswith(_END) and actor.user is not None:
            self._here.leave(_topic(channel.removesuffix(_END)), actor.user.id, connection)

    async def stop(self) -> None:
        """Who was here goes through the grace on the other workers."""
        await self._here.stop()

    def _wrote(self, topic: str, written: Sequence[Written[Looking]]) -> None:
        self._watches.changed(_channel(topic), [each.member for each in written])
        for each in written:
            earlier = min((Looking.decode(text).since for text in each.others), default=None)
            if each.after is not None and earlier is not None and earlier < each.after.since:
                # Who comes back by way of another worker keeps their place in the order.
                self._here.change_all(topic, each.member, Looking(earlier))

    def _ended(self, topic: str, members: Collection[str]) -> None:
        if topic.startswith(_topic("")):
            self._watches.changed(_channel(topic), members)


class ViewersTold:
    """What the subscribers of an entity's viewers were told."""

    def __init__(self, leases: Leases, database: Database, channel: str) -> None:
        self._leases = leases
        self._database = database
        self._topic = _topic(channel.removesuffix(_END))
        self._seen: tuple[int, list[str]] = (0, [])
        self._unsure = False

    async def load(self) -> None:
        """Begin with who looks now; whoever comes next hears of it, even if it is the one who just came."""
        self._seen, self._unsure = await self._read(), True

    async def compare(self, members: Collection[str] | None) -> tuple[Any, Collection[str]]:
        """The data of ``viewers:changed``, if it is another than before."""
        whole = self._leases.whole
        seen = await self._read()
        if (seen == self._seen and not self._unsure) or (members is None and not (whole and self._leases.whole)):
            return None, ()
        data = await self._wire(seen)
        self._seen, self._unsure = seen, False
        return data, ()

    async def state(self, pending: Collection[str] | None) -> dict[str, Any]:
        """``{count, viewers}``."""
        seen = self._seen if pending == () else await self._read()
        self._unsure = self._unsure or seen != self._seen
        return await self._wire(seen)

    async def since(self, moment: float | None) -> Sequence[Any]:
        """The data of one event, whatever was told meanwhile."""
        return [await self._wire(self._seen)]

    async def _read(self) -> tuple[int, list[str]]:
        values = await self._leases.read(self._topic)
        since = {member: min(Looking.decode(text).since for text in texts) for member, texts in values.items()}
        return len(since), sorted(since, key=lambda member: (since[member], member))[:_SHOWN]

    async def _wire(self, seen: tuple[int, list[str]]) -> dict[str, Any]:
        count, first = seen
        async with self._database.read() as conn:
            known = await users.known(conn, first)
        return {"count": count, "viewers": [known[each].wire() for each in first if each in known]}


def told_of(leases: Leases, database: Database, channel: str) -> Told | None:
    """What is told on a channel, if it is one of viewers."""
    return ViewersTold(leases, database, channel) if channel.endswith(_END) else None


def _topic(entity: str) -> str:
    return f"viewers:{entity}"


def _channel(topic: str) -> str:
    return topic.removeprefix(_topic("")) + _END


def _first(values: Collection[Looking]) -> Looking:
    return min(values, key=lambda value: value.since)
