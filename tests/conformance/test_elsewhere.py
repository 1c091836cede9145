"""The rules of the official suites once more, with every request that names a session sent to another worker than its.

The workers' own listeners are what lies between: sockets of one machine, or TCP as between machines.
"""

import itertools
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from redis import asyncio as aioredis
from yarl import URL

from server.engine import Peers
from tests.conformance import test_engineio_protocol as engineio_protocol
from tests.conformance import test_transport_defects as transport_defects
from tests.conformance.raw import RawClient, raw_client
from tests.conformance.served import Served, serve
from tests.support.redis_server import RedisServer

WORKERS = 3

TestMessage = engineio_protocol.TestMessage
TestHeartbeat = engineio_protocol.TestHeartbeat
TestClose = engineio_protocol.TestClose
TestUpgrade = engineio_protocol.TestUpgrade
test_post_of_17_packets = transport_defects.test_post_of_17_packets
test_chunked_post = transport_defects.test_chunked_post
test_poll_answers_hold_16_packets_at_most = transport_defects.test_poll_answers_hold_16_packets_at_most
test_oversized_post_without_a_pending_poll = transport_defects.test_oversized_post_without_a_pending_poll
test_an_aborted_poll_ends_the_session = (
    transport_defects.test_an_aborted_poll_ends_the_session_so_that_nothing_is_lost_silently
)
test_any_origin_is_answered_without_credentials = transport_defects.test_any_origin_is_answered_without_credentials
test_a_failed_upgrade_loses_nothing = transport_defects.test_a_failed_upgrade_loses_nothing
test_what_waits_for_a_poll_moves_to_the_websocket = transport_defects.test_what_waits_for_a_poll_moves_to_the_websocket


class Scattered:
    """Workers of one deployment; sessions are opened on the first, everything else is asked of the others in turn."""

    def __init__(self, workers: list[Served]) -> None:
        self.owner, *self.others = workers
        self.asked = 0

    def scatter(self, client: RawClient) -> RawClient:
        """Make a client of the owner send what names a session to the other workers."""
        urls = itertools.cycle([URL(worker.url).with_path(client.url.path) for worker in self.others])
        at = client.at

        def elsewhere(*arguments: Any, **query: Any) -> URL:
            address = at(*arguments, **query)
            if "sid" not in address.query:
                return address
            self.asked += 1
            return next(urls).with_query(address.query)

        client.at = elsewhere  # type: ignore[method-assign]
        return client

    def brought(self) -> tuple[int, int, int]:
        """How many requests the others have relayed, passed on with their connection, and spliced."""
        counts = [server.peers.counts for worker in self.others for server in (worker.eio, worker.sio.eio)]
        return (
            sum(each.relayed for each in counts),
            sum(each.passed_on for each in counts),
            sum(each.spliced for each in counts),
        )


@pytest.fixture(params=["one machine", "several machines"])
async def scattered(request: pytest.FixtureRequest, redis_server: RedisServer) -> AsyncIterator[Scattered]:
    """Workers that find each other on one machine, or have nothing but TCP between them."""
    between_machines = request.param == "several machines"
    async with AsyncExitStack() as stack:
        redis = await stack.enter_async_context(aioredis.from_url(redis_server.url))

        def peers() -> Peers:
            return Peers(redis, prefix="elsewhere", host="127.0.0.1" if between_machines else None)

        workers = [serve(peers=peers(), engine={"peers": peers()}) for _ in range(WORKERS)]
        for worker in workers:
            await worker.start()
            stack.push_async_callback(worker.stop)
            for server in (worker.eio, worker.sio.eio):
                if between_machines:
                    # No other machine sees this one's files.
                    shutil.rmtree(server.peers._folder.path)
        scattered = Scattered(workers)
        yield scattered
        relayed, passed_on, spliced = scattered.brought()
        assert relayed + passed_on + spliced == scattered.asked
        assert not (passed_on if between_machines else spliced)


@pytest.fixture
def served(scattered: Scattered) -> Served:
    """The worker that holds the sessions."""
    return scattered.owner


@pytest.fixture(params=["eio", "sio"], ids=["engine.io", "socket.io"])
def client(request: pytest.FixtureRequest, eio: RawClient, sio: RawClient) -> RawClient:
    """A scattered client of either path."""
    return eio if request.param == "eio" else sio


@pytest.fixture
async def sio(scattered: Scattered) -> AsyncIterator[RawClient]:
    """A scattered client at /socket.io/."""
    async with raw_client(f"{scattered.owner.url}/socket.io/") as client:
        yield scattered.scatter(client)


@pytest.fixture
async def eio(scattered: Scattered) -> AsyncIterator[RawClient]:
    """A scattered client at /engine.io/."""
    async with raw_client(f"{scattered.owner.url}/engine.io/") as client:
        yield scattered.scatter(client)
