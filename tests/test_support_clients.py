"""The JavaScript client and the browser as the tests drive them, against a small stock python-socketio server."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import socketio
from aiohttp import web

from tests.support.browser import Pages
from tests.support.js import ConnectRefused, JsClients, NoAck
from tests.support.process import free_port


def stock_app() -> web.Application:
    # It looks for clients that left while polling only as often as it pings.
    server = socketio.AsyncServer(async_mode="aiohttp", ping_interval=1, ping_timeout=1)
    app = web.Application()
    server.attach(app)

    @server.event
    async def connect(sid: str, _environ: Any, auth: Any) -> None:
        if auth != {"token": "good"}:
            raise socketio.exceptions.ConnectionRefusedError("no", {"code": "unauthenticated"})
        await server.emit("hello", {"sid": sid}, to=sid)

    @server.event
    async def echo(_sid: str, *args: Any) -> Any:
        return args

    @server.event
    async def ask(sid: str, question: Any) -> None:
        async def relay() -> None:
            await server.emit("answered", await server.call("question", question, to=sid), to=sid)

        server.start_background_task(relay)

    async def page(_request: web.Request) -> web.Response:
        return web.Response(text="<link rel=icon href=data:,><title>Page</title>", content_type="text/html")

    app.router.add_get("/", page)
    return app


@pytest.fixture
async def url() -> AsyncIterator[str]:
    port = free_port()
    runner = web.AppRunner(stock_app(), shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    yield f"http://127.0.0.1:{port}"
    # Comes after the clients have gone, as the tests ask for `url` first: the stock server waits long for those it has.
    await runner.cleanup()


GOOD = {"token": "good"}


@pytest.mark.parametrize("transport", ["websocket", "polling"])
async def test_values_come_back_as_they_went(url: str, js: JsClients, transport: str) -> None:
    socket = await js.connect(url, GOOD, transports=[transport])
    value = {"text": "Zoë \N{GRINNING FACE}", "bytes": b"\x00\xff", "list": [1, 2.5, None, True]}
    assert await socket.transport() == transport
    assert await socket.emit("echo", value) == value
    assert await socket.emit("echo", 1, 2) == [1, 2]
    assert await socket.emit("echo") == []


async def test_an_event_is_waited_for_once(url: str, js: JsClients) -> None:
    socket = await js.connect(url, GOOD)
    assert (await socket.wait_for("hello", lambda data: data["sid"] == socket.id)).event == "hello"
    with pytest.raises(AssertionError, match="no hello"):
        await socket.wait_for("hello", timeout=0.1)
    assert socket.received("hello") == [{"sid": socket.id}]


async def test_the_client_answers_the_server_as_told(url: str, js: JsClients) -> None:
    socket = await js.connect(url, GOOD)
    socket.answer("question", 42)
    socket.send("ask", "the question")
    assert (await socket.wait_for("answered")).data == 42
    assert socket.received("question") == ["the question"]


async def test_a_refusal_carries_the_servers_data(url: str, js: JsClients) -> None:
    with pytest.raises(ConnectRefused) as refused:
        await js.connect(url, {"token": "bad"})
    assert (refused.value.message, refused.value.data) == ("no", {"code": "unauthenticated"})


@pytest.mark.parametrize("half_open", [False, True])
@pytest.mark.parametrize("transport", ["websocket", "polling"])
async def test_a_dropped_client_comes_back_by_itself(url: str, js: JsClients, transport: str, half_open: bool) -> None:
    socket = await js.connect(url, GOOD, transports=[transport])
    first = socket.id
    socket.drop(half_open=half_open)
    await socket.wait_for("disconnect")
    await socket.wait_for("connect")
    assert socket.connected
    assert socket.id != first


async def test_what_has_no_answer_raises(url: str, js: JsClients) -> None:
    socket = await js.connect(url, GOOD)
    with pytest.raises(NoAck):
        await socket.emit("unheard of", timeout=0.1)


async def test_a_person_has_storage_of_their_own(url: str, pages: Pages) -> None:
    ada, bo = [await pages.open(url) for _ in range(2)]
    await ada.evaluate("document.cookie = 'session=ada'")
    assert await ada.evaluate("document.cookie") == "session=ada"
    assert await bo.evaluate("document.cookie") == ""


async def test_an_uncaught_exception_of_a_page_is_kept(url: str, pages: Pages) -> None:
    page = await pages.open(url)
    async with page.expect_event("pageerror"):
        await page.evaluate("setTimeout(() => { throw new Error('a defect') })")
    assert [error for error in pages.errors if "a defect" in error]
    pages.errors.clear()
