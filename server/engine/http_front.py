"""The HTTP side of Engine.IO: what each request may do, and the answer that it gets."""

from __future__ import annotations

import asyncio
import base64
import binascii
import gzip
import zlib
from typing import TYPE_CHECKING, Any

from aiohttp import web

from server.engine.environ import environ_of
from server.engine.handover import BadUpgrade, negotiate, take_over, watch_abort
from server.engine.json_codec import dumps
from server.engine.origins import Origins
from server.engine.outgoing import CLOSE_PACKET, Outgoing
from server.engine.polling import PollingTransport
from server.engine.reasons import Reason
from server.engine.turnstile import Turnstile

if TYPE_CHECKING:
    from server.engine.engine_server import EngineServer
    from server.engine.session import Session
    from server.engine.websocket import WebSocketTransport

_COMPRESSORS = {"gzip": lambda data: gzip.compress(data, 1), "deflate": lambda data: zlib.compress(data, 1)}
# Compressing more than this takes longer than other connections should wait for.
_COMPRESS_IN_THREAD = 64 * 1024


class Refused(Exception):
    """The request gets `status` and an error of the protocol; `code` is Engine.IO's number of it."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class HttpFront:
    """Routes the requests of an `EngineServer`."""

    def __init__(
        self, server: EngineServer, allowed_origins: Any, credentials: bool, compression: bool, threshold: int
    ) -> None:
        self._server = server
        self._origins = Origins(allowed_origins, credentials)
        self._compression = compression
        self._threshold = threshold
        self._handshakes = Turnstile(server.handshakes_per_turn)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        if not self._origins.allow(request, lambda: environ_of(request)):
            self._server.logger.info("%s is not an accepted origin", request.headers.get("Origin"))
            return _error(Refused(400, 3, "not an accepted origin"), {})
        headers = self._origins.headers(request)
        if request.method == "OPTIONS":
            return web.Response(status=204, headers=headers)
        headers["Cache-Control"] = "no-store"
        try:
            return await self._route(request, headers)
        except Refused as refused:
            self._server.logger.info("refused %s from %s: %s", request.method, request.remote, refused)
            return _error(refused, headers)
        except ConnectionError:
            # The client is gone; aiohttp finds that out when it writes this.
            return web.Response(status=400)

    async def _route(self, request: web.Request, headers: dict[str, str]) -> web.StreamResponse:
        query = request.query
        transport = query.get("transport")
        if transport not in self._server.transports:
            raise Refused(400, 0, "Transport unknown")
        sid = query.get("sid")
        if sid is None:
            return await self._open(request, transport, headers)
        if request.method == "GET" and transport == "polling" and sid in self._server.lingering:
            return await self._last_poll(request, self._server.lingering[sid], headers)
        session = self._server.sockets.get(sid)
        if session is None and self._server.peers is not None:
            answer = await self._server.peers.forward(request, sid, self._server.max_http_buffer_size)
            if answer is not None:
                return answer
        if session is None or session.owner != self._server.session_owner(request):
            raise Refused(400, 1, "Session ID unknown")
        if transport == "websocket":
            return await self._second_websocket(request, session, headers)
        if not isinstance(session.transport, PollingTransport):
            raise Refused(400, 3, "Bad request: the session has been upgraded")
        if request.method == "GET":
            return await self._poll(request, session, session.transport, headers)
        if request.method == "POST":
            return await self._data(request, session, headers)
        raise Refused(400, 2, "Bad handshake method")

    async def _open(self, request: web.Request, transport: str, headers: dict[str, str]) -> web.StreamResponse:
        server = self._server
        if request.method != "GET":
            raise Refused(400, 2, "Bad handshake method")
        if request.query.get("EIO") != "4":
            raise Refused(400, 5, "Unsupported protocol version")
        await self._handshakes.enter()
        if server.refusing:
            headers["Retry-After"] = "1"
            raise Refused(503, 3, "Shutting down")
        switching, compress = self._negotiate(request) if transport == "websocket" else (b"", False)
        if transport == "polling":
            self._check_address(request)
        session, answer = await server.open(request, environ_of(request))
        if answer is not None:
            return web.json_response(answer or "Unauthorized", status=401, headers=headers, dumps=_dumps)
        if transport == "websocket":
            websocket = server.websocket(session.sid, compress)
            session.attach_websocket(websocket)
            session.send(server.handshake(session))
            try:
                return self._hand_over(request, websocket, switching)
            except ConnectionResetError:
                session.close(Reason.TRANSPORT_CLOSE)
                raise
        session.use(PollingTransport(session, server.send_buffer_bytes))
        session.count_as_bare(server.bare_sessions, request.remote)
        cookie = server.cookie_for(session.sid)
        if cookie is not None:
            headers["Set-Cookie"] = cookie
        return await self._answer(request, [server.handshake(session)], headers)

    def _check_address(self, request: web.Request) -> None:
        limit = self._server.bare_sessions_per_address
        if limit and self._server.bare_sessions.get(request.remote, 0) >= limit:
            raise Refused(429, 4, "Too many handshakes of this address wait for their first message")

    def _negotiate(self, request: web.Request) -> tuple[bytes, bool]:
        try:
            return negotiate(request, self._server.websocket_compression)
        except BadUpgrade as error:
            raise Refused(400, 3, f"Bad request: {error}") from None

    def _hand_over(self, request: web.Request, websocket: WebSocketTransport, switching: bytes) -> web.Response:
        transport, early = take_over(request)
        websocket.start(transport, switching, early)
        # aiohttp has let go of the connection: this response only ends its handler.
        return web.Response(status=101)

    async def _second_websocket(
        self, request: web.Request, session: Session, headers: dict[str, str]
    ) -> web.StreamResponse:
        server = self._server
        if request.method != "GET" or not server.allow_upgrades:
            raise Refused(400, 3, "Bad request")
        switching, compress = self._negotiate(request)
        websocket = server.websocket(session.sid, compress)
        taken = session.upgraded or session.upgrade is not None
        if not taken:
            server.upgrade(session, websocket)
        try:
            response = self._hand_over(request, websocket, switching)
        except ConnectionResetError:
            websocket.lost(Reason.TRANSPORT_CLOSE)
            raise
        if taken:
            websocket.close(code=1008)
        return response

    async def _poll(
        self, request: web.Request, session: Session, polling: PollingTransport, headers: dict[str, str]
    ) -> web.StreamResponse:
        if polling.polled:
            session.close(Reason.TRANSPORT_ERROR, last=CLOSE_PACKET)
            raise Refused(400, 3, "Bad request: a poll is pending already")
        polling.begin_poll()
        watch_abort(request, polling.abort_poll)
        try:
            packets = await polling.take()
        except asyncio.CancelledError:
            polling.abort_poll()
            raise
        return await self._write(request, polling, packets, headers)

    async def _last_poll(
        self, request: web.Request, polling: PollingTransport, headers: dict[str, str]
    ) -> web.StreamResponse:
        if polling.polled:
            raise Refused(400, 3, "Bad request: a poll is pending already")
        polling.begin_poll()
        response = await self._write(request, polling, await polling.take(), headers)
        if polling.empty:
            self._server.lingering.pop(request.query["sid"], None)
        return response

    async def _write(
        self, request: web.Request, polling: PollingTransport, packets: list[Outgoing], headers: dict[str, str]
    ) -> web.StreamResponse:
        try:
            response = await self._answer(request, packets, headers)
        except (ConnectionError, asyncio.CancelledError):
            polling.give_back(packets)
            raise
        polling.answered()
        return response

    async def _answer(
        self, request: web.Request, packets: list[Outgoing], headers: dict[str, str]
    ) -> web.StreamResponse:
        """Write an answer whole, so that the caller knows whether it went out."""
        body = self._server._ok([data for packet in packets for data in packet.payloads])["response"]
        if self._compression and len(body) >= self._threshold:
            body = await self._compressed(request, body, headers)
        response = web.Response(body=body, content_type="text/plain", charset="utf-8", headers=headers)
        await response.prepare(request)
        await response.write_eof()
        return response

    async def _compressed(self, request: web.Request, body: bytes, headers: dict[str, str]) -> bytes:
        accepted = [part.split(";")[0].strip() for part in request.headers.get("Accept-Encoding", "").split(",")]
        for encoding, compress in _COMPRESSORS.items():
            if encoding in accepted:
                headers["Content-Encoding"] = encoding
                if len(body) > _COMPRESS_IN_THREAD:
                    return await asyncio.get_running_loop().run_in_executor(None, compress, body)
                return compress(body)
        return body

    async def _data(self, request: web.Request, session: Session, headers: dict[str, str]) -> web.StreamResponse:
        if self._server.refusing:
            # Not read, so not received: the client comes back elsewhere and sends it there.
            headers["Retry-After"] = "1"
            raise Refused(503, 3, "Shutting down")
        if session.posting:
            session.close(Reason.TRANSPORT_ERROR)
            raise Refused(400, 3, "Bad request: another POST of this session is not done yet")
        session.posting = True
        try:
            packets = _parse(await self._body(request, session))
        except ValueError as error:
            session.refuse(str(error))
            raise Refused(400, 3, f"Bad request: {error}") from None
        except ConnectionError:
            session.close(Reason.TRANSPORT_ERROR)
            raise
        finally:
            session.posting = False
        for packet in packets:
            session.receive(packet)
        if session.refused:
            raise Refused(400, 3, "Bad request: malformed packet")
        await session.reading_resumed()
        return web.Response(body=self._server._ok()["response"], content_type="text/plain", headers=headers)

    async def _body(self, request: web.Request, session: Session) -> bytes:
        limit = self._server.max_http_buffer_size
        body = bytearray()
        if (request.content_length or 0) <= limit:
            async for chunk in request.content.iter_any():
                body += chunk
                if len(body) > limit:
                    break
            else:
                return bytes(body)
        session.refuse("payload too large")
        raise Refused(413, 3, f"Payload too large: {limit} bytes at most")


def _parse(body: bytes) -> list[str | bytes]:
    """Return the packets of a POST.

    :raises ValueError: one of them is no packet; none counts then.
    """
    packets: list[str | bytes] = []
    for part in body.decode().split("\x1e"):
        if part[:1] == "b":
            try:
                packets.append(base64.b64decode(part[1:], validate=True))
            except binascii.Error:
                raise ValueError("binary packet is not base64") from None
        elif part[:1] and part[0] in "0123456":
            packets.append(part)
        else:
            raise ValueError("unknown packet type")
    return packets


def _error(refused: Refused, headers: dict[str, str]) -> web.Response:
    return web.json_response(
        {"code": refused.code, "message": str(refused)}, status=refused.status, headers=headers, dumps=_dumps
    )


def _dumps(value: Any) -> str:
    return dumps(value).decode()
