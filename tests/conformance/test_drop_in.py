"""What python-socketio's applications rely on, and what `RealtimeServer` adds to it."""

import asyncio
import json
from typing import Any

import pytest
import socketio
from aiohttp import ClientSession, WSMsgType

from server.engine import Then
from server.engine.reasons import Reason
from tests.conformance.raw import RawClient, RawWebSocket, raw_client
from tests.conformance.served import Serve, Served, serve
from tests.support.js import JsClients
from tests.support.waiting import eventually

CALM = {"ping_interval": 25, "ping_timeout": 20, "connect_timeout": 30}


@pytest.fixture
async def served(start: Serve) -> Served:
    """A server whose heartbeat does not get in the way."""
    return await start(**CALM)


async def member(sio: RawClient, namespace: str = "/") -> tuple[RawWebSocket, str]:
    """A connected WebSocket client whose `auth` event has come, and its sid."""
    websocket = await sio.websocket()
    sid = await websocket.connect(namespace)
    await websocket.receive_until(lambda packet: '"auth"' in str(packet))
    return websocket, sid


class TestEmit:
    async def test_to_a_client_a_room_several_rooms_and_all(self, sio: RawClient, served: Served) -> None:
        (ada, ada_sid), (bo, bo_sid), (cy, _) = [await member(sio) for _ in range(3)]
        await served.sio.enter_room(ada_sid, "a")
        await served.sio.enter_room(bo_sid, "a")
        await served.sio.enter_room(bo_sid, "b")
        await served.sio.emit("one", to=ada_sid)
        await served.sio.emit("room", 1, room="a")
        await served.sio.emit("rooms", (1, 2), to=["a", "b"])
        await served.sio.emit("others", room="a", skip_sid=ada_sid)
        await served.sio.emit("nobody", room="a", skip_sid=[ada_sid, bo_sid])
        await served.sio.close_room("a")
        await served.sio.emit("gone", room="a")
        await served.sio.send("all")
        assert await ada.receive_several(4) == ['42["one"]', '42["room",1]', '42["rooms",1,2]', '42["message","all"]']
        assert await bo.receive_several(4) == [
            '42["room",1]',
            '42["rooms",1,2]',
            '42["others"]',
            '42["message","all"]',
        ]
        assert await cy.receive() == '42["message","all"]'

    async def test_keeps_the_order_of_everything_sent_to_a_client(self, sio: RawClient, served: Served) -> None:
        websocket, sid = await member(sio)
        polling = await sio.open_polling()
        polling_sid = await polling.connect()
        await polling.receive_until(1)
        for one in (sid, polling_sid):
            await served.sio.enter_room(one, "room")
        big = "x" * 100_000
        await served.sio.emit("first", room="room")
        served.sio.broadcast("room", "second", b'{"fast":true}')
        await served.sio.emit("third", b"\1\2", room="room")
        served.sio.broadcast("room", "fourth", json.dumps(big).encode(), volatile=True)
        await served.sio.emit("fifth", [b"\3", {"four": b"\4"}], room="room")
        served.sio.broadcast("room", "skipped", b"1", skip_sid=[sid, polling_sid])
        served.sio.broadcast("room", "elsewhere", b"1", namespace="/custom")
        await served.sio.emit("sixth", room="room")
        texts = [
            '42["first"]',
            '42["second",{"fast":true}]',
            '451-["third",{"_placeholder":true,"num":0}]',
            f'42["fourth","{big}"]',
            '452-["fifth",[{"_placeholder":true,"num":0},{"four":{"_placeholder":true,"num":1}}]]',
            '42["sixth"]',
        ]
        by_websocket: list[str | bytes] = [*texts[:3], b"\1\2", *texts[3:5], b"\3", b"\4", texts[5]]
        by_polling = [*texts[:3], "bAQI=", *texts[3:5], "bAw==", "bBA==", texts[5]]
        assert await websocket.receive_several(9) == by_websocket
        assert await polling.receive_until(9) == by_polling

    async def test_in_a_connect_handler_reaches_the_client_after_the_connect_reply(
        self, sio: RawClient, served: Served
    ) -> None:
        async def connect(sid: str, environ: Any, auth: Any) -> None:
            await served.sio.enter_room(sid, "lobby")
            served.sio.broadcast("lobby", "joined", b"1")

        served.sio.on("connect", connect)
        websocket = await sio.websocket()
        await websocket.send("40")
        assert str(await websocket.receive()).startswith("40{")
        assert await websocket.receive() == '42["joined",1]'

    async def test_callbacks_and_call(self, sio: RawClient, served: Served) -> None:
        websocket, sid = await member(sio)
        answers: list[Any] = []
        await served.sio.emit("question", 1, to=sid, callback=lambda *args: answers.append(args))
        call = asyncio.create_task(served.sio.call("question", 2, to=sid))
        for _ in range(2):
            packet = str(await websocket.receive())
            number = packet[2 : packet.index("[")]
            asked = json.loads(packet[packet.index("[") :])[1]
            await websocket.send(
                f'431{number[1:]}["{asked}",true]' if number[0] == "1" else f'43{number}["{asked}",true]'
            )
        assert await call == ("2", True)
        await eventually(lambda: answers == [("1", True)], "the callback")
        with pytest.raises(socketio.exceptions.TimeoutError):
            await served.sio.call("question", to=sid, timeout=0.01)

    async def test_stock_managers_work_too(self, start: Serve) -> None:
        served = await start(client_manager=socketio.AsyncManager(), **CALM)
        async with raw_client(f"{served.url}/socket.io/") as sio:
            websocket = await sio.websocket("/")
            await websocket.send('421["join","room"]')
            await websocket.receive_until(lambda packet: packet == "431[true]")
            await served.sio.emit("binary", {"b": b"\1"}, room="room")
            assert await websocket.receive_several(2) == ['451-["binary",{"b":{"_placeholder":true,"num":0}}]', b"\1"]
            await websocket.close()
            await eventually(lambda: not served.sio.manager.rooms, "the client to be forgotten")


class TestApplication:
    async def test_class_based_namespaces(self, sio: RawClient, served: Served) -> None:
        class Chat(socketio.AsyncNamespace):
            seen: list[Any] = []  # noqa: RUF012 - shared on purpose

            def on_connect(self, sid: str, environ: Any) -> None:
                self.seen.append("connect")

            async def on_echo(self, sid: str, data: Any) -> Any:
                await self.emit("echoed", data, room=sid)
                return data

            async def on_disconnect(self, sid: str) -> None:
                self.seen.append("disconnect")

        served.sio.register_namespace(Chat("/chat"))
        websocket = await sio.websocket()
        await websocket.connect("/chat", {"token": 1})
        await websocket.send('42/chat,7["echo",{"a":1}]')
        assert await websocket.receive_several(2) == ['42/chat,["echoed",{"a":1}]', '43/chat,7[{"a":1}]']
        await websocket.send("41/chat")
        await eventually(lambda: Chat.seen == ["connect", "disconnect"], "both lifecycle methods")

    async def test_sessions_environ_and_transport(self, sio: RawClient, served: Served) -> None:
        _, sid = await member(sio)
        await served.sio.save_session(sid, {"name": "Ada"})
        async with served.sio.session(sid) as session:
            session["age"] = 36
        assert await served.sio.get_session(sid) == {"name": "Ada", "age": 36}
        assert served.sio.transport(sid) == "websocket"
        environ = served.sio.get_environ(sid)
        assert environ["REMOTE_ADDR"] == "127.0.0.1"
        assert environ["aiohttp.request"].remote == "127.0.0.1"
        assert environ["PATH_INFO"] == "/socket.io/"
        with pytest.raises(KeyError):
            await served.sio.get_session("nobody")

    async def test_the_admin_ui_is_told(self, served: Served, js: JsClients, request: pytest.FixtureRequest) -> None:
        instrumented = served.sio.instrument(auth=False, server_stats_interval=0.05)
        # It patches the stock server's classes for the whole process; a second time its patches would call themselves.
        request.addfinalizer(instrumented.uninstrument)
        admin = await js.connect(f"{served.url}/admin")
        await admin.wait_for("config")
        user = await js.connect(served.url)
        connected = await admin.wait_for("socket_connected", lambda data: data["id"] == user.id)
        assert connected.data["handshake"]["address"] == "127.0.0.1"
        await user.emit("message-with-ack", 1)
        await admin.wait_for("event_received")
        await user.emit("join", "lobby")
        await admin.wait_for("room_joined")
        await admin.wait_for("server_stats", lambda data: data["clientsCount"] == 2)
        await user.disconnect()
        await admin.wait_for("socket_disconnected")

    async def test_a_handler_may_say_what_comes_after_its_acknowledgement(self, sio: RawClient, served: Served) -> None:
        async def subscribe(sid: str) -> Then:
            return Then({"ok": True}, [lambda: served.sio.broadcast(sid, "later", b"1")])

        served.sio.on("subscribe", subscribe)
        websocket, _ = await member(sio)
        await websocket.send('421["subscribe"]')
        assert await websocket.receive_several(2) == ['431[{"ok":true}]', '42["later",1]']

    async def test_rooms_can_be_entered_without_a_task_switch(self, sio: RawClient, served: Served) -> None:
        websocket, sid = await member(sio)
        served.sio.enter_room_now(sid, "room")
        served.sio.broadcast("room", "in", b"1")
        served.sio.leave_room_now(sid, "room")
        served.sio.broadcast("room", "out", b"1")
        await served.sio.emit("end", to=sid)
        assert await websocket.receive_several(2) == ['42["in",1]', '42["end"]']
        with pytest.raises(ValueError, match="sid room"):
            served.sio.enter_room_now((await member(sio))[1], sid)

    async def test_custom_json(self, start: Serve) -> None:
        class Loud:
            @staticmethod
            def dumps(value: Any, **options: Any) -> str:
                return json.dumps(value, **options).replace("quiet", "LOUD")

            loads = staticmethod(json.loads)

        served = await start(json=Loud, **CALM)
        async with raw_client(f"{served.url}/socket.io/") as sio:
            websocket = await sio.websocket("/")
            await served.sio.emit("news", "quiet")
            assert await websocket.receive_until(lambda packet: packet == '42["news","LOUD"]')
        assert socketio.packet.Packet.json is not Loud


class TestCompression:
    async def test_large_messages_are_compressed_for_clients_that_ask(self, sio: RawClient, served: Served) -> None:
        """One compressed frame serves every client: no context is taken over from message to message."""
        async with ClientSession() as http:
            sockets = [await http.ws_connect(sio.at(transport="websocket"), compress=15) for _ in range(2)]
            plain, _ = await member(sio)
            for websocket in sockets:
                assert websocket._response is not None
                extensions = websocket._response.headers["Sec-WebSocket-Extensions"]
                assert "server_no_context_takeover" in extensions
                await websocket.receive()
                await websocket.send_str("40")
                await websocket.receive()
                await websocket.receive()
            await asyncio.sleep(0)
            for number in range(3):
                await served.sio.emit("news", [number, "all the same " * 1000])
                await served.sio.emit("small", number)
            for websocket in sockets:
                heard = [await websocket.receive() for _ in range(6)]
                assert all(message.type is WSMsgType.TEXT for message in heard)
                assert [json.loads(message.data[2:])[0] for message in heard] == ["news", "small"] * 3
                assert json.loads(heard[4].data[2:]) == ["news", [2, "all the same " * 1000]]
            assert len(await plain.receive_several(6)) == 6

    async def test_is_not_agreed_where_it_is_off(self, start: Serve) -> None:
        served = await start(websocket_compression=False, **CALM)
        async with raw_client(f"{served.url}/socket.io/") as sio, ClientSession() as http:
            websocket = await http.ws_connect(sio.at(transport="websocket"), compress=15)
            assert websocket._response is not None
            assert "Sec-WebSocket-Extensions" not in websocket._response.headers

    @pytest.mark.parametrize("encoding", ["gzip", "deflate"])
    async def test_of_large_poll_answers(self, eio: RawClient, encoding: str) -> None:
        session = await eio.open_polling()
        await session.post("4" + "x" * 200_000)
        async with eio.http.get(eio.at(sid=session.sid), headers={"Accept-Encoding": encoding}) as response:
            assert response.headers["Content-Encoding"] == encoding
            assert await response.text() == "4" + "x" * 200_000


class TestDrain:
    async def test_answers_what_was_received_and_lets_stock_clients_come_back(
        self, start: Serve, js: JsClients
    ) -> None:
        served = await start(**CALM)
        go_on = asyncio.Event()

        async def slow(sid: str) -> str:
            await go_on.wait()
            return "done"

        served.sio.on("slow", slow)
        sockets = [
            await js.connect(served.url, transports=transports)
            for transports in (["polling"], ["websocket"], ["polling", "websocket"])
        ]
        asked = [asyncio.create_task(socket.emit("slow")) for socket in sockets]
        await eventually(lambda: sum(c.busy for c in served.sio._connections.values()) == 3, "the handlers to run")

        drain = asyncio.create_task(
            served.sio.drain(lambda sid: served.sio.broadcast(sid, "server:draining", b'{"reconnectInMs":1}'))
        )
        await eventually(lambda: served.sio.draining, "the drain to begin")
        async with raw_client(f"{served.url}/socket.io/") as sio:
            assert (await sio.get())[0] == 503
        go_on.set()
        assert await asyncio.gather(*asked) == ["done"] * 3
        for socket in sockets:
            await socket.wait_for("server:draining")
            assert (await socket.wait_for("disconnect")).data in {"transport close", "transport error"}
        await drain
        assert served.reasons() == [Reason.DRAINING] * 3
        assert served.is_empty()

        await served.stop()
        successor = serve(**CALM)
        successor.port = served.port
        await successor.start()
        for socket in sockets:
            await eventually(lambda socket=socket: socket.connected, "the client to come back")
        await successor.stop()

    async def test_events_that_were_not_read_are_not_begun(self, sio: RawClient, served: Served) -> None:
        go_on = asyncio.Event()
        served.sio.on("slow", lambda sid: go_on.wait())
        websocket, _ = await member(sio)
        await websocket.send('421["slow"]')
        await eventually(lambda: any(c.busy for c in served.sio._connections.values()), "the handler to run")
        drain = asyncio.create_task(served.sio.drain())
        await eventually(lambda: served.sio.draining, "the drain to begin")
        await websocket.send('42["message","too late"]')
        go_on.set()
        assert await websocket.receive() == "431[true]"
        assert await websocket.closed() == 1012
        await drain
        assert served.received == []
