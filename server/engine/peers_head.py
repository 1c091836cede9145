"""The heads of HTTP messages between workers."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web
from multidict import CIMultiDict

#: What one worker tells another about a request: its own token, the purpose, and the client's scheme and address.
PEER_HEADER = "X-Hubbub-Peer"
RELAY, ALIVE, RELEASE = "relay", "alive", "release"

_OWN = PEER_HEADER.lower().encode()
# They belong to one connection (RFC 9110, section 7.6.1), or to a body that was decoded on its way in.
_OF_THE_CONNECTION = frozenset(
    b"connection keep-alive proxy-connection te trailer transfer-encoding upgrade expect content-length".split()
)
_OF_THE_BODY = _OF_THE_CONNECTION | {b"content-encoding"}
_NOT_HANDED_ON = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"})


@dataclass(frozen=True, slots=True)
class ResponseHead:
    """The status line and header of a response; `raw` is how they came."""

    raw: bytes
    status: int
    headers: CIMultiDict[str]
    length: int
    closes: bool


def is_upgrade(request: web.BaseRequest) -> bool:
    """Return whether a request asks for a WebSocket."""
    headers = request.headers
    return (
        request.method == "GET"
        and headers.get("Upgrade", "").lower() == "websocket"
        and "upgrade" in headers.get("Connection", "").lower()
    )


def original_head(request: web.BaseRequest) -> bytes:
    """Return the head of a request as it came from the client."""
    return _head(request, frozenset(), ())


def peer_head(request: web.BaseRequest, token: str, *body: str, keep_upgrade: bool = False) -> bytes:
    """Return the head of a request for the worker whose `token` it is.

    :param body: header lines about the body, if there is one.
    :param keep_upgrade: it asks for a WebSocket, and so may the other worker's connection become one.
    """
    lines = (f"{PEER_HEADER}: {token} {RELAY} {request.scheme} {request.remote or ''}", *body)
    return _head(request, frozenset({_OWN}) if keep_upgrade else _OF_THE_BODY | {_OWN}, lines)


def order_head(token: str, order: str, query: str = "") -> bytes:
    """Return a request of this worker's own."""
    return f"GET /{query} HTTP/1.1\r\nHost: peer\r\n{PEER_HEADER}: {token} {order} http \r\n\r\n".encode()


def response_head(raw: bytes) -> ResponseHead:
    """Take a response's head apart.

    :raises ConnectionError: it is none that a worker sends.
    """
    try:
        first, *lines = raw.decode("utf-8", "surrogateescape").split("\r\n")
        version, status = first.split(" ", 2)[:2]
        fields = CIMultiDict(_field(line) for line in lines if line)
        length = int(fields.get("Content-Length", "0"))
        closes = fields.get("Connection", "").lower() == "close"
        kept = CIMultiDict((name, value) for name, value in fields.items() if name.lower() not in _NOT_HANDED_ON)
        if version != "HTTP/1.1" or "Transfer-Encoding" in fields:
            raise ValueError
        return ResponseHead(raw, int(status), kept, length, closes)
    except ValueError:
        raise ConnectionError(f"no worker answers like this: {raw[:80]!r}") from None


def _field(line: str) -> tuple[str, str]:
    name, value = line.split(": ", 1)
    return name, value


def _head(request: web.BaseRequest, left_out: frozenset[bytes], more: tuple[str, ...]) -> bytes:
    lines = [b"%s %s HTTP/1.1" % (request.method.encode(), request.raw_path.encode("utf-8", "surrogateescape"))]
    lines += [b"%s: %s" % field for field in request.raw_headers if field[0].lower() not in left_out]
    lines += [line.encode("utf-8", "surrogateescape") for line in more]
    return b"\r\n".join([*lines, b"", b""])
