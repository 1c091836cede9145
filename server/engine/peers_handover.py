"""Passes a client's connection itself to another worker of this machine (SCM_RIGHTS)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Awaitable, Callable

_LENGTH_BYTES = 4
_TAKEN = b"\x01"
# A request's head and what came behind it; aiohttp's own limits stay far below.
_MOST_BYTES = 2**20
_BACKLOG = 1024
# Out of descriptors: until others are closed, there is no use in trying.
_PAUSE_SECONDS = 0.1

Adopt = Callable[[socket.socket, bytes], Awaitable[None]]


async def pass_on(path: str, connection: int, data: bytes, timeout: float) -> bool:
    """Give a connection (its descriptor), and the bytes read from it, to the worker that listens at `path`.

    On success nothing may be read from or written to the connection here any more, only closed. False when it could not
    be given.

    :raises ConnectionResetError: the other worker did not take it within `timeout` seconds. As it still might, the
        connection is shut down.
    """
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as way:
        way.setblocking(False)
        try:
            way.connect(path)
            message = len(data).to_bytes(_LENGTH_BYTES, "big") + data
            sent = socket.send_fds(way, [message], [connection])
        except OSError:
            return False
        try:
            async with asyncio.timeout(timeout):
                await loop.sock_sendall(way, message[sent:])
                # Anything else: the other worker has no descriptors left, or is about to end.
                return await loop.sock_recv(way, 1) == _TAKEN
        except TimeoutError:
            with socket.socket(fileno=os.dup(connection)) as copy, contextlib.suppress(OSError):
                copy.shutdown(socket.SHUT_RDWR)
            raise ConnectionResetError(f"did not take a connection within {timeout:g} s") from None
        except OSError:
            return False


class HandoverListener:
    """Where other workers of this machine pass connections to this one; each goes to `adopt(connection, data)`."""

    def __init__(self, adopt: Adopt, timeout: float, logger: logging.Logger) -> None:
        self._adopt = adopt
        self._timeout = timeout
        self._logger = logger
        self._socket: socket.socket | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, bound: socket.socket) -> None:
        """Listen on a bound Unix socket."""
        self._socket = bound
        bound.listen(_BACKLOG)
        self._keep(self._accept(bound))

    async def stop(self) -> None:
        """Take no more connections."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    async def _accept(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                way, _ = await loop.sock_accept(listening)
            except OSError as error:
                self._logger.warning("A connection of another worker could not be accepted: %s", error)
                await asyncio.sleep(_PAUSE_SECONDS)
            else:
                self._keep(self._receive(way))

    async def _receive(self, way: socket.socket) -> None:
        with way:
            way.setblocking(False)
            try:
                async with asyncio.timeout(self._timeout):
                    connection, data = await self._message(way)
                # The other worker lets go of the connection now, before anything is done with it here.
                way.send(_TAKEN)
            except (OSError, ValueError, TimeoutError) as error:
                self._logger.warning("Another worker could not pass its connection on: %s", error)
                return
        try:
            await self._adopt(connection, data)
        except OSError as error:
            connection.close()
            self._logger.info("A connection passed on by another worker was gone already: %s", error)

    async def _message(self, way: socket.socket) -> tuple[socket.socket, bytes]:
        loop = asyncio.get_running_loop()
        try:
            data, descriptors, _, _ = socket.recv_fds(way, 65536, 1)
        except BlockingIOError:
            await _readable(way)
            data, descriptors, _, _ = socket.recv_fds(way, 65536, 1)
        if not descriptors:
            raise ValueError("no connection came with it; this process may have no descriptors left (see ulimit -n)")
        os.set_inheritable(descriptors[0], False)
        connection = socket.socket(fileno=descriptors[0])
        try:
            while len(data) < _LENGTH_BYTES or len(data) < _LENGTH_BYTES + _length(data):
                more = await loop.sock_recv(way, 65536)
                if not more or len(data) > _MOST_BYTES:
                    raise ValueError("it ended before it was complete")
                data += more
            connection.setblocking(False)
        except BaseException:
            connection.close()
            raise
        return connection, data[_LENGTH_BYTES:]

    def _keep(self, work: Awaitable[None]) -> None:
        task: asyncio.Task[None] = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _length(data: bytes) -> int:
    return int.from_bytes(data[:_LENGTH_BYTES], "big")


async def _readable(way: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    loop.add_reader(way, readable.set)
    try:
        await readable.wait()
    finally:
        loop.remove_reader(way)
