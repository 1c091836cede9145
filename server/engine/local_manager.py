"""Emits to the clients of this worker: encoded once, handed to every member's transport at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from server.engine.outgoing import Outgoing
from server.engine.rooms import IndexedRooms
from server.engine.wire import EVENT


class LocalManager(IndexedRooms):
    """Replaces `socketio.AsyncManager`; other managers derive from it and call `super().emit()` for this worker."""

    async def emit(
        self,
        event: str,
        data: Any,
        namespace: str,
        room: Any = None,
        skip_sid: Any = None,
        callback: Callable[..., Any] | None = None,
        to: Any = None,
        *,
        volatile: bool = False,
        **_options: Any,
    ) -> None:
        """Emit to a client, a room, a list of rooms or (None) the whole namespace.

        Replaces `AsyncManager.emit`, which makes a task for each receiver. `volatile` packets may be dropped for
        clients that read slowly.
        """
        room = to or room
        arguments = list(data) if isinstance(data, tuple) else [] if data is None else [data]
        if callback is None:
            # Encoded for an empty room too: what cannot be sent fails here, whoever is there.
            packet = self.server.encode(EVENT, [event, *arguments], namespace, volatile=volatile)
            self.deliver(namespace, room, packet, skip_sid)
            return
        skipped = _sids(skip_sid)
        for sid, sink in list(self.members(namespace, room).items()):
            if sid not in skipped:
                packet_id = self._generate_ack_id(sid, callback)
                sink.send(self.server.encode(EVENT, [event, *arguments], namespace, packet_id))

    def deliver(self, namespace: str, room: Any, packet: Outgoing, skip_sid: Any = None) -> None:
        """Hand one packet to every member of this worker, now. It goes out at the end of this loop turn."""
        skipped = _sids(skip_sid)
        recovery = self.server.recovery
        if recovery is not None and not packet.volatile:
            packet = recovery.record(namespace, room, packet, skipped)
        members = self.members(namespace, room)
        if not skipped:
            for sink in members.values():
                sink.send(packet)
            return
        for sid, sink in members.items():
            if sid not in skipped:
                sink.send(packet)


def _sids(skip_sid: Any) -> frozenset[str]:
    if skip_sid is None:
        return frozenset()
    return frozenset((skip_sid,) if isinstance(skip_sid, str) else skip_sid)
