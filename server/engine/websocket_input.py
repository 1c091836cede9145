"""Messages on their way in: from aiohttp's frame parser straight to the connection, or held while it is paused."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from aiohttp._websocket.reader import WebSocketDataQueue

if TYPE_CHECKING:
    from server.engine.websocket import WebSocketTransport

logger = logging.getLogger("hubbub.engine")

# Bytes parsed ahead while a connection is paused.
READ_AHEAD = 32 * 1024


class FrameQueue(WebSocketDataQueue):
    """Replaces the queue between aiohttp's parser and `WebSocketResponse.receive`: no task waits for messages.

    While paused it is aiohttp's own queue again, which stops the parser in the middle of a packet of bytes.
    """

    def __init__(self, connection: WebSocketTransport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(self, READ_AHEAD, loop=loop)  # type: ignore[arg-type]
        self._connection: WebSocketTransport | None = connection
        self._paused = False
        # The base class asks its protocol for these; here it is its own protocol.
        self._reading_paused = False

    def feed_data(self, message: Any, size: int) -> None:
        """Take one message from the parser. Nothing may be raised here: the compiled parser would swallow it."""
        connection = self._connection
        if connection is None:
            return
        if self._paused or self._buffer:
            super().feed_data(message, size)
            return
        try:
            connection.frame_received(message)
        except Exception as error:
            self._failed(error)

    def set_exception(self, error: BaseException, *_cause: object) -> None:
        """Take a parse error from the parser."""
        if self._connection is not None:
            self._connection.parse_failed(error)

    def pause(self) -> None:
        """Hold back what the parser has in hand and stop reading from the network."""
        self._paused = True
        self.pause_reading()

    def resume(self) -> None:
        """Deliver what was held back; unless that pauses again, read from the network again."""
        self._paused = False
        while self._buffer and not self._paused and self._connection is not None:
            try:
                self.read().send(None)  # what is buffered is returned without suspending
            except StopIteration as done:
                try:
                    self._connection.frame_received(done.value)
                except Exception as error:
                    self._failed(error)
        if not self._paused:
            self.resume_reading()

    def detach(self) -> None:
        """Let go of the connection."""
        self._connection = None
        self._protocol = None  # type: ignore[assignment]
        self._buffer.clear()

    def pause_reading(self) -> None:
        """Stop reading from the network."""
        if not self._reading_paused and self._connection is not None:
            self._reading_paused = True
            self._connection.pause_reading()

    def resume_reading(self) -> None:
        """Read from the network, unless paused."""
        if self._reading_paused and not self._paused and self._connection is not None:
            self._reading_paused = False
            self._connection.resume_reading()

    def _failed(self, error: Exception) -> None:
        logger.error("a received message could not be handled", exc_info=error)
        if self._connection is not None:
            self._connection.parse_failed(error)
