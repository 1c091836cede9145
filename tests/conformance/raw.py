"""Clients that speak the protocols byte by byte, without the good manners of a library."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import ClientSession, ClientTimeout, ClientWebSocketResponse, WSMsgType
from yarl import URL

PATIENCE = 10
SEPARATOR = "\x1e"


class Closed(Exception):
    """The server has closed the WebSocket; `code` is its close code."""

    def __init__(self, code: int | None) -> None:
        super().__init__(f"closed with {code}")
        self.code = code


class RawWebSocket:
    """A WebSocket that shows every packet but answers none by itself; `answer_pings` makes it keep a session alive."""

    def __init__(self, websocket: ClientWebSocketResponse) -> None:
        self._websocket = websocket
        self.answer_pings = False

    async def send(self, *packets: str | bytes) -> None:
        """Send each packet in a message of its own."""
        for packet in packets:
            if isinstance(packet, str):
                await self._websocket.send_str(packet)
            else:
                await self._websocket.send_bytes(packet)

    async def receive(self) -> str | bytes:
        """The next packet, pings included unless they are answered; raises Closed."""
        while True:
            message = await asyncio.wait_for(self._websocket.receive(), PATIENCE)
            if message.type in {WSMsgType.TEXT, WSMsgType.BINARY}:
                if message.data == "2" and self.answer_pings:
                    await self.send("3")
                    continue
                return message.data
            if message.type in {WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR}:
                raise Closed(self._websocket.close_code)

    async def receive_until(self, wanted: Callable[[Any], bool]) -> str | bytes:
        """The first packet that is wanted; the others are passed over."""
        while True:
            packet = await self.receive()
            if wanted(packet):
                return packet

    async def receive_several(self, count: int) -> list[str | bytes]:
        """The next packets that are no pings."""
        return [await self.receive_until(lambda packet: packet != "2") for _ in range(count)]

    async def closed(self) -> int | None:
        """Wait until the server has closed the connection; its close code."""
        try:
            while True:
                await self.receive()
        except Closed as end:
            return end.code

    async def connect(self, namespace: str = "/", auth: Any = None) -> str:
        """Say CONNECT and return the client's sid."""
        prefix = "" if namespace == "/" else namespace + ","
        await self.send(f"40{prefix}{'' if auth is None else json.dumps(auth)}")
        reply = await self.receive_until(lambda packet: isinstance(packet, str) and packet.startswith(f"40{prefix}"))
        assert isinstance(reply, str)
        return json.loads(reply[2 + len(prefix) :])["sid"]

    async def close(self) -> None:
        """Close the connection properly."""
        await self._websocket.close()

    def abort(self) -> None:
        """Lose the TCP connection without a word."""
        connection = self._websocket._conn
        assert connection is not None and connection.transport is not None
        connection.transport.abort()

    def stop_reading(self) -> None:
        """Read no more bytes from the network."""
        connection = self._websocket._conn
        assert connection is not None and connection.transport is not None
        connection.transport.pause_reading()


class RawClient:
    """HTTP requests to one endpoint of a server; every request may use a connection of its own."""

    def __init__(self, http: ClientSession, url: str) -> None:
        self.http = http
        self.url = URL(url)

    def at(self, transport: str | None = "polling", eio: str | None = "4", **query: str) -> URL:
        """The endpoint's address."""
        given = {"EIO": eio, "transport": transport, **query}
        return self.url.with_query({name: value for name, value in given.items() if value is not None})

    async def get(self, **query: Any) -> tuple[int, str]:
        """Status and text of a GET."""
        async with self.http.get(self.at(**query)) as response:
            return response.status, await response.text()

    async def post(self, body: str | bytes | AsyncIterator[bytes], **query: Any) -> tuple[int, str]:
        """Status and text of a POST."""
        async with self.http.post(self.at(**query), data=body) as response:
            return response.status, await response.text()

    async def open_polling(self) -> "RawPolling":
        """Open a polling session."""
        status, text = await self.get()
        assert (status, text[0]) == (200, "0"), (status, text)
        return RawPolling(self, json.loads(text[1:]))

    async def open_websocket(self, **query: str) -> RawWebSocket:
        """Open a WebSocket; for a session of its own, its OPEN packet is the first to be received."""
        return RawWebSocket(await self.http.ws_connect(self.at(transport="websocket", **query), max_msg_size=0))

    async def websocket(self, namespace: str | None = None) -> RawWebSocket:
        """Open a session over WebSocket whose pings are answered, connected to a namespace if one is given."""
        websocket = await self.open_websocket()
        websocket.answer_pings = True
        assert str(await websocket.receive()).startswith("0{")
        if namespace is not None:
            await websocket.connect(namespace)
        return websocket


class RawPolling:
    """A session over HTTP long-polling."""

    def __init__(self, client: RawClient, handshake: dict[str, Any]) -> None:
        self.client = client
        self.handshake = handshake
        self.sid: str = handshake["sid"]
        self._heard: list[str] = []

    async def poll(self) -> tuple[int, str]:
        """Status and text of one poll."""
        return await self.client.get(sid=self.sid)

    async def post(self, *packets: str, body: Any = None) -> tuple[int, str]:
        """Status and text of one POST of some packets, or of a given body."""
        return await self.client.post(SEPARATOR.join(packets) if body is None else body, sid=self.sid)

    async def receive(self) -> list[str]:
        """The packets of one poll."""
        status, text = await self.poll()
        assert status == 200, (status, text)
        return text.split(SEPARATOR)

    async def receive_until(self, count: int) -> list[str]:
        """The next packets that are neither pings nor no-ops; polls as often as it takes and answers pings."""
        while len(self._heard) < count:
            packets = await self.receive()
            self._heard += [packet for packet in packets if packet not in {"2", "6"}]
            if "2" in packets:
                await self.post("3")
        taken, self._heard = self._heard[:count], self._heard[count:]
        return taken

    async def connect(self, namespace: str = "/") -> str:
        """Say CONNECT and return the client's sid."""
        prefix = "" if namespace == "/" else namespace + ","
        assert await self.post(f"40{prefix}") == (200, "ok")
        reply = (await self.receive_until(1))[0]
        assert reply.startswith(f"40{prefix}"), reply
        return json.loads(reply[2 + len(prefix) :])["sid"]


@asynccontextmanager
async def raw_client(url: str) -> AsyncIterator[RawClient]:
    """A client of the endpoint at `url`."""
    async with ClientSession(timeout=ClientTimeout(total=PATIENCE * 3)) as http:
        yield RawClient(http, url)
