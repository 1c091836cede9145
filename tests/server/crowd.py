"""A crowd: hundreds of people who are connected, and do nothing but stay."""

import asyncio
from collections.abc import Iterable
from typing import Self

import aiohttp
import orjson

from tests.server.raw_client import PATH
from tests.support.hubbub import Cluster, Hubbub


class Crowd:
    """`async with Crowd(cluster) as crowd`: people are known by their ids; each has one connection or several."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._sockets: dict[str, list[aiohttp.ClientWebSocketResponse]] = {}
        self._readers: dict[aiohttp.ClientWebSocketResponse, asyncio.Task[None]] = {}

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        return self

    async def __aexit__(self, *_: object) -> None:
        for reader in self._readers.values():
            reader.cancel()
        await asyncio.gather(*self._readers.values(), return_exceptions=True)
        await self._session.close()

    async def come(self, worker: Hubbub, ids: Iterable[str]) -> None:
        """Connect all of them to a worker at a time."""
        await asyncio.gather(*(self._connect(worker, each) for each in ids))

    async def leave(self, ids: Iterable[str]) -> None:
        """Close every connection of theirs."""
        await asyncio.gather(*(socket.close() for each in ids for socket in self._sockets.pop(each)))

    async def closed(self, ids: Iterable[str]) -> None:
        """Wait until the server has closed every connection of theirs."""
        await asyncio.gather(*(self._readers[socket] for each in ids for socket in self._sockets.pop(each)))

    async def _connect(self, worker: Hubbub, id: str) -> None:
        socket = await self._session.ws_connect(worker.url + PATH, heartbeat=None)
        auth = orjson.dumps({"token": self._cluster.token(id)}).decode()
        await socket.receive_str(timeout=30)
        await socket.send_str(f"40{auth}")
        answer = await socket.receive_str(timeout=30)
        assert answer.startswith("40{"), answer
        self._sockets.setdefault(id, []).append(socket)
        self._readers[socket] = asyncio.create_task(self._read(socket))

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for message in socket:
            if message.data == "2":
                await socket.send_str("3")
