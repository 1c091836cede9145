"""Workers of one deployment inside a test's own event loop, and clients that may ask any of them."""

import secrets
import shutil
from contextlib import AsyncExitStack
from typing import Any

from aiohttp import ClientSession
from redis import asyncio as aioredis

from server.engine import Peers
from tests.conformance.raw import RawClient, RawPolling
from tests.conformance.served import Served, serve
from tests.conformance.workers import WorkerProgram
from tests.support.redis_server import RedisServer

# No heartbeat ends a session while a test waits.
CALM = {"ping_interval": 25, "ping_timeout": 20, "connect_timeout": 30}
UNKNOWN = (400, '{"code":1,"message":"Session ID unknown"}')


class Worker:
    """A worker of the deployment, inside the test's own event loop."""

    def __init__(self, served: Served, peers: Peers) -> None:
        self.served = served
        self.peers = peers

    def as_from_another_machine(self) -> None:
        """Take away what only the workers of this machine can see."""
        shutil.rmtree(self.peers._folder.path)


class Deployment:
    """Workers that share a Redis, and a client that may ask any of them."""

    def __init__(self, stack: AsyncExitStack, redis: RedisServer, http: ClientSession) -> None:
        self.redis_server = redis
        self.prefix = f"peers-{secrets.token_hex(4)}"
        self.http = http
        self._stack = stack

    async def worker(self, peers: dict[str, Any] | None = None, **options: Any) -> Worker:
        """Start a worker; `peers` are options of its `Peers`, the others its server's."""
        redis = await self._stack.enter_async_context(
            aioredis.from_url(self.redis_server.url, socket_timeout=1, socket_connect_timeout=1)
        )
        ways = Peers(redis, prefix=self.prefix, **(peers or {}))
        served = serve(peers=ways, **{**CALM, **options})
        await served.start()
        self._stack.push_async_callback(served.stop)
        return Worker(served, ways)

    def client(self, worker: Worker | WorkerProgram, http: ClientSession | None = None) -> RawClient:
        """A client that asks this worker."""
        url = worker.served.url if isinstance(worker, Worker) else worker.url
        return RawClient(http or self.http, f"{url}/socket.io/")

    def through(self, worker: Worker, session: RawPolling) -> RawPolling:
        """The same session, asked for at another worker."""
        return RawPolling(self.client(worker), session.handshake)


async def connected(session: RawPolling, event: str = "message-with-ack") -> RawPolling:
    """The session with its CONNECT done and everything fetched that came of it."""
    await session.post("40", f'420["{event}","ready"]')
    while '430["ready"]' not in await session.receive():
        pass
    return session
