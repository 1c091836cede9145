"""A client without manners: WebSocket frames as a test wants them, and every frame that came back, in order."""

import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import orjson

from tests.support.hubbub import Hubbub

PATH = "/socket.io/?EIO=4&transport=websocket"
PATIENCE_SECONDS = 15


class RawClient:
    """Socket.IO by hand. `frames` holds what the server has sent since CONNECT, its pings left out."""

    def __init__(self, websocket: aiohttp.ClientWebSocketResponse) -> None:
        self._websocket = websocket
        self._numbers = itertools.count(1)
        self.frames: list[str] = []

    async def ask(self, *packet: Any) -> int:
        """Send an event that asks for an acknowledgement, without waiting for it; the number that it will carry."""
        number = next(self._numbers)
        await self.send(f"42{number}{orjson.dumps(packet).decode()}")
        return number

    async def send(self, frame: str) -> None:
        """Send a frame as it is."""
        await self._websocket.send_str(frame)

    async def acknowledgement(self, number: int) -> list[Any]:
        """Wait for an acknowledgement: its arguments."""
        prefix = f"43{number}["
        found = await self.until(lambda frame: frame.startswith(prefix))
        return orjson.loads(found[len(prefix) - 1 :])

    async def until(self, wanted: Callable[[str], bool]) -> str:
        """The first frame that is wanted, heard already or to come. AssertionError when the connection ends before."""
        for frame in self.frames:
            if wanted(frame):
                return frame
        while True:
            message = await self._receive()
            assert message.type is aiohttp.WSMsgType.TEXT, f"{message!r} after {self.frames[-5:]}"
            if wanted(message.data):
                return message.data

    async def is_heard(self) -> None:
        """Wait until the server has read all that was sent: it answers WebSocket's own pings in their turn."""
        await self._websocket.ping()
        while (message := await self._receive()).type is not aiohttp.WSMsgType.PONG:
            assert message.type is aiohttp.WSMsgType.TEXT, message

    async def ended(self) -> None:
        """Wait until the server has closed the connection."""
        while (await self._receive()).type is aiohttp.WSMsgType.TEXT:
            pass

    def events(self, channel: str) -> list[dict[str, Any]]:
        """The events of a channel's log among the frames, in order of arrival."""
        sent = [orjson.loads(frame[2:])[1] for frame in self.frames if frame.startswith("42[")]
        return [each for each in sent if isinstance(each, dict) and each.get("channel") == channel and "seq" in each]

    async def _receive(self) -> aiohttp.WSMessage:
        message = await self._websocket.receive(timeout=PATIENCE_SECONDS)
        if message.type is aiohttp.WSMsgType.TEXT:
            if message.data == "2":
                await self.send("3")
            else:
                self.frames.append(message.data)
        return message


@asynccontextmanager
async def raw_client(
    worker: Hubbub, auth: dict[str, Any] | None = None, headers: dict[str, str] | None = None
) -> AsyncIterator[RawClient]:
    """A connected raw client; the connection is cut at the end."""
    async with aiohttp.ClientSession() as session:
        websocket = await session.ws_connect(worker.url + PATH, headers=headers, max_msg_size=0, autoping=False)
        client = RawClient(websocket)
        await client.until(lambda frame: frame.startswith("0{"))
        await client.send("40" + orjson.dumps(auth or {}).decode())
        await client.until(lambda frame: frame.startswith("40{"))
        client.frames.clear()
        yield client
