"""The connections of this worker to another one."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from server.engine.peers_connection import PeerConnection
from server.engine.peers_directory import PeerRecord
from server.engine.peers_head import ALIVE, order_head
from server.engine.peers_limits import PeerLimits


class PeerPool:
    """Connections to the worker of `record`: lent for one request each, kept for the next one, and watched.

    While requests wait, the worker is asked now and then whether it still works. `closed()` is called when the pool is
    of no more use: the worker is gone or hangs (`failed` is set then), or nothing has been asked of it for a while.
    """

    def __init__(
        self, record: PeerRecord, limits: PeerLimits, logger: logging.Logger, closed: Callable[[], None]
    ) -> None:
        #: Whether the worker is one of this machine.
        self.is_local = os.path.exists(record.relay)
        self.failed = False
        self._record = record
        self._limits = limits
        self._logger = logger
        self._closed = closed
        self._loop = asyncio.get_running_loop()
        self._idle: list[PeerConnection] = []
        self._busy: set[PeerConnection] = set()
        self._all_returned: asyncio.Future[None] | None = None
        self._used_at = self._loop.time()
        self._minding: asyncio.Task[None] | None = asyncio.create_task(self._mind())

    @asynccontextmanager
    async def lend(self) -> AsyncIterator[PeerConnection]:
        """Lend a connection for one request; at the end it is dropped, unless it was given to `keep` or `let_go`.

        :raises ConnectionError: the worker is gone.
        """
        self._used_at = self._loop.time()
        connection = await self._acquire()
        self._busy.add(connection)
        try:
            yield connection
        finally:
            if connection in self._busy:
                self.let_go(connection)
                connection.abort()

    def keep(self, connection: PeerConnection) -> None:
        """Take a connection back that may serve another request."""
        self.let_go(connection)
        if connection.answered or self._minding is None or len(self._idle) >= self._limits.idle_connections:
            connection.abort()
        else:
            connection.idle_since = self._loop.time()
            self._idle.append(connection)

    def let_go(self, connection: PeerConnection) -> None:
        """Leave a connection to whoever borrowed it."""
        self._busy.discard(connection)
        if self._all_returned is not None and not self._all_returned.done() and not self._busy:
            self._all_returned.set_result(None)

    async def order(self, order: str, query: str = "") -> None:
        """Send a request of this worker's own, and wait for the answer.

        :raises ConnectionError: the worker is gone.
        """
        connection = await self._acquire()
        try:
            await connection.send(order_head(self._record.token, order, query))
            await connection.head()
        except BaseException:
            connection.abort()
            raise
        self.keep(connection)

    async def all_returned(self, timeout: float) -> None:
        """Wait until nothing is lent any more, for `timeout` seconds at most."""
        if self._busy:
            self._all_returned = self._loop.create_future()
            await asyncio.wait([self._all_returned], timeout=timeout)

    def fail(self, fault: str) -> None:
        """Give the worker up."""
        if not self.failed:
            self.failed = True
            self._logger.warning("The worker that holds a session %s; its clients are sent to connect anew", fault)
            self.close()

    def close(self) -> None:
        """Drop every connection; what waits for an answer fails."""
        minding, self._minding = self._minding, None
        if minding is None:
            return
        minding.cancel()
        for connection in (*self._busy, *self._idle):
            connection.abort()
        self._idle.clear()
        self._closed()

    async def _acquire(self) -> PeerConnection:
        while self._idle:
            connection = self._idle.pop()
            if not connection.answered:
                return connection
            connection.abort()
        return await self._connect()

    async def _connect(self) -> PeerConnection:
        record = self._record
        try:
            async with asyncio.timeout(self._limits.timeout):
                if self.is_local or record.host is None:
                    _, connection = await self._loop.create_unix_connection(PeerConnection, record.relay)
                else:
                    _, connection = await self._loop.create_connection(PeerConnection, record.host, record.port)
            return connection
        except (OSError, TimeoutError) as error:
            self.fail(f"cannot be reached: {str(error) or 'no answer'}")
            raise ConnectionResetError("the worker is gone") from None

    async def _mind(self) -> None:
        while True:
            await asyncio.sleep(self._limits.timeout / 2)
            if self._busy:
                try:
                    async with asyncio.timeout(self._limits.timeout):
                        await self.order(ALIVE)
                except TimeoutError:
                    self.fail(f"has not answered for {self._limits.timeout:g} s")
                except ConnectionError:
                    self.fail("has closed the connection")
            now = self._loop.time()
            while self._idle and (self._idle[0].lost or now - self._idle[0].idle_since > self._limits.idle_seconds):
                self._idle.pop(0).abort()
            if not self._busy and now - self._used_at > self._limits.idle_seconds:
                self.close()
