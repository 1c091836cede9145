"""The rules of the official Engine.IO 4 suite, one test each; without messages they run on Socket.IO's path too."""

import asyncio
import json
from typing import Any

import pytest
from aiohttp import WSServerHandshakeError

from tests.conformance.raw import PATIENCE, RawClient
from tests.conformance.served import SUITE

KEYS = {"sid", "upgrades", "pingInterval", "pingTimeout", "maxPayload"}


@pytest.fixture(params=["eio", "sio"], ids=["engine.io", "socket.io"])
def client(request: pytest.FixtureRequest) -> RawClient:
    """A raw client of either path."""
    return request.getfixturevalue(request.param)


def check_handshake(handshake: dict[str, Any], upgrades: list[str]) -> None:
    assert set(handshake) == KEYS
    assert isinstance(handshake["sid"], str)
    assert handshake["upgrades"] == upgrades
    assert (handshake["pingInterval"], handshake["pingTimeout"]) == (300, 200)
    assert handshake["maxPayload"] == SUITE["max_http_buffer_size"]


class TestHandshake:
    async def test_polling_opens_a_session(self, client: RawClient) -> None:
        check_handshake((await client.open_polling()).handshake, ["websocket"])

    async def test_polling_fails_with_an_invalid_eio(self, client: RawClient) -> None:
        assert [(await client.get(eio=eio))[0] for eio in (None, "abc")] == [400, 400]

    async def test_polling_fails_with_an_invalid_transport(self, client: RawClient) -> None:
        assert [(await client.get(transport=name))[0] for name in (None, "abc")] == [400, 400]

    async def test_polling_fails_with_an_invalid_method(self, client: RawClient) -> None:
        assert (await client.post(""))[0] == 400
        async with client.http.put(client.at()) as response:
            assert response.status == 400

    async def test_websocket_opens_a_session(self, client: RawClient) -> None:
        websocket = await client.open_websocket()
        packet = str(await websocket.receive())
        assert packet[0] == "0"
        check_handshake(json.loads(packet[1:]), [])

    @pytest.mark.parametrize("version", [None, "abc"])
    async def test_websocket_fails_with_an_invalid_eio(self, client: RawClient, version: str | None) -> None:
        with pytest.raises(WSServerHandshakeError):
            await client.http.ws_connect(client.at(transport="websocket", eio=version))

    @pytest.mark.parametrize("transport", [None, "abc"])
    async def test_websocket_fails_with_an_invalid_transport(self, client: RawClient, transport: str | None) -> None:
        with pytest.raises(WSServerHandshakeError):
            await client.http.ws_connect(client.at(transport=transport))


class TestMessage:
    @pytest.mark.parametrize("body", ["4hello", "4test1\x1e4test2\x1e4test3", "4hello\x1ebAQIDBA=="])
    async def test_polling_sends_and_receives(self, eio: RawClient, body: str) -> None:
        session = await eio.open_polling()
        assert await session.post(body) == (200, "ok")
        assert await session.poll() == (200, body)

    async def test_polling_closes_upon_an_invalid_packet(self, client: RawClient) -> None:
        session = await client.open_polling()
        assert (await session.post("abc"))[0] == 400
        assert (await session.poll())[0] == 400

    async def test_polling_closes_upon_a_duplicate_poll(self, client: RawClient) -> None:
        session = await client.open_polling()
        polls = [asyncio.create_task(session.poll()) for _ in range(2)]
        answers = await asyncio.gather(*polls)
        assert sorted(status for status, _ in answers) == [200, 400]
        assert (200, "1") in answers
        assert (await session.poll())[0] == 400

    async def test_polling_closes_upon_a_cancelled_poll(self, client: RawClient, served: Any) -> None:
        session = await client.open_polling()
        server = served.eio if client.url.path == "/engine.io/" else served.sio.eio
        poll = asyncio.create_task(session.poll())
        async with asyncio.timeout(PATIENCE):
            while not server.sockets[session.sid].transport.polled:
                await asyncio.sleep(0)
        poll.cancel()
        assert (await session.poll())[0] == 400

    async def test_websocket_sends_and_receives_text(self, eio: RawClient) -> None:
        websocket = await eio.websocket()
        await websocket.send("4hello")
        assert await websocket.receive() == "4hello"

    async def test_websocket_sends_and_receives_binary(self, eio: RawClient) -> None:
        websocket = await eio.websocket()
        await websocket.send(b"\x01\x02\x03\x04")
        assert await websocket.receive() == b"\x01\x02\x03\x04"

    @pytest.mark.parametrize("packet", ["abc", "", "2"])
    async def test_websocket_closes_upon_an_invalid_packet(self, client: RawClient, packet: str) -> None:
        websocket = await client.websocket()
        await websocket.send(packet)
        assert await websocket.closed() == 1002


class TestHeartbeat:
    async def test_polling_pings(self, eio: RawClient) -> None:
        session = await eio.open_polling()
        for _ in range(3):
            assert await session.poll() == (200, "2")
            assert (await session.post("3"))[0] == 200

    async def test_polling_closes_upon_a_missed_pong(self, client: RawClient) -> None:
        session = await client.open_polling()
        assert await session.poll() == (200, "2")
        # The second poll waits until the session ends.
        assert await session.poll() == (200, "1")
        assert (await session.poll())[0] == 400

    async def test_websocket_pings(self, eio: RawClient) -> None:
        websocket = await eio.open_websocket()
        await websocket.receive()
        for _ in range(3):
            assert await websocket.receive() == "2"
            await websocket.send("3")

    async def test_websocket_closes_upon_a_missed_pong(self, client: RawClient) -> None:
        websocket = await client.open_websocket()
        await websocket.receive()
        assert await websocket.receive() == "2"
        assert await websocket.closed() == 1000


class TestClose:
    async def test_polling_releases_the_pending_poll_with_a_noop(self, client: RawClient, served: Any) -> None:
        session = await client.open_polling()
        server = served.eio if client.url.path == "/engine.io/" else served.sio.eio
        poll = asyncio.create_task(session.poll())
        async with asyncio.timeout(PATIENCE):
            while not server.sockets[session.sid].transport.polled:
                await asyncio.sleep(0)
        assert await session.post("1") == (200, "ok")
        assert await poll == (200, "6")
        assert (await session.poll())[0] == 400

    async def test_websocket_closes(self, client: RawClient) -> None:
        websocket = await client.websocket()
        await websocket.send("1")
        assert await websocket.closed() == 1000


class TestUpgrade:
    async def test_polling_upgrades_to_websocket(self, eio: RawClient) -> None:
        session = await eio.open_polling()
        websocket = await eio.open_websocket(sid=session.sid)
        await websocket.send("2probe")
        assert await websocket.receive() == "3probe"
        assert await session.poll() == (200, "6")
        await websocket.send("5", "4hello")
        assert await websocket.receive() == "4hello"

    async def test_polls_are_refused_after_the_upgrade(self, eio: RawClient) -> None:
        session, websocket = await upgraded(eio)
        assert (await session.poll())[0] == 400
        assert (await session.post("4hello"))[0] == 400
        await websocket.send("4hello")
        assert await websocket.receive() == "4hello"

    async def test_a_second_websocket_is_closed_after_the_upgrade(self, eio: RawClient) -> None:
        session, websocket = await upgraded(eio)
        second = await eio.open_websocket(sid=session.sid)
        await second.closed()
        await websocket.send("4hello")
        assert await websocket.receive() == "4hello"


async def upgraded(client: RawClient) -> tuple[Any, Any]:
    """A session that has gone from polling to WebSocket, and was heard on it."""
    session = await client.open_polling()
    websocket = await client.open_websocket(sid=session.sid)
    websocket.answer_pings = True
    await websocket.send("2probe")
    assert await websocket.receive() == "3probe"
    await websocket.send("5", "4up")
    assert await websocket.receive() == "4up"
    return session, websocket
