"""Subscriptions: which Socket.IO connections hear which channels.

A connection that hears a channel sits in the Socket.IO room of the same name, so that one write reaches everybody.
Until its reply has left, and until the channel here has come as far as that reply, it hears by itself.
"""

import asyncio
from collections.abc import Awaitable
from typing import Any

from handlers import access
from handlers.base import Actor, Position
from handlers.errors import Invalid, NotFound
from models.database import Database
from models.event_log import Event
from server.audience import Audience
from server.connections import Connections
from server.delivery import Delivery
from server.engine import RealtimeServer
from server.feed import Feed


class _Room:
    """The listener that stands for everybody in the Socket.IO room of a channel."""

    def __init__(self, sio: RealtimeServer) -> None:
        self._sio = sio

    def hear(self, event: Event) -> None:
        erased = access.erased(event)
        if erased is not None:
            subject, fields = erased
            self._sio.amend(subject.encode(), lambda arguments: _erase(arguments, subject, fields))
        self._sio.broadcast(event.channel, event.event, event.envelope)

    def hear_signal(self, channel: str, event: str, envelope: bytes) -> None:
        self._sio.broadcast(channel, event, envelope, volatile=True)


def _erase(arguments: list[Any], subject: str, fields: dict[str, Any]) -> None:
    """Take the text of what was deleted out of an event that told of it."""
    data = arguments[0].get("data") if arguments and isinstance(arguments[0], dict) else None
    if not isinstance(data, dict):
        return
    if data.get("id") == subject:
        data.update((name, value) for name, value in fields.items() if name in data)
    notification = data.get("notification")
    if isinstance(notification, dict) and notification.get("data", {}).get("messageId") == subject:
        notification["message"] = ""


class _Subscription:
    """One connection's place in a channel."""

    def __init__(self, sio: RealtimeServer, connection: str, actor: Actor, feed: Feed) -> None:
        self._sio = sio
        self.connection = connection
        self.actor = actor
        self.feed = feed
        self._waiting: list[Event] | None = []
        self._signals: list[tuple[str, bytes]] = []
        self._seen = -1

    @property
    def started(self) -> bool:
        """Whether the reply has left."""
        return self._waiting is None

    def hear(self, event: Event) -> None:
        """Keep the event for after the reply; once that has left, send it, and sit down in the room when it is due."""
        if self._waiting is not None:
            self._waiting.append(event)
            return
        if event.seq > self._seen:
            self.send(event)
        if event.seq >= self._seen:
            # The room's listener has had its turn with this event: from the next one on it serves this connection.
            self._sit_down()

    def hear_signal(self, channel: str, event: str, envelope: bytes) -> None:
        """Keep the signal for after the reply; once that has left, send it."""
        if self._waiting is not None:
            self._signals.append((event, envelope))
        else:
            self._sio.broadcast(self.connection, event, envelope, volatile=True)

    def start(self, seen: int, first: list[Event]) -> None:
        """Send ``first``, then what came in the meantime and is later than ``seen``, then whatever comes."""
        waiting, self._waiting = self._waiting or [], None
        self._seen = seen
        for event in first:
            self.send(event)
        for event in waiting:
            if event.seq > seen:
                self.send(event)
        signals, self._signals = self._signals, []
        for name, envelope in signals:
            self.hear_signal(self.feed.channel, name, envelope)
        if self.feed.seq >= seen:
            self._sit_down()

    def send(self, event: Event) -> None:
        """Send an event to this connection alone."""
        self._sio.broadcast(self.connection, event.event, event.envelope)

    def _sit_down(self) -> None:
        try:
            self._sio.enter_room_now(self.connection, self.feed.channel)
        except ValueError:
            # The client is away, and may come back: until then it hears by itself.
            return
        self.feed.remove(self)


class SocketSubscriptions:
    """The port ``Subscriptions`` of the handlers, for Socket.IO connections.

    Args:
        sio: their server.
        delivery: the feeds.
        connections: who is connected.
        database: asked when somebody may have lost access.
        limit: how many channels a connection may hear, its own ``user:{id}`` apart.
    """

    def __init__(
        self, sio: RealtimeServer, delivery: Delivery, connections: Connections, database: Database, limit: int
    ) -> None:
        self._sio = sio
        self._delivery = delivery
        self._connections = connections
        self._database = database
        self._limit = limit
        self._room = _Room(sio)
        self._of_connection: dict[str, dict[str, _Subscription]] = {}
        self._of_channel: dict[str, dict[str, _Subscription]] = {}
        self._away: dict[str, asyncio.TimerHandle] = {}
        self.audience = Audience()
        delivery.recheck = self._recheck
        delivery.on_reset = self._reset

    def check(self, connection: str, channel: str) -> None:
        """Raise ``Invalid`` when the connection may not have one more subscription."""
        mine = self._of_connection.get(connection, {})
        counted = sum(1 for name in mine if not name.startswith("user:"))
        if channel not in mine and counted >= self._limit:
            raise Invalid(
                f"A connection hears {self._limit} channels at most (HUBBUB_SUBSCRIPTIONS_PER_CONNECTION).",
                {"channel": ["Is one channel too many for this connection: unsubscribe from another first."]},
            )

    async def attach(self, connection: str, channel: str, after: int | None) -> Position:
        """Subscribe a connection, from behind ``after`` or from now on.

        One that is subscribed already begins anew, so that what follows ``after`` comes before what is live.
        """
        feed = await self._delivery.open(channel)
        if connection not in self._connections:
            self._delivery.close(feed)
            raise Invalid("The connection has ended.")
        self.detach(connection, channel)
        subscription = _Subscription(self._sio, connection, self._connections[connection].actor, feed)
        self._of_connection.setdefault(connection, {})[channel] = subscription
        if channel not in self._of_channel:
            # Before all others, so that somebody who sits down while hearing an event does not hear it here again.
            feed.add(self._room, self._room)
            self.audience.opened(channel)
        self._of_channel.setdefault(channel, {})[connection] = subscription
        feed.add(subscription, subscription)
        self.audience.came(channel, connection, subscription.actor)
        seq, recovered, events = feed.seq, True, list[Event]()
        try:
            await self._require_access(subscription)
            await self.audience.ready(channel, subscription.actor)
            if after is not None:
                found = await self._delivery.replay(feed, after)
                seq, recovered, events = found.newest, found.recovered, found.events
        except BaseException:
            self._drop(subscription)
            raise

        def start(replay: bool) -> None:
            if self._of_connection.get(connection, {}).get(channel) is subscription:
                subscription.start(seq, events if replay else [])

        return Position(seq, recovered, events, start)

    async def _require_access(self, subscription: _Subscription) -> None:
        """Look again: who lost access before the subscription began is not sent away by the event that told of it."""
        channel, actor = subscription.feed.channel, subscription.actor
        if channel.startswith("room:") and actor.user is not None:
            async with self._database.read() as conn:
                if not await access.reads_room(conn, actor.user.id, channel.removeprefix("room:")):
                    raise NotFound("There is no such room.")

    def suspend(self, connection: str, seconds: float) -> None:
        """Go on hearing for a connection that was lost and may come back, for so long."""
        for subscription in list(self._of_connection.get(connection, {}).values()):
            if not subscription.started:
                # Its reply never left, or never arrived: the client does not count on it.
                self._drop(subscription, lost=True)
            else:
                self.audience.lost(subscription.feed.channel, connection, subscription.actor)
        self._away[connection] = asyncio.get_running_loop().call_later(seconds, self.forget, connection)

    def resume(self, connection: str, actor: Actor) -> bool:
        """Take a connection up again that was suspended; False when it is another user's, or none."""
        timer = self._away.pop(connection, None)
        if timer is None:
            return False
        timer.cancel()
        mine = self._of_connection.get(connection, {})
        if any(subscription.actor.id != actor.id for subscription in mine.values()):
            self.forget(connection)
            return False
        for channel, subscription in mine.items():
            subscription.actor = actor
            self.audience.came(channel, connection, actor)
        return True

    def signal(self, channel: str, event: str, envelope: bytes) -> None:
        """Send a signal to everybody here who hears the channel; after their reply to those who still wait for it."""
        listeners = self._of_channel.get(channel)
        if listeners:
            next(iter(listeners.values())).feed.signal(event, envelope)

    async def level(self, connection: str) -> None:
        """Bring a connection's channels to where the log is: what the bus has not brought yet may amend what it had."""
        await self._delivery.level([each.feed for each in self._of_connection.get(connection, {}).values()])

    def positions(self, connection: str) -> dict[str, int]:
        """How far each of a connection's channels has come here."""
        return {channel: each.feed.seq for channel, each in self._of_connection.get(connection, {}).items()}

    def owner(self, connection: str) -> str | None:
        """Who the connection is, or was: an actor's id."""
        return next((each.actor.id for each in self._of_connection.get(connection, {}).values()), None)

    def detach(self, connection: str, channel: str) -> None:
        """End a subscription; nothing happens when there is none."""
        subscription = self._of_connection.get(connection, {}).get(channel)
        if subscription is not None:
            self._drop(subscription)

    def forget(self, connection: str) -> None:
        """End every subscription of a connection that is gone."""
        timer = self._away.pop(connection, None)
        if timer is not None:
            timer.cancel()
        for subscription in list(self._of_connection.get(connection, {}).values()):
            self._drop(subscription, lost=True)

    def _drop(self, subscription: _Subscription, *, lost: bool = False) -> None:
        """End a subscription; ``lost`` with its connection, which somebody who loads a page again replaces."""
        feed, connection = subscription.feed, subscription.connection
        mine = self._of_connection.get(connection, {})
        if mine.get(feed.channel) is not subscription:
            return
        del mine[feed.channel]
        if not mine:
            del self._of_connection[connection]
        (self.audience.lost if lost else self.audience.left)(feed.channel, connection, subscription.actor)
        listeners = self._of_channel[feed.channel]
        del listeners[connection]
        if not listeners:
            del self._of_channel[feed.channel]
            feed.remove(self._room)
            self.audience.closed(feed.channel)
        feed.remove(subscription)
        self._sio.leave_room_now(connection, feed.channel)
        self._delivery.close(feed)

    def _reset(self, channel: str) -> None:
        """A channel lost events for good: its connections are cut, come back, and learn that they must reload."""
        for connection in list(self._of_channel.get(channel, {})):
            self._sio.drop_transport(connection)

    def _recheck(self, feed: Feed, event: Event) -> Awaitable[None] | None:
        """Before an event that may end access is delivered, those who may hear no longer are sent away."""
        gone = access.leaver(event)
        if gone is not None:
            for connection, subscription in list(self._of_channel.get(feed.channel, {}).items()):
                if subscription.actor.user is not None and subscription.actor.user.id == gone:
                    self._send_away(connection, feed.channel)
            return None
        return self._reread(feed, event) if access.narrows(event) else None

    async def _reread(self, feed: Feed, event: Event) -> None:
        listeners = self._of_channel.get(feed.channel, {})
        actors = {connection: subscription.actor for connection, subscription in listeners.items()}
        async with self._database.read() as conn:
            kept = await access.still_readers(conn, event, actors)
        for connection in actors:
            if connection not in kept:
                self._send_away(connection, feed.channel)

    def _send_away(self, connection: str, channel: str) -> None:
        """End a subscription that is no longer allowed; a connection that is away comes back without its state."""
        if connection in self._away:
            self._sio.forget_client(connection)
            self.forget(connection)
        else:
            self.detach(connection, channel)
