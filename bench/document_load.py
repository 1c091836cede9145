"""Editors that type: a program of its own, so that the measured server has its core for itself.

Each editor is one Socket.IO connection over WebSocket, of which no more is spoken than an editor needs. All send an
update of their own at a steady pace; how long each took to reach every editor is noted.

    python -m bench.document_load PORT EDITORS RATE SECONDS

Standard input has the editors' tokens as a list, and what each sends first, second and always, as JSON with ``@`` for
an attachment's placeholder. Once all have begun it says ``begin``, at the end a report, each as a line of JSON.
"""

import asyncio
import json
import sys
import time
from contextlib import suppress
from statistics import quantiles
from typing import Any

import aiohttp

from tests.support.updates import Pad

PLACEHOLDER = '{"_placeholder":true,"num":0}'


class Load:
    """What all editors share: when each update was sent, and how long its deliveries took."""

    def __init__(self) -> None:
        self.sent: dict[bytes, float] = {}
        self.latencies: list[float] = []
        self.acknowledged = 0
        self.refused = 0
        self._news = asyncio.Event()

    def deliver(self, update: bytes) -> None:
        """An update has come to an editor."""
        sent = self.sent.get(update)
        if sent is not None:
            self.latencies.append(time.perf_counter() - sent)
            self._news.set()

    async def all_delivered(self, expected: int) -> None:
        """Wait until so many updates have come to editors."""
        while len(self.latencies) < expected:
            self._news.clear()
            await self._news.wait()


class TypingEditor:
    """One editor."""

    def __init__(self, load: Load, plan: dict[str, Any]) -> None:
        self._load = load
        self._plan = plan
        self._pad = Pad()
        self.joined = asyncio.Event()

    async def run(self, session: aiohttp.ClientSession, port: int) -> None:
        """Connect and listen until told to stop."""
        url = f"ws://127.0.0.1:{port}/socket.io/?EIO=4&transport=websocket"
        async with session.ws_connect(url, max_msg_size=0) as self.socket:
            await self.socket.receive()
            await self.socket.send_str("40" + self._plan["auth"])
            await self.socket.receive()
            if self._plan["join"]:
                await self.socket.send_str("420" + self._plan["join"])
            else:
                self.joined.set()
            async for message in self.socket:
                if message.type == aiohttp.WSMsgType.BINARY:
                    self._load.deliver(message.data)
                else:
                    await self._hear(message.data)

    async def _hear(self, text: str) -> None:
        if text == "2":
            await self.socket.send_str("3")
        elif text.startswith(("430", "461-0", "462-0")):
            self.joined.set()
        elif text.startswith("43"):
            self._load.acknowledged += 1
            self._load.refused += '"ok":false' in text

    async def type(self, rate: float, offset: float, until: float) -> None:
        """Send an edit every now and then."""
        loop = asyncio.get_running_loop()
        due, number = loop.time() + offset, 0
        while due < until:
            await asyncio.sleep(due - loop.time())
            number += 1
            update = self._pad.write("x", len(self._pad.text))
            self._load.sent[update] = time.perf_counter()
            event = self._plan["send"].replace("@", PLACEHOLDER)
            await self.socket.send_str(f"451-{number}{event}")
            await self.socket.send_bytes(update)
            due += 1 / rate


async def main() -> None:
    """Connect everybody, type for a while, wait for what is under way, and report."""
    port, count, rate, seconds = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4])
    plans = json.loads(sys.stdin.readline())
    load = Load()
    async with aiohttp.ClientSession() as session:
        editors = [TypingEditor(load, plan) for plan in plans[:count]]
        running = [asyncio.create_task(each.run(session, port)) for each in editors]
        for each in editors:
            await each.joined.wait()
        print("begin", flush=True)
        began = asyncio.get_running_loop().time()
        until = began + seconds
        await asyncio.gather(*(each.type(rate, n / count / rate, until) for n, each in enumerate(editors)))
        expected = len(load.sent) * count
        with suppress(TimeoutError):
            async with asyncio.timeout(10):
                await load.all_delivered(expected)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
    percentiles = quantiles(load.latencies, n=100)
    report = {
        "sent": len(load.sent),
        "expected": expected,
        "deliveries": len(load.latencies),
        "acknowledged": load.acknowledged,
        "refused": load.refused,
        "p50": percentiles[49],
        "p99": percentiles[98],
        "cpu": time.process_time(),
    }
    print(json.dumps(report), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
