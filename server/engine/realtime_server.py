"""A drop-in `socketio.AsyncServer` that is fast, keeps order and has bounds."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import socketio
from socketio import exceptions
from socketio import packet as stock_packet

from server.engine.connection import Connection
from server.engine.deadlines import Deadlines
from server.engine.engine_server import EngineServer
from server.engine.json_codec import StandardJson, dumps, loads
from server.engine.local_manager import LocalManager
from server.engine.outgoing import Outgoing
from server.engine.receiving import GroupHandler, ReceivingServer
from server.engine.recovery import Recovery
from server.engine.remote_calls import Answer
from server.engine.rooms import IndexedRooms
from server.engine.wire import encode, encode_event


class RealtimePacket(stock_packet.Packet):
    """python-socketio's packet with orjson; stock sets the JSON module for the whole process."""

    json = StandardJson


class RealtimeServer(ReceivingServer):
    """`socketio.AsyncServer` over Hubbub's own Engine.IO server.

    Takes the same constructor arguments, those of `EngineServer`, and these (times in seconds, sizes in bytes):

    :param connect_timeout: time from the opening of a transport (or from the last disconnect) to a CONNECT packet.
    :param max_json_depth: how deep a packet's JSON may be nested.
    :param max_attachments: binary attachments of one packet.
    :param max_attachment_bytes: all attachments of one packet together; the default is ten times
        `max_http_buffer_size`.
    :param attachment_timeout: time from one part of a binary packet to the next.
    :param max_pending_events: events of one connection that may wait for its handlers; reading pauses then.
    :param disconnect_grace: how long a disconnect handler waits for the handlers of events that came before.
    :param max_callbacks: acknowledgements of one client that may be awaited at a time.
    :param connection_state_recovery: None, or a dictionary: clients that lose their transport may come back within
        `max_disconnection_duration` seconds (120) and get their sid, rooms, session and missed events back, as with
        Socket.IO on Node; `max_bytes` (64 MiB) bounds the memory for these events. Every event that is not volatile and
        asks for no acknowledgement carries its offset, a string, as one more argument then.
    :param recovery_timeout: how long a client that comes back waits for its former connection to be cleared up.
    """

    def __init__(
        self,
        client_manager: socketio.AsyncManager | None = None,
        logger: Any = False,
        json: Any = None,
        async_handlers: bool = True,
        namespaces: Any = None,
        *,
        connect_timeout: float = 10.0,
        max_json_depth: int = 128,
        max_attachments: int = 64,
        max_attachment_bytes: int | None = None,
        attachment_timeout: float = 30.0,
        max_pending_events: int = 100,
        disconnect_grace: float = 0.75,
        max_callbacks: int = 1000,
        connection_state_recovery: Mapping[str, Any] | None = None,
        recovery_timeout: float = 5.0,
        **options: Any,
    ) -> None:
        serializer = options.get("serializer", "default")
        super().__init__(
            client_manager=client_manager or LocalManager(max_callbacks=max_callbacks),
            logger=logger,
            # Stock would change the module of every server in the process.
            json=None if serializer == "default" else json,
            async_handlers=async_handlers,
            namespaces=namespaces,
            **options,
        )
        self._own_wire = serializer == "default"
        if self._own_wire:
            self.packet_class = (
                RealtimePacket if json is None else type("Packet", (stock_packet.Packet,), {"json": json})
            )
            self.manager.set_server(self)
        self._dumps: Callable[[Any], bytes] = dumps if json is None else functools.partial(_dumps_with, json)
        self._loads: Callable[[str], Any] = (
            functools.partial(loads, max_depth=max_json_depth) if json is None else json.loads
        )
        self.max_attachments = max_attachments
        self.max_attachment_bytes = max_attachment_bytes or 10 * self.eio.max_http_buffer_size
        self.max_pending_events = max_pending_events
        self.disconnect_grace = disconnect_grace
        self.draining = False
        self.recovery: Recovery | None = None
        self.recovery_timeout = recovery_timeout
        if connection_state_recovery is not None:
            self._recover_with(**connection_state_recovery)
        self.groups: dict[tuple[str, str], GroupHandler] = {}
        self._connections: dict[str, Connection] = {}
        self._connect_deadlines = Deadlines(connect_timeout, self._connect_due)
        self._attachment_deadlines = Deadlines(attachment_timeout, self._attachments_due)

    def _recover_with(self, max_disconnection_duration: float = 120, max_bytes: int = 64 << 20) -> None:
        if not isinstance(self.manager, IndexedRooms) or not self._own_wire:
            raise ValueError(
                "connection_state_recovery needs Hubbub's own managers and the default serializer: "
                "leave client_manager and serializer out, or give a LocalManager or RedisManager"
            )
        unconfirmed = self.eio.ping_interval + self.eio.ping_timeout
        self.recovery = Recovery(max_disconnection_duration, unconfirmed, int(max_bytes), self.manager)
        self.manager.history = self.recovery

    def _engineio_server_class(self) -> type[EngineServer]:
        """Replaces `AsyncServer._engineio_server_class`: the Engine.IO server beneath is Hubbub's own."""
        return EngineServer

    def on_group(self, event: str, handler: GroupHandler, namespace: str = "/") -> None:
        """Have runs of an event, that one client sends without another in between, handled in one call.

        :param handler: `handler(sid, payloads)` is a coroutine function that returns a result for each of the
            payloads (an event's arguments each), in their order.
        """
        self.groups[namespace, event] = handler

    # Sending

    async def emit(
        self,
        event: str,
        data: Any = None,
        to: Any = None,
        room: Any = None,
        skip_sid: Any = None,
        namespace: str | None = None,
        callback: Callable[..., Any] | None = None,
        ignore_queue: bool = False,
        *,
        volatile: bool = False,
    ) -> None:
        """Replaces `AsyncServer.emit` to add `volatile`: the packet may be dropped for clients that read slowly."""
        options = {"volatile": True} if volatile else {}
        await self.manager.emit(
            event, data, namespace or "/", room=to or room, skip_sid=skip_sid, callback=callback,
            ignore_queue=ignore_queue, **options,
        )  # fmt: skip

    async def call(
        self,
        event: str,
        data: Any = None,
        to: str | None = None,
        sid: str | None = None,
        namespace: str | None = None,
        timeout: float = 60,
        ignore_queue: bool = False,
    ) -> Any:
        """Replaces `AsyncServer.call`, which waits its whole time-out for a client whose worker has died.

        :raises remote_calls.ClientGone: no acknowledgement will come: the client, or its worker, is gone.
        :raises socketio.exceptions.TimeoutError: none came within `timeout` seconds.
        """
        if to is None and sid is None:
            raise ValueError("Cannot use call() to broadcast.")
        if not self.async_handlers:
            raise RuntimeError("Cannot use call() when async_handlers is False.")
        answer = Answer()
        await self.emit(
            event, data=data, room=to or sid, namespace=namespace, callback=answer, ignore_queue=ignore_queue
        )
        try:
            async with asyncio.timeout(timeout):
                arguments = await answer
        except TimeoutError:
            raise exceptions.TimeoutError() from None
        return arguments if len(arguments) > 1 else arguments[0] if arguments else None

    def broadcast(
        self,
        room: Any,
        event: str,
        payload: bytes,
        *,
        volatile: bool = False,
        namespace: str = "/",
        skip_sid: str | list[str] | None = None,
        attachments: tuple[bytes, ...] = (),
    ) -> None:
        """Send an event to the members of a room on THIS worker, at the end of this loop turn.

        :param payload: one encoded JSON value, the event's only argument; it is trusted to be valid.
        :param volatile: the packet may be dropped for clients that read slowly.
        :param attachments: bytes, for each of which `{"_placeholder": true, "num": …}` stands in the payload.
        """
        packet = encode_event(event, payload, namespace, volatile, attachments)
        if isinstance(self.manager, LocalManager):
            self.manager.deliver(namespace, room, packet, skip_sid)
            return
        skipped = {skip_sid} if isinstance(skip_sid, str) else set(skip_sid or ())
        for sid, eio_sid in self.manager.get_participants(namespace, room):
            session = self.eio.sockets.get(eio_sid)
            if session is not None and sid not in skipped:
                session.send(packet)

    def encode(
        self, kind: int, data: Any, namespace: str = "/", packet_id: int | None = None, *, volatile: bool = False
    ) -> Outgoing:
        """Return a packet ready to send, encoded once for all its receivers."""
        if self._own_wire:
            return encode(kind, data, namespace, packet_id, volatile=volatile, dumps=self._dumps)
        return _outgoing(self.packet_class(kind, data=data, namespace=namespace, id=packet_id).encode(), volatile)

    async def _send_packet(self, eio_sid: str, pkt: stock_packet.Packet) -> None:
        """Replaces `AsyncServer._send_packet`: packet and attachments are queued as one, at once."""
        session = self.eio.sockets.get(eio_sid)
        if session is not None:
            session.send(_outgoing(pkt.encode(), False))

    # Clients

    def enter_room_now(self, sid: str, room: Any, namespace: str = "/") -> None:
        """Like `enter_room` for a client of this worker, without a point at which anything else could run.

        :raises ValueError: the client is not here, or the room is another client's own.
        """
        self.manager.basic_enter_room(sid, namespace, room)

    def leave_room_now(self, sid: str, room: Any, namespace: str = "/") -> None:
        """Like `leave_room` for a client of this worker, without a point at which anything else could run."""
        self.manager.basic_leave_room(sid, namespace, room)

    def drop_transport(self, sid: str, namespace: str = "/") -> None:
        """Close the connection of a client of this worker so that it comes back by itself."""
        session = self.eio.sockets.get(self.manager.eio_sid_from_sid(sid, namespace))
        if session is not None:
            session.close(self.reason.TRANSPORT_CLOSE, linger=True)

    def keep(self, work: Awaitable[Any]) -> None:
        """Run something in the background; the loop by itself forgets tasks that nobody holds."""

        async def run() -> None:
            await work

        self.start_background_task(run)

    # Going away

    async def drain(self, send: Callable[[str], Any] | None = None, *, timeout: float = 5.0) -> None:
        """Stop taking new clients and packets, answer what was received, and close so that clients come back elsewhere.

        Handshakes get 503 from now on. No DISCONNECT packet goes out: after one, stock clients stay away. Returns when
        every client is gone, or after `timeout` seconds for the handlers and the close time-out for the clients.

        :param send: called with the sid of every client of every namespace before its transport is closed, once its
            events are handled; may emit a farewell. May be a coroutine function.
        """
        self.draining = self.eio.refusing = True
        connections = list(self._connections.values())
        for connection in connections:
            connection.session.set_reading_paused(True)
        busy = [asyncio.ensure_future(connection.settled(timeout)) for connection in connections if connection.busy]
        if busy:
            await asyncio.wait(busy)
        if send is not None:
            for namespace in list(self.manager.get_namespaces()):
                for sid, _ in list(self.manager.get_participants(namespace, None)):
                    await self._say_farewell(send, sid)
        await self.eio.drain(self.reason.DRAINING)

    async def _say_farewell(self, send: Callable[[str], Any], sid: str) -> None:
        try:
            result = send(sid)
            if inspect.isawaitable(result):
                await result
        except Exception:
            self.logger.exception("%s: the farewell could not be sent", sid)

    async def shutdown(self) -> None:
        """Close every connection and stop every timer."""
        await super().shutdown()
        stop = getattr(self.manager, "stop", None)
        if stop is not None:
            await stop()
        self._connect_deadlines.clear()
        self._attachment_deadlines.clear()
        if self.recovery is not None:
            self.recovery.close()


def _outgoing(encoded: str | bytes | list[str | bytes], volatile: bool) -> Outgoing:
    """Return what python-socketio's packets encode to (text, bytes, or text and attachments) as one message."""
    parts = encoded if isinstance(encoded, list) else [encoded]
    text = b"4" + parts[0].encode() if isinstance(parts[0], str) else None
    rest = parts if text is None else parts[1:]
    return Outgoing(text, tuple(bytes(part) for part in rest), volatile)  # type: ignore[arg-type]


def _dumps_with(json: Any, value: Any) -> bytes:
    encoded = json.dumps(value, separators=(",", ":"))
    return encoded if isinstance(encoded, bytes) else encoded.encode()
