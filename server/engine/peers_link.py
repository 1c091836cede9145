"""The way from this worker to another one that holds sessions."""

from __future__ import annotations

import asyncio
from urllib.parse import quote

from aiohttp import web

from server.engine.handover import take_over, watch_abort
from server.engine.peers_connection import READ_AHEAD, PeerConnection
from server.engine.peers_directory import PeerRecord
from server.engine.peers_handover import pass_on
from server.engine.peers_head import RELEASE, ResponseHead, original_head, peer_head
from server.engine.peers_limits import PeerCounts, PeerLimits
from server.engine.peers_pool import PeerPool
from server.engine.peers_splice import Splices

_SWITCHING = 101
# Answers that are ordered at the end of this worker take one round trip.
_FINISH_SECONDS = 0.5


class PeerLink:
    """Has requests answered by the worker of `record`: relays them, or passes their connections on."""

    def __init__(
        self, record: PeerRecord, pool: PeerPool, limits: PeerLimits, counts: PeerCounts, splices: Splices
    ) -> None:
        self.pool = pool
        self._record = record
        self._limits = limits
        self._counts = counts
        self._splices = splices
        self._polls: dict[PeerConnection, str] = {}
        self._finishing = False

    async def relay(self, request: web.Request, body_limit: int) -> web.StreamResponse:
        """Have the other worker answer a GET or POST.

        :param body_limit: no more bytes of a body are sent; the other worker refuses it anyway.
        :raises ConnectionError: the other worker or the client is gone.
        """
        async with self.pool.lend() as connection:
            self._counts.relayed += 1
            sent_whole = True
            try:
                if request.method == "GET":
                    watch_abort(request, connection.abort)
                    self._polls[connection] = request.query["sid"]
                    await connection.send(peer_head(request, self._record.token))
                else:
                    sent_whole = await self._send_with_body(connection, request, body_limit)
                head = await connection.head()
            finally:
                self._polls.pop(connection, None)
            response = await self._answer(connection, request, head)
            if sent_whole and not head.closes:
                self.pool.keep(connection)
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
            if self.pool.is_local and await self._pass_on(request, transport):
                return web.Response(status=_SWITCHING)
            return await self._splice(request)
        finally:
            if request.transport is not None and not request.transport.is_closing():
                request.transport.resume_reading()

    async def finish(self) -> None:
        """Have polls that wait here answered, so that their clients poll elsewhere; wait for all answers to be out."""
        self._finishing = True
        orders = [self.pool.order(RELEASE, f"?sid={quote(sid)}") for sid in self._polls.values()]
        await asyncio.gather(*orders, return_exceptions=True)
        await self.pool.all_returned(_FINISH_SECONDS)

    async def _answer(self, connection: PeerConnection, request: web.Request, head: ResponseHead) -> web.StreamResponse:
        if head.length <= READ_AHEAD:
            body = await connection.body(head.length)
            return self._last(web.Response(status=head.status, headers=head.headers, body=body))
        response = self._last(web.StreamResponse(status=head.status, headers=head.headers))
        response.content_length = left = head.length
        await response.prepare(request)
        while left:
            data = await connection.body(left)
            left -= len(data)
            await response.write(data)
        await response.write_eof()
        return response

    def _last(self, response: web.StreamResponse) -> web.StreamResponse:
        if self._finishing:
            response.force_close()
        return response

    async def _send_with_body(self, connection: PeerConnection, request: web.Request, limit: int) -> bool:
        """Send a POST; whether its body has gone out whole."""
        content = request.content
        token = self._record.token
        if content.is_eof():
            body = content.read_nowait()
            await connection.send(peer_head(request, token, f"Content-Length: {len(body)}") + body)
            return True
        length = request.content_length
        # The length of what is decoded on its way in is not known before.
        framed = length is None or "Content-Encoding" in request.headers
        await connection.send(
            peer_head(request, token, "Transfer-Encoding: chunked" if framed else f"Content-Length: {length}")
        )
        sent = 0
        if (length or 0) > limit:
            return False
        async for chunk in content.iter_any():
            await connection.send(b"%x\r\n%b\r\n" % (len(chunk), chunk) if framed else chunk)
            sent += len(chunk)
            if sent > limit or connection.answered:
                return False
        if framed:
            await connection.send(b"0\r\n\r\n")
        return True

    async def _pass_on(self, request: web.Request, transport: asyncio.Transport) -> bool:
        # TLS ends in this process, and what waits to be written stays with it.
        if transport.get_extra_info("sslcontext") is not None or transport.get_write_buffer_size():
            return False
        data = original_head(request) + request.protocol._message_tail
        try:
            descriptor = transport.get_extra_info("socket").fileno()
            passed_on = await pass_on(self._record.handover, descriptor, data, self._limits.timeout)
        except ConnectionError as error:
            self.pool.fail(str(error))
            raise
        if passed_on:
            self._counts.passed_on += 1
            take_over(request)[0].abort()
        return passed_on

    async def _splice(self, request: web.Request) -> web.StreamResponse:
        async with self.pool.lend() as connection:
            await connection.send(peer_head(request, self._record.token, keep_upgrade=True))
            head = await connection.head()
            if head.status != _SWITCHING:
                return await self._answer(connection, request, head)
            client, early = take_over(request)
            self._counts.spliced += 1
            self.pool.let_go(connection)
            connection.transport.pause_reading()
            client.write(head.raw + connection.rest())
            connection.transport.write(early)
            self._splices.add(client, connection.transport)
            return web.Response(status=_SWITCHING)
