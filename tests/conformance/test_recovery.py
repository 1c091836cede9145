"""Connection state recovery: on the wire as engine.md shows it, and with the official JavaScript client."""

import asyncio
import json
from typing import Any

import pytest
import socketio

from server.engine.reasons import Reason
from server.engine.recovery import READY_EVENT
from tests.conformance.raw import RawClient, RawWebSocket, raw_client
from tests.conformance.served import Serve, Served
from tests.support.js import JsClients, JsSocket
from tests.support.waiting import eventually

CALM = {"ping_interval": 25, "ping_timeout": 20, "connect_timeout": 30}


@pytest.fixture
async def served(start: Serve) -> Served:
    """A server with recovery, whose heartbeat cannot be what ends a session."""
    return await start(connection_state_recovery={"max_disconnection_duration": 120}, **CALM)


class Returning:
    """A client that keeps what recovery takes: its sid, pid and last offset."""

    def __init__(self, websocket: RawWebSocket) -> None:
        self.websocket = websocket
        self.sid = self.pid = self.offset = ""
        self.events: list[Any] = []

    async def connect(self, **auth: Any) -> bool:
        """Say CONNECT; whether the connection was recovered. Hears what comes up to the reply, and the first event."""
        if self.pid:
            auth |= {"pid": self.pid, "offset": self.offset}
        await self.websocket.send(f"40{json.dumps(auth)}")
        self.events.clear()
        while True:
            packet = str(await self.websocket.receive())
            if packet.startswith("44"):
                raise ConnectionRefusedError(packet[2:])
            if packet.startswith("40"):
                break
            self._hear(packet)
        answer = json.loads(packet[2:])
        recovered = bool(self.pid) and answer["pid"] == self.pid
        assert not recovered or answer["sid"] == self.sid
        self.sid, self.pid = answer["sid"], answer["pid"]
        if not recovered:
            self._hear(str(await self.websocket.receive()))
            assert self.events.pop()[0] == READY_EVENT
        return recovered

    async def hear(self, count: int) -> list[Any]:
        """The next events, without their offsets."""
        for _ in range(count):
            self._hear(str(await self.websocket.receive_until(lambda packet: str(packet).startswith("42"))))
        return self.events[-count:]

    def _hear(self, packet: str) -> None:
        *event, self.offset = json.loads(packet[2:])
        self.events.append(event)


async def come(sio: RawClient, **auth: Any) -> Returning:
    """A new client whose `auth` event has come."""
    client = Returning(await sio.websocket())
    assert not await client.connect(**auth)
    await client.hear(1)
    return client


async def come_back(sio: RawClient, client: Returning, **auth: Any) -> bool:
    """Return on a new transport."""
    client.websocket = await sio.websocket()
    return await client.connect(**auth)


async def drop(served: Served, client: Returning) -> None:
    """Lose the transport and wait until the server knows."""
    before = len(served.disconnects)
    client.websocket.abort()
    await eventually(lambda: len(served.disconnects) > before, "the disconnect event")
    await eventually(lambda: not served.sio.manager.is_connected(client.sid, "/"), "the client to be gone")


async def test_a_client_that_returns_gets_its_sid_rooms_and_what_it_missed(sio: RawClient, served: Served) -> None:
    client, other = await come(sio), await come(sio)
    await served.sio.enter_room(client.sid, "room")
    await served.sio.save_session(client.sid, {"name": "Ada"})
    await served.sio.emit("before", room="room")
    assert await client.hear(1) == [["before"]]
    await drop(served, client)
    await served.sio.emit("missed", 1, room="room")
    await served.sio.emit("not for it", room="other room")
    await served.sio.emit("to all", skip_sid=other.sid)
    await served.sio.emit("all but it", skip_sid=client.sid)
    served.sio.broadcast("room", "missed", b"2")
    served.sio.broadcast("room", "signal", b"2", volatile=True)
    await served.sio.emit("to it alone", to=client.sid)
    assert await come_back(sio, client)
    assert client.events == [["missed", 1], ["to all"], ["missed", 2], ["to it alone"]]
    assert sorted(served.sio.rooms(client.sid)) == sorted([client.sid, "room"])
    assert await served.sio.get_session(client.sid) == {"name": "Ada"}
    assert served.sio.recovered(client.sid) and not served.sio.recovered(other.sid)
    await served.sio.emit("after", room="room")
    # The connect handler's own event comes behind the CONNECT reply, as at a first connect.
    assert await client.hear(2) == [["auth", {}], ["after"]]


async def test_the_offset_is_the_last_argument_and_pid_a_secret(sio: RawClient, served: Served) -> None:
    client = await come(sio)
    environments: list[Any] = []

    def connect(sid: str, environ: Any, auth: Any) -> None:
        environments.append(auth)

    served.sio.on("connect", connect)
    await served.sio.emit("before-drop", 2, to=client.sid)
    packet = str(await client.websocket.receive())
    client._hear(packet)
    assert json.loads(packet[2:])[:2] == ["before-drop", 2]
    assert packet.endswith(f',"{client.offset}"]')
    await drop(served, client)
    assert await come_back(sio, client, token="abc")
    assert environments == [{"token": "abc"}]


async def test_binary_events_are_replayed(sio: RawClient, served: Served) -> None:
    client = await come(sio)
    await drop(served, client)
    await served.sio.emit("binary", (b"\1\2", "text"))
    client.websocket = await sio.websocket()
    await client.websocket.send(f'40{{"pid":"{client.pid}","offset":"{client.offset}"}}')
    text = str(await client.websocket.receive())
    assert text.startswith('451-["binary",{"_placeholder":true,"num":0},"text","')
    assert await client.websocket.receive() == b"\1\2"
    assert str(await client.websocket.receive()).startswith(f'40{{"sid":"{client.sid}"')


async def test_without_any_event_before_the_drop(sio: RawClient, served: Served) -> None:
    served.sio.on("connect", lambda sid, environ, auth: None)
    client = Returning(await sio.websocket())
    await client.connect()
    await drop(served, client)
    await served.sio.emit("missed")
    assert await come_back(sio, client)
    assert client.events == [["missed"]]


async def test_a_second_time_and_with_nothing_missed(sio: RawClient, served: Served) -> None:
    client = await come(sio)
    served.sio.on("connect", lambda sid, environ, auth: None)
    for number in range(3):
        await drop(served, client)
        assert await come_back(sio, client)
        assert client.events == []
        await drop(served, client)
        await served.sio.emit("missed", number)
        assert await come_back(sio, client)
        assert client.events == [["missed", number]]


async def test_a_half_open_connection_makes_way(sio: RawClient, served: Served) -> None:
    client = await come(sio)
    await served.sio.enter_room(client.sid, "room")
    lost = client.websocket
    lost.stop_reading()
    await served.sio.emit("missed", room="room")
    assert await come_back(sio, client)
    assert client.events == [["missed"]]
    assert served.reasons() == [Reason.TRANSPORT_CLOSE]
    assert served.sio.rooms(client.sid)
    assert len(served.sio.eio.sockets) == 1


async def test_a_half_open_connection_with_a_stuck_disconnect_handler_starts_anew(start: Serve) -> None:
    served = await start(connection_state_recovery={}, recovery_timeout=0.1, **CALM)
    never = asyncio.Event()

    async def stuck(sid: str, reason: str) -> None:
        await never.wait()

    served.sio.on("disconnect", stuck)
    async with raw_client(f"{served.url}/socket.io/") as sio:
        client = await come(sio)
        former = client.sid
        client.websocket.stop_reading()
        assert not await come_back(sio, client)
        assert client.sid != former
        never.set()


async def test_events_while_it_connects_come_once_and_in_order(sio: RawClient, served: Served) -> None:
    client = await come(sio)
    await served.sio.enter_room(client.sid, "room")
    await drop(served, client)
    await served.sio.emit("missed", 1, room="room")
    entered, go_on = asyncio.Event(), asyncio.Event()

    async def slow(sid: str, environ: Any, auth: Any) -> None:
        entered.set()
        await go_on.wait()

    served.sio.on("connect", slow)
    back = asyncio.create_task(come_back(sio, client))
    await entered.wait()
    await served.sio.emit("missed", 2, room="room")
    go_on.set()
    assert await back
    assert client.events == [["missed", 1]]
    assert await client.hear(1) == [["missed", 2]]


async def test_lost_again_while_it_connects_it_still_misses_nothing(sio: RawClient, served: Served) -> None:
    client = await come(sio)
    await served.sio.enter_room(client.sid, "room")
    await drop(served, client)
    await served.sio.emit("missed", 1, room="room")
    entered, go_on = asyncio.Event(), asyncio.Event()

    async def slow(sid: str, environ: Any, auth: Any) -> None:
        entered.set()
        await go_on.wait()

    served.sio.on("connect", slow)
    websocket = await sio.websocket()
    await websocket.send(f'40{{"pid":"{client.pid}","offset":"{client.offset}"}}')
    await entered.wait()
    websocket.abort()
    await eventually(lambda: not served.sio.eio.sockets, "the session to end")
    await served.sio.emit("missed", 2, room="room")
    go_on.set()
    await eventually(lambda: len(served.disconnects) == 2, "the disconnect event")
    assert await come_back(sio, client)
    assert client.events == [["missed", 1], ["missed", 2]]


async def test_rooms_joined_and_left_count_from_and_until_then(sio: RawClient, served: Served) -> None:
    client, other = await come(sio), await come(sio)
    await served.sio.enter_room(other.sid, "room")
    client.websocket.stop_reading()
    await served.sio.emit("too early", room="room")
    await served.sio.enter_room(client.sid, "room")
    await served.sio.emit("member", room="room")
    await served.sio.leave_room(client.sid, "room")
    await served.sio.emit("too late", room="room")
    assert await come_back(sio, client)
    assert client.events == [["member"]]


async def test_the_token_is_checked_again(sio: RawClient, served: Served) -> None:
    client = await come(sio)
    await drop(served, client)

    def refuse(sid: str, environ: Any, auth: Any) -> None:
        raise socketio.exceptions.ConnectionRefusedError("unauthenticated")

    served.sio.on("connect", refuse)
    with pytest.raises(ConnectionRefusedError, match="unauthenticated"):
        await come_back(sio, client)
    assert served.sio.manager.rooms == {}


@pytest.mark.parametrize("fault", ["pid", "offset", "another server's offset", "namespace"])
async def test_what_is_not_known_starts_anew_without_an_error(sio: RawClient, served: Served, fault: str) -> None:
    client = await come(sio)
    former = client.sid
    await drop(served, client)
    await served.sio.emit("missed")
    if fault == "pid":
        client.pid = "unknown"
    elif fault == "offset":
        client.offset = client.offset.rpartition(".")[0] + ".ffff"
    elif fault == "another server's offset":
        client.offset = "abcdefgh.1"
    else:
        websocket = await sio.websocket()
        await websocket.send(f'40/custom,{{"pid":"{client.pid}","offset":"{client.offset}"}}')
        assert f'"sid":"{former}"' not in str(await websocket.receive())
        return
    assert not await come_back(sio, client)
    assert client.sid != former
    assert client.events == []


@pytest.mark.parametrize("goodbye", ["client", "server", "malformed"])
async def test_who_said_goodbye_starts_anew(sio: RawClient, served: Served, goodbye: str) -> None:
    client = await come(sio)
    if goodbye == "client":
        await client.websocket.send("41")
    elif goodbye == "server":
        await served.sio.disconnect(client.sid)
    else:
        await client.websocket.send("4x")
    await eventually(lambda: not served.sio.manager.rooms, "the client to be gone")
    assert not await come_back(sio, client)


async def test_who_stays_away_too_long_starts_anew_and_is_forgotten(start: Serve) -> None:
    served = await start(connection_state_recovery={"max_disconnection_duration": 0.1}, **CALM)
    async with raw_client(f"{served.url}/socket.io/") as sio:
        client = await come(sio)
        await served.sio.enter_room(client.sid, "room")
        await drop(served, client)
        await eventually(lambda: not served.sio.recovery._expected, "the client to be given up")
        assert not served.sio.recovery._away
        assert not await come_back(sio, client)


async def test_who_missed_more_than_is_kept_starts_anew(start: Serve) -> None:
    served = await start(connection_state_recovery={"max_bytes": 10_000}, **CALM)
    async with raw_client(f"{served.url}/socket.io/") as sio:
        client = await come(sio)
        await drop(served, client)
        for number in range(20):
            await served.sio.emit("missed", [number, "x" * 1000])
        assert not await come_back(sio, client)
        assert client.events == []


async def test_a_quiet_client_is_told_whole_though_its_offset_is_long_gone(start: Serve) -> None:
    """What was sent before an answered ping has arrived: an offset from before the kept events does no harm."""
    served = await start(connection_state_recovery={"max_bytes": 10_000}, ping_interval=0.1, ping_timeout=5)
    async with raw_client(f"{served.url}/socket.io/") as sio:
        quiet, other = await come(sio), await come(sio)
        await served.sio.enter_room(other.sid, "busy")
        for _ in range(50):
            await served.sio.emit("noise", "x" * 1000, room="busy")
        other.websocket.abort()
        (session,) = [s for s in served.sio.eio.sockets.values() if s.sid == eio_sid(served, quiet)]

        async def ponged() -> bool:
            await quiet.websocket.send("3")
            return session.confirmed == served.sio.recovery.now()

        await eventually(ponged, "an answered ping")
        await drop(served, quiet)
        await served.sio.emit("missed", to=quiet.sid)
        assert await come_back(sio, quiet)
        assert quiet.events == [["missed"]]


async def test_a_gap_in_what_was_heard_ends_recovery_for_those_away(sio: RawClient, served: Served) -> None:
    client = await come(sio)
    await drop(served, client)
    served.sio.recovery.mark_gap()
    assert not await come_back(sio, client)


async def test_nothing_of_it_is_on_the_wire_when_it_is_off(start: Serve) -> None:
    served = await start(**CALM)
    async with raw_client(f"{served.url}/socket.io/") as sio:
        websocket = await sio.websocket()
        await websocket.send('40{"pid":"some","offset":"other"}')
        reply = str(await websocket.receive())
        assert list(json.loads(reply[2:])) == ["sid"]
        assert await websocket.receive() == '42["auth",{"pid":"some","offset":"other"}]'
        await served.sio.emit("news", 1)
        assert await websocket.receive() == '42["news",1]'


async def test_events_with_acknowledgement_and_signals_carry_no_offset(sio: RawClient, served: Served) -> None:
    client = await come(sio)
    await served.sio.emit("question", 1, to=client.sid, callback=print)
    await served.sio.emit("signal", 1, volatile=True)
    question, signal = await client.websocket.receive_several(2)
    assert str(question).endswith('["question",1]')
    assert signal == '42["signal",1]'


def test_stock_managers_are_refused(served: Served) -> None:
    with pytest.raises(ValueError, match="LocalManager"):
        type(served.sio)(client_manager=socketio.AsyncManager(), connection_state_recovery={})


def eio_sid(served: Served, client: Returning) -> str | None:
    """The Engine.IO session of a client."""
    return served.sio.manager.eio_sid_from_sid(client.sid, "/")


class TestJavaScriptClient:
    @pytest.fixture(params=["polling", "websocket", "upgrade"])
    async def socket(self, request: pytest.FixtureRequest, served: Served, js: JsClients) -> JsSocket:
        """The stock client, connected and in a room."""
        transports = ["polling", "websocket"] if request.param == "upgrade" else [request.param]
        socket = await js.connect(served.url, transports=transports)
        await socket.emit("join", "room")
        if request.param == "upgrade":

            async def upgraded() -> bool:
                return await socket.transport() == "websocket"

            await eventually(upgraded, "the upgrade")
        return socket

    async def test_recovers_with_its_rooms_and_missed_events(self, served: Served, socket: JsSocket) -> None:
        former = socket.id
        for round_ in range(3):
            socket.drop()
            await socket.wait_for("disconnect")
            for number in range(5):
                await served.sio.emit("missed", [round_, number], room="room")
            await socket.wait_for("connect")
            assert (socket.recovered, socket.id) == (True, former)
            await socket.wait_for("missed", lambda data, wanted=[round_, 4]: data == wanted)
        assert socket.received("missed") == [[r, n] for r in range(3) for n in range(5)]

    async def test_recovers_after_a_half_open_drop(self, served: Served, socket: JsSocket) -> None:
        socket.drop(half_open=True)
        await served.sio.emit("missed", 1, room="room")
        await socket.wait_for("connect")
        assert socket.recovered
        await served.sio.emit("missed", 2, room="room")
        await socket.wait_for("missed", lambda data: data == 2)
        assert socket.received("missed") == [1, 2]
