"""Who is in which room of this worker, indexed from both sides."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Protocol

from socketio import AsyncManager

if TYPE_CHECKING:
    from server.engine.outgoing import Outgoing


class Sink(Protocol):
    """Where a member's packets go: its Engine.IO session, or what holds them back until it is connected."""

    sid: str
    send: Callable[[Outgoing], None]


class History(Protocol):
    """What is told of memberships so that a client can get what it has missed."""

    def now(self) -> int:
        """The number of the newest event."""

    def left_room(self, namespace: str, sid: str, room: Any, since: int) -> None:
        """A client has left a room that it was in since an event."""


class IndexedRooms(AsyncManager):
    """Replaces `socketio.AsyncManager`'s bookkeeping; the base (or one of the bases) of a manager.

    Stock `BaseManager` finds the rooms of a client by looking into every room of its namespace, keeps the clients that
    are about to come or go in lists, and all callbacks for ever. Here `rooms` is
    `{namespace: {room: {sid: sink}}}`, with an index from each client to its rooms.
    `room_opened(namespace, room)` and `room_closed(namespace, room)` are called for the first member of a room and
    after its last: a manager with a bus subscribes there.

    :param max_callbacks: acknowledgements of one client that may be awaited at a time; the oldest is forgotten.
    """

    def __init__(self, max_callbacks: int = 1000) -> None:
        super().__init__()
        self.rooms: dict[str, dict[Any, dict[str, Sink]]] = {}
        self.max_callbacks = max_callbacks
        self.callbacks: dict[str, dict[int, Callable[..., Any]]] = {}
        self.pending_connect: dict[str, set[str]] = {}
        self.pending_disconnect: dict[str, set[str]] = {}
        #: Each client's rooms, and the number of the newest event when it entered them.
        self._rooms_of: dict[str, dict[str, dict[Any, int]]] = {}
        self.history: History | None = None
        self._sids: dict[str, dict[str, str]] = {}
        self._callback_ids = itertools.count(1)

    def room_opened(self, namespace: str, room: Any) -> None:
        """Called when the first client of this worker has entered a room (None: the namespace itself)."""

    def room_closed(self, namespace: str, room: Any) -> None:
        """Called when the last client of this worker has left a room."""

    # Members

    def get_participants(self, namespace: str, room: Any) -> Iterator[tuple[str, str]]:
        """Yield (sid, Engine.IO sid) of the members of a room, or of several, each once."""
        for sid, sink in list(self.members(namespace, room).items()):
            yield sid, sink.sid

    def members(self, namespace: str, room: Any) -> dict[str, Sink]:
        """Return the members of a room, or of a list of rooms, and where their packets go. Not to be changed."""
        rooms = self.rooms.get(namespace)
        if rooms is None:
            return {}
        if not isinstance(room, list | tuple | set | frozenset):
            return rooms.get(room, {})
        together: dict[str, Sink] = {}
        for name in room:
            together.update(rooms.get(name, {}))
        return together

    def get_rooms(self, sid: str, namespace: str) -> list[Any]:
        """Return the rooms of a client, its own among them."""
        return [room for room in self._rooms_of.get(namespace, {}).get(sid, ()) if room is not None]

    def memberships(self, sid: str, namespace: str) -> dict[Any, int]:
        """Return a client's rooms (None: the namespace itself) and since which event it is in them."""
        return dict(self._rooms_of.get(namespace, {}).get(sid, {}))

    def restore(self, eio_sid: str, namespace: str, sid: str, rooms: dict[Any, int]) -> bool:
        """Register a client that has been here before, with its rooms; False when its session is gone."""
        if self.register(eio_sid, namespace, sid) is None:
            return False
        for room in rooms:
            self.basic_enter_room(sid, namespace, room)
        self._rooms_of[namespace][sid].update(rooms)
        return True

    def is_sid_room(self, namespace: str, room: Any) -> bool:
        """Return whether a room is the private one of a client."""
        return room in self._rooms_of.get(namespace, {})

    def sid_from_eio_sid(self, eio_sid: str, namespace: str) -> str | None:
        """Return the client of a namespace on an Engine.IO session."""
        return self._sids.get(namespace, {}).get(eio_sid)

    def eio_sid_from_sid(self, sid: str, namespace: str) -> str | None:
        """Return the Engine.IO session of a client."""
        sink = self.rooms.get(namespace, {}).get(None, {}).get(sid)
        return None if sink is None else sink.sid

    # Coming and going

    async def pre_connect(self, eio_sid: str, namespace: str) -> str | None:
        """Register a client that still has to pass its connect handler; None when it is registered already."""
        return self.register(eio_sid, namespace, self.server.eio.generate_id())

    def register(self, eio_sid: str, namespace: str, sid: str) -> str | None:
        """Register a client under a given `sid`; None when its session has one in this namespace, or is gone."""
        sids = self._sids.setdefault(namespace, {})
        if eio_sid in sids or eio_sid not in self.server.eio.sockets:
            return None
        sids[eio_sid] = sid
        self.pending_connect.setdefault(namespace, set()).add(sid)
        self.basic_enter_room(sid, namespace, None, eio_sid=eio_sid)
        self.basic_enter_room(sid, namespace, sid, eio_sid=eio_sid)
        return sid

    async def connect(self, sid: str, namespace: str) -> str | None:
        """Register a client as connected (`sid`: that of `pre_connect`, or an Engine.IO session)."""
        if not self.is_pre_connected(sid, namespace):
            registered = await self.pre_connect(sid, namespace)
            if registered is None:
                return None
            sid = registered
        _discard(self.pending_connect, namespace, sid)
        return sid

    def is_pre_connected(self, sid: str, namespace: str) -> bool:
        """Return whether a client is still waiting for its connect handler."""
        return sid in self.pending_connect.get(namespace, ())

    def is_connected(self, sid: str | None, namespace: str) -> bool:
        """Return whether a client is connected, and neither coming nor going."""
        return (
            sid in self._rooms_of.get(namespace, {})
            and sid not in self.pending_connect.get(namespace, ())
            and sid not in self.pending_disconnect.get(namespace, ())
        )

    def pre_disconnect(self, sid: str, namespace: str) -> str | None:
        """Mark a client as going; returns its Engine.IO session."""
        self.pending_disconnect.setdefault(namespace, set()).add(sid)
        return self.eio_sid_from_sid(sid, namespace)

    def basic_disconnect(self, sid: str, namespace: str, **_options: Any) -> None:
        """Forget a client and all that it was in."""
        eio_sid = self.eio_sid_from_sid(sid, namespace)
        for room in list(self._rooms_of.get(namespace, {}).get(sid, ())):
            self.basic_leave_room(sid, namespace, room)
        sids = self._sids.get(namespace)
        if sids is not None and eio_sid is not None and sids.get(eio_sid) == sid:
            del sids[eio_sid]
            if not sids:
                del self._sids[namespace]
        self.callbacks.pop(sid, None)
        _discard(self.pending_connect, namespace, sid)
        _discard(self.pending_disconnect, namespace, sid)

    def basic_enter_room(self, sid: str, namespace: str, room: Any, eio_sid: str | None = None) -> None:
        """Put a client into a room.

        :raises ValueError: the client is not here, or the room is another client's own.
        """
        if eio_sid is None:
            sink = self.rooms.get(namespace, {}).get(None, {}).get(sid)
            if sink is None:
                raise ValueError("sid is not connected to requested namespace")
        else:
            sink = self.sink_of(eio_sid, sid, namespace)
        if sid != room and room is not None and self.is_sid_room(namespace, room):
            raise ValueError("cannot enter a sid room")
        rooms = self.rooms.setdefault(namespace, {})
        members = rooms.get(room)
        if members is None:
            members = rooms[room] = {}
        if sid in members:
            return
        members[sid] = sink
        self._rooms_of.setdefault(namespace, {}).setdefault(sid, {})[room] = self.history.now() if self.history else 0
        if len(members) == 1:
            self.room_opened(namespace, room)

    def basic_leave_room(self, sid: str, namespace: str, room: Any) -> None:
        """Take a client out of a room, if it is in it."""
        rooms = self.rooms.get(namespace, {})
        members = rooms.get(room)
        if members is None or sid not in members:
            return
        del members[sid]
        own = self._rooms_of[namespace][sid]
        since = own.pop(room)
        if self.history is not None:
            self.history.left_room(namespace, sid, room, since)
        if not own:
            del self._rooms_of[namespace][sid]
            if not self._rooms_of[namespace]:
                del self._rooms_of[namespace]
        if not members:
            del rooms[room]
            if not rooms:
                del self.rooms[namespace]
            self.room_closed(namespace, room)

    def basic_close_room(self, room: Any, namespace: str) -> None:
        """Take every client out of a room.

        :raises ValueError: the room is a client's own.
        """
        if self.is_sid_room(namespace, room):
            raise ValueError("cannot close a sid room")
        for sid in list(self.members(namespace, room)):
            self.basic_leave_room(sid, namespace, room)

    def sink_of(self, eio_sid: str, sid: str, namespace: str) -> Sink:
        """Return where the packets of a client that registers are to go."""
        del sid, namespace
        return self.server.eio.sockets[eio_sid]

    def redirect(self, sid: str, namespace: str, sink: Sink) -> None:
        """Let the packets of a client go elsewhere, in all its rooms."""
        rooms = self.rooms.get(namespace, {})
        for room in self._rooms_of.get(namespace, {}).get(sid, ()):
            rooms[room][sid] = sink

    # Acknowledgements

    def _generate_ack_id(self, sid: str, callback: Callable[..., Any]) -> int:
        """Return an id for an emit that wants an acknowledgement.

        Stock keeps the counter among the callbacks, where a client that acknowledges id 0 calls it.
        """
        callbacks = self.callbacks.setdefault(sid, {})
        if len(callbacks) >= self.max_callbacks:
            del callbacks[next(iter(callbacks))]
        packet_id = next(self._callback_ids)
        callbacks[packet_id] = callback
        return packet_id

    def take_callback(self, sid: str, packet_id: int) -> Callable[..., Any] | None:
        """Return the callback of an acknowledgement and forget it; None when nobody waits for it."""
        callbacks = self.callbacks.get(sid)
        if callbacks is None:
            return None
        callback = callbacks.pop(packet_id, None)
        if not callbacks:
            del self.callbacks[sid]
        return callback

    async def trigger_callback(self, sid: str, id: int, data: list[Any]) -> None:
        """Call the callback of an acknowledgement."""
        callback = self.take_callback(sid, id)
        if callback is None:
            self._get_logger().info("Unknown callback received, ignoring.")
            return
        result = callback(*data)
        if inspect.isawaitable(result):
            await result


def _discard(pending: dict[str, set[str]], namespace: str, sid: str) -> None:
    sids = pending.get(namespace)
    if sids is not None:
        sids.discard(sid)
        if not sids:
            del pending[namespace]
