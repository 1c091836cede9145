"""A subscription: one connection's place in a channel, and the room of those who need no place of their own."""

import hashlib
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from handlers import access, views
from handlers.base import Actor
from handlers.filters import Filter
from models.audience import Audience
from models.event_log import Event
from server.engine import RealtimeServer
from server.feed import Feed


class Subscribed(Protocol):
    """Tells which subscriptions to a channel some people have."""

    def __call__(self, channel: str, people: Iterable[str], *, backends: bool) -> list["Subscription"]: ...


class Room:
    """The listener that stands for everybody who sits in the Socket.IO rooms of a channel.

    One room has the channel's name. Those who hear the channel through the same filter sit in a room of their own: an
    event is filtered once for all of them, and leaves in one write.

    Args:
        sio: the server.
        channel: its name.
        subscribed: which of its subscriptions some people have, and backends where they hear of every row.
    """

    __slots__ = ("_channel", "_sio", "_subscribed", "_views")

    def __init__(self, sio: RealtimeServer, channel: str, subscribed: "Subscribed") -> None:
        self._sio = sio
        self._channel = channel
        self._subscribed = subscribed
        # By the room of each view: its filter, and how many hear through it.
        self._views: dict[str, tuple[Filter | None, int]] = {}

    def enter(self, subscription: "Subscription") -> None:
        """Somebody will sit down, in the room of their view."""
        _, heads = self._views.get(subscription.room, (None, 0))
        self._views[subscription.room] = subscription.view, heads + 1

    def leave(self, subscription: "Subscription") -> None:
        """Who entered has gone."""
        view, heads = self._views.pop(subscription.room)
        if heads > 1:
            self._views[subscription.room] = view, heads - 1

    def hear(self, event: Event) -> None:
        gone = access.erased(event)
        if gone is not None:
            self._sio.amend(gone.value.encode(), lambda arguments: _erase(arguments, gone))
        if event.audience is None:
            for room, (view, _) in self._views.items():
                found = views.seen(event, view)
                if found is not None:
                    self._sio.broadcast(room, found.event, found.envelope)
        else:
            self._hear_some(event, event.audience)

    def _hear_some(self, event: Event, audience: Audience) -> None:
        people: dict[str, list[str]] = {}
        backends = access.is_shared(self._channel) and not audience.excluded
        for each in self._subscribed(self._channel, audience.people, backends=backends):
            if each.seated:
                people.setdefault(each.room, []).append(each.connection)
        for room in self._views if audience.excluded else people:
            found = views.seen(event, self._views[room][0])
            if found is None:
                continue
            if audience.excluded:
                self._sio.broadcast(room, found.event, found.envelope, skip_sid=people.get(room))
            else:
                self._sio.broadcast(people[room], found.event, found.envelope)

    def hear_signal(self, channel: str, event: str, envelope: bytes, attachments: tuple[bytes, ...] = ()) -> None:
        for room in self._views:
            self._sio.broadcast(room, event, envelope, volatile=True, attachments=attachments)


def _erase(arguments: list[Any], gone: access.Erased) -> None:
    """Take the text of what was deleted out of an event that told of it."""
    data = arguments[0].get("data") if arguments and isinstance(arguments[0], dict) else None
    if not isinstance(data, dict):
        return
    if data.get(gone.key) == gone.value:
        data.update((name, value) for name, value in gone.fields.items() if name in data)
    notification = data.get("notification")
    if isinstance(notification, dict) and notification.get("data", {}).get("messageId") == gone.value:
        notification["message"] = ""


def _room_of(channel: str, view: Filter) -> str:
    """The room of those who hear a channel through a filter; no channel has such a name."""
    return f"{channel}?{hashlib.blake2s(view.text.encode(), digest_size=16).hexdigest()}"


class Subscription:
    """One connection's place in a channel."""

    def __init__(
        self,
        sio: RealtimeServer,
        connection: str,
        actor: Actor,
        feed: Feed,
        view: Filter | None,
        end: Callable[["Subscription"], None],
    ) -> None:
        self._sio = sio
        self.connection = connection
        self.actor = actor
        self.feed = feed
        self.view = view
        self.room = feed.channel if view is None else _room_of(feed.channel, view)
        self.seated = False
        self._end = end
        self._waiting: list[Event] | None = []
        self._signals: list[tuple[str, bytes, tuple[bytes, ...]]] = []
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

    def hear_signal(self, channel: str, event: str, envelope: bytes, attachments: tuple[bytes, ...] = ()) -> None:
        """Keep the signal for after the reply; once that has left, send it."""
        if self._waiting is not None:
            self._signals.append((event, envelope, attachments))
        else:
            self._sio.broadcast(self.connection, event, envelope, volatile=True, attachments=attachments)

    def send_away(self) -> None:
        """Hear no longer: access has ended."""
        self._end(self)

    def reset(self) -> None:
        """Cut the connection, which comes back, starts anew and learns that it must reload."""
        self._sio.start_anew(self.connection)
        self._sio.drop_transport(self.connection)

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
        for name, envelope, attachments in signals:
            self.hear_signal(self.feed.channel, name, envelope, attachments)
        if self.feed.seq >= seen:
            self._sit_down()

    def send(self, event: Event) -> None:
        """Send an event to this connection alone, if it is for it."""
        found = views.told(event, self.actor, self.view)
        if found is not None:
            self._sio.broadcast(self.connection, found.event, found.envelope)

    def _sit_down(self) -> None:
        try:
            self._sio.enter_room_now(self.connection, self.room)
        except ValueError:
            # The client is away, and may come back: until then it hears by itself.
            return
        self.seated = True
        self.feed.remove(self)
