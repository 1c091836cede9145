"""Subscriptions: which Socket.IO connections hear which channels.

A connection that hears a channel sits in the Socket.IO room of the same name, so that one write reaches everybody.
Until its reply has left, and until the channel here has come as far as that reply, it hears by itself.
"""

import asyncio
import logging
from collections.abc import Iterable

from handlers import access, views
from handlers.base import Actor, Position, Rules
from handlers.errors import Invalid
from handlers.filters import Filter
from models.event_log import Event
from server.audience import Audience
from server.connections import Connections
from server.delivery import Delivery
from server.engine import RealtimeServer
from server.hearers import Hearers
from server.subscription import Room, Subscription

log = logging.getLogger("hubbub.subscriptions")


class SocketSubscriptions:
    """The port ``Subscriptions`` of the handlers, for Socket.IO connections.

    Args:
        sio: their server.
        delivery: the feeds.
        connections: who is connected.
        hearers: lets those go who lost access.
        limit: how many channels a connection may hear, its own ``user:{id}`` apart.
    """

    def __init__(
        self, sio: RealtimeServer, delivery: Delivery, connections: Connections, hearers: Hearers, limit: int
    ) -> None:
        self._sio = sio
        self._delivery = delivery
        self._connections = connections
        self._hearers = hearers
        self._limit = limit
        self._rooms: dict[str, Room] = {}
        self._of_connection: dict[str, dict[str, Subscription]] = {}
        self._of_user: dict[str, dict[str, None]] = {}
        self._of_backends: dict[str, None] = {}
        self._of_channel: dict[str, dict[str, Subscription]] = {}
        self._away: dict[str, tuple[asyncio.TimerHandle, float]] = {}
        self.audience = Audience()

    def check(self, connection: str, channel: str) -> None:
        """Raise ``Invalid`` when the connection may not have one more subscription."""
        mine = self._of_connection.get(connection, {})
        counted = sum(1 for name in mine if not name.startswith("user:") and not name.endswith(access.OPEN))
        if channel not in mine and counted >= self._limit:
            raise Invalid(
                f"A connection hears {self._limit} channels at most (HUBBUB_SUBSCRIPTIONS_PER_CONNECTION).",
                {"channel": ["Is one channel too many for this connection: unsubscribe from another first."]},
            )

    async def attach(self, connection: str, channel: str, after: int | None, view: Filter | None = None) -> Position:
        """Subscribe a connection to what ``view`` leaves of a channel, from behind ``after`` or from now on.

        One that is subscribed already begins anew, so that what follows ``after`` comes before what is live, and
        nothing is left of the view that it had.
        """
        feed = await self._delivery.open(channel)
        if connection not in self._connections:
            self._delivery.close(feed)
            raise Invalid("The connection has ended.")
        self.detach(connection, channel)
        actor = self._connections[connection].actor
        subscription = Subscription(self._sio, connection, actor, feed, view, self._send_away)
        self._of_connection.setdefault(connection, {})[channel] = subscription
        if subscription.actor.user is not None:
            self._of_user.setdefault(subscription.actor.user.id, {})[connection] = None
        elif subscription.actor.backend:
            self._of_backends[connection] = None
        room = self._rooms.get(channel)
        if room is None:
            room = self._rooms[channel] = Room(self._sio, channel, self._subscribed)
            # Before all others, so that somebody who sits down while hearing an event does not hear it here again.
            feed.add(room, room)
        room.enter(subscription)
        self._of_channel.setdefault(channel, {})[connection] = subscription
        feed.add(subscription, subscription)
        self._hearers.add(channel, connection, subscription)
        self.audience.came(channel, connection, subscription.actor)
        seq, recovered, events = feed.seq, True, list[Event]()
        shown: list[Event] = []
        try:
            await self._hearers.require(channel, subscription.actor)
            await self.audience.ready(channel, connection, subscription.actor)
            if after is not None:
                found = await self._delivery.replay(feed, after)
                seq, recovered = found.newest, found.recovered
                events = found.events
                shown = [seen for each in events if (seen := views.told(each, subscription.actor, view)) is not None]
        except BaseException:
            self._drop(subscription)
            raise

        def start(replay: bool) -> None:
            if self._of_connection.get(connection, {}).get(channel) is subscription:
                subscription.start(seq, events if replay else [])

        return Position(seq, recovered, shown, start)

    def suspend(self, connection: str, seconds: float) -> None:
        """Go on hearing for a connection that was lost and may come back, for so long."""
        for subscription in list(self._of_connection.get(connection, {}).values()):
            if not subscription.started:
                # Its reply never left, or never arrived: the client does not count on it.
                self._drop(subscription, lost=True)
            else:
                self.audience.lost(subscription.feed.channel, connection, subscription.actor)
        loop = asyncio.get_running_loop()
        self._away[connection] = loop.call_later(seconds, self.forget, connection), loop.time()

    def resume(self, connection: str, actor: Actor) -> bool:
        """Take a connection up again that was suspended; False when it is another user's, or none."""
        timer, since = self._away.pop(connection, (None, None))
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
        self.renew(connection, since)
        return True

    def renew(self, connection: str, since: float | None) -> None:
        """Signal what a connection that is back missed: signals are kept for nobody, so it is what holds now.

        ``since`` is when it was lost, by the loop's time; None for one that comes from another worker.
        """
        self._sio.keep(self._renew(connection, since))

    async def _renew(self, connection: str, since: float | None) -> None:
        for channel, subscription in list(self._of_connection.get(connection, {}).items()):
            try:
                missed = await self.audience.missed(channel, since)
            except Exception as error:
                log.warning("Who came back could not be brought up to date", extra={"cause": repr(error)})
                continue
            for event, envelope in missed:
                if self._of_connection.get(connection, {}).get(channel) is subscription:
                    subscription.hear_signal(channel, event, envelope)

    def act_as(self, connection: str, actor: Actor, rules: Rules) -> None:
        """A connection's user has other claims from now on: what they no longer open is heard no longer."""
        for channel, subscription in list(self._of_connection.get(connection, {}).items()):
            subscription.actor = actor
            if not access.role_opens(channel, actor, rules):
                self._drop(subscription)

    async def level(self, connection: str) -> None:
        """Bring a connection's channels to where the log is: what the bus has not brought yet may amend what it had."""
        await self._delivery.level([each.feed for each in self._of_connection.get(connection, {}).values()])

    def positions(self, connection: str) -> dict[str, int]:
        """How far each of a connection's channels has come here."""
        return {channel: each.feed.seq for channel, each in self._of_connection.get(connection, {}).items()}

    def views(self, connection: str) -> dict[str, str]:
        """The filters through which a connection hears those of its channels that it does not hear whole."""
        mine = self._of_connection.get(connection, {})
        return {channel: each.view.text for channel, each in mine.items() if each.view is not None}

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
        timer, _ = self._away.pop(connection, (None, None))
        if timer is not None:
            timer.cancel()
        for subscription in list(self._of_connection.get(connection, {}).values()):
            self._drop(subscription, lost=True)

    def _drop(self, subscription: Subscription, *, lost: bool = False) -> None:
        """End a subscription; ``lost`` with its connection, which somebody who loads a page again replaces."""
        feed, connection = subscription.feed, subscription.connection
        mine = self._of_connection.get(connection, {})
        if mine.get(feed.channel) is not subscription:
            return
        del mine[feed.channel]
        if not mine:
            del self._of_connection[connection]
            self._forget_user(subscription)
        (self.audience.lost if lost else self.audience.left)(feed.channel, connection, subscription.actor)
        listeners = self._of_channel[feed.channel]
        del listeners[connection]
        room = self._rooms[feed.channel]
        room.leave(subscription)
        if not listeners:
            del self._of_channel[feed.channel], self._rooms[feed.channel]
            feed.remove(room)
        feed.remove(subscription)
        self._hearers.remove(feed.channel, connection)
        self._sio.leave_room_now(connection, subscription.room)
        self._delivery.close(feed)

    def _forget_user(self, subscription: Subscription) -> None:
        self._of_backends.pop(subscription.connection, None)
        if subscription.actor.user is not None:
            theirs = self._of_user[subscription.actor.user.id]
            del theirs[subscription.connection]
            if not theirs:
                del self._of_user[subscription.actor.user.id]

    def _subscribed(self, channel: str, people: Iterable[str], *, backends: bool) -> list[Subscription]:
        """Some people's subscriptions to a channel, those of lost connections that may come back among them.

        With ``backends`` those of API keys as well.
        """
        theirs = [connection for user_id in people for connection in self._of_user.get(user_id, ())]
        if backends:
            theirs += self._of_backends
        mine = (self._of_connection[connection].get(channel) for connection in theirs)
        return [each for each in mine if each is not None]

    def _send_away(self, subscription: Subscription) -> None:
        """End a subscription that is no longer allowed; a connection that is away comes back without its state."""
        connection = subscription.connection
        if connection in self._away:
            self._sio.forget_client(connection)
            self.forget(connection)
        else:
            self.detach(connection, subscription.feed.channel)
