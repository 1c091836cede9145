"""The way from this worker to another one."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import quote

from aiohttp import web

from server.engine.handover import take_over, watch_abort
from server.engine.peers_connection import READ_AHEAD, PeerConnection
from server.engine.peers_directory import PeerRecord
from server.engine.peers_handover import pass_on
from server.engine.peers_head import ALIVE, RELEASE, ResponseHead, order_head, original_head, peer_head
from server.engine.peers_splice import splice

_SWITCHING = 101
# Answers that are ordered at the end of this worker take one round trip.
_FINISH_SECONDS = 0.5


@dataclass(slots=True)
class PeerCounts:
    """What a worker has done with requests for sessions of others."""

    #: Requests relayed to their owners.
    relayed: int = 0
    #: Connections passed on to workers of this machine.
    passed_on: int = 0
    #: Upgrades whose bytes go through this worker.
    spliced: int = 0


@dataclass(frozen=True, slots=True)
class PeerLimits:
    """Bounds of the way to another worker; `Peers` documents each."""

    timeout: float
    idle_seconds: float
    idle_connections: int


class PeerLink:
    """Relays requests to the worker of `record`, and passes connections on to it.

    Its connections are kept for the next request. `closed()` is called when the link is of no more use: the worker is
    gone or hangs (`failed` is set then), or nothing has been asked of it for a while.
    """

    def __init__(
        self,
        record: PeerRecord,
        limits: PeerLimits,
        counts: PeerCounts,
        logger: logging.Logger,
        closed: Callable[[PeerLink], None],
    ) -> None:
        #: Whether the worker is one of this machine.
        self.is_local = os.path.exists(record.relay)
        self.failed = False
        self._record = record
        self._limits = limits
        self._counts = counts
        self._logger = logger
        self._closed = closed
        self._loop = asyncio.get_running_loop()
        self._idle: list[PeerConnection] = []
        self._busy: set[PeerConnection] = set()
        self._polls: dict[PeerConnection, str] = {}
        self._used_at = self._loop.time()
        self._finished: asyncio.Future[None] | None = None
        self._minding: asyncio.Task[None] | None = asyncio.create_task(self._mind())

    async def relay(self, request: web.Request, body_limit: int) -> web.StreamResponse:
        """Have the other worker answer a GET or POST.

        :param body_limit: no more bytes of a body are sent; the other worker refuses it anyway.
        :raises ConnectionError: the other worker or the client is gone.
        """
        async with self._connection() as connection:
            self._counts.relayed += 1
            sent_whole = True
            if request.method == "GET":
                watch_abort(request, connection.abort)
                self._polls[connection] = request.query["sid"]
                await connection.send(peer_head(request, self._record.token))
            else:
                sent_whole = await self._send_with_body(connection, request, body_limit)
            head = await connection.head()
            response = await self._answer(connection, request, head)
            if sent_whole and not head.closes:
                self._keep(connection)
            return response

    async def upgrade(self, request: web.Request) -> web.StreamResponse:
        """Have the other worker take over a WebSocket handshake: with its connection, or else byte by byte.

        :raises ConnectionError: the other worker or the client is gone.
        """
        transport = request.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError("the client is gone")
        # What the client sends from now on must stay in the network, for whoever reads next.
        transport.pause_reading()
        try:
            if self.is_local and await self._pass_on(request, transport):
                return web.Response(status=_SWITCHING)
            return await self._splice(request)
        finally:
            if request.transport is not None and not request.transport.is_closing():
                request.transport.resume_reading()

    async def finish(self) -> None:
        """Have polls that wait here answered, so that their clients poll elsewhere; wait for all answers to be out."""
        self._finished = finished = self._loop.create_future()
        self._settle()
        orders = [self._order(RELEASE, f"?sid={quote(sid)}") for sid in self._polls.values()]
        await asyncio.gather(*orders, return_exceptions=True)
        await asyncio.wait([finished], timeout=_FINISH_SECONDS)

    def close(self) -> None:
        """Drop every connection; what waits for an answer fails."""
        minding, self._minding = self._minding, None
        if minding is None:
            return
        minding.cancel()
        for connection in (*self._busy, *self._idle):
            connection.abort()
        self._closed(self)

    async def _pass_on(self, request: web.Request, transport: asyncio.Transport) -> bool:
        if transport.get_extra_info("sslcontext") is not None or transport.get_write_buffer_size():
            return False
        self._used_at = self._loop.time()
        data = original_head(request) + request.protocol._message_tail
        try:
            descriptor = transport.get_extra_info("socket").fileno()
            passed_on = await pass_on(self._record.handover, descriptor, data, self._limits.timeout)
        except ConnectionError as error:
            self._fail(str(error))
            raise
        if passed_on:
            self._counts.passed_on += 1
            take_over(request)[0].abort()
        return passed_on

    async def _splice(self, request: web.Request) -> web.StreamResponse:
        async with self._connection() as connection:
            await connection.send(peer_head(request, self._record.token, keep_upgrade=True))
            head = await connection.head()
            if head.status != _SWITCHING:
                return await self._answer(connection, request, head)
            client, early = take_over(request)
            self._counts.spliced += 1
            self._busy.discard(connection)
            client.write(head.raw + connection.rest())
            connection.transport.write(early)
            splice(client, connection.transport, self._limits.timeout)
            return web.Response(status=_SWITCHING)

    async def _answer(self, connection: PeerConnection, request: web.Request, head: ResponseHead) -> web.StreamResponse:
        if head.length <= READ_AHEAD:
            body = await connection.body(head.length)
            response: web.StreamResponse = web.Response(status=head.status, headers=head.headers, body=body)
            self._end_soon(response)
            return response
        response = web.StreamResponse(status=head.status, headers=head.headers)
        response.content_length = left = head.length
        self._end_soon(response)
        await response.prepare(request)
        while left:
            data = await connection.body(left)
            left -= len(data)
            await response.write(data)
        await response.write_eof()
        return response

    def _end_soon(self, response: web.StreamResponse) -> None:
        if self._finished is not None:
            response.force_close()

    async def _send_with_body(self, connection: PeerConnection, request: web.Request, limit: int) -> bool:
        """Send a POST; whether its body has gone out whole."""
        content = request.content
        token = self._record.token
        if content.is_eof():
            body = content.read_nowait()
            await connection.send(peer_head(request, token, f"Content-Length: {len(body)}") + body)
            return True
        length = request.content_length
        if length is not None and "Content-Encoding" not in request.headers:
            await connection.send(peer_head(request, token, f"Content-Length: {length}"))
            framed = False
        else:
            await connection.send(peer_head(request, token, "Transfer-Encoding: chunked"))
            framed = True
        sent = 0
        if (length or 0) <= limit:
            async for chunk in content.iter_any():
                await connection.send(b"%x\r\n%b\r\n" % (len(chunk), chunk) if framed else chunk)
                sent += len(chunk)
                if sent > limit or connection.answered:
                    return False
            if framed:
                await connection.send(b"0\r\n\r\n")
            return True
        return False

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[PeerConnection]:
        """Lend a connection for a request; it is dropped at the end if it is still among the busy ones."""
        self._used_at = self._loop.time()
        connection = await self._acquire()
        self._busy.add(connection)
        try:
            yield connection
        finally:
            self._polls.pop(connection, None)
            if connection in self._busy:
                self._busy.discard(connection)
                connection.abort()
            self._settle()

    async def _acquire(self) -> PeerConnection:
        while self._idle:
            connection = self._idle.pop()
            if not connection.answered:
                return connection
            connection.abort()
        return await self._connect()

    def _keep(self, connection: PeerConnection) -> None:
        self._busy.discard(connection)
        if connection.answered or self._minding is None or len(self._idle) >= self._limits.idle_connections:
            connection.abort()
        else:
            connection.idle_since = self._loop.time()
            self._idle.append(connection)

    async def _connect(self) -> PeerConnection:
        record = self._record
        try:
            async with asyncio.timeout(self._limits.timeout):
                if self.is_local or record.host is None:
                    _, connection = await self._loop.create_unix_connection(PeerConnection, record.relay)
                else:
                    _, connection = await self._loop.create_connection(PeerConnection, record.host, record.port)
            return connection
        except (OSError, TimeoutError) as error:
            self._fail(f"cannot be reached: {str(error) or 'no answer'}")
            raise ConnectionResetError("the worker is gone") from None

    async def _order(self, order: str, query: str = "") -> None:
        """Send a request of our own, and wait for its answer."""
        connection = await self._acquire()
        try:
            await connection.send(order_head(self._record.token, order, query))
            await connection.head()
        except BaseException:
            connection.abort()
            raise
        self._keep(connection)

    async def _mind(self) -> None:
        """Ask the other worker whether it still works while requests wait for it; drop what is idle for long."""
        while True:
            await asyncio.sleep(self._limits.timeout / 2)
            if self._busy:
                try:
                    async with asyncio.timeout(self._limits.timeout):
                        await self._order(ALIVE)
                except TimeoutError:
                    self._fail(f"has not answered for {self._limits.timeout:g} s")
                except ConnectionError:
                    self._fail("has closed the connection")
            now = self._loop.time()
            while self._idle and (self._idle[0].lost or now - self._idle[0].idle_since > self._limits.idle_seconds):
                self._idle.pop(0).abort()
            if not self._busy and now - self._used_at > self._limits.idle_seconds:
                self.close()

    def _settle(self) -> None:
        if self._finished is not None and not self._finished.done() and not self._busy:
            self._finished.set_result(None)

    def _fail(self, fault: str) -> None:
        if not self.failed:
            self.failed = True
            self._logger.warning("The worker that holds a session %s; its clients are sent to connect anew", fault)
            self.close()
