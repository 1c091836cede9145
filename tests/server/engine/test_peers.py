"""Requests that come to another worker than their session's: what they carry, and whom the owner takes them for."""

import asyncio
import json
import secrets
import stat
import zlib
from collections.abc import AsyncIterator, Hashable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, TCPConnector, UnixConnector, web
from redis import asyncio as aioredis
from yarl import URL

from server.engine.peers_connection import PeerConnection
from server.engine.reasons import Reason
from tests.conformance.raw import RawClient, RawPolling
from tests.server.engine.peers_deployment import UNKNOWN, Deployment, connected
from tests.support.waiting import eventually


class TestClients:
    """Who the owner takes the client for."""

    @pytest.mark.parametrize("between_machines", [False, True], ids=["one machine", "several machines"])
    async def test_the_owner_sees_the_client_and_not_the_worker_between(
        self, deployment: Deployment, between_machines: bool
    ) -> None:
        seen: list[tuple[Any, ...]] = []

        def note(request: web.BaseRequest) -> Hashable:
            headers = request.headers
            seen.append((request.remote, request.scheme, headers["X-Forwarded-For"], "X-Hubbub-Peer" in headers))
            return request.remote

        owner = await deployment.worker({"host": "127.0.0.1"}, session_owner=note)
        other = await deployment.worker()
        if between_machines:
            owner.as_from_another_machine()
        # Whoever forges what workers tell each other is not believed.
        headers = {"X-Forwarded-For": "10.9.8.7", "X-Hubbub-Peer": "stolen relay https 6.6.6.6"}
        connector = TCPConnector(local_addr=("127.0.0.9", 0))
        async with ClientSession(connector=connector, headers=headers) as http:
            session = await deployment.client(owner, http).open_polling()
            del seen[:]
            elsewhere = RawPolling(deployment.client(other, http), session.handshake)
            await connected(elsewhere)
            websocket = await deployment.client(other, http).open_websocket(sid=session.sid)
            await websocket.send("2probe")
            assert await websocket.receive() == "3probe"
            await websocket.close()
        forged = not between_machines
        assert seen[:2] == [("127.0.0.9", "http", "10.9.8.7", False)] * 2
        # A connection that was passed on brings the client's own words, which nobody reads.
        assert seen[-1] == ("127.0.0.9", "http", "10.9.8.7", forged)

    async def test_nobody_else_takes_a_session_over(self, deployment: Deployment) -> None:
        owner, other = await deployment.worker(), await deployment.worker()
        session = await deployment.client(owner).open_polling()
        async with ClientSession(connector=TCPConnector(local_addr=("127.0.0.9", 0))) as thief:
            stolen = RawPolling(deployment.client(other, thief), session.handshake)
            assert await stolen.post("40") == UNKNOWN
        assert await deployment.through(other, session).post("40") == (200, "ok")

    async def test_strangers_get_404_from_the_private_listener(self, deployment: Deployment) -> None:
        owner = await deployment.worker({"host": "127.0.0.1"})
        session = await deployment.client(owner).open_polling()
        async with aioredis.from_url(deployment.redis_server.url) as redis:
            record = json.loads(await redis.get(f"{deployment.prefix}:peer:{owner.peers.name}"))
        url = URL(f"http://127.0.0.1:{record['port']}/socket.io/").with_query(
            EIO="4", transport="polling", sid=session.sid
        )
        for header in (
            {},
            {"X-Hubbub-Peer": ""},
            {"X-Hubbub-Peer": f"{secrets.token_urlsafe(32)} relay http 127.0.0.1"},
        ):
            async with deployment.http.post(url, data="40", headers=header) as answer:
                assert (answer.status, await answer.read()) == (404, b"")
        known = {"X-Hubbub-Peer": f"{record['token']} relay http 127.0.0.1"}
        async with deployment.http.post(url, data="40", headers=known) as answer:
            assert (answer.status, await answer.text()) == (200, "ok")

    async def test_the_sockets_of_this_machine_are_for_this_user_alone(self, deployment: Deployment) -> None:
        folder = (await deployment.worker()).peers._folder.path
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.iterdir())}
        assert modes == {folder.name: 0o700, "relay": 0o600, "handover": 0o600}

    async def test_a_proxy_on_a_unix_socket_is_one_client(self, deployment: Deployment, tmp_path: Path) -> None:
        owner, other = await deployment.worker(), await deployment.worker()
        for worker in (owner, other):
            assert worker.served.runner is not None
            await web.UnixSite(worker.served.runner, str(tmp_path / str(worker.served.port))).start()
        connector = UnixConnector(str(tmp_path / str(owner.served.port)))
        async with ClientSession(connector=connector) as http:
            session = await RawClient(http, "http://proxy/socket.io/").open_polling()
        connector = UnixConnector(str(tmp_path / str(other.served.port)))
        async with ClientSession(connector=connector) as http:
            elsewhere = RawPolling(RawClient(http, "http://proxy/socket.io/"), session.handshake)
            await connected(elsewhere)
            websocket = await elsewhere.client.open_websocket(sid=session.sid)
            await websocket.send("2probe")
            assert await websocket.receive() == "3probe"
            await websocket.close()
        assert other.peers.counts.passed_on == 1


class TestConnections:
    """What one connection may carry."""

    async def test_requests_of_many_sessions_follow_each_other_on_one_connection(self, deployment: Deployment) -> None:
        workers = [await deployment.worker() for _ in range(3)]
        sessions = [await deployment.client(worker).open_polling() for worker in workers]
        for session in sessions:
            await connected(session)
        reader, writer = await asyncio.open_connection("127.0.0.1", workers[0].served.port)

        def request(number: int, session: RawPolling) -> bytes:
            body = f'42{number}["message-with-ack",{number}]'
            path = URL(session.client.url).with_query(EIO="4", transport="polling", sid=session.sid).path_qs
            return f"POST {path} HTTP/1.1\r\nHost: proxy\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()

        # Several in one segment, and the rest of one in the next.
        pipeline = b"".join(request(number, sessions[number % 3]) for number in range(9))
        for part in (pipeline[:1000], pipeline[1000:]):
            writer.write(part)
            await writer.drain()
        for _ in range(9):
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
            assert head.startswith(b"HTTP/1.1 200 OK")
            assert await reader.readexactly(2) == b"ok"
        writer.close()
        await writer.wait_closed()
        for number, session in enumerate(sessions):
            assert await session.receive_until(3) == [f"43{each}[{each}]" for each in range(number, 9, 3)]

    async def test_the_answer_to_a_poll_may_be_large(self, deployment: Deployment) -> None:
        owner = await deployment.worker(send_buffer_bytes=10_000_000, http_compression=False)
        other = await deployment.worker()
        session = await deployment.client(owner).open_polling()
        await connected(session)
        for number in range(3):
            await owner.served.sio.emit("news", str(number) * 2_000_000)
        packets = await deployment.through(other, session).receive_until(3)
        assert packets == [f'42["news","{str(number) * 2_000_000}"]' for number in range(3)]

    async def test_a_client_that_does_not_read_its_answer_fills_no_memory(self, deployment: Deployment) -> None:
        owner = await deployment.worker(send_buffer_bytes=40_000_000, http_compression=False)
        other = await deployment.worker()
        session = await connected(await deployment.client(owner).open_polling())
        await owner.served.sio.emit("news", "x" * 20_000_000)
        reader, writer = await asyncio.open_connection("127.0.0.1", other.served.port, limit=1024)
        path = session.client.at(sid=session.sid).path_qs
        writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())

        def between() -> list[PeerConnection]:
            return [each for link in other.peers._links.values() for each in link.pool._busy]

        await eventually(lambda: [each for each in between() if not each.transport.is_reading()], "a pause")
        assert [len(each._received) < 1_000_000 for each in between()] == [True]
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 OK")
        assert len(await reader.readexactly(20_000_000)) == 20_000_000
        writer.close()

    @pytest.mark.parametrize("kind", ["announced", "chunked", "compressed", "announced and compressed"])
    async def test_the_body_of_a_post_may_come_in_pieces_and_in_a_coding(
        self, deployment: Deployment, kind: str
    ) -> None:
        owner, other = await deployment.worker(), await deployment.worker()
        session = deployment.through(other, await deployment.client(owner).open_polling())
        await connected(session)
        text = secrets.token_hex(200_000) + "ž"
        body = f'421["message-with-ack","{text}"]'.encode()

        async def pieces() -> AsyncIterator[bytes]:
            for at in range(0, len(body), 50_001):
                yield body[at : at + 50_001]
                await asyncio.sleep(0)

        options: dict[str, Any] = {"data": body}
        if kind == "chunked":
            options = {"data": pieces()}
        elif kind == "compressed":
            options = {"data": body, "compress": "deflate"}
        elif kind == "announced and compressed":
            options = {"data": zlib.compress(body), "headers": {"Content-Encoding": "deflate"}}
        async with deployment.http.post(session.client.at(sid=session.sid), **options) as answer:
            assert (answer.status, await answer.text()) == (200, "ok")
        assert (await session.receive_until(1))[-1] == f'431["{text}"]'

    async def test_an_oversized_post_ends_the_session(self, deployment: Deployment) -> None:
        owner, other = await deployment.worker(), await deployment.worker()
        session = deployment.through(other, await deployment.client(owner).open_polling())
        assert (await session.post(body=b"4" * 1_020_000))[0] == 413
        assert await session.poll() == UNKNOWN

    async def test_an_endless_post_ends_the_session(self, deployment: Deployment) -> None:
        owner, other = await deployment.worker(), await deployment.worker()
        session = deployment.through(other, await deployment.client(owner).open_polling())
        reader, writer = await asyncio.open_connection("127.0.0.1", other.served.port)
        path = session.client.at(sid=session.sid).path_qs
        writer.write(f"POST {path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        writer.write(b"186a0\r\n%b\r\n" % (b"4" * 100_000) * 11)
        assert (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)).startswith(b"HTTP/1.1 413 ")
        assert await session.poll() == UNKNOWN
        writer.close()

    async def test_an_aborted_post_ends_the_session(self, deployment: Deployment) -> None:
        owner, other = await deployment.worker(), await deployment.worker()
        session = deployment.through(other, await deployment.client(owner).open_polling())
        await connected(session)
        path = session.client.at(sid=session.sid).path_qs
        reader, writer = await asyncio.open_connection("127.0.0.1", other.served.port)
        writer.write(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n42[".encode())
        await eventually(lambda: owner.served.sio.eio.sockets[session.sid].posting, "the beginning of the POST")
        writer.transport.abort()
        await eventually(lambda: owner.served.reasons() == [Reason.TRANSPORT_ERROR], "the disconnect event")
        del reader

    async def test_an_aborted_poll_ends_the_session(self, deployment: Deployment) -> None:
        owner, other = await deployment.worker(), await deployment.worker()
        session = deployment.through(other, await deployment.client(owner).open_polling())
        await connected(session)
        poll = asyncio.create_task(session.poll())
        await eventually(lambda: owner.served.sio.eio.sockets[session.sid].transport.polled, "the poll")
        poll.cancel()
        await eventually(lambda: owner.served.reasons() == [Reason.TRANSPORT_CLOSE], "the disconnect event")
