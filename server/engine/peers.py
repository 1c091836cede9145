"""The other workers, as an Engine.IO server sees them: who holds which session, and how requests get there."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from server.engine.peers_directory import PeerDirectory
from server.engine.peers_folder import PrivateFolder
from server.engine.peers_head import is_upgrade
from server.engine.peers_limits import PeerCounts, PeerLimits
from server.engine.peers_link import PeerLink
from server.engine.peers_listener import PeerListener
from server.engine.peers_pool import PeerPool
from server.engine.peers_splice import Splices

_NAME_BYTES = 6
_NAME_LENGTH = 8
_TOKEN_BYTES = 32
_SEPARATOR = "."
# So long, in seconds, a worker that was not there is not asked for again; of so many workers at most that is known.
_ABSENT_SECONDS = 1.0
_MOST_ABSENT = 1000

Handle = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Peers:
    """Makes several workers serve their sessions as one, so that no request needs to reach a certain one.

    A session's id ends with the name of the worker that holds it. Requests for another worker's session are relayed
    there. A WebSocket upgrade is passed on with its TCP connection where both workers run on one machine (as the same
    user and with the same folder for temporary files), and goes through this worker byte by byte where they do not.
    Requests for sessions of a worker that is gone, or hangs, get what unknown sessions get.

    Give each worker's server one of these: `RealtimeServer(peers=Peers(redis))`. It starts and stops with the server.

    :param redis: a client of redis-py's `redis.asyncio`, which must outlive this. Workers with the same Redis and
        `prefix` find each other.
    :param host: address of this machine at which workers of other machines reach this one, on a free port; None if all
        workers are on one machine. What goes between machines is not encrypted: give an address of a private network.
    :param timeout: patience with another worker, in seconds: to connect, to take a connection over, and to say that it
        still works while requests wait for it.
    :param lease_seconds: how long this worker stays on record after its death.
    :param idle_seconds: how long a connection to another worker is kept for the next request.
    :param idle_connections: how many are kept for each worker.
    """

    def __init__(
        self,
        redis: Any,
        *,
        prefix: str = "hubbub",
        host: str | None = None,
        timeout: float = 5.0,
        lease_seconds: float = 15.0,
        idle_seconds: float = 30.0,
        idle_connections: int = 64,
        logger: logging.Logger | None = None,
    ) -> None:
        self.name = secrets.token_urlsafe(_NAME_BYTES)
        self.counts = PeerCounts()
        self._splices = Splices(timeout)
        self._redis = redis
        self._prefix = prefix
        self._host = host
        self._limits = PeerLimits(timeout, idle_seconds, idle_connections)
        self._lease_seconds = lease_seconds
        self._logger = logger or logging.getLogger(__name__)
        self._handle: Handle
        self._release: Callable[[str], None]
        self._directory: PeerDirectory | None = None
        self._listener: PeerListener | None = None
        self._folder: PrivateFolder | None = None
        self._links: dict[str, PeerLink] = {}
        self._finding: dict[str, asyncio.Task[PeerLink | None]] = {}
        self._absent: dict[str, float] = {}

    def serve(self, handle: Handle, release: Callable[[str], None]) -> None:
        """Say who answers requests that come from other workers, and who ends the waiting poll of a session."""
        self._handle, self._release = handle, release

    async def start(self) -> None:
        """Listen for other workers and tell Redis; without Redis it goes on trying. Does nothing a second time.

        :raises OSError: the host cannot be listened on, or the folder for temporary files cannot be written to.
        """
        if self._listener is not None:
            return
        self._folder = PrivateFolder()
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        listener = PeerListener(token, self._handle, self._release, self._limits, self.counts, self._logger)
        try:
            record = await listener.start(self._folder.path, self._host)
        except OSError:
            await listener.stop()
            self._folder.remove()
            raise
        self._listener = listener
        self._directory = PeerDirectory(self._redis, self._prefix, self._lease_seconds, self._logger)
        await self._directory.announce(self.name, record)

    async def stop(self) -> None:
        """Leave: polls of other workers' sessions that wait here are answered, so that their clients poll elsewhere."""
        if self._directory is None or self._listener is None or self._folder is None:
            return
        directory, self._directory = self._directory, None
        await asyncio.gather(*self._finding.values())
        links = list(self._links.values())
        await asyncio.gather(directory.withdraw(), *(link.finish() for link in links))
        for link in links:
            link.pool.close()
        self._splices.close()
        await self._listener.stop()
        self._folder.remove()

    def sid(self, unguessable: str) -> str:
        """Return the id of a new session of this worker."""
        return f"{unguessable}{_SEPARATOR}{self.name}"

    async def forward(self, request: web.Request, sid: str, body_limit: int) -> web.StreamResponse | None:
        """Have a request answered by the worker that holds the session; None if nobody does.

        :param body_limit: bytes of a body that the other worker takes.
        """
        name = sid.rpartition(_SEPARATOR)[2]
        if len(name) != _NAME_LENGTH or name == self.name or request.method not in ("GET", "POST"):
            return None
        link = self._links.get(name) or await self._find(name)
        if link is None:
            return None
        try:
            return await (link.upgrade(request) if is_upgrade(request) else link.relay(request, body_limit))
        except ConnectionError:
            return None

    async def _find(self, name: str) -> PeerLink | None:
        """Look a worker up, once for all requests that wait for it."""
        now = asyncio.get_running_loop().time()
        if self._directory is None or self._absent.get(name, now) > now:
            return None
        task = self._finding.get(name)
        if task is None:
            task = self._finding[name] = asyncio.create_task(self._look_up(name, self._directory))
            task.add_done_callback(lambda _: self._finding.pop(name, None))
        return await asyncio.shield(task)

    async def _look_up(self, name: str, directory: PeerDirectory) -> PeerLink | None:
        record = await directory.find(name)
        if record is None or self._directory is None:
            self._note_absent(name)
            return None

        def closed() -> None:
            self._links.pop(name, None)
            if pool.failed:
                self._note_absent(name)

        pool = PeerPool(record, self._limits, self._logger, closed)
        if not pool.is_local and record.host is None:
            self._logger.warning(
                "A session is held by a worker that is not within reach: it shares no folder for temporary files with"
                " this one, and it has no peer host. Give every worker one, or the same TMPDIR and user"
            )
            pool.close()
            self._note_absent(name)
            return None
        link = self._links[name] = PeerLink(record, pool, self._limits, self.counts, self._splices)
        return link

    def _note_absent(self, name: str) -> None:
        if len(self._absent) >= _MOST_ABSENT:
            self._absent.clear()
        self._absent[name] = asyncio.get_running_loop().time() + _ABSENT_SECONDS
