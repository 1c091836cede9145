"""The private listener of a worker: requests that other workers relay, and connections that they pass on."""

from __future__ import annotations

import asyncio
import hmac
import logging
import socket
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any

from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy

from server.engine.peers_directory import PeerRecord
from server.engine.peers_folder import private_socket
from server.engine.peers_handover import HandoverListener
from server.engine.peers_head import ALIVE, PEER_HEADER, RELAY, RELEASE
from server.engine.peers_limits import PeerCounts, PeerLimits

_BACKLOG = 1024
# When this listener ends, all sessions are closed and nothing waits for them any more.
_SHUTDOWN_SECONDS = 0.5
# Another worker has checked these heads against the limits of its own listener, and adds a line.
_HEAD_LIMITS: dict[str, Any] = {"max_line_size": 64 * 1024, "max_field_size": 64 * 1024, "max_headers": 512}
_ORDER = "peer"

Handle = Callable[[web.Request], Awaitable[web.StreamResponse]]


class PeerListener:
    """Serves requests of other workers as if their clients had sent them here.

    `handle(request)` gets them, with the client's address and scheme; `release(sid)` is to end a waiting poll.
    Relayed requests must carry this worker's token and get 404 without it; connections can be passed on only by
    processes of the same user.
    """

    def __init__(
        self,
        token: str,
        handle: Handle,
        release: Callable[[str], None],
        limits: PeerLimits,
        counts: PeerCounts,
        logger: logging.Logger,
    ) -> None:
        self._counts = counts
        self._token = token.encode()
        self._handle = handle
        self._release = release
        self._loop = asyncio.get_running_loop()
        # Whoever keeps a connection closes it; strangers that say nothing are not waited for much longer.
        options = {**_HEAD_LIMITS, "access_log": None, "keepalive_timeout": 2 * limits.idle_seconds}
        self._relayed = web.Server(self._answer, request_factory=self._relayed_request, **options)
        self._passed_on = web.Server(self._answer_passed_on, request_factory=self._passed_on_request, **options)
        self._runner = web.ServerRunner(self._relayed, shutdown_timeout=_SHUTDOWN_SECONDS)
        self._handovers = HandoverListener(self._adopt, limits.timeout, logger)

    async def start(self, folder: Path, host: str | None) -> PeerRecord:
        """Listen in a folder of this user's alone, and on `host` if there is one; how to get here.

        :raises OSError: an address cannot be listened on.
        """
        await self._runner.setup()
        relay, handover = folder / "relay", folder / "handover"
        await web.SockSite(self._runner, private_socket(relay), backlog=_BACKLOG).start()
        self._handovers.start(private_socket(handover))
        port = 0
        if host is not None:
            await web.TCPSite(self._runner, host, 0, backlog=_BACKLOG).start()
            port = self._runner.addresses[-1][1]
        return PeerRecord(str(relay), str(handover), host, port, self._token.decode())

    async def stop(self) -> None:
        """Close every connection."""
        await self._handovers.stop()
        await self._runner.cleanup()
        await self._passed_on.shutdown(0)

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        order = request.get(_ORDER)
        if order == RELAY:
            self._counts.served += 1
            return await self._handle(request)  # type: ignore[arg-type]
        if order == RELEASE:
            self._release(request.query.get("sid", ""))
        elif order != ALIVE:
            return web.Response(status=404)
        return web.Response(status=204)

    async def _answer_passed_on(self, request: web.BaseRequest) -> web.StreamResponse:
        response = await self._handle(request)  # type: ignore[arg-type]
        if response.status != HTTPStatus.SWITCHING_PROTOCOLS:
            # What comes next on this connection may be for anybody: its client is to open another one.
            response.force_close()
        return response

    def _relayed_request(
        self, message: Any, payload: Any, protocol: Any, writer: Any, task: asyncio.Task[None]
    ) -> web.Request:
        """Make a request out of what another worker sent, as it would be had the client sent it here."""
        headers = CIMultiDict(message.headers)
        token, order, scheme, remote = (*headers.pop(PEER_HEADER, "").split(" ", 3), "", "", "", "")[:4]
        known = hmac.compare_digest(token.encode("utf-8", "surrogateescape"), self._token)
        return web.Request(
            message._replace(headers=CIMultiDictProxy(headers)),
            payload,
            protocol,
            writer,
            task,
            self._loop,
            scheme=scheme,
            remote=remote,
            state={_ORDER: order if known else None},
        )

    def _passed_on_request(
        self, message: Any, payload: Any, protocol: Any, writer: Any, task: asyncio.Task[None]
    ) -> web.Request:
        return web.Request(message, payload, protocol, writer, task, self._loop)

    async def _adopt(self, connection: socket.socket, data: bytes) -> None:
        self._counts.adopted += 1
        await self._loop.connect_accepted_socket(lambda: _Adopted(self._passed_on(), data), connection)


class _Adopted(asyncio.Protocol):
    """Begins a connection for aiohttp with what the other worker has read from it already."""

    def __init__(self, handler: web.RequestHandler, data: bytes) -> None:
        self._handler = handler
        self._data = data

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.set_protocol(self._handler)
        self._handler.connection_made(transport)
        self._handler.data_received(self._data)
