"""A subscriber that loses its connection, comes back on any worker, and keeps what it heard in order."""

import asyncio
from collections.abc import Sequence
from typing import Any

import aiohttp
import orjson

from tests.server.raw_client import PATH
from tests.server.talk import data_of
from tests.support.hubbub import Hubbub
from tests.support.waiting import eventually


class Follower:
    """Each time it comes it subscribes from behind the newest event that it has; `heard` grows by the reply's events
    and then by the live ones, and nothing is ever removed from it or left out. Without a user id it is a visitor."""

    def __init__(self, channel: str, user_id: str | None) -> None:
        self.channel = channel
        self.heard: list[dict[str, Any]] = []
        self.wrong: list[str] = []
        """What must not happen, and did."""
        self._user_id = user_id
        self._session: aiohttp.ClientSession | None = None
        self._websocket: aiohttp.ClientWebSocketResponse | None = None
        self._reading: asyncio.Task[None] | None = None
        self._replies: dict[int, asyncio.Future[Any]] = {}
        self._asked = 0
        self._subscribed = False
        self._after = 0

    @property
    def is_here(self) -> bool:
        """Whether it is connected, as far as it knows."""
        return self._reading is not None and not self._reading.done()

    @property
    def seqs(self) -> list[int]:
        """The numbers of what it heard, in that order."""
        return [each["seq"] for each in self.heard]

    async def come(self, worker: Hubbub, *, after: int | None = None) -> None:
        """Connect and subscribe; `after` is where to begin the first time. Raises what the network raises."""
        if after is not None:
            self._after = after
        self._session = aiohttp.ClientSession()
        self._websocket = await self._session.ws_connect(worker.url + PATH)
        token = orjson.dumps({"token": worker.token(self._user_id)}).decode() if self._user_id else ""
        while not (frame := await self._frame()).startswith("40{"):
            assert not frame.startswith("44"), frame
            if frame.startswith("0{"):
                await self._websocket.send_str(f"40{token}")
        self._reading = asyncio.create_task(self._read())
        await self.subscribe()

    async def subscribe(self) -> None:
        """Ask for what follows the newest event that it has."""
        after = self.heard[-1]["seq"] if self.heard else self._after
        data_of(await self._ask("channel:subscribe", {"channel": self.channel, "after": after}))

    async def unsubscribe(self) -> None:
        """Hear no more, still connected."""
        data_of(await self._ask("channel:unsubscribe", {"channel": self.channel}))

    async def drop(self) -> None:
        """Lose the connection without a word."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
            self._reading = None
        if self._session is not None:
            await self._session.close()
            self._session = None
        self._subscribed = False

    async def has(self, last: int, timeout: float = 10) -> None:
        """Wait until it has heard the event of this number."""
        await eventually(
            lambda: self.heard and self.heard[-1]["seq"] >= last, f"event {last} of {self.channel}", timeout
        )

    async def _ask(self, event: str, payload: dict[str, Any]) -> Any:
        assert self._websocket is not None
        self._asked += 1
        reply = self._replies[self._asked] = asyncio.get_running_loop().create_future()
        await self._websocket.send_str(f"42{self._asked}{orjson.dumps([event, payload]).decode()}")
        async with asyncio.timeout(20):
            return await reply

    async def _frame(self) -> str:
        assert self._websocket is not None
        while True:
            message = await self._websocket.receive()
            if message.type is not aiohttp.WSMsgType.TEXT:
                raise ConnectionResetError(f"the server ended the connection: {message!r}")
            if message.data != "2":
                return message.data
            await self._websocket.send_str("3")

    async def _read(self) -> None:
        try:
            while True:
                frame = await self._frame()
                if frame.startswith("43"):
                    number, _, answer = frame[2:].partition("[")
                    self._take_reply(int(number), orjson.loads(f"[{answer}")[0])
                elif frame.startswith("42["):
                    self._take_event(orjson.loads(frame[2:])[1])
        except (OSError, aiohttp.ClientError) as error:
            for reply in self._replies.values():
                if not reply.done():
                    reply.set_exception(ConnectionResetError(str(error)))
        finally:
            self._replies.clear()

    def _take_reply(self, number: int, reply: Any) -> None:
        data = reply.get("data") or {}
        if "recovered" in data:
            if not data["recovered"]:
                self.wrong.append(f"not recovered: {data['seq']}")
            self.heard += data["events"]
            self._subscribed = True
        elif data:
            self._subscribed = False
        self._replies.pop(number).set_result(reply)

    def _take_event(self, event: Any) -> None:
        if isinstance(event, dict) and event.get("channel") == self.channel and "seq" in event:
            if not self._subscribed:
                self.wrong.append(f"event {event['seq']} before the reply, or after the end of the subscription")
            self.heard.append(event)


def assert_gapless(followers: Sequence[Follower], first: int, last: int) -> None:
    """All have heard the same events, from `first` to `last`: each once, in order, without a hole."""
    for follower in followers:
        assert follower.wrong == []
        assert follower.seqs == list(range(first, last + 1))
        assert follower.heard == followers[0].heard
