"""Clients coming and going: accepted by their connect handler, taken up again after a drop, forgotten at the end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from socketio import exceptions

from server.engine.connection import Connection, Held
from server.engine.deadlines import Deadlines
from server.engine.handling import HandlingServer
from server.engine.outgoing import Outgoing
from server.engine.reasons import RECOVERABLE
from server.engine.recovery import READY_EVENT, Recovered, Recovery
from server.engine.rooms import IndexedRooms, Sink
from server.engine.session import Session
from server.engine.wire import CONNECT, CONNECT_ERROR, DISCONNECT, EVENT

# What recovery puts into the client's authentication data; no concern of handlers, and `pid` is a secret.
_RECOVERY_DATA = frozenset(("pid", "offset"))


class ArrivalServer(HandlingServer):
    """Replaces how `socketio.AsyncServer` connects and disconnects clients."""

    recovery: Recovery | None
    recovery_timeout: float
    _connections: dict[str, Connection]
    _connect_deadlines: Deadlines

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
        recovered = await self._recover(session, namespace, data)
        sid = await self.manager.pre_connect(eio_sid, namespace) if recovered is None else recovered.client.sid
        if sid is None:
            self._send(eio_sid, CONNECT_ERROR, {"message": "Unable to connect"}, namespace)
            return
        answer = {"sid": sid}
        if self.recovery is not None:
            client = self.recovery.enter(namespace, sid, eio_sid) if recovered is None else recovered.client
            answer["pid"] = client.pid
            data = {name: value for name, value in (data or {}).items() if name not in _RECOVERY_DATA}
        held = Held(session)
        if self.always_connect:
            self._welcome(session, namespace, answer, recovered)
            await self.manager.connect(sid, namespace)
        else:
            self._redirect(sid, namespace, held)
        refusal = await self._ask_connect_handler(sid, namespace, eio_sid, data)
        if refusal is None and not session.closed:
            if not self.always_connect:
                self._welcome(session, namespace, answer, recovered)
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
        if self.recovery is not None:
            self.recovery.leave(namespace, sid)
        self._connect_deadlines.add(eio_sid)

    async def _recover(self, session: Session, namespace: str, data: dict[str, Any] | None) -> Recovered | None:
        """Take up what a client that comes back has left, and register it; None when it has to start anew."""
        pid, offset = (data or {}).get("pid"), (data or {}).get("offset")
        if self.recovery is None or not isinstance(pid, str) or not isinstance(offset, str):
            return None
        await self.let_go(pid, session.sid)
        try:
            recovered = await self.recovery.take(namespace, pid, offset)
        except Exception:
            self.logger.exception("a client's state could not be taken up; it starts anew")
            return None
        if recovered is None or session.closed:
            return None
        client = recovered.client
        rooms = {room: since for room, since, until in client.memberships or () if until is None}
        if not self.manager.restore(session.sid, namespace, client.sid, rooms):
            return None
        if client.storage is not None:
            session.storage[namespace] = client.storage
        self.recovery.restore(client, session.sid)
        return recovered

    def amend(self, holding: bytes, change: Callable[[list[Any]], None], namespace: str | None = None) -> None:
        """Alter what clients that come back would be told again: events whose text holds some bytes.

        :param change: called with each event's arguments; alters the list, or what is in it.
        """
        if self.recovery is not None:
            self.recovery.amend(namespace or "/", holding, change)

    async def let_go(self, pid: str, eio_sid: str | None = None) -> None:
        """End the connection of a client that has noticed the loss of its transport before we did.

        :param eio_sid: the session that it comes back on, if that is one of this worker's.
        """
        half_open = None if self.recovery is None else self.recovery.here(pid)
        if self.recovery is not None and half_open is not None and half_open.eio_sid != eio_sid:
            old = self.eio.sockets.get(half_open.eio_sid)
            if old is not None:
                old.close(self.reason.TRANSPORT_CLOSE, abort=True)
            await self.recovery.gone(half_open, self.recovery_timeout)

    def _welcome(self, session: Session, namespace: str, answer: dict[str, str], recovered: Recovered | None) -> None:
        for packet in () if recovered is None else recovered.missed:
            session.send(packet)
        session.send(self.encode(CONNECT, answer, namespace))
        if self.recovery is not None and recovered is None:
            session.send(self.ready(self.recovery.offset(), namespace))

    def ready(self, offset: str, namespace: str = "/") -> Outgoing:
        """The event that tells a client its first offset."""
        return self.encode(EVENT, [READY_EVENT, offset], namespace)

    def recovered(self, sid: str, namespace: str | None = None) -> bool:
        """Whether a client has taken its former connection up again, with its sid, rooms and session.

        True from its connect handler on, which runs again to check its credentials.
        """
        client = None if self.recovery is None else self.recovery.client(namespace or "/", sid)
        return client is not None and client.recovered

    def forget_client(self, sid: str, namespace: str | None = None) -> None:
        """Let a client that is away start anew when it comes back."""
        if self.recovery is not None:
            self.recovery.forget(namespace or "/", sid)

    def start_anew(self, sid: str, namespace: str | None = None) -> None:
        """Let a client start anew when it comes back, whether it is away or here."""
        if self.recovery is not None:
            self.recovery.start_anew(namespace or "/", sid)

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
        if self.recovery is not None and reason in RECOVERABLE:
            self._remember(sid, namespace)
        self.manager.pre_disconnect(sid, namespace)
        try:
            await self._trigger_event("disconnect", namespace, sid, reason)
        except Exception:
            self.logger.exception("the disconnect handler of %s raised", namespace)
        finally:
            await self.manager.disconnect(sid, namespace, ignore_queue=True)
            if self.recovery is not None:
                self.recovery.leave(namespace, sid)

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

    def _remember(self, sid: str, namespace: str) -> None:
        session = self.eio.find(self.manager.eio_sid_from_sid(sid, namespace))
        if self.recovery is not None and session is not None:
            rooms = self.manager.memberships(sid, namespace)
            self.recovery.closing(namespace, sid, rooms, session.storage.get(namespace), session.confirmed)
