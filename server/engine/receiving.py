"""The receiving half of `RealtimeServer`: packets in, events to their handlers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from server.engine.arrivals import ArrivalServer
from server.engine.connection import Connection
from server.engine.deadlines import Deadlines
from server.engine.then import Then
from server.engine.wire import ACK, Incoming, MalformedPacket, decode

GroupHandler = Callable[[str, list[tuple[Any, ...]]], Awaitable[list[Any]]]

# A client that sends these must not reach the lifecycle handlers, nor the catch-all one without its event's name.
_NOT_FOR_CLIENTS = frozenset(("connect", "disconnect", "*"))


class ReceivingServer(ArrivalServer):
    """Replaces how `socketio.AsyncServer` takes packets."""

    max_attachments: int
    max_attachment_bytes: int
    max_pending_events: int
    disconnect_grace: float
    draining: bool
    _own_wire: bool
    _loads: Callable[[str], Any]
    groups: dict[tuple[str, str], GroupHandler]
    _attachment_deadlines: Deadlines

    def decode(self, data: str | bytes) -> Incoming:
        """Parse one packet.

        :raises MalformedPacket: it is none.
        """
        if self._own_wire:
            if not isinstance(data, str):
                raise MalformedPacket("unexpected binary attachment")
            return decode(data, self._loads, self.max_attachments)
        try:
            pkt = self.packet_class(encoded_packet=data)
        except Exception as error:
            raise MalformedPacket(f"{type(error).__name__}: {error}") from None
        return Incoming(pkt.packet_type, pkt.namespace or "/", pkt.id, pkt.data)

    def watch_attachments(self, connection: Connection, progress: int) -> None:
        """Have `connection.attachments_due(progress)` called after the attachment time-out."""
        self._attachment_deadlines.add(connection.session.sid, progress)

    def _attachments_due(self, eio_sid: Any, progress: int, _when: float) -> None:
        connection = self._connections.get(eio_sid)
        if connection is not None:
            connection.attachments_due(progress)

    def acknowledged(self, eio_sid: str, incoming: Incoming) -> None:
        """Call what waits for an acknowledgement, without waiting for events that were sent before it.

        Replaces `AsyncServer._handle_ack`, which lets a callback's exception end the reading of the connection.
        """
        sid = self.manager.sid_from_eio_sid(eio_sid, incoming.namespace)
        if sid is not None and self.manager.is_connected(sid, incoming.namespace):
            self.start_background_task(self._run_callback, sid, incoming)

    async def _run_callback(self, sid: str, incoming: Incoming) -> None:
        try:
            await self.manager.trigger_callback(sid, incoming.id, incoming.data)
        except Exception:
            self.logger.exception("%s: the callback of an acknowledgement raised", sid)

    async def _handle_eio_connect(self, eio_sid: str, environ: dict[str, Any]) -> None:
        """Replaces `AsyncServer._handle_eio_connect` to give the session its queue and its connect time-out."""
        await super()._handle_eio_connect(eio_sid, environ)
        session = self.eio.sockets[eio_sid]
        connection = self._connections[eio_sid] = Connection(self, session)
        session.deliver = connection.receive
        if self.recovery is not None:
            session.journal = self.recovery.now
        self._connect_deadlines.add(eio_sid)

    def _handle_eio_message(self, eio_sid: str, data: str | bytes) -> None:
        """Replaces `AsyncServer._handle_eio_message`: packets are checked, and handled in the connection's queue."""
        connection = self._connections.get(eio_sid)
        if connection is not None:
            connection.receive(data)

    async def _handle_eio_disconnect(self, eio_sid: str, reason: str) -> None:
        """Replaces `AsyncServer._handle_eio_disconnect`: no client of the session stays behind.

        The disconnect handlers run after those of the events received before, but wait for these only so long.
        """
        connection = self._connections.pop(eio_sid, None)
        if connection is not None:
            connection.close()
            await connection.settled(self.disconnect_grace)
        for namespace in list(self.manager.get_namespaces()):
            await self._handle_disconnect(eio_sid, namespace, reason)
        if connection is not None:
            # A connect handler that still runs finds its client gone and cleans up itself.
            await connection.settled(None)
        self.environ.pop(eio_sid, None)

    async def _handle_event(self, eio_sid: str, namespace: str, id: int | None, data: list[Any]) -> None:
        """Replaces `AsyncServer._handle_event`: the caller is the connection's queue, so no task is made."""
        sid = self.manager.sid_from_eio_sid(eio_sid, namespace)
        if not self.manager.is_connected(sid, namespace):
            self.logger.info("%s is not connected to namespace %s", eio_sid, namespace)
            return
        await self._handle_event_internal(self, sid, eio_sid, data, namespace, id)

    async def _handle_group(self, eio_sid: str, run: list[Incoming]) -> None:
        """Hand a run of events of one name to their group handler, and acknowledge each in its turn."""
        namespace, event = run[0].namespace, run[0].data[0]
        sid = self.manager.sid_from_eio_sid(eio_sid, namespace)
        if not self.manager.is_connected(sid, namespace):
            self.logger.info("%s is not connected to namespace %s", eio_sid, namespace)
            return
        try:
            results = await self.groups[namespace, event](sid, [tuple(packet.data[1:]) for packet in run])
        except Exception:
            self.logger.exception("the handler of %r raised; the events get no acknowledgement", event)
            return
        for packet, result in zip(run, results, strict=True):
            self._answer(eio_sid, namespace, packet.id, result)

    def _answer(self, eio_sid: str, namespace: str, id: int | None, result: Any) -> None:
        """Acknowledge an event, if that was asked for, and take the steps that are to follow."""
        steps: list[Callable[[], None]] = []
        if isinstance(result, Then):
            result, steps = result.data, result.steps
        if id is not None:
            answer = [] if result is None else list(result) if isinstance(result, tuple) else [result]
            self._send(eio_sid, ACK, answer, namespace, id)
        for step in steps:
            step()

    async def _handle_event_internal(
        self,
        server: ReceivingServer,
        sid: str,
        eio_sid: str,
        data: list[Any],
        namespace: str,
        id: int | None,
    ) -> None:
        """Replaces `AsyncServer._handle_event_internal`: knows `Then`; no event of a client is a lifecycle event."""
        event = data[0]
        try:
            if event in _NOT_FOR_CLIENTS:
                result = await self._trigger_catch_all(event, namespace, sid, *data[1:])
            else:
                result = await server._trigger_event(event, namespace, sid, *data[1:])
        except Exception:
            self.logger.exception("the handler of %r raised; the event gets no acknowledgement", event)
            return
        if result is self.not_handled:
            return
        server._answer(eio_sid, namespace, id, result)
