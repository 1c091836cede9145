"""A subscription: one connection's place in a channel, and the room of those who need no place of their own."""

from collections.abc import Callable, Iterable
from typing import Any

from handlers import access
from handlers.base import Actor
from models.event_log import Event
from server.engine import RealtimeServer
from server.feed import Feed


class Room:
    """The listener that stands for everybody in the Socket.IO room of a channel.

    Args:
        sio: the server.
        seated: which connections of some people sit in the room of a channel.
    """

    def __init__(self, sio: RealtimeServer, seated: Callable[[str, Iterable[str]], list[str]]) -> None:
        self._sio = sio
        self._seated = seated

    def hear(self, event: Event) -> None:
        gone = access.erased(event)
        if gone is not None:
            self._sio.amend(gone.value.encode(), lambda arguments: _erase(arguments, gone))
        if event.audience is None:
            self._sio.broadcast(event.channel, event.event, event.envelope)
            return
        people = self._seated(event.channel, event.audience.people)
        if event.audience.excluded:
            self._sio.broadcast(event.channel, event.event, event.envelope, skip_sid=people)
        elif people:
            self._sio.broadcast(people, event.event, event.envelope)

    def hear_signal(self, channel: str, event: str, envelope: bytes, attachments: tuple[bytes, ...] = ()) -> None:
        self._sio.broadcast(channel, event, envelope, volatile=True, attachments=attachments)


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


class Subscription:
    """One connection's place in a channel."""

    def __init__(
        self,
        sio: RealtimeServer,
        connection: str,
        actor: Actor,
        feed: Feed,
        end: Callable[["Subscription"], None],
    ) -> None:
        self._sio = sio
        self.connection = connection
        self.actor = actor
        self.feed = feed
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
        """Cut the connection, which comes back and learns that it must reload."""
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
        if access.may_see(event, self.actor):
            self._sio.broadcast(self.connection, event.event, event.envelope)

    def _sit_down(self) -> None:
        try:
            self._sio.enter_room_now(self.connection, self.feed.channel)
        except ValueError:
            # The client is away, and may come back: until then it hears by itself.
            return
        self.seated = True
        self.feed.remove(self)
