"""Takes a TCP connection over from aiohttp once its request has become a WebSocket."""

import asyncio
import base64
import binascii
import hashlib
from collections.abc import Callable

from aiohttp import web
from aiohttp.http_websocket import WS_KEY, ws_ext_gen, ws_ext_parse

_VERSIONS = ("13", "8", "7")


class BadUpgrade(Exception):
    """The request is no valid WebSocket handshake; the message says why."""


def negotiate(request: web.Request, compression: bool) -> tuple[bytes, bool]:
    """Return the 101 response for a WebSocket handshake, and whether messages may be compressed.

    Compression is agreed without context take-over by the server, so that one compressed frame fits every client.

    :raises BadUpgrade: the handshake is not valid.
    """
    headers = request.headers
    if headers.get("Upgrade", "").lower() != "websocket" or "upgrade" not in headers.get("Connection", "").lower():
        raise BadUpgrade("not a WebSocket handshake")
    if headers.get("Sec-WebSocket-Version") not in _VERSIONS:
        raise BadUpgrade("WebSocket version not supported")
    key = headers.get("Sec-WebSocket-Key", "")
    try:
        valid = len(base64.b64decode(key, validate=True)) == 16
    except binascii.Error:
        valid = False
    if not valid:
        raise BadUpgrade("Sec-WebSocket-Key is not valid")
    accept = base64.b64encode(hashlib.sha1(key.encode() + WS_KEY, usedforsecurity=False).digest()).decode()
    lines = [
        "HTTP/1.1 101 Switching Protocols",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Accept: {accept}",
    ]
    compressed = False
    if compression:
        window, _ = ws_ext_parse(headers.get("Sec-WebSocket-Extensions"), isserver=True)
        # A smaller window would need frames of its own.
        compressed = window == 15
        if compressed:
            lines.append("Sec-WebSocket-Extensions: " + ws_ext_gen(window, isserver=True, server_notakeover=True))
    return "\r\n".join([*lines, "", ""]).encode(), compressed


def take_over(request: web.Request) -> tuple[asyncio.Transport, bytes]:
    """Detach the connection of `request` from aiohttp; return it and the bytes that came behind the request.

    Replaces `web.WebSocketResponse`: what aiohttp keeps for each connection (its HTTP parser, a request handler, two
    tasks and a queue) is freed, and neither a received nor a sent message takes a task switch. Relies on
    `RequestHandler.connection_lost` being what makes aiohttp let go; the handler that called this must return at once.

    :raises ConnectionResetError: the client is already gone.
    """
    handler = request.protocol
    transport = handler.transport
    if transport is None or transport.is_closing():
        raise ConnectionResetError("the client is gone")
    early, handler._message_tail = handler._message_tail, b""
    # Without a transport connection_lost() frees everything but cannot close the connection.
    handler.transport = None
    handler.connection_lost(None)
    return transport, early


def watch_abort(request: web.Request, aborted: Callable[[], None]) -> None:
    """Call `aborted` when the connection of a waiting GET is lost.

    aiohttp tells a handler only by cancelling it, and that only where the application asks for it. It does break the
    request's payload, which a GET does not have: a payload that listens takes its place.
    """
    if request.transport is None or request.transport.is_closing():
        aborted()
    else:
        request._payload = _Listener(aborted)  # type: ignore[assignment]


class _Listener:
    """In place of a request's empty payload: hears of the connection's loss."""

    def __init__(self, aborted: Callable[[], None]) -> None:
        self._aborted = aborted

    def set_exception(self, _exc: BaseException, _cause: object = None) -> None:
        self._aborted()
