"""Workers and Redis servers that fail, freeze or leave while others hold or want their sessions."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import psutil
import pytest
from aiohttp import ClientSession, WSServerHandshakeError
from redis import asyncio as aioredis

from server.engine import Peers
from tests.conformance.served import serve
from tests.conformance.workers import WorkerProgram
from tests.server.engine.peers_deployment import UNKNOWN, Deployment, connected
from tests.support.redis_server import RedisServer
from tests.support.waiting import eventually


class TestFailures:
    """Owners and Redis servers that fail."""

    @pytest.fixture
    async def program(self, deployment: Deployment) -> AsyncIterator[WorkerProgram]:
        """A worker in a process of its own, to kill and to freeze."""
        calm = {"HUBBUB_PING_INTERVAL": "25"}
        program = WorkerProgram(deployment.redis_server.url, deployment.prefix, 1, **calm)
        await asyncio.to_thread(program.start)
        yield program
        program.resume()
        program.kill()

    async def test_a_killed_owners_sessions_are_unknown_at_once(
        self, deployment: Deployment, program: WorkerProgram
    ) -> None:
        other = await deployment.worker({"timeout": 30})
        session = deployment.through(other, await deployment.client(program).open_polling())
        await connected(session, "echo")
        relayed = other.peers.counts.relayed
        poll = asyncio.create_task(session.poll())
        await eventually(lambda: other.peers.counts.relayed > relayed, "the poll")
        program.kill()
        # Long before any time-out.
        async with asyncio.timeout(5):
            assert await poll == UNKNOWN
            assert await session.poll() == UNKNOWN
            assert await session.post("40") == UNKNOWN
            with pytest.raises(WSServerHandshakeError) as refused:
                await session.client.open_websocket(sid=session.sid)
            assert refused.value.status == 400

    async def test_a_frozen_owners_sessions_are_unknown_after_the_time_out(
        self, deployment: Deployment, program: WorkerProgram
    ) -> None:
        other = await deployment.worker({"timeout": 0.3})
        session = deployment.through(other, await deployment.client(program).open_polling())
        await connected(session, "echo")
        relayed = other.peers.counts.relayed
        poll = asyncio.create_task(session.poll())
        await eventually(lambda: other.peers.counts.relayed > relayed, "the poll")
        program.pause()
        assert await poll == UNKNOWN
        assert await session.post("40") == UNKNOWN

    async def test_a_frozen_owner_does_not_hold_an_upgrade_for_ever(
        self, deployment: Deployment, program: WorkerProgram
    ) -> None:
        other = await deployment.worker({"timeout": 0.3})
        session = deployment.through(other, await deployment.client(program).open_polling())
        await connected(session, "echo")
        program.pause()
        with pytest.raises((WSServerHandshakeError, ConnectionError, OSError)):
            await session.client.open_websocket(sid=session.sid)

        program.resume()

        async def is_reached_again() -> bool:
            fresh = deployment.through(other, await deployment.client(program).open_polling())
            return await fresh.post("40") == (200, "ok")

        await eventually(is_reached_again, "the worker to be reached again")

    async def test_known_workers_are_reached_without_redis(self, lone_deployment: Deployment) -> None:
        owner, other, third = [await lone_deployment.worker() for _ in range(3)]
        session = await lone_deployment.client(owner).open_polling()
        await connected(lone_deployment.through(other, session))
        lone_deployment.redis_server.stop()
        assert await lone_deployment.through(other, session).post('42["message"]') == (200, "ok")
        assert await lone_deployment.through(third, session).post("3") == UNKNOWN

    async def test_a_worker_is_on_record_again_after_redis_lost_everything(self, lone_deployment: Deployment) -> None:
        owner = await lone_deployment.worker({"lease_seconds": 0.6})
        session = await lone_deployment.client(owner).open_polling()
        lone_deployment.redis_server.flush()
        key = f"{lone_deployment.prefix}:peer:{owner.peers.name}"
        async with aioredis.from_url(lone_deployment.redis_server.url) as redis:
            await eventually(lambda: redis.get(key), "the record")
            assert 0 < await redis.pttl(key) <= 600
        other = await lone_deployment.worker()
        assert await lone_deployment.through(other, session).post("40") == (200, "ok")

    async def test_a_flood_for_unknown_workers_asks_redis_little(self, lone_deployment: Deployment) -> None:
        worker = await lone_deployment.worker()
        client = lone_deployment.client(worker)
        async with aioredis.from_url(lone_deployment.redis_server.url) as redis:
            await redis.config_resetstat()
            answers = await asyncio.gather(*(client.get(sid=f"{number}.abcdefgh") for number in range(200)))
            assert answers == [UNKNOWN] * 200
            for sid in ("", ".", "abc.", "x.short", "x.muchtoolong", "abcdefgh", "x.y.z", "\r\nx: y.abcdefgh"):
                assert await client.get(sid=sid) == UNKNOWN
            calls = (await redis.info("commandstats"))["cmdstat_get"]["calls"]
        assert calls <= 3

    async def test_a_worker_out_of_reach_is_named_with_the_cure(
        self, deployment: Deployment, caplog: pytest.LogCaptureFixture
    ) -> None:
        owner = await deployment.worker()
        owner.as_from_another_machine()
        other = await deployment.worker()
        session = await deployment.client(owner).open_polling()
        with caplog.at_level(logging.WARNING):
            assert await deployment.through(other, session).post("40") == UNKNOWN
        assert "peer host" in caplog.text


class TestEnds:
    """Workers that leave."""

    async def test_polls_that_wait_at_a_leaving_worker_go_on_elsewhere(self, deployment: Deployment) -> None:
        owner, leaving, staying = [await deployment.worker() for _ in range(3)]
        session = await deployment.client(owner).open_polling()
        await connected(session)
        poll = asyncio.create_task(deployment.through(leaving, session).poll())
        await eventually(lambda: owner.served.sio.eio.sockets[session.sid].transport.polled, "the poll")
        await leaving.served.stop()
        assert await poll == (200, "6")
        assert await deployment.through(staying, session).post('421["message-with-ack",1]') == (200, "ok")
        assert await deployment.through(staying, session).receive_until(1) == ["431[1]"]
        assert owner.served.disconnects == []

    async def test_nothing_is_left_of_a_worker(self, redis_server: RedisServer) -> None:
        # What an event loop opens for itself at the first use is no leak.
        await self.live_and_end(redis_server)
        before = psutil.Process().num_fds()
        await self.live_and_end(redis_server)
        await eventually(lambda: psutil.Process().num_fds() <= before, "every descriptor to be closed")
        own = asyncio.current_task()
        await eventually(lambda: asyncio.all_tasks() == {own}, "every task to end")

    async def live_and_end(self, redis_server: RedisServer) -> None:
        async with AsyncExitStack() as stack:
            http = await stack.enter_async_context(ClientSession())
            deployment = Deployment(stack, redis_server, http)
            owner = await deployment.worker({"host": "127.0.0.1"})
            other = await deployment.worker({"host": "127.0.0.1"})
            folders = [worker.peers._folder.path for worker in (owner, other)]
            for _ in range(5):
                session = deployment.through(other, await deployment.client(owner).open_polling())
                await connected(session)
                await session.client.open_websocket(sid=session.sid)
            assert other.peers.counts.passed_on == 5
            assert all(folder.exists() for folder in folders)
        assert not any(folder.exists() for folder in folders)
        async with aioredis.from_url(redis_server.url) as redis:
            assert await redis.keys(f"{deployment.prefix}:peer:*") == []

    async def test_a_host_that_is_not_here_ends_the_start(self, redis_server: RedisServer) -> None:
        async with aioredis.from_url(redis_server.url) as redis:

            async def start() -> int:
                peers = Peers(redis, host="192.0.2.1")
                serve(peers=peers)
                with pytest.raises(OSError, match="192"):
                    await peers.start()
                await peers.stop()
                return psutil.Process().num_fds()

            before = await start()
            assert await start() <= before
