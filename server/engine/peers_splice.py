"""Bytes both ways between a client and the worker on another machine that owns its session."""

from __future__ import annotations

import asyncio


class Splices:
    """Pairs of connections; all that comes on one of a pair goes out on the other, for as long as both live.

    Whoever reads slowly slows its counterpart down. When one ends, what was read from it still goes out on the other,
    for `close_seconds` at most.
    """

    def __init__(self, close_seconds: float) -> None:
        self._close_seconds = close_seconds
        self._ends: set[_End] = set()

    def add(self, one: asyncio.Transport, other: asyncio.Transport) -> None:
        """Begin to copy; both connections must have been paused."""
        for own, far in ((one, other), (other, one)):
            own.set_protocol(_End(own, far, self._ends, self._close_seconds))
        one.resume_reading()
        other.resume_reading()

    def close(self) -> None:
        """End all pairs."""
        for end in list(self._ends):
            end.close()


class _End(asyncio.Protocol):
    """One of the two connections."""

    __slots__ = ("_close_seconds", "_ends", "_far", "_own")

    def __init__(self, own: asyncio.Transport, far: asyncio.Transport, ends: set[_End], close_seconds: float) -> None:
        self._own = own
        self._far = far
        self._ends = ends
        self._close_seconds = close_seconds
        ends.add(self)

    def close(self) -> None:
        """Let what waits go out, and close."""
        if not self._own.is_closing():
            self._own.close()
            asyncio.get_running_loop().call_later(self._close_seconds, self._own.abort)

    def data_received(self, data: bytes) -> None:
        self._far.write(data)

    def pause_writing(self) -> None:
        if not self._far.is_closing():
            self._far.pause_reading()

    def resume_writing(self) -> None:
        if not self._far.is_closing():
            self._far.resume_reading()

    def connection_lost(self, _exc: BaseException | None) -> None:
        self._ends.discard(self)
        if not self._far.is_closing():
            self._far.close()
            asyncio.get_running_loop().call_later(self._close_seconds, self._far.abort)
