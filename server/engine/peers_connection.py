"""One connection to another worker's private listener."""

from __future__ import annotations

import asyncio

from server.engine.peers_head import ResponseHead, response_head

# Bytes read ahead of whoever takes them; also the longest head.
READ_AHEAD = 64 * 1024


class PeerConnection(asyncio.Protocol):
    """HTTP/1.1 towards another worker, one request at a time.

    Every method that waits raises ConnectionError once the connection is lost.
    """

    def __init__(self) -> None:
        self.lost = False
        self.idle_since = 0.0
        self.transport: asyncio.Transport
        self._received = bytearray()
        self._news: asyncio.Future[None] | None = None
        self._writable: asyncio.Future[None] | None = None

    @property
    def answered(self) -> bool:
        """Whether something has come that nobody has taken yet."""
        return bool(self._received) or self.lost

    async def send(self, data: bytes) -> None:
        """Write, and wait while the other side does not read."""
        if not self.lost:
            self.transport.write(data)
            if self._writable is not None:
                await self._writable
        self._check()

    async def head(self) -> ResponseHead:
        """Wait for a response's head."""
        while (end := self._received.find(b"\r\n\r\n")) < 0:
            if len(self._received) > READ_AHEAD:
                raise ConnectionError("the head of a worker's answer is too long")
            await self._more()
        raw = bytes(self._received[: end + 4])
        del self._received[: end + 4]
        return response_head(raw)

    async def body(self, length: int) -> bytes:
        """Wait for the next bytes of a body, `READ_AHEAD` at most."""
        wanted = min(length, READ_AHEAD)
        while len(self._received) < wanted:
            await self._more()
        data = bytes(self._received[:wanted])
        del self._received[:wanted]
        self._resume()
        return data

    def rest(self) -> bytes:
        """Take all that has come."""
        data = bytes(self._received)
        self._received.clear()
        return data

    def abort(self) -> None:
        """Drop the connection; the other worker learns of it."""
        if not self.lost:
            self.transport.abort()

    # asyncio's

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection is there."""
        self.transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        """Keep what came until somebody takes it."""
        self._received += data
        if len(self._received) > READ_AHEAD:
            self.transport.pause_reading()
        _wake(self._news)

    def pause_writing(self) -> None:
        """The other side does not read."""
        self._writable = self._writable or asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        """The other side reads again."""
        writable, self._writable = self._writable, None
        _wake(writable)

    def connection_lost(self, _exc: BaseException | None) -> None:
        """The connection is gone."""
        self.lost = True
        self.resume_writing()
        _wake(self._news)

    async def _more(self) -> None:
        self._check()
        self._resume()
        self._news = asyncio.get_running_loop().create_future()
        try:
            await self._news
        finally:
            self._news = None

    def _resume(self) -> None:
        if not self.lost and len(self._received) <= READ_AHEAD:
            self.transport.resume_reading()

    def _check(self) -> None:
        if self.lost:
            raise ConnectionResetError("the connection to the other worker is lost")


def _wake(future: asyncio.Future[None] | None) -> None:
    if future is not None and not future.done():
        future.set_result(None)
