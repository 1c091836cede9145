"""What stock parts do wrong with sessions and packets (engine.md's table), one test a row."""

import asyncio
import json
from typing import Any

import pytest

from server.engine import LocalManager
from server.engine.reasons import Reason
from tests.conformance.raw import RawClient, RawWebSocket, raw_client
from tests.conformance.served import Serve, Served
from tests.support.waiting import eventually

CALM = {"ping_interval": 25, "ping_timeout": 20, "connect_timeout": 30}


@pytest.fixture
async def served(start: Serve) -> Served:
    """A server whose heartbeat cannot be what ends a session."""
    return await start(**CALM)


async def still_usable(websocket: RawWebSocket) -> bool:
    """Whether the connection still answers."""
    await websocket.send('4299["message-with-ack","still"]')
    return bool(await websocket.receive_until(lambda packet: packet == '4399["still"]'))


class TestConnect:
    async def test_a_client_that_leaves_during_a_slow_connect_handler_is_no_ghost(self, start: Serve) -> None:
        served = await start()
        entered, go_on = asyncio.Event(), asyncio.Event()

        async def slow(sid: str, environ: Any, auth: Any) -> None:
            await served.sio.enter_room(sid, "lobby")
            entered.set()
            await go_on.wait()

        served.sio.on("connect", slow)
        async with raw_client(f"{served.url}/socket.io/") as sio:
            websocket = await sio.websocket()
            await websocket.send("40")
            await entered.wait()
            websocket.abort()
            await eventually(lambda: not served.sio.eio.sockets, "the session to end")
            go_on.set()
            await eventually(lambda: served.reasons() == [Reason.TRANSPORT_CLOSE], "the disconnect event")
            await eventually(served.is_empty, "everything to be forgotten")

    async def test_a_connect_handler_slower_than_the_ping_limits_keeps_its_client(self, start: Serve) -> None:
        served = await start()
        go_on = asyncio.Event()

        async def slow(sid: str, environ: Any, auth: Any) -> None:
            await go_on.wait()

        served.sio.on("connect", slow)
        async with raw_client(f"{served.url}/socket.io/") as sio:
            websocket = await sio.websocket()
            websocket.answer_pings = False
            await websocket.send("40")
            for _ in range(3):
                assert await websocket.receive() == "2"
                await websocket.send("3")
            go_on.set()
            assert str(await websocket.receive()).startswith("40{")

    async def test_a_connect_handler_that_raises_refuses_the_client(self, sio: RawClient, served: Served) -> None:
        async def broken(sid: str, environ: Any, auth: Any) -> None:
            await served.sio.enter_room(sid, "lobby")
            raise RuntimeError("on purpose")

        served.sio.on("connect", broken)
        websocket = await sio.websocket()
        await websocket.send("40")
        assert await websocket.receive() == '44{"message":"Internal server error"}'
        assert served.sio.manager.rooms == {}
        assert served.disconnects == []

    async def test_a_refused_client_is_told_why_and_may_try_again(self, sio: RawClient, served: Served) -> None:
        async def picky(sid: str, environ: Any, auth: Any) -> None:
            if auth is None:
                raise ConnectionRefusedError
            await served.sio.emit("auth", auth, to=sid)

        served.sio.on("connect", picky)
        websocket = await sio.websocket()
        await websocket.send("40", '40{"token":1}')
        assert await websocket.receive() == '44{"message":"Connection refused by server"}'
        assert str(await websocket.receive()).startswith("40{")
        assert await websocket.receive() == '42["auth",{"token":1}]'

    async def test_a_connect_handler_with_a_type_error_runs_once(self, sio: RawClient, served: Served) -> None:
        calls = []

        async def broken(sid: str, environ: Any, auth: Any) -> None:
            calls.append(sid)
            raise TypeError("on purpose")

        served.sio.on("connect", broken)
        websocket = await sio.websocket()
        await websocket.send("40")
        assert str(await websocket.receive()).startswith("44")
        assert len(calls) == 1

    async def test_handlers_without_auth_and_reason_are_called(self, sio: RawClient, served: Served) -> None:
        calls: list[Any] = []

        def connect(sid: str, environ: Any) -> None:
            calls.append(environ["REMOTE_ADDR"])

        def disconnect(sid: str) -> None:
            calls.append(sid)

        served.sio.on("connect", connect)
        served.sio.on("disconnect", disconnect)
        websocket = await sio.websocket()
        sid = await websocket.connect(auth={"token": 1})
        await websocket.close()
        await eventually(lambda: calls == ["127.0.0.1", sid], "both handlers to run")

    async def test_a_second_connect_to_a_namespace_is_refused(self, sio: RawClient) -> None:
        websocket = await sio.websocket("/")
        await websocket.send("40")
        assert await websocket.receive_until(lambda packet: str(packet).startswith("44")) == (
            '44{"message":"Unable to connect"}'
        )
        assert await still_usable(websocket)

    async def test_always_connect_says_so_first(self, start: Serve) -> None:
        served = await start(always_connect=True, **CALM)
        served.sio.on("connect", lambda sid, environ, auth: False)
        async with raw_client(f"{served.url}/socket.io/") as sio:
            websocket = await sio.websocket()
            await websocket.send("40")
            assert str(await websocket.receive()).startswith("40{")
            assert await websocket.receive() == "41"
            await eventually(lambda: not served.sio.manager.rooms, "the client to be forgotten")


class TestDisconnect:
    async def test_a_disconnect_handler_that_raises_leaves_no_ghost(self, sio: RawClient, served: Served) -> None:
        async def broken(sid: str, reason: str) -> None:
            served.disconnects.append((sid, reason))
            raise RuntimeError("on purpose")

        served.sio.on("disconnect", broken)
        websocket = await sio.websocket("/")
        await websocket.close()
        await eventually(lambda: served.reasons() == [Reason.TRANSPORT_CLOSE], "the disconnect event")
        await eventually(served.is_empty, "everything to be forgotten")

    async def test_a_client_disconnected_by_the_server_leaves_no_ghost(self, sio: RawClient, served: Served) -> None:
        async def broken(sid: str, reason: str) -> None:
            served.disconnects.append((sid, reason))
            raise RuntimeError("on purpose")

        served.sio.on("disconnect", broken)
        websocket = await sio.websocket()
        sid = await websocket.connect()
        await served.sio.disconnect(sid)
        assert await websocket.receive_until(lambda packet: packet == "41")
        assert served.reasons() == [Reason.SERVER_DISCONNECT]
        assert served.sio.manager.rooms == {}

    async def test_leaving_looks_only_at_the_clients_own_rooms(self, sio: RawClient, served: Served) -> None:
        websocket = await sio.websocket()
        sid = await websocket.connect()
        assert isinstance(served.sio.manager, LocalManager)
        for number in range(3):
            await served.sio.enter_room(sid, f"room {number}")

        class Unsearchable(dict[Any, Any]):
            """Rooms among which nobody may search."""

            def __iter__(self) -> Any:
                raise AssertionError("somebody looks through all rooms")

            keys = values = items = copy = __iter__

        rooms = served.sio.manager.rooms
        rooms["/"] = Unsearchable({**rooms["/"], "other": {"somebody": object()}})
        assert sorted(served.sio.rooms(sid)) == sorted([sid, "room 0", "room 1", "room 2"])
        await websocket.close()
        await eventually(lambda: len(rooms["/"]) == 1, "the client to leave its rooms")

    async def test_the_disconnect_event_follows_the_events_received_before(
        self, sio: RawClient, served: Served
    ) -> None:
        order: list[str] = []

        async def slow(sid: str) -> None:
            await asyncio.sleep(0)
            order.append("event")

        async def disconnect(sid: str, reason: str) -> None:
            order.append("disconnect")

        served.sio.on("slow", slow)
        served.sio.on("disconnect", disconnect)
        websocket = await sio.websocket("/")
        await websocket.send('42["slow"]', '42["slow"]', '42["slow"]')
        await websocket.close()
        await eventually(lambda: "disconnect" in order, "the disconnect event")
        assert order == ["event"] * 3 + ["disconnect"]

    async def test_a_handler_that_never_ends_does_not_hold_up_the_disconnect_event(
        self, sio: RawClient, served: Served
    ) -> None:
        never = asyncio.Event()
        served.sio.on("stuck", lambda sid: never.wait())
        websocket = await sio.websocket("/")
        await websocket.send('42["stuck"]')
        await eventually(lambda: any(c.busy for c in served.sio._connections.values()), "the handler to run")
        await websocket.close()
        await eventually(lambda: served.reasons() == [Reason.TRANSPORT_CLOSE], "the disconnect event", 1)
        assert served.sio.manager.rooms == {}
        never.set()


class TestMalformedPackets:
    @pytest.mark.parametrize(
        "packet",
        [
            "4",
            "47",
            "4x",
            '45999999-["message",{"_placeholder":true,"num":0}]',
            '4565-["message",{"_placeholder":true,"num":0}]',
            '45-["message",{"_placeholder":true,"num":0}]',
            '451["message",{"_placeholder":true,"num":0}]',
            '44{"message":"no"}',
            "42",
            "42[]",
            '42{"message":1}',
            "42[{}]",
            '42"message"',
            '42["message"',
            '42["message",NaN]',
            '42["message",1e999]',
            '42["message",-Infinity]',
            '42["message",' + "9" * 400 + "]",
            '4212345678901234567["message"]',
            '42²["message"]',
            "43[]",
            "431{}",
            "40[]",
            "40null",
            '41{"reason":1}',
            '42["message",' + "[" * 900 + "]" * 900 + "]",
            '42["message",' + "[" * 5000 + "]" * 5000 + "]",
        ],
        ids=lambda packet: packet[:40],
    )
    async def test_closes_with_a_disconnect_event(self, sio: RawClient, served: Served, packet: str) -> None:
        websocket = await sio.websocket("/")
        await websocket.send(packet)
        assert await websocket.closed() == 1002
        await eventually(lambda: served.reasons() == [Reason.PARSE_ERROR], "the disconnect event", 1)
        await eventually(served.is_empty, "everything to be forgotten")
        assert served.received == []

    @pytest.mark.parametrize(
        ("said", "meant"),
        [
            ('"\\ud83c"', "\ufffd"),
            ('"a\\ud83c\\u0041"', "a\ufffdA"),
            ('"\\ud83c\\udf89 \\\\ud83c"', "\U0001f389 \\ud83c"),
            ("9007199254740993", 9007199254740992.0),
            ("-123456789012345678901234567890", -1.2345678901234568e29),
            ("9007199254740991", 9007199254740991),
        ],
    )
    async def test_what_javascript_may_say_is_read_as_it_is_meant(
        self, sio: RawClient, served: Served, said: str, meant: object
    ) -> None:
        websocket = await sio.websocket("/")
        await websocket.send(f'421["message-with-ack",{said}]')
        packets = [await websocket.receive(), await websocket.receive()]
        [answer] = [packet for packet in packets if packet.startswith("431[")]
        assert json.loads(answer[3:]) == [meant]

    @pytest.mark.parametrize(
        "packets",
        [
            ['451-["message",{"_placeholder":true,"num":1}]', b"\1"],
            ['451-["message",{"_placeholder":true,"num":"0"}]', b"\1"],
            ['451-["message",{"_placeholder":true}]', b"\1"],
            ['451-["message",{"_placeholder":true,"num":-1}]', b"\1"],
            ['452-["message"]', b"\1", '42["message","between"]'],
            [b"\1"],
        ],
        ids=["num too high", "num no number", "no num", "num negative", "text instead of an attachment", "unannounced"],
    )
    async def test_closes_upon_wrong_attachments(
        self, sio: RawClient, served: Served, packets: list[str | bytes]
    ) -> None:
        websocket = await sio.websocket("/")
        await websocket.send(*packets)
        assert await websocket.closed() == 1002
        await eventually(lambda: served.reasons() == [Reason.PARSE_ERROR], "the disconnect event", 1)
        assert served.received == []

    async def test_a_malformed_packet_in_a_post_closes_the_session(self, sio: RawClient, served: Served) -> None:
        session = await sio.open_polling()
        await session.connect()
        assert (await session.post('42["message",NaN]'))[0] == 400
        assert (await session.poll())[0] == 400
        await eventually(lambda: served.reasons() == [Reason.PARSE_ERROR], "the disconnect event", 1)

    async def test_an_unfinished_binary_packet_closes_in_time(self, start: Serve) -> None:
        served = await start(attachment_timeout=0.2, **CALM)
        async with raw_client(f"{served.url}/socket.io/") as sio:
            websocket = await sio.websocket("/")
            await websocket.send('452-["message",1]', b"\1")
            await websocket.closed()
            await eventually(lambda: served.reasons() == [Reason.PARSE_ERROR], "the disconnect event", 1)

    async def test_attachments_together_are_bounded(self, start: Serve) -> None:
        served = await start(max_attachment_bytes=1000, **CALM)
        async with raw_client(f"{served.url}/socket.io/") as sio:
            websocket = await sio.websocket("/")
            await websocket.send('453-["message",1]', b"x" * 600, b"x" * 600)
            await websocket.closed()
            assert served.received == []

    async def test_no_attachments_announced_is_an_event(self, sio: RawClient) -> None:
        websocket = await sio.websocket("/")
        await websocket.send('450-1["message-with-ack",1]')
        assert await websocket.receive_until(lambda packet: packet == "431[1]")
        assert await still_usable(websocket)

    async def test_nul_is_taken_out_of_text(self, sio: RawClient) -> None:
        websocket = await sio.websocket("/")
        await websocket.send('421["message-with-ack","a\\u0000b",{"\\u0000k":["\\u0000"]},"\\\\u0000"]')
        assert await websocket.receive_until(lambda packet: str(packet).startswith("43")) == (
            '431["ab",{"k":[""]},"\\\\u0000"]'
        )

    async def test_numbers_that_javascript_knows_are_passed_on(self, sio: RawClient) -> None:
        websocket = await sio.websocket("/")
        numbers = "9007199254740991,-9007199254740991,1e+300,0.1"
        await websocket.send(f'421["message-with-ack",{numbers}]')
        packet = await websocket.receive_until(lambda packet: str(packet).startswith("43"))
        assert json.loads(str(packet)[3:]) == json.loads(f"[{numbers}]")

    async def test_nan_sent_by_the_server_reaches_clients_as_null(self, sio: RawClient, served: Served) -> None:
        websocket = await sio.websocket("/")
        await served.sio.emit("number", float("nan"))
        assert await websocket.receive_until(lambda packet: packet == '42["number",null]')

    async def test_events_of_namespaces_not_joined_are_ignored(self, sio: RawClient, served: Served) -> None:
        websocket = await sio.websocket("/")
        await websocket.send('42/custom,["message","no"]')
        assert await still_usable(websocket)
        assert served.received == [("message-with-ack", ("still",))]

    @pytest.mark.parametrize("event", ["connect", "disconnect", "*"])
    async def test_lifecycle_handlers_are_no_events_of_clients(
        self, sio: RawClient, served: Served, event: str
    ) -> None:
        websocket = await sio.websocket("/")
        await websocket.send(f'421["{event}",{{"forged":true}},"auth"]')
        assert await still_usable(websocket)
        assert len(served.connects) == 1 and served.disconnects == []

        served.sio.on("*", lambda name, sid, *args: [name, *args])
        await websocket.send(f'421["{event}","forged"]')
        assert await websocket.receive_until(lambda packet: packet == f'431[["{event}","forged"]]')


class TestOrder:
    async def test_events_do_not_overtake_each_other(self, sio: RawClient, served: Served) -> None:
        async def shuffle(sid: str, number: int) -> int:
            for _ in range((7 * number) % 20):
                await asyncio.sleep(0)
            return number

        served.sio.on("shuffle", shuffle)
        websocket = await sio.websocket("/")
        await websocket.send(*(f'42{number}["shuffle",{number}]' for number in range(20)))
        await websocket.receive_until(lambda packet: packet == '42["auth",{}]')
        assert await websocket.receive_several(20) == [f"43{number}[{number}]" for number in range(20)]

    async def test_a_slow_handler_holds_up_neither_pongs_nor_other_connections(self, start: Serve) -> None:
        served = await start(ping_interval=0.2, ping_timeout=0.6)
        go_on = asyncio.Event()
        served.sio.on("slow", lambda sid: go_on.wait())
        async with raw_client(f"{served.url}/socket.io/") as sio:
            websocket, other = await sio.websocket("/"), await sio.websocket("/")
            websocket.answer_pings = False
            await websocket.send('421["slow"]')
            for _ in range(5):
                await websocket.receive_until(lambda packet: packet == "2")
                await websocket.send("3")
                assert await still_usable(other)
            go_on.set()
            assert await websocket.receive_until(lambda packet: packet == "431[true]")
            assert served.disconnects == []

    async def test_a_flood_behind_a_slow_handler_pauses_reading_not_the_session(self, start: Serve) -> None:
        served = await start(max_pending_events=10)
        go_on = asyncio.Event()
        served.sio.on("slow", lambda sid: go_on.wait())
        async with raw_client(f"{served.url}/socket.io/") as sio:
            websocket = await sio.websocket("/")
            await websocket.send('42["slow"]', *(f'42{number}["message-with-ack",{number}]' for number in range(500)))
            (session,) = served.sio.eio.sockets.values()
            await eventually(lambda: session.reading_paused, "reading to pause")
            (connection,) = served.sio._connections.values()
            # The pong waits behind the flood: as long as the server itself does not read, it misses none.
            heard = asyncio.create_task(websocket.receive_until(lambda packet: packet == "43499[499]"))
            await eventually(lambda: session.awaiting_pong, "a ping")
            deadline = served.sio.eio.pong_deadlines._waiting[-1][0]
            loop = asyncio.get_running_loop()
            await eventually(lambda: loop.time() > deadline, "the pong's deadline to pass")
            assert len(connection._inbox) <= 10
            go_on.set()
            await heard
            assert served.disconnects == []

    async def test_a_flood_over_polling_is_held_back_and_answered(self, start: Serve) -> None:
        served = await start(max_pending_events=5, **CALM)
        go_on = asyncio.Event()
        served.sio.on("slow", lambda sid: go_on.wait())
        async with raw_client(f"{served.url}/socket.io/") as sio:
            session = await sio.open_polling()
            await session.connect()
            flood = ['42["slow"]', *(f'42{number}["message-with-ack",{number}]' for number in range(20))]
            post = asyncio.create_task(session.post(*flood))
            await eventually(lambda: served.sio.eio.sockets[session.sid].reading_paused, "reading to pause")
            assert not post.done()
            go_on.set()
            assert await post == (200, "ok")
            assert (await session.receive_until(21))[1:] == [f"43{number}[{number}]" for number in range(20)]

    async def test_a_handler_that_raises_leaves_the_connection_usable(self, sio: RawClient, served: Served) -> None:
        async def broken(sid: str) -> None:
            raise RuntimeError("on purpose")

        async def cancelled(sid: str) -> None:
            raise asyncio.CancelledError

        served.sio.on("broken", broken)
        served.sio.on("cancelled", cancelled)
        websocket = await sio.websocket("/")
        await websocket.send('421["broken"]', '42["cancelled"]')
        assert await still_usable(websocket)

    async def test_a_handler_can_call_its_own_client(self, sio: RawClient, served: Served) -> None:
        async def ask(sid: str) -> Any:
            return await served.sio.call("question", to=sid, timeout=10)

        served.sio.on("ask", ask)
        websocket = await sio.websocket("/")
        await websocket.send('421["ask"]')
        question = str(await websocket.receive_until(lambda packet: "question" in str(packet)))
        packet_id = question[2 : question.index("[")]
        await websocket.send(f"43{packet_id}[42]")
        assert await websocket.receive_until(lambda packet: packet == "431[42]")


class TestAcknowledgements:
    async def test_an_acknowledgement_of_id_0_harms_nobody(self, sio: RawClient, served: Served) -> None:
        websocket = await sio.websocket()
        sid = await websocket.connect()
        await websocket.send("430[]", "4377[]")
        assert await still_usable(websocket)
        call = asyncio.create_task(served.sio.call("question", to=sid))
        question = str(await websocket.receive_until(lambda packet: "question" in str(packet)))
        await websocket.send(f"43{question[2 : question.index('[')]}[1]")
        assert await call == 1

    async def test_callbacks_never_answered_are_bounded_and_forgotten(self, start: Serve) -> None:
        served = await start(max_callbacks=50, **CALM)
        async with raw_client(f"{served.url}/socket.io/") as sio:
            websocket = await sio.websocket()
            sid = await websocket.connect()
            for _ in range(500):
                await served.sio.emit("question", to=sid, callback=print)
            assert len(served.sio.manager.callbacks[sid]) == 50
            await websocket.close()
            await eventually(served.is_empty, "everything to be forgotten")

    async def test_a_callback_that_raises_leaves_the_connection_usable(self, sio: RawClient, served: Served) -> None:
        def broken(*args: Any) -> None:
            raise RuntimeError("on purpose")

        websocket = await sio.websocket()
        sid = await websocket.connect()
        await served.sio.emit("question", to=sid, callback=broken)
        question = str(await websocket.receive_until(lambda packet: "question" in str(packet)))
        await websocket.send(f"43{question[2 : question.index('[')]}[1]")
        assert await still_usable(websocket)

    async def test_what_has_no_json_form_is_refused_by_emit(self, sio: RawClient, served: Served) -> None:
        for to in (None, "an empty room"):
            with pytest.raises(TypeError):
                await served.sio.emit("news", object(), to=to)
