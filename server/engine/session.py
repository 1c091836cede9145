"""One Engine.IO session: a client, whatever transport it uses at the moment."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from functools import partial
from typing import TYPE_CHECKING, Any

from server.engine.outgoing import CLOSE_PACKET, NOOP_PACKET, PING_PACKET, Outgoing
from server.engine.reasons import Reason

if TYPE_CHECKING:
    from server.engine.engine_server import EngineServer
    from server.engine.polling import PollingTransport
    from server.engine.upgrade import Upgrade
    from server.engine.websocket import WebSocketTransport

_IGNORED_PACKETS = frozenset("056")


def discard(_outgoing: Outgoing) -> None:
    """Stand in for a transport's `send` once the session is closed."""


class Session:
    """The state of a client between its handshake and its close.

    `send` is the current transport's own method, so that a broadcast makes one call for each receiver. `deliver` gets
    each message that arrives: str for text, bytes for binary.
    """

    __slots__ = (
        "__weakref__",
        "_bare_at",
        "_bare_sessions",
        "_ping_mark",
        "_resumed",
        "_sent_before_ping",
        "_server",
        "awaiting_pong",
        "close_reason",
        "closed",
        "confirmed",
        "deliver",
        "environ",
        "journal",
        "owner",
        "posting",
        "reading_paused",
        "refused",
        "send",
        "sid",
        "storage",
        "transport",
        "upgrade",
        "upgraded",
    )

    def __init__(self, server: EngineServer, sid: str, environ: dict[str, Any], owner: Hashable) -> None:
        self._server = server
        self.sid = sid
        self.environ = environ
        self.owner = owner
        self.transport: PollingTransport | WebSocketTransport | None = None
        self.send: Callable[[Outgoing], None] = discard
        self.deliver: Callable[[str | bytes], None] = self._deliver_to_handler
        self.storage: dict[str, Any] = {}
        self.closed = False
        self.close_reason = ""
        #: Whether the client talks WebSocket, from the start or after an upgrade.
        self.upgraded = False
        self.upgrade: Upgrade | None = None
        self.reading_paused = False
        self.awaiting_pong = False
        self.posting = False
        self.refused = False
        self._ping_mark = 0
        #: Tells the number of the newest event; `confirmed` is what it told before the last ping that was answered.
        self.journal: Callable[[], int] | None = None
        self.confirmed = 0
        self._sent_before_ping = 0
        self._resumed: asyncio.Future[None] | None = None
        self._bare_sessions: dict[str | None, int] | None = None
        self._bare_at: str | None = None

    @property
    def upgrading(self) -> bool:
        """Whether a WebSocket has been probed that will take over."""
        return self.upgrade is not None and self.upgrade.probed

    def use(self, transport: PollingTransport | WebSocketTransport) -> None:
        """Send and receive through `transport` from now on."""
        self.transport = transport
        self.upgraded = transport.name == "websocket"
        self.send = transport.send

    def attach_websocket(self, websocket: WebSocketTransport) -> None:
        """Make `websocket` the transport: hear its messages and its end."""
        self.use(websocket)
        websocket.receive = self.receive
        websocket.lost = partial(self.transport_lost, websocket)
        websocket.overflowed = self._overflowed

    def receive(self, packet: str | bytes) -> None:
        """Take one Engine.IO packet as the client sent it (bytes: a binary message)."""
        if self.closed:
            return
        if isinstance(packet, bytes):
            self.deliver(packet)
            return
        kind = packet[:1]
        if kind == "4":
            self.deliver(packet[1:])
        elif packet == "3":
            self.pong()
        elif packet == "1":
            self.close(Reason.CLIENT_DISCONNECT, last=NOOP_PACKET)
        elif kind not in _IGNORED_PACKETS:
            self.refuse(f"unknown Engine.IO packet {packet[:20]!r}")

    def refuse(self, fault: str) -> None:
        """Close the session because of what the client sent; `fault` is for the log."""
        self.refused = True
        if not self.closed:
            self._server.logger.info("%s: closed, malformed packet: %s", self.sid, fault)
            self.close(Reason.PARSE_ERROR, code=1002)

    def ping(self, due: float) -> None:
        """Send a ping that was `due` (loop time) and start waiting for its pong."""
        self.awaiting_pong = True
        self._ping_mark += 1
        if self.journal is not None:
            self._sent_before_ping = self.journal()
        self.send(PING_PACKET)
        self._server.pong_deadlines.add(self.sid, self._ping_mark, since=due)

    def pong(self) -> None:
        """Note the client's pong; the next ping goes out an interval later."""
        if self.awaiting_pong:
            self.awaiting_pong = False
            self.confirmed = self._sent_before_ping
            self._server.ping_deadlines.add(self.sid)

    def pong_missed(self, mark: int, due: float) -> None:
        """Close the session when ping number `mark` is still unanswered."""
        if not self.awaiting_pong or mark != self._ping_mark:
            return
        if self.reading_paused:
            # Its pong may wait among the bytes that we do not read for the moment.
            self._server.pong_deadlines.add(self.sid, mark, since=due)
            return
        self.close(Reason.PING_TIMEOUT)

    def transport_lost(self, transport: object, reason: str) -> None:
        """Close the session if the transport that went away is the one in use."""
        if transport is self.transport:
            self.close(reason)

    def set_reading_paused(self, paused: bool) -> None:
        """Stop or resume taking packets from the client: its messages wait unhandled in too great a number."""
        self.reading_paused = paused
        if self.transport is not None:
            self.transport.set_reading_paused(paused)
        if not paused:
            self._resume()

    async def reading_resumed(self) -> None:
        """Wait until the client's messages are taken again; returns at once when they are, or it is gone."""
        if self.reading_paused and not self.closed:
            self._resumed = self._resumed or asyncio.get_running_loop().create_future()
            await self._resumed

    def count_as_bare(self, bare_sessions: dict[str | None, int], address: str | None) -> None:
        """Count this session for its address until its first message comes or it closes."""
        self._bare_sessions, self._bare_at = bare_sessions, address
        bare_sessions[address] = bare_sessions.get(address, 0) + 1
        deliver = self.deliver

        def deliver_first(data: str | bytes) -> None:
            self._settle()
            self.deliver = deliver
            deliver(data)

        self.deliver = deliver_first

    def _settle(self) -> None:
        bare_sessions, self._bare_sessions = self._bare_sessions, None
        if bare_sessions is not None:
            bare_sessions[self._bare_at] -= 1
            if not bare_sessions[self._bare_at]:
                del bare_sessions[self._bare_at]

    def _resume(self) -> None:
        resumed, self._resumed = self._resumed, None
        if resumed is not None and not resumed.done():
            resumed.set_result(None)

    def close(
        self, reason: str, *, last: Outgoing = CLOSE_PACKET, code: int = 1000, abort: bool = False, linger: bool = False
    ) -> None:
        """End the session; its disconnect handler is told `reason`.

        :param last: what answers a pending poll, behind the packets that still wait.
        :param code: WebSocket close code.
        :param abort: drop the connection without any farewell: the client does not read anyway.
        :param linger: keep what waits for a polling client until it polls once more, within the close time-out.
        """
        if self.closed:
            return
        self.closed = True
        self.close_reason = reason
        self.send = discard
        if self.upgrade is not None:
            self.upgrade.give_up()
        transport, self.transport = self.transport, None
        self._server.forget(self, transport if linger else None)
        self._settle()
        self._resume()
        if transport is not None:
            transport.close(last=last, code=code, abort=abort)
        self._server.session_closed(self, reason)
        self.deliver = discard  # type: ignore[assignment]

    def _overflowed(self) -> None:
        self.close(Reason.SLOW_READER, abort=True)

    def _deliver_to_handler(self, data: str | bytes) -> None:
        self._server.message(self.sid, data)
