"""A stream: one response of server-sent events, written straight to its TCP transport."""

import asyncio
from collections.abc import Callable

from aiohttp import HttpVersion11, web

from handlers.base import Actor
from server.engine import watch_abort
from server.sse_frames import LAST_CHUNK, Frame

# How long a client may take to read the end of its stream.
CLOSE_SECONDS = 2.0
HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-cache",
    # For nginx and those who copy it: pass everything on at once.
    "X-Accel-Buffering": "no",
}


class WriteBatch:
    """The streams that have something to write at the end of this loop turn."""

    def __init__(self) -> None:
        self._streams: list[Stream] = []

    def add(self, stream: "Stream") -> None:
        """Have ``stream.flush()`` called before the loop waits again."""
        if not self._streams:
            asyncio.get_running_loop().call_soon(self._flush)
        self._streams.append(stream)

    def _flush(self) -> None:
        streams, self._streams = self._streams, []
        for stream in streams:
            stream.flush()


class Stream:
    """Takes frames for one client. ``closed`` is done when its connection is gone, whoever ended it.

    Args:
        request: what it answers.
        actor: who reads it.
        batch: shared by all streams, so that what comes in one turn of the loop leaves in one write.
        limit: bytes that may wait for a slow reader: of signals half as many, then the connection is cut.
        began: called when the headers are sent.
        overflowed: called when it is cut because its client reads too slowly.
    """

    def __init__(
        self,
        request: web.Request,
        actor: Actor,
        batch: WriteBatch,
        limit: int,
        *,
        began: Callable[[], None],
        overflowed: Callable[[], None],
    ) -> None:
        self.actor = actor
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._request = request
        self._chunked = request.version >= HttpVersion11
        self._batch = batch
        self._limit = limit
        self._began = began
        self._overflowed = overflowed
        self._response = web.StreamResponse(headers=HEADERS)
        self._transport: asyncio.Transport | None = None
        self._buffer: list[bytes] = []
        self._waiting = 0
        self._ending = False

    @property
    def response(self) -> web.StreamResponse:
        """What its handler returns in the end."""
        return self._response

    async def start(self) -> None:
        """Send the headers. Raises ``ConnectionError`` when the client has gone already."""
        if self._chunked:
            self._response.enable_chunked_encoding()
        # Its end is the connection's end: nobody need wait for another request.
        self._response.force_close()
        await self._response.prepare(self._request)
        if self._request.transport is None:
            raise ConnectionResetError("the client is gone")
        self._transport = self._request.transport
        watch_abort(self._request, self._lost)
        self._began()
        if self._ending:
            # Ended before it began.
            self._finish(self._transport)

    async def send_all(self, frames: list[Frame]) -> None:
        """Write what a client missed, as fast as it reads. Raises ``ConnectionError`` when it is gone."""
        self.flush()
        if frames:
            await self._response.write(b"".join(frame.body for frame in frames))

    def write(self, frame: Frame) -> None:
        """Queue a frame for the end of this loop turn; a volatile one is left out for a slow reader."""
        transport = self._transport
        if transport is None or self._ending:
            return
        if frame.volatile and self._waiting + transport.get_write_buffer_size() > self._limit // 2:
            return
        if not self._buffer:
            self._batch.add(self)
        data = frame.chunk if self._chunked else frame.body
        self._buffer.append(data)
        self._waiting += len(data)
        if self._waiting > self._limit:
            self.flush()

    def flush(self) -> None:
        """Write what waits, in one go; cut a client that has left more than the bound unread."""
        buffer, transport = self._buffer, self._transport
        if not buffer or transport is None:
            return
        data = buffer[0] if len(buffer) == 1 else b"".join(buffer)
        buffer.clear()
        self._waiting = 0
        if self._ending:
            return
        if transport.get_write_buffer_size() > self._limit:
            self._overflowed()
            self.cut()
            return
        transport.write(data)

    def end(self) -> None:
        """End the response properly, behind all that was written; what is not read in time is dropped."""
        self.flush()
        ended, self._ending = self._ending, True
        if self._transport is not None and not ended:
            self._finish(self._transport)

    def send_away(self) -> None:
        """Access to one of its channels has ended: a client that comes back learns which."""
        self.end()

    def reset(self) -> None:
        """A channel lost events for good: a client that comes back learns that it must reload."""
        self.cut()

    def _finish(self, transport: asyncio.Transport) -> None:
        if self._chunked:
            transport.write(LAST_CHUNK)
        transport.close()
        asyncio.get_running_loop().call_later(CLOSE_SECONDS, self._abort)

    def cut(self) -> None:
        """Drop the connection at once: the client comes back and resumes."""
        self._ending = True
        self._abort()

    def _abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _lost(self) -> None:
        self._transport = None
        self._ending = True
        self._buffer.clear()
        if not self.closed.done():
            self.closed.set_result(None)
