"""The receiving half of `RealtimeServer`: packets in, handlers called, clients coming and going."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any

import socketio
from socketio import exceptions

from server.engine.connection import Connection, Held
from server.engine.deadlines import Deadlines
from server.engine.outgoing import Outgoing
from server.engine.reasons import Reason
from server.engine.rooms import IndexedRooms, Sink
from server.engine.session import Session
from server.engine.then import Then
from server.engine.wire import ACK, CONNECT, CONNECT_ERROR, DISCONNECT, Incoming, MalformedPacket, decode

GroupHandler = Callable[[str, list[tuple[Any, ...]]], Awaitable[list[Any]]]

# A client that sends these must not reach the lifecycle handlers, nor the catch-all one without its event's name.
_NOT_FOR_CLIENTS = frozenset(("connect", "disconnect", "*"))


class ReceivingServer(socketio.AsyncServer):
    """Replaces how `socketio.AsyncServer` takes packets; `RealtimeServer` sets the attributes."""

    reason = Reason
    eio: Any
    manager: Any
    max_attachments: int
    max_attachment_bytes: int
    max_pending_events: int
    disconnect_grace: float
    draining: bool
    _own_wire: bool
    _loads: Callable[[str], Any]
    groups: dict[tuple[str, str], GroupHandler]
    _connections: dict[str, Connection]
    _connect_deadlines: Deadlines
    _attachment_deadlines: Deadlines

    def encode(
        self, kind: int, data: Any, namespace: str = "/", packet_id: int | None = None, *, volatile: bool = False
    ) -> Outgoing:
        """Return a packet ready to send."""
        raise NotImplementedError

    def _send(self, eio_sid: str, kind: int, data: Any, namespace: str, packet_id: int | None = None) -> None:
        session = self.eio.sockets.get(eio_sid)
        if session is not None:
            session.send(self.encode(kind, data, namespace, packet_id))

    # Packets

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
        self._attachment_deadlines.add(connection, progress)

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

    async def _trigger_catch_all(self, event: str, namespace: str, *args: Any) -> Any:
        """Call the catch-all handler, if any, for an event with the name of a handler of another kind."""
        handler = self.handlers.get(namespace, {}).get("*")
        arguments: tuple[Any, ...] = (event, *args)
        if handler is None:
            handler = self.handlers.get("*", {}).get("*")
            arguments = (event, namespace, *args)
        if handler is None:
            return self.not_handled
        result = handler(*arguments)
        return await result if inspect.isawaitable(result) else result

    # Coming and going

    async def _handle_connect(self, eio_sid: str, namespace: str | None, data: dict[str, Any] | None) -> None:
        """Replaces `AsyncServer._handle_connect`.

        A handler that raises refuses the client (stock leaves it waiting); one that takes no `auth` is recognised by
        its signature (stock tries again after any TypeError); a client that left meanwhile gets its disconnect handler
        (stock keeps it for ever); what the handler emits to the client goes out after the CONNECT reply.
        """
        namespace = namespace or "/"
        session = self.eio.sockets.get(eio_sid)
        if session is None:
            return
        if not self._serves(namespace):
            self._send(eio_sid, CONNECT_ERROR, {"message": "Invalid namespace"}, namespace)
            return
        sid = await self.manager.pre_connect(eio_sid, namespace)
        if sid is None:
            self._send(eio_sid, CONNECT_ERROR, {"message": "Unable to connect"}, namespace)
            return
        held = Held(session)
        if self.always_connect:
            self._send(eio_sid, CONNECT, {"sid": sid}, namespace)
            await self.manager.connect(sid, namespace)
        else:
            self._redirect(sid, namespace, held)
        refusal = await self._ask_connect_handler(sid, namespace, eio_sid, data)
        if refusal is None and not session.closed:
            if not self.always_connect:
                self._send(eio_sid, CONNECT, {"sid": sid}, namespace)
                self._redirect(sid, namespace, session)
                held.release()
                await self.manager.connect(sid, namespace)
            return
        if refusal is None:
            if self.manager.is_pre_connected(sid, namespace):
                await self.manager.connect(sid, namespace)
            await self._leave(sid, namespace, session.close_reason)
            return
        kind = DISCONNECT if self.always_connect else CONNECT_ERROR
        if self.always_connect:
            self.manager.pre_disconnect(sid, namespace)
        self._send(eio_sid, kind, None if self.always_connect else refusal, namespace)
        await self.manager.disconnect(sid, namespace, ignore_queue=True)
        self._connect_deadlines.add(eio_sid)

    def _redirect(self, sid: str, namespace: str, sink: Sink) -> None:
        # A stock manager sends to sessions only: with it, such events go out before the reply as they always did.
        if isinstance(self.manager, IndexedRooms):
            self.manager.redirect(sid, namespace, sink)

    async def _ask_connect_handler(
        self, sid: str, namespace: str, eio_sid: str, auth: dict[str, Any] | None
    ) -> dict[str, Any] | None:
        """Return None when the connect handler accepts the client, else the data of its CONNECT_ERROR."""
        try:
            accepted = await self._trigger_event("connect", namespace, sid, self.environ[eio_sid], auth or None)
        except exceptions.ConnectionRefusedError as refused:
            return refused.error_args
        except ConnectionRefusedError:
            return {"message": "Connection refused by server"}
        except Exception:
            self.logger.exception("the connect handler of %s raised", namespace)
            return {"message": "Internal server error"}
        return exceptions.ConnectionRefusedError().error_args if accepted is False else None

    async def _handle_disconnect(self, eio_sid: str, namespace: str | None, reason: str | None = None) -> None:
        """Replaces `AsyncServer._handle_disconnect`, in which a handler that raises leaves its client in its rooms."""
        namespace = namespace or "/"
        sid = self.manager.sid_from_eio_sid(eio_sid, namespace)
        if sid is not None:
            await self._leave(sid, namespace, reason or self.reason.CLIENT_DISCONNECT)
            if eio_sid in self.eio.sockets:
                self._connect_deadlines.add(eio_sid)

    async def disconnect(self, sid: str, namespace: str | None = None, ignore_queue: bool = False) -> None:
        """Replaces `AsyncServer.disconnect`, in which a handler that raises leaves its client in its rooms."""
        namespace = namespace or "/"
        if ignore_queue:
            here = self.manager.is_connected(sid, namespace)
        else:
            here = await self.manager.can_disconnect(sid, namespace)
        if here:
            eio_sid = self.manager.eio_sid_from_sid(sid, namespace)
            self._send(eio_sid, DISCONNECT, None, namespace)
            await self._leave(sid, namespace, self.reason.SERVER_DISCONNECT)
            if eio_sid in self.eio.sockets:
                self._connect_deadlines.add(eio_sid)

    async def _leave(self, sid: str, namespace: str, reason: str) -> None:
        if not self.manager.is_connected(sid, namespace):
            return
        self.manager.pre_disconnect(sid, namespace)
        try:
            await self._trigger_event("disconnect", namespace, sid, reason)
        except Exception:
            self.logger.exception("the disconnect handler of %s raised", namespace)
        finally:
            await self.manager.disconnect(sid, namespace, ignore_queue=True)

    def _serves(self, namespace: str) -> bool:
        return (
            namespace in self.handlers
            or namespace in self.namespace_handlers
            or self.namespaces == "*"
            or namespace in self.namespaces
        )

    def _connect_due(self, eio_sid: Any, _mark: int, _when: float) -> None:
        """Close a session that no client of any namespace uses, nor is about to."""
        session: Session | None = self.eio.sockets.get(eio_sid)
        connection = self._connections.get(eio_sid)
        if session is None or connection is None or connection.busy:
            return
        if not any(self.manager.sid_from_eio_sid(eio_sid, name) for name in self.manager.get_namespaces()):
            session.close(self.reason.CONNECT_TIMEOUT)

    # Handlers

    async def _trigger_event(self, event: str, namespace: str, *args: Any) -> Any:
        """Replaces `AsyncServer._trigger_event`, which calls lifecycle handlers again after any TypeError in them."""
        handler, args = self._get_event_handler(event, namespace, args)
        if handler is None:
            handler, args = self._get_namespace_handler(namespace, args)
            if handler is None:
                return self.not_handled
            if event in self.reserved_events:
                method = getattr(handler, f"on_{event}", None)
                args = args if method is None else _fitting(method, args)
            return await handler.trigger_event(event, *args)
        if event in self.reserved_events:
            args = _fitting(handler, args)
        try:
            result = handler(*args)
            return await result if inspect.isawaitable(result) else result
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            return None


def _fitting(handler: Callable[..., Any], args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the arguments without the last one (`auth`, `reason`) for a handler that takes one less."""
    try:
        signature = inspect.signature(handler)
    except (TypeError, ValueError):
        return args
    try:
        signature.bind(*args)
    except TypeError:
        return args[:-1]
    return args
