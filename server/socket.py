"""The Socket.IO door: each action an event, each reply an acknowledgement."""

import logging
from typing import Any

from socketio.exceptions import ConnectionRefusedError

from handlers import REGISTRY, filters
from handlers.base import Actor
from handlers.errors import ActionError, Unauthenticated, Unavailable
from server.connections import Connection, Connections
from server.dispatch import Dispatcher, failure
from server.engine import RECOVERABLE, RealtimeServer, Then
from server.identity import Credential, Identity
from server.mirror import Mirror
from server.peer import Peer
from server.presence import People
from server.presence_state import State
from server.removals import Removals
from server.roster import Roster
from server.sessions import SocketSessions
from server.subscriptions import SocketSubscriptions
from server.typing_board import SignalTypingBoard

log = logging.getLogger("hubbub.socket")


class SocketDoor:
    """Connects, dispatches and lets go the clients of a Socket.IO server."""

    def __init__(
        self,
        sio: RealtimeServer,
        dispatcher: Dispatcher,
        identity: Identity,
        connections: Connections,
        sessions: SocketSessions,
        subscriptions: SocketSubscriptions,
        typing: SignalTypingBoard,
        roster: Roster,
        presence: People,
        mirror: Mirror,
        peer: Peer,
        recovery_seconds: float,
        removals: Removals | None,
    ) -> None:
        self._sio = sio
        self._dispatcher = dispatcher
        self._identity = identity
        self._recovery_seconds = recovery_seconds
        self._removals = removals
        self._connections = connections
        self._sessions = sessions
        self._subscriptions = subscriptions
        self._typing = typing
        self._roster = roster
        self._presence = presence
        self._mirror = mirror
        self._peer = peer
        if sio.recovery is not None:
            sio.recovery.before = subscriptions.level
        sio.on("connect", self._connect)
        sio.on("disconnect", self._disconnect)
        for name, action in REGISTRY.items():
            if action.batch:
                sio.on_group(name, self._group_handler(name))
            else:
                sio.on(name, self._handler(name))
        sio.on("*", self._unknown)

    def _handler(self, name: str) -> Any:
        async def handle(sid: str, *payload: Any) -> Then:
            return await self._act(name, sid, payload)

        return handle

    def _group_handler(self, name: str) -> Any:
        async def handle(sid: str, payloads: list[tuple[Any, ...]]) -> list[Then]:
            actor = self._connections[sid].actor
            found = [payload[0] if payload else None for payload in payloads]
            return [Then(reply.body, reply.after) for reply in await self._dispatcher.run_all(name, actor, found)]

        return handle

    async def _unknown(self, name: str, sid: str, *payload: Any) -> Then:
        return await self._act(name, sid, payload)

    async def _act(self, name: str, sid: str, payload: tuple[Any, ...]) -> Then:
        connection = self._connections[sid]
        reply = await self._dispatcher.run(name, connection.actor, payload[0] if payload else None)
        return Then(reply.body, reply.after)

    async def _connect(self, sid: str, environ: dict[str, Any], auth: Any = None) -> None:
        request = environ["aiohttp.request"]
        try:
            if self._dispatcher.draining:
                raise Unavailable("The server is restarting; try again in a moment.")
            credential = await self._identity.of(request, auth=auth)
            actor = Actor(credential.user, credential.backend, sid, self._peer.address(request))
            await self._roster.admit(actor)
            try:
                await self._enter(self._connection(sid, actor, credential), credential)
            except BaseException:
                self._leave(sid)
                await self._roster.leave(actor)
                raise
        except ActionError as error:
            raise _refusal(error.wire()) from error
        except Exception as error:
            raise _refusal(failure(error).body["error"]) from error

    def _connection(self, sid: str, actor: Actor, credential: Credential) -> Connection:
        def tell(event: str, envelope: bytes) -> None:
            self._sio.broadcast(sid, event, envelope)

        def close(reason: str) -> None:
            log.info("A connection was ended", extra={"connection": sid, "cause": reason})
            self._sio.keep(self._sio.disconnect(sid))

        return Connection(sid, "socket", actor, credential.expires_at, tell, close, credential.issued_at)

    async def _enter(self, connection: Connection, credential: Credential) -> None:
        recovered = self._sio.recovered(connection.id)
        if credential.user is not None:
            # Who merely lost a connection does not wait for the database.
            await (self._mirror.remember if recovered else self._mirror.arrive)(credential.user)
        self._connections.add(connection)
        said = await self._take_up(connection) if recovered else None
        if credential.user is not None:
            if connection.id in self._connections:
                await self._presence.arrive(credential.user.id, connection.id, said)
            if not recovered:
                position = await self._subscriptions.attach(connection.id, f"user:{credential.user.id}", None)
                position.start(False)
        self._sessions.watch(connection)

    async def _take_up(self, connection: Connection) -> State | None:
        """Give a connection that was lost its channels again: they went on here, or come from another worker.

        Returns what it said of its user on that other worker.
        """
        owner = self._subscriptions.owner(connection.id)
        if owner is not None and owner != connection.actor.id:
            raise Unauthenticated("The connection to take up again was another user's.")
        if self._subscriptions.resume(connection.id, connection.actor):
            # It may have come back with a token of a lesser role.
            self._sessions.changed(connection.id, connection.actor)
            return None
        moved = None if self._removals is None else self._removals.arrived(connection.id)
        if moved is None:
            # Nothing is known of its channels any more: cut, it comes back by itself and starts anew.
            self._sio.drop_transport(connection.id)
            raise Unavailable("The connection cannot be taken up again.")
        if moved.owner != connection.actor.id:
            raise Unauthenticated("The connection to take up again was another user's.")
        for channel, seq in moved.positions.items():
            text = moved.views.get(channel)
            view = None if text is None else filters.parse(text)
            position = await self._subscriptions.attach(connection.id, channel, seq, view)
            position.start(True)
        self._sessions.changed(connection.id, connection.actor)
        self._subscriptions.renew(connection.id, None)
        return State.decode(moved.said) if moved.said else None

    def _leave(self, sid: str, reason: str | None = None) -> Connection | None:
        if reason in RECOVERABLE and sid in self._connections:
            self._subscriptions.suspend(sid, self._recovery_seconds)
        else:
            self._subscriptions.forget(sid)
        self._typing.forget(sid)
        connection = self._connections.remove(sid)
        if connection is not None and connection.actor.user is not None:
            self._presence.lose(connection.actor.user.id, sid)
        return connection

    async def _disconnect(self, sid: str, reason: str) -> None:
        connection = self._leave(sid, reason)
        if connection is not None:
            await self._roster.leave(connection.actor)


def _refusal(error: dict[str, Any]) -> ConnectionRefusedError:
    """CONNECT_ERROR with ``{message, data: {code, …}}``."""
    message = error.pop("message")
    return ConnectionRefusedError(message, error)
