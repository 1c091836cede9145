"""WebSocket: frames are written straight to the TCP transport, all of a loop turn in one write."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aiohttp.http_websocket import WebSocketError, WebSocketReader, WSMsgType

from server.engine.outgoing import CLOSE, PONG, Outgoing, frame
from server.engine.reasons import Reason
from server.engine.websocket_input import FrameQueue

if TYPE_CHECKING:
    from server.engine.deadlines import Deadlines


class WriteBatch:
    """The open connections, and those that have something to write at the end of this loop turn."""

    def __init__(self) -> None:
        self._transports: list[WebSocketTransport] = []
        self._open: set[WebSocketTransport] = set()
        self._all_closed: asyncio.Future[None] | None = None

    def opened(self, transport: WebSocketTransport) -> None:
        """Note a connection."""
        self._open.add(transport)

    def closed(self, transport: WebSocketTransport) -> None:
        """Note a connection's end."""
        self._open.discard(transport)
        if self._all_closed is not None and not self._open and not self._all_closed.done():
            self._all_closed.set_result(None)

    async def all_closed(self) -> None:
        """Wait until no connection is open."""
        if self._open:
            self._all_closed = asyncio.get_running_loop().create_future()
            await self._all_closed

    def add(self, transport: WebSocketTransport) -> None:
        """Have `transport.flush()` called before the loop waits again."""
        if not self._transports:
            asyncio.get_running_loop().call_soon(self._flush)
        self._transports.append(transport)

    def _flush(self) -> None:
        transports, self._transports = self._transports, []
        for transport in transports:
            transport.flush()


@dataclass(frozen=True, slots=True)
class WebSocketOptions:
    """What all WebSockets of a server share; sizes in bytes."""

    max_message_bytes: int
    send_buffer_bytes: int
    compression_threshold: int
    batch: WriteBatch
    #: Aborts, by id, what has not closed in time.
    closing: Deadlines


class WebSocketTransport(asyncio.Protocol):
    """A WebSocket connection taken over from aiohttp.

    `receive(packet)` gets each message, `lost(reason)` is called once when the connection ends, whoever ended it,
    `overflowed()` when more than the bound waits for a reader that does not read.
    """

    __slots__ = (
        "_buffer",
        "_closing",
        "_compress",
        "_input",
        "_options",
        "_parser",
        "_transport",
        "_waiting",
        "key",
        "lost",
        "overflowed",
        "receive",
    )
    name = "websocket"

    def __init__(self, key: str, options: WebSocketOptions, compress: bool) -> None:
        self.key = key
        self._options = options
        self._compress = compress
        self._buffer: list[bytes] = []
        self._waiting = 0
        self._closing = False
        self._transport: asyncio.Transport | None = None
        self._parser: WebSocketReader | None = None
        self._input: FrameQueue | None = None
        self.receive: Callable[[Any], None] = _ignore
        self.lost: Callable[[str], None] = _ignore
        self.overflowed: Callable[[], None] = _ignore

    def start(self, transport: asyncio.Transport, switching: bytes, early: bytes) -> None:
        """Answer the handshake with `switching` and begin to read, with the bytes that came `early`."""
        loop = asyncio.get_running_loop()
        self._transport = transport
        self._options.batch.opened(self)
        self._input = FrameQueue(self, loop)
        self._parser = WebSocketReader(
            self._input, self._options.max_message_bytes + 1, compress=self._compress, decode_text=True
        )
        transport.write(switching)
        transport.set_protocol(self)
        transport.resume_reading()
        if early:
            self.data_received(early)

    # Sending

    def send(self, outgoing: Outgoing) -> None:
        """Queue a message for the end of this loop turn; a volatile one is dropped when the client reads slowly."""
        if outgoing.volatile and self.backlog > self._options.send_buffer_bytes // 2:
            return
        buffer = self._buffer
        if not buffer:
            self._options.batch.add(self)
        frames = outgoing.compressed_frames(self._options.compression_threshold) if self._compress else outgoing.frames
        buffer.append(frames)
        self._waiting += len(frames)
        if self._waiting > self._options.send_buffer_bytes:
            self.flush()

    @property
    def backlog(self) -> int:
        """Bytes that the client has not taken yet, as far as this side can tell."""
        return self._waiting + (0 if self._transport is None else self._transport.get_write_buffer_size())

    def flush(self) -> None:
        """Write what waits, in one go; tell `overflowed` when the client has left more than the bound unread."""
        buffer, transport = self._buffer, self._transport
        if not buffer:
            return
        data = buffer[0] if len(buffer) == 1 else b"".join(buffer)
        buffer.clear()
        self._waiting = 0
        if transport is None or self._closing:
            return
        if transport.get_write_buffer_size() > self._options.send_buffer_bytes:
            self.overflowed()
            return
        transport.write(data)

    def close(self, *, code: int = 1000, abort: bool = False, **_polling_options: object) -> None:
        """Say goodbye with `code` and close; what is not closed in time (or `abort`) is dropped.

        The connection ends when the client answers, so that nothing of what was sent is lost by a reset.
        """
        transport = self._transport
        if transport is None or self._closing:
            return
        if not abort:
            self.flush()
        self._closing = True
        self.receive = _ignore
        if abort:
            transport.abort()
            return
        transport.write(frame(CLOSE, code.to_bytes(2, "big")))
        self._options.closing.add(self)
        if self._input is not None:
            self._input.resume()

    def abort(self) -> None:
        """Drop the connection at once."""
        if self._transport is not None:
            self._closing = True
            self._transport.abort()

    # Receiving

    def set_reading_paused(self, paused: bool) -> None:
        """Stop or resume handing messages to `receive`; unread bytes stay in the network."""
        if self._input is not None:
            (self._input.pause if paused else self._input.resume)()

    def pause_reading(self) -> None:
        """Stop reading from the network."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Read from the network again."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        """Parse what came; messages arrive in `frame_received`."""
        if self._parser is not None:
            self._parser.feed_data(data)

    def frame_received(self, message: Any) -> None:
        """Handle one message or control frame."""
        kind = message[0]
        if kind is WSMsgType.TEXT or kind is WSMsgType.BINARY:
            self.receive(message[1])
        elif kind is WSMsgType.PING:
            if self._transport is not None and not self._closing:
                self._transport.write(frame(PONG, message[1]))
        elif kind is WSMsgType.CLOSE and self._transport is not None:
            if not self._closing:
                self.flush()
                self._closing = True
                self._transport.write(frame(CLOSE, (message[1] or 1000).to_bytes(2, "big")))
            self._transport.close()
            self._options.closing.add(self)
            self._end(Reason.TRANSPORT_CLOSE)

    def parse_failed(self, error: BaseException) -> None:
        """Close because of a frame that RFC 6455 or the size limit forbids."""
        code = error.code if isinstance(error, WebSocketError) else 1011
        self.close(code=int(code))
        self._end(Reason.PARSE_ERROR)

    def connection_lost(self, exc: BaseException | None) -> None:
        """The TCP connection is gone."""
        self._options.batch.closed(self)
        self._transport = None
        self._closing = True
        self._buffer.clear()
        self._waiting = 0
        # These three refer to each other: nothing of a lost connection shall wait for the garbage collector.
        self._parser = None
        if self._input is not None:
            self._input.detach()
            self._input = None
        self._end(Reason.TRANSPORT_CLOSE if exc is None else Reason.TRANSPORT_ERROR)

    def _end(self, reason: str) -> None:
        lost, self.lost = self.lost, _ignore
        self.receive = self.overflowed = _ignore
        lost(reason)


def _ignore(*_arguments: object) -> None:
    """Nobody listens (any more)."""
