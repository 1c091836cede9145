"""A client of server-sent events for tests: parses them as the WHATWG standard says, and keeps all of them."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import aiohttp
import orjson

from tests.support.waiting import eventually


@dataclass(frozen=True)
class Message:
    """What a browser would dispatch: ``type`` is ``message`` unless the stream names another, ``id`` the last one."""

    type: str
    data: Any
    id: str


class StreamRefused(Exception):
    """The stream was not opened: `status`, and the body, decoded if it is JSON."""

    def __init__(self, status: int, body: Any, headers: Mapping[str, str]) -> None:
        super().__init__(f"{status} {body!r}")
        self.status = status
        self.body = body
        self.headers = headers


class SseStream:
    """One response; an async context manager, which is open once the headers are here."""

    def __init__(self, url: str, *, token: str | None = None, last_id: str | None = None, **headers: str) -> None:
        self.url = url
        self.messages: list[Message] = []
        self.comments = 0
        self.retry: int | None = None
        self.last_id = last_id or ""
        self.headers: Mapping[str, str] = {}
        self.ended = False
        """Whether the response is over, by whatever cause."""
        self._given = headers | ({"Authorization": f"Bearer {token}"} if token else {})
        if last_id is not None:
            self._given["Last-Event-ID"] = last_id
        self._session: aiohttp.ClientSession | None = None
        self._response: aiohttp.ClientResponse | None = None
        self._reading: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def open(self) -> None:
        """Ask for the stream. Raises `StreamRefused`, and what the network raises."""
        connector = aiohttp.TCPConnector(force_close=True)
        self._session = aiohttp.ClientSession(
            connector=connector, read_bufsize=1 << 22, timeout=aiohttp.ClientTimeout(None, sock_connect=10)
        )
        try:
            self._response = await self._session.get(self.url, headers=self._given)
            if self._response.status != 200:
                decode = self._response.json if self._response.content_type == "application/json" else None
                body = await (decode() if decode else self._response.text())
                raise StreamRefused(self._response.status, body, self._response.headers)
        except BaseException:
            await self._session.close()
            raise
        self.headers = self._response.headers
        self._reading = asyncio.create_task(self._read(self._response))

    async def close(self) -> None:
        """Go away without a word."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def events(self, channel: str | None = None) -> list[dict[str, Any]]:
        """The events of the log that came, of one channel or of all, in order of arrival."""
        found = [each.data for each in self.messages if each.type == "message" and "seq" in each.data]
        return [each for each in found if channel in {None, each["channel"]}]

    def signals(self, name: str) -> list[dict[str, Any]]:
        """The signals of a name that came."""
        found = [each.data for each in self.messages if each.type == "message" and "seq" not in each.data]
        return [each for each in found if each["event"] == name]

    async def has(self, count: int, channel: str | None = None, timeout: float = 10) -> list[dict[str, Any]]:
        """Wait until so many events have come; all of them."""
        await eventually(
            lambda: len(self.events(channel)) >= count, f"{count} events of {channel or 'any channel'}", timeout
        )
        return self.events(channel)

    async def until_ended(self, timeout: float = 10) -> None:
        """Wait for the end of the response."""
        await eventually(lambda: self.ended, "the end of the stream", timeout)

    async def _read(self, response: aiohttp.ClientResponse) -> None:
        try:
            kind, data = "message", list[str]()
            async for raw in response.content:
                line = raw.decode().removesuffix("\n").removesuffix("\r")
                name, _, value = line.partition(":")
                value = value.removeprefix(" ")
                if not line:
                    if data:
                        self.messages.append(Message(kind, orjson.loads("\n".join(data)), self.last_id))
                    kind, data = "message", []
                elif not name:
                    self.comments += 1
                elif name == "id":
                    self.last_id = value
                elif name == "event":
                    kind = value
                elif name == "data":
                    data.append(value)
                elif name == "retry":
                    self.retry = int(value)
        except (aiohttp.ClientError, OSError):
            pass
        finally:
            self.ended = True
