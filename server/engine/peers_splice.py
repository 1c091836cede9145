"""Bytes both ways between a client and the worker on another machine that owns its session."""

from __future__ import annotations

import asyncio


def splice(one: asyncio.Transport, other: asyncio.Transport, close_seconds: float) -> None:
    """Copy all that comes on each of two connections to the other, for as long as both live.

    Whoever reads slowly slows its counterpart down. When one ends, what was read from it still goes out, for
    `close_seconds` at most.
    """
    one.set_protocol(_End(one, other, close_seconds))
    other.set_protocol(_End(other, one, close_seconds))
    one.resume_reading()
    other.resume_reading()


class _End(asyncio.Protocol):
    """One of the two connections."""

    __slots__ = ("_close_seconds", "_other", "_own")

    def __init__(self, own: asyncio.Transport, other: asyncio.Transport, close_seconds: float) -> None:
        self._own = own
        self._other = other
        self._close_seconds = close_seconds

    def data_received(self, data: bytes) -> None:
        self._other.write(data)

    def pause_writing(self) -> None:
        if not self._other.is_closing():
            self._other.pause_reading()

    def resume_writing(self) -> None:
        if not self._other.is_closing():
            self._other.resume_reading()

    def connection_lost(self, _exc: BaseException | None) -> None:
        if not self._other.is_closing():
            self._other.close()
            asyncio.get_running_loop().call_later(self._close_seconds, self._other.abort)
