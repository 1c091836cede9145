"""An Engine.IO 4 server for aiohttp, with the interface that python-socketio expects of python-engineio's."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable, Coroutine, Hashable
from types import TracebackType
from typing import Any, ClassVar

import engineio
from aiohttp import web

from server.engine.cookies import sid_cookie
from server.engine.deadlines import Deadlines
from server.engine.http_front import HttpFront
from server.engine.json_codec import dumps
from server.engine.outgoing import Outgoing
from server.engine.peers import Peers
from server.engine.polling import PollingTransport
from server.engine.reasons import Reason
from server.engine.session import Session
from server.engine.upgrade import Upgrade
from server.engine.websocket import WebSocketOptions, WebSocketTransport, WriteBatch

TRANSPORTS = ("polling", "websocket")


class EngineServer:
    """Engine.IO sessions over HTTP long-polling and WebSocket.

    Takes the constructor arguments of `engineio.AsyncServer` (times in seconds, fractions allowed; sizes in bytes;
    `monitor_clients` and `async_handlers` change nothing) and these:

    :param send_buffer_bytes: bytes that may wait for one client. Volatile messages are dropped from half of it on; when
        it is exceeded the client is let go with `Reason.SLOW_READER`.
    :param websocket_compression: accept permessage-deflate from clients that offer it; parts of `compression_threshold`
        bytes or more are compressed then.
    :param upgrade_timeout: time that an upgrade to WebSocket may take.
    :param close_timeout: time that a connection may take to close before it is dropped; also how long a polling client
        may fetch what waits for it after the server has closed its session.
    :param bare_sessions_per_address: polling sessions of one address that may wait for their first message; 0 for any
        number. Over it, handshakes are answered with 429.
    :param handshakes_per_turn: sessions that are opened in one turn of the loop; a storm of more is spread out.
    :param session_owner: function of a request; all requests of a session must have the same owner, so that nobody
        who learns its id can take it over. The default is the client's address.
    :param peers: the other workers that requests for this one's sessions may reach; None if there are none.
    """

    reason = Reason
    async_mode = "aiohttp"
    event_names: ClassVar[tuple[str, ...]] = ("connect", "message", "disconnect")

    def __init__(
        self,
        async_mode: str | None = None,
        ping_interval: float | tuple[float, float] = 25,
        ping_timeout: float = 20,
        max_http_buffer_size: int = 1_000_000,
        allow_upgrades: bool = True,
        http_compression: bool = True,
        compression_threshold: int = 1024,
        cookie: str | dict[str, Any] | None = None,
        cors_allowed_origins: Any = None,
        cors_credentials: bool = True,
        logger: bool | logging.Logger = False,
        transports: str | list[str] | None = None,
        *,
        send_buffer_bytes: int = 1 << 20,
        websocket_compression: bool = True,
        upgrade_timeout: float = 10.0,
        close_timeout: float = 2.0,
        bare_sessions_per_address: int = 1000,
        handshakes_per_turn: int = 50,
        session_owner: Callable[[web.Request], Hashable] | None = None,
        peers: Peers | None = None,
        **_ignored: Any,
    ) -> None:
        if async_mode not in (None, "aiohttp"):
            raise ValueError(f"async_mode {async_mode!r} is not supported: this server is for aiohttp")
        interval, grace = ping_interval if isinstance(ping_interval, tuple) else (ping_interval, 0)
        self.ping_interval = interval
        self.ping_interval_grace_period = grace
        self.ping_timeout = ping_timeout
        self.max_http_buffer_size = max_http_buffer_size
        self.allow_upgrades = allow_upgrades
        self.send_buffer_bytes = send_buffer_bytes
        self.websocket_compression = websocket_compression
        self.bare_sessions_per_address = bare_sessions_per_address
        self.handshakes_per_turn = handshakes_per_turn
        self.session_owner = session_owner or _address_of
        self.cookie = cookie
        self.transports = _known(transports)
        self.logger = _logger(logger)
        self.sockets: dict[str, Session] = {}
        #: Closed polling sessions whose last packets wait for one more poll.
        self.lingering: dict[str, PollingTransport] = {}
        #: Polling sessions without a message yet, by address.
        self.bare_sessions: dict[str | None, int] = {}
        #: Closed sessions whose disconnect handler has not ended.
        self._ending: dict[str, Session] = {}
        self.handlers: dict[str, Callable[..., Any]] = {}
        self.refusing = False
        self.ping_deadlines = Deadlines(interval, self._ping_due)
        self.pong_deadlines = Deadlines(ping_timeout, self._pong_due)
        self._closing = Deadlines(close_timeout, lambda websocket, _mark, _when: websocket.abort())
        self._lingering_deadlines = Deadlines(close_timeout, lambda sid, _mark, _when: self.lingering.pop(sid, None))
        self._upgrades = Deadlines(upgrade_timeout, lambda upgrade, _mark, _when: upgrade.give_up())
        self._tasks: set[asyncio.Task[Any]] = set()
        self._websockets = WebSocketOptions(
            max_http_buffer_size, send_buffer_bytes, compression_threshold, WriteBatch(), self._closing
        )
        self._front = HttpFront(self, cors_allowed_origins, cors_credentials, http_compression, compression_threshold)
        self.peers = peers
        if peers is not None:
            peers.serve(self._front.handle, self._release_poll)

    # What python-socketio calls

    def is_asyncio_based(self) -> bool:
        """Return True."""
        return True

    def attach(self, app: web.Application, engineio_path: str = "engine.io") -> None:
        """Serve below `/{engineio_path}/` of `app`, and close every session when the application shuts down."""
        app.router.add_route("*", f"/{engineio_path.strip('/')}/", self.handle_request)
        if self.peers is not None:
            app.on_startup.append(self._on_startup)
        app.on_shutdown.append(self._on_shutdown)

    async def handle_request(self, request: web.Request) -> web.StreamResponse:
        """Handle one HTTP request of a client: handshake, poll, data or upgrade."""
        return await self._front.handle(request)

    def on(self, event: str, handler: Callable[..., Any] | None = None) -> Any:
        """Register the handler of `connect` (sid, environ), `message` (sid, data) or `disconnect` (sid, reason).

        `message` must be a plain function; the others may be coroutine functions. `connect` returning anything but
        None and True refuses the client with that answer. Without `handler`, acts as a decorator.
        """
        if event not in self.event_names:
            raise ValueError("Invalid event")
        if handler is None:
            return lambda function: self.on(event, function) or function
        self.handlers[event] = handler
        return None

    async def send(self, sid: str, data: str | bytes | dict[str, Any] | list[Any]) -> None:
        """Send a message to a client; dictionaries and lists go as JSON."""
        session = self.sockets.get(sid)
        if session is None:
            self.logger.warning("Cannot send to sid %s", sid)
        else:
            session.send(_message(data))

    async def send_packet(self, sid: str, pkt: engineio.packet.Packet) -> None:
        """Send one of python-engineio's packets to a client."""
        session = self.sockets.get(sid)
        if session is None:
            self.logger.warning("Cannot send to sid %s", sid)
        else:
            encoded = pkt.encode()
            is_text = isinstance(encoded, str)
            session.send(Outgoing(encoded.encode()) if is_text else Outgoing(None, (bytes(encoded),)))

    async def get_session(self, sid: str) -> dict[str, Any]:
        """Return the dictionary that an application keeps for a client.

        :raises KeyError: no such client.
        """
        return self._get_socket(sid).storage

    async def save_session(self, sid: str, session: dict[str, Any]) -> None:
        """Store the dictionary that an application keeps for a client.

        :raises KeyError: no such client.
        """
        self._get_socket(sid).storage = session

    def session(self, sid: str) -> SessionStorage:
        """Return the client's dictionary as an asynchronous context manager that stores it at the end."""
        return SessionStorage(self, sid)

    async def disconnect(self, sid: str | None = None) -> None:
        """Close the session of a client, or of all of them."""
        for session in list(self.sockets.values()) if sid is None else [self.sockets.get(sid)]:
            if session is not None:
                session.close(Reason.SERVER_DISCONNECT, linger=True)

    def transport(self, sid: str) -> str:
        """Return `polling` or `websocket`.

        :raises KeyError: no such client.
        """
        return "websocket" if self._get_socket(sid).upgraded else "polling"

    async def drain(self, reason: str, *, linger: bool = True) -> None:
        """Close every session so that its client comes back by itself, elsewhere.

        Waits for what was sent to arrive and for the disconnect handlers, within the close time-out. With `linger`,
        waits for polling clients to fetch what is left for them.
        """
        self.refusing = True
        for session in list(self.sockets.values()):
            session.close(reason, code=1012, linger=linger)
        last_polls = [asyncio.ensure_future(polling.drained()) for polling in self.lingering.values()]
        waiting = [*last_polls, *self._tasks, asyncio.ensure_future(self._websockets.batch.all_closed())]
        _, late = await asyncio.wait(waiting, timeout=self._closing.delay)
        for task in late - self._tasks:
            task.cancel()

    async def shutdown(self) -> None:
        """Close every session at once and stop every timer."""
        if self.sockets:
            await self.drain(Reason.SERVER_DISCONNECT, linger=False)
        for deadlines in (self.ping_deadlines, self.pong_deadlines, self._lingering_deadlines, self._upgrades):
            deadlines.clear()
        if self.peers is not None:
            await self.peers.stop()

    def start_background_task(self, target: Callable[..., Coroutine[Any, Any, Any]], *args: Any, **kwargs: Any) -> Any:
        """Run `target(*args, **kwargs)` as a task and return it."""
        task = asyncio.ensure_future(target(*args, **kwargs))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def sleep(self, seconds: float = 0) -> None:
        """Wait for some seconds."""
        await asyncio.sleep(seconds)

    def create_queue(self, *args: Any, **kwargs: Any) -> asyncio.Queue[Any]:
        """Return a new `asyncio.Queue`."""
        return asyncio.Queue(*args, **kwargs)

    def get_queue_empty_exception(self) -> type[Exception]:
        """Return `asyncio.QueueEmpty`."""
        return asyncio.QueueEmpty

    def create_event(self, *args: Any, **kwargs: Any) -> asyncio.Event:
        """Return a new `asyncio.Event`."""
        return asyncio.Event(*args, **kwargs)

    sequence_number = 0
    generate_id = engineio.AsyncServer.generate_id

    def _get_socket(self, sid: str) -> Session:
        """Return a session; python-socketio's Admin UI uses this name.

        :raises KeyError: no such client.
        """
        session = self.find(sid)
        if session is None:
            raise KeyError("Session not found")
        return session

    def _ok(self, packets: Any = None, headers: Any = None, jsonp_index: Any = None) -> dict[str, Any]:
        """Describe an answer; python-socketio's Admin UI wraps this to count what goes out."""
        del headers, jsonp_index
        return {"response": b"ok" if packets is None else b"\x1e".join(packets)}

    # What sessions and the HTTP front call

    async def open(self, request: web.Request, environ: dict[str, Any]) -> tuple[Session, Any]:
        """Begin a session; the second value is what the connect handler refused it with, or None."""
        sid = self.generate_id() if self.peers is None else self.peers.sid(self.generate_id())
        session = Session(self, sid, environ, self.session_owner(request))
        self.sockets[session.sid] = session
        answer = await self._trigger("connect", session.sid, environ)
        if answer is not None and answer is not True:
            self.sockets.pop(session.sid, None)
            session.closed = True
            return session, answer
        self.ping_deadlines.add(session.sid)
        return session, None

    def websocket(self, sid: str, compress: bool) -> WebSocketTransport:
        """Return a new WebSocket transport for a session."""
        return WebSocketTransport(sid, self._websockets, compress)

    def upgrade(self, session: Session, websocket: WebSocketTransport) -> None:
        """Let `websocket` take over from polling once the client has probed it."""
        self._upgrades.add(Upgrade(session, websocket))

    def handshake(self, session: Session) -> Outgoing:
        """Return the OPEN packet of a session."""
        upgrades = (
            [] if session.upgraded or not self.allow_upgrades or "websocket" not in self.transports else ["websocket"]
        )
        return Outgoing(
            b"0"
            + dumps(
                {
                    "sid": session.sid,
                    "upgrades": upgrades,
                    "pingInterval": _milliseconds(self.ping_interval + self.ping_interval_grace_period),
                    "pingTimeout": _milliseconds(self.ping_timeout),
                    "maxPayload": self.max_http_buffer_size,
                }
            )
        )

    def cookie_for(self, sid: str) -> str | None:
        """Return the Set-Cookie header of a handshake, if one is configured."""
        return None if not self.cookie else sid_cookie(sid, self.cookie)

    def find(self, sid: str | None) -> Session | None:
        """Return a session that is open, or closed but still in its disconnect handler."""
        return None if sid is None else self.sockets.get(sid) or self._ending.get(sid)

    def message(self, sid: str, data: str | bytes) -> None:
        """Hand a message to the handler."""
        handler = self.handlers.get("message")
        if handler is not None:
            handler(sid, data)

    def forget(self, session: Session, lingering: object | None) -> None:
        """Drop a session that closes; a polling transport may linger for one more poll."""
        self.sockets.pop(session.sid, None)
        if isinstance(lingering, PollingTransport):
            self.lingering[session.sid] = lingering
            self._lingering_deadlines.add(session.sid)

    def session_closed(self, session: Session, reason: str) -> None:
        """Run the disconnect handler; until it has ended the session can still be found."""
        self._ending[session.sid] = session
        self.start_background_task(self._end, session.sid, reason)

    async def _end(self, sid: str, reason: str) -> None:
        try:
            await self._trigger("disconnect", sid, reason)
        finally:
            del self._ending[sid]

    async def _trigger(self, event: str, *args: Any) -> Any:
        handler = self.handlers.get(event)
        if handler is None:
            return None
        try:
            result = handler(*args)
            return await result if inspect.isawaitable(result) else result
        except Exception:
            self.logger.exception("%s handler error", event)
            # A client whose connect handler failed is refused.
            return False if event == "connect" else None

    def _ping_due(self, sid: Hashable, _mark: int, when: float) -> None:
        session = self.sockets.get(sid)  # type: ignore[call-overload]
        if session is not None:
            session.ping(when)

    def _pong_due(self, sid: Hashable, mark: int, when: float) -> None:
        session = self.sockets.get(sid)  # type: ignore[call-overload]
        if session is not None:
            session.pong_missed(mark, when)

    def _release_poll(self, sid: str) -> None:
        session = self.sockets.get(sid)
        if session is not None and isinstance(session.transport, PollingTransport):
            session.transport.release_poll()

    async def _on_startup(self, _app: web.Application) -> None:
        assert self.peers is not None
        await self.peers.start()

    async def _on_shutdown(self, _app: web.Application) -> None:
        await self.shutdown()


class SessionStorage:
    """`async with` over the dictionary that an application keeps for a client."""

    def __init__(self, server: EngineServer, sid: str) -> None:
        self._server = server
        self._sid = sid
        self.session: dict[str, Any] = {}

    async def __aenter__(self) -> dict[str, Any]:
        self.session = await self._server.get_session(self._sid)
        return self.session

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._server.save_session(self._sid, self.session)


def _message(data: str | bytes | dict[str, Any] | list[Any]) -> Outgoing:
    if isinstance(data, bytes | bytearray):
        return Outgoing(None, (bytes(data),))
    return Outgoing(b"4" + (data.encode() if isinstance(data, str) else dumps(data)))


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)


def _address_of(request: web.Request) -> Hashable:
    return request.remote


def _known(transports: str | list[str] | None) -> tuple[str, ...]:
    asked = [transports] if isinstance(transports, str) else transports
    known = TRANSPORTS if asked is None else tuple(name for name in asked if name in TRANSPORTS)
    if not known:
        raise ValueError(f"No valid transports provided: expected some of {', '.join(TRANSPORTS)}")
    return known


def _logger(logger: bool | logging.Logger) -> logging.Logger:
    if not isinstance(logger, bool):
        return logger
    default = logging.getLogger("engineio.server")
    if default.level == logging.NOTSET:
        default.setLevel(logging.INFO if logger else logging.ERROR)
        default.addHandler(logging.StreamHandler())
    return default
