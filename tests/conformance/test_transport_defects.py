"""What stock parts do wrong with transports (engine.md's table), one test a row."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession, TCPConnector

from server.engine.reasons import Reason
from tests.conformance.raw import PATIENCE, RawClient, raw_client
from tests.conformance.served import Serve, Served
from tests.support.waiting import eventually

CALM = {"ping_interval": 25, "ping_timeout": 20, "connect_timeout": 30}


@pytest.fixture
async def served(start: Serve) -> Served:
    """A server whose heartbeat cannot be what ends a session."""
    return await start(**CALM)


async def post_in_segments(client: RawClient, sid: str, body: bytes, *lengths: int) -> bytes:
    """POST a body in several TCP segments and return the response."""
    assert client.url.host and client.url.port
    reader, writer = await asyncio.open_connection(client.url.host, client.url.port)
    path = client.at(sid=sid).path_qs
    head = f"POST {path} HTTP/1.1\r\nHost: {client.url.authority}\r\nContent-Length: {len(body)}\r\n\r\n"
    at = 0
    parts = [head.encode()]
    for length in (*lengths, len(body)):
        parts.append(body[at : at + length])
        at += length
    for part in parts:
        writer.write(part)
        await writer.drain()
        # Hand the segment to the other side before the next one is written.
        for _ in range(20):
            await asyncio.sleep(0)
    response = await asyncio.wait_for(reader.readuntil(b"ok"), PATIENCE)
    writer.close()
    return response


async def test_post_in_two_tcp_segments(sio: RawClient) -> None:
    session = await sio.open_polling()
    await session.connect()
    body = "\x1e".join(f'42{number}["message-with-ack",{number}]' for number in range(6)).encode()
    assert b"200 OK" in await post_in_segments(sio, session.sid, body, len(body) // 2)
    assert (await session.receive_until(7))[1:] == [f"43{number}[{number}]" for number in range(6)]


async def test_binary_post_in_many_tcp_segments(eio: RawClient) -> None:
    session = await eio.open_polling()
    body = b"4text\x1ebAQIDBA==\x1e4" + "ž🙂".encode() * 50
    assert b"200 OK" in await post_in_segments(eio, session.sid, body, *([7] * 30))
    assert "\x1e".join(await session.receive_until(3)) == body.decode()


async def test_post_of_17_packets(sio: RawClient) -> None:
    session = await sio.open_polling()
    await session.connect()
    assert await session.post(*(f'42{number}["message-with-ack",{number}]' for number in range(17))) == (200, "ok")
    assert (await session.receive_until(18))[1:] == [f"43{number}[{number}]" for number in range(17)]


async def test_chunked_post(sio: RawClient) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for part in (b'421["message-', b'with-ack",', b"1]"):
            yield part

    session = await sio.open_polling()
    await session.connect()
    assert await session.post(body=chunks()) == (200, "ok")
    assert (await session.receive_until(2))[1:] == ["431[1]"]


async def test_poll_answers_hold_16_packets_at_most(eio: RawClient) -> None:
    session = await eio.open_polling()
    await session.post(*(f"4{number}" for number in range(40)))
    answers = [await session.receive() for _ in range(3)]
    assert [len(answer) for answer in answers] == [16, 16, 8]
    assert [packet for answer in answers for packet in answer] == [f"4{number}" for number in range(40)]


@pytest.mark.parametrize("chunked", [False, True], ids=["announced", "chunked"])
async def test_oversized_post_without_a_pending_poll(sio: RawClient, served: Served, chunked: bool) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"4" * 100_000

    session = await sio.open_polling()
    await session.connect()
    status, _ = await session.post(body=chunks() if chunked else b"4" * 2_000_000)
    assert status == 413
    assert (await session.poll())[0] == 400
    await eventually(lambda: served.reasons() == [Reason.PARSE_ERROR], "the disconnect event")


async def test_oversized_websocket_message(sio: RawClient, served: Served) -> None:
    websocket = await sio.websocket("/")
    await websocket.send("4" * 1_000_001)
    assert await websocket.closed() == 1009
    await eventually(lambda: served.reasons() == [Reason.PARSE_ERROR], "the disconnect event")


async def test_an_aborted_poll_ends_the_session_so_that_nothing_is_lost_silently(
    sio: RawClient, served: Served
) -> None:
    session = await sio.open_polling()
    sid = await session.connect()
    poll = asyncio.create_task(session.poll())
    await eventually(lambda: served.sio.eio.sockets[session.sid].transport.polled, "the poll")
    poll.cancel()
    await eventually(lambda: served.disconnects == [(sid, Reason.TRANSPORT_CLOSE)], "the disconnect event")
    assert (await session.poll())[0] == 400


async def test_bad_engineio_frame_ends_in_a_disconnect_event(sio: RawClient, served: Served) -> None:
    websocket = await sio.websocket("/")
    await websocket.send("x")
    assert await websocket.closed() == 1002
    await eventually(lambda: served.reasons() == [Reason.PARSE_ERROR], "the disconnect event", 1)


async def test_a_client_that_stops_reading_and_ponging_is_let_go(start: Serve) -> None:
    served = await start()
    async with raw_client(f"{served.url}/socket.io/") as sio:
        websocket = await sio.websocket("/")
        websocket.stop_reading()
        await eventually(lambda: served.reasons() == [Reason.PING_TIMEOUT], "the disconnect event")
        await eventually(lambda: not served.sio.eio._websockets.batch._open, "its descriptor to be freed", 5)
        assert served.is_empty()


async def test_a_client_that_stops_reading_but_pongs_is_let_go_at_its_bound(start: Serve) -> None:
    served = await start(send_buffer_bytes=100_000)
    async with raw_client(f"{served.url}/socket.io/") as sio:
        websocket = await sio.websocket("/")
        websocket.stop_reading()

        async def emit_until_closed() -> bool:
            await websocket.send("3")
            for _ in range(20):
                await served.sio.emit("news", "x" * 10_000)
            return bool(served.disconnects)

        await eventually(emit_until_closed, "the client to be let go")
        assert served.reasons() == [Reason.SLOW_READER]
        await eventually(lambda: not served.sio.eio._websockets.batch._open, "its descriptor to be freed", 5)
        assert served.is_empty()


async def test_volatile_packets_are_dropped_before_a_slow_reader_is(start: Serve) -> None:
    served = await start(send_buffer_bytes=100_000, **CALM)
    async with raw_client(f"{served.url}/socket.io/") as sio:
        websocket = await sio.websocket("/")
        websocket.stop_reading()
        sent = 0
        (session,) = served.sio.eio.sockets.values()
        while session.transport.backlog < 50_000:
            await served.sio.emit("signal", "x" * 10_000, volatile=True)
            sent += 1
            await asyncio.sleep(0)
        for _ in range(100):
            await served.sio.emit("signal", "x" * 10_000, volatile=True)
            await asyncio.sleep(0)
        assert session.transport.backlog <= 100_000
        await served.sio.emit("news", "still there")
        assert served.disconnects == []


async def test_a_polling_client_that_never_polls_is_let_go_at_its_bound(start: Serve) -> None:
    served = await start(send_buffer_bytes=10_000, **CALM)
    async with raw_client(f"{served.url}/socket.io/") as sio:
        session = await sio.open_polling()
        await session.connect()
        for _ in range(100):
            await served.sio.emit("signal", "x" * 1000, volatile=True)
        assert served.sio.eio.sockets[session.sid].transport.backlog < 10_000
        for _ in range(20):
            await served.sio.emit("news", "x" * 1000)
        await eventually(lambda: served.reasons() == [Reason.SLOW_READER], "the disconnect event")
        assert served.is_empty()


async def test_sockets_without_a_connect_packet_are_closed(start: Serve) -> None:
    served = await start(**{**CALM, "connect_timeout": 0.2})
    async with raw_client(f"{served.url}/socket.io/") as sio:
        websockets = [await sio.websocket() for _ in range(20)]
        connected = await sio.websocket("/")
        for websocket in websockets:
            await websocket.closed()
        await connected.send('421["message-with-ack"]')
        assert await connected.receive_until(lambda packet: packet == "431[]")
        assert len(served.sio.eio.sockets) == 1


async def test_bare_polling_handshakes_are_capped_and_forgotten(start: Serve) -> None:
    served = await start(**{**CALM, "connect_timeout": 0.3}, bare_sessions_per_address=5)
    async with raw_client(f"{served.url}/socket.io/") as sio:
        connected = await sio.open_polling()
        await connected.connect()
        statuses = [(await sio.get())[0] for _ in range(8)]
        assert statuses == [200] * 5 + [429] * 3
        await eventually(lambda: list(served.sio.eio.sockets) == [connected.sid], "the bare sessions to end")
        assert served.sio.eio.bare_sessions == {}
        assert (await sio.get())[0] == 200


async def test_another_connection_cannot_post_to_a_polling_session(sio: RawClient, served: Served) -> None:
    session = await sio.open_polling()
    await session.connect()
    async with ClientSession(connector=TCPConnector(local_addr=("127.0.0.2", 0))) as elsewhere:
        async with elsewhere.post(sio.at(sid=session.sid), data='42["message","stolen"]') as response:
            assert response.status == 400
        async with elsewhere.get(sio.at(sid=session.sid)) as response:
            assert response.status == 400
    assert await session.post('421["message-with-ack"]') == (200, "ok")
    assert (await session.receive_until(2))[1:] == ["431[]"]
    assert ("message", ("stolen",)) not in served.received


async def test_any_origin_is_answered_without_credentials(sio: RawClient) -> None:
    async with sio.http.get(sio.at(), headers={"Origin": "https://evil.example"}) as response:
        assert response.status == 200
        assert response.headers["Access-Control-Allow-Origin"] == "*"
        assert "Access-Control-Allow-Credentials" not in response.headers


async def test_a_listed_origin_is_answered_with_credentials_and_others_are_refused(start: Serve) -> None:
    served = await start(cors_allowed_origins=["https://good.example"])
    async with raw_client(f"{served.url}/socket.io/") as sio:
        async with sio.http.options(sio.at(), headers={"Origin": "https://good.example"}) as response:
            assert response.headers["Access-Control-Allow-Origin"] == "https://good.example"
            assert response.headers["Access-Control-Allow-Credentials"] == "true"
            assert response.headers["Vary"] == "Origin"
        async with sio.http.get(sio.at(), headers={"Origin": "https://evil.example"}) as response:
            assert response.status == 400
            assert "Access-Control-Allow-Origin" not in response.headers


async def test_by_default_only_pages_of_the_same_origin_are_served(start: Serve) -> None:
    served = await start(cors_allowed_origins=None)
    async with raw_client(f"{served.url}/socket.io/") as sio:
        for origin, status in ((served.url, 200), ("https://evil.example", 400)):
            async with sio.http.get(sio.at(), headers={"Origin": origin}) as response:
                assert response.status == status


async def test_the_handshake_sets_the_cookie(start: Serve) -> None:
    served = await start(cookie={"name": "io", "path": "/", "HttpOnly": True})
    async with raw_client(f"{served.url}/socket.io/") as sio, sio.http.get(sio.at()) as response:
        sid = json.loads((await response.text())[1:])["sid"]
        assert response.headers["Set-Cookie"] == f"io={sid}; path=/; HttpOnly"


async def test_bad_packets_close_at_the_first_and_leave_a_short_log(
    sio: RawClient, served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    websocket = await sio.websocket("/")
    for _ in range(5000):
        try:
            await websocket.send("4xyz")
        except ConnectionError:
            break
    await websocket.closed()
    await eventually(lambda: served.reasons() == [Reason.PARSE_ERROR], "the disconnect event", 1)
    assert sum(len(record.getMessage()) for record in caplog.records) < 20_000


async def test_sigterm_with_idle_websockets_ends_at_once(start: Serve) -> None:
    served = await start(**CALM)
    async with raw_client(f"{served.url}/socket.io/") as sio:
        websockets = [await sio.websocket("/") for _ in range(5)]
        ends = [asyncio.create_task(websocket.closed()) for websocket in websockets]
        async with asyncio.timeout(PATIENCE):
            # What aiohttp does at SIGTERM; stock parts hold it up for the ping limits, 45 s.
            await served.stop()
            assert await asyncio.gather(*ends) == [1012] * 5
    assert served.is_empty()


async def test_a_failed_upgrade_loses_nothing(eio: RawClient) -> None:
    session = await eio.open_polling()
    websocket = await eio.open_websocket(sid=session.sid)
    await websocket.send("2probe")
    assert await websocket.receive() == "3probe"
    await session.post("4before")
    websocket.abort()
    await session.post("4after")
    assert await session.receive_until(2) == ["4before", "4after"]


async def test_what_waits_for_a_poll_moves_to_the_websocket(eio: RawClient, served: Served) -> None:
    session = await eio.open_polling()
    websocket = await eio.open_websocket(sid=session.sid)
    await websocket.send("2probe")
    assert await websocket.receive() == "3probe"
    await session.post(*(f"4{number}" for number in range(30)), "bAQID")
    await websocket.send("5")
    assert await websocket.receive_several(31) == [*(f"4{number}" for number in range(30)), b"\1\2\3"]


async def test_an_upgrade_that_never_completes_is_closed(start: Serve) -> None:
    served = await start(**CALM, upgrade_timeout=0.2)
    async with raw_client(f"{served.url}/socket.io/") as sio:
        session = await sio.open_polling()
        await session.connect()
        websocket = await sio.open_websocket(sid=session.sid)
        await websocket.send("2probe")
        assert await websocket.receive() == "3probe"
        await websocket.closed()
        assert await session.post('421["message-with-ack"]') == (200, "ok")
        assert "431[]" in await session.receive_until(2)
