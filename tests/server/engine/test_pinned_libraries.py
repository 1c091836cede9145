"""The library releases, and the exact code in them, that the engine's overrides were written against.

When one of these fails after an upgrade: read what has changed in the named function, adapt the override that names it
in its docstring, run tests/conformance, then record the new digest here.
"""

import hashlib
import inspect
from importlib.metadata import version
from typing import Any

import aiohttp.web_protocol
import aiohttp.web_request
import pytest
import socketio
from aiohttp._websocket import reader_py
from socketio import base_manager, base_server

RELEASES = {"python-socketio": "5.18", "python-engineio": "4.15", "aiohttp": "3.14"}

DIGESTS: dict[Any, str] = {
    socketio.AsyncServer.emit: "84391bfd624104d1",
    socketio.AsyncServer.call: "4b7ae754cf3dffbc",
    socketio.AsyncServer.disconnect: "7d2f76686c12cc23",
    socketio.AsyncServer._send_packet: "a00022b42c1c29e9",
    socketio.AsyncServer._send_eio_packet: "64cf72a2ab7d75b1",
    socketio.AsyncServer._handle_connect: "c97c480cf777de36",
    socketio.AsyncServer._handle_disconnect: "c0b32ada5b371230",
    socketio.AsyncServer._handle_event: "65178105ef8b593d",
    socketio.AsyncServer._handle_event_internal: "472e8b723a12d507",
    socketio.AsyncServer._handle_ack: "b7521c6c30972551",
    socketio.AsyncServer._trigger_event: "01ba90cfa09ba43e",
    socketio.AsyncServer._handle_eio_connect: "76704886d944a7e6",
    socketio.AsyncServer._handle_eio_message: "bef50fc0e1635921",
    socketio.AsyncServer._handle_eio_disconnect: "9344593148b66fd9",
    socketio.AsyncServer._engineio_server_class: "199c42bf149247e0",
    base_server.BaseServer.__init__: "6b998e091b34a563",
    base_server.BaseServer._get_event_handler: "e18d9a6570aaaaf4",
    base_manager.BaseManager: "b393b4c05dbd88e2",
    socketio.AsyncManager: "93e3af0127f9a042",
    aiohttp.web_protocol.RequestHandler.connection_lost: "df2fe6e95fd04c7c",
    aiohttp.web_protocol.RequestHandler.start: "2e565fd40c8e04fb",
    aiohttp.web_protocol.RequestHandler.finish_response: "b7eb53db8f4b30ca",
    aiohttp.web_request.BaseRequest._cancel: "17eda35f901c26ca",
    reader_py.WebSocketDataQueue: "526af2531df720ee",
    reader_py.WebSocketReader.feed_data: "e27242a8f09458e4",
}


@pytest.mark.parametrize(("package", "release"), RELEASES.items())
def test_release(package: str, release: str) -> None:
    assert version(package).startswith(f"{release}."), (
        f"the engine was written against {package} {release}, this is {version(package)}: see this file's docstring"
    )


@pytest.mark.parametrize("stock", DIGESTS, ids=lambda stock: stock.__qualname__)
def test_replaced_code(stock: Any) -> None:
    digest = hashlib.sha256(inspect.getsource(stock).encode()).hexdigest()[:16]
    assert digest == DIGESTS[stock], (
        f"{stock.__module__}.{stock.__qualname__} is not the code that the engine's override was written against "
        f"(now {digest}): see this file's docstring"
    )
