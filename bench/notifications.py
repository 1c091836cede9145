"""Notifications: what one costs whose reader has three tabs, and what everyone else feels while all are notified."""

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

import aiohttp
import asyncpg
import orjson

from bench.contestants import HUBBUB, start_hubbub, token
from bench.machine import cpu_seconds
from bench.persist import POSTGRESQL, SQLITE, databases
from bench.report import Report, Table, number
from models import users
from models.database import Database
from models.users import User
from server.setting_urls import database_url
from tests.support.hubbub import Hubbub

TABS = 3
NOTICE = {"title": "Hello", "message": "How do you do? " * 6, "type": "SYSTEM"}
READER = "reader"
_TELL_SECONDS = 3.0


@dataclass(frozen=True)
class Options:
    """How much is measured."""

    rounds: int
    people: int
    notices: int = 400
    bystander_rate: float = 50
    """Messages a second of somebody who chats meanwhile."""
    quiet_seconds: float = 3
    databases: tuple[str, ...] = (SQLITE, POSTGRESQL)


class Tab:
    """A Socket.IO client over WebSocket: it counts what it hears, and times what it asks."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._ids = itertools.count()
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self.heard: asyncio.Queue[float] = asyncio.Queue()
        """When each notification came."""

    async def listen(self) -> None:
        """Read until the connection ends."""
        async for frame in self._socket:
            text = frame.data
            if text == "2":
                await self._socket.send_str("3")
            elif text.startswith("43"):
                number, _, body = text[2:].partition("[")
                self._answers.pop(int(number)).set_result(orjson.loads(f"[{body}"))
            elif text.startswith('42["notification:created"'):
                self.heard.put_nowait(time.perf_counter())

    async def ask(self, event: str, payload: dict[str, Any]) -> tuple[Any, float]:
        """An action's reply, and the seconds that it took."""
        number = next(self._ids)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        begun = time.perf_counter()
        await self._socket.send_str(f"42{number}{orjson.dumps([event, payload]).decode()}")
        [reply] = await answer
        assert reply["ok"], reply
        return reply["data"], time.perf_counter() - begun


@contextlib.asynccontextmanager
async def opened(session: aiohttp.ClientSession, hubbub: Hubbub, user_id: str) -> AsyncIterator[Tab]:
    """A connected tab of that user."""
    address = f"{hubbub.url}/socket.io/?EIO=4&transport=websocket"
    async with session.ws_connect(address, max_msg_size=0) as socket:
        await socket.receive_str()
        await socket.send_str("40" + orjson.dumps({"token": token(user_id)}).decode())
        connected = await socket.receive_str()
        assert connected.startswith("40"), connected
        tab = Tab(socket)
        task = asyncio.create_task(tab.listen())
        try:
            yield tab
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def _transactions(url: str) -> int:
    """How many transactions a PostgreSQL database has ended; asked when every session has told of its own."""
    # Sessions tell once a second at most.
    await asyncio.sleep(_TELL_SECONDS)
    name = url.rpartition("/")[2]
    conn = await asyncpg.connect(url.removesuffix(name) + "postgres")
    try:
        found = "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = $1"
        return int(await conn.fetchval(found, name))
    finally:
        await conn.close()


async def _send(session: aiohttp.ClientSession, hubbub: Hubbub, **audience: Any) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {hubbub.api_key}"}
    async with session.post(f"{hubbub.url}/api/notifications", json=NOTICE | audience, headers=headers) as answer:
        assert answer.status == 201, await answer.text()
        return (await answer.json())["data"]


def _percentile(values: Sequence[float], part: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * part))] * 1000


async def _one_reader(hubbub: Hubbub, url: str | None, options: Options) -> dict[str, float]:
    """Notifications one after the other to somebody with three tabs: milliseconds, µs and transactions of each."""
    async with aiohttp.ClientSession() as session, contextlib.AsyncExitStack() as stack:
        tabs = [await stack.enter_async_context(opened(session, hubbub, READER)) for _ in range(TABS)]

        async def notify() -> float:
            begun = time.perf_counter()
            await _send(session, hubbub, userIds=[READER])
            return max([await tab.heard.get() for tab in tabs]) - begun

        for _ in range(20):
            await notify()
        asked = time.perf_counter()
        before = 0 if url is None else await _transactions(url)
        cpu = cpu_seconds(hubbub.pid)
        times = [await notify() for _ in range(options.notices)]
        found = {
            "p50": _percentile(times, 0.5),
            "p99": _percentile(times, 0.99),
            "cpu": (cpu_seconds(hubbub.pid) - cpu) / options.notices * 1e6,
        }
        if url is not None:
            after, seconds = await _transactions(url), time.perf_counter() - asked - _TELL_SECONDS
            # What the server does by itself goes on at the same pace with nobody about.
            asked = time.perf_counter()
            await asyncio.sleep(options.quiet_seconds)
            idle = (await _transactions(url) - after) / (time.perf_counter() - asked)
            found["transactions"] = (after - before - idle * seconds) / options.notices
        return found


async def _everyone(hubbub: Hubbub, options: Options) -> dict[str, float]:
    """A notification to everyone: its seconds, and how long somebody's messages take before and meanwhile."""
    async with aiohttp.ClientSession() as session, contextlib.AsyncExitStack() as stack:
        tab = await stack.enter_async_context(opened(session, hubbub, READER))
        room, _ = await tab.ask("room:create", {"name": "Bystanders", "visibility": "private"})

        async def chat(until: Callable[[], bool]) -> list[float]:
            times = []
            while not until():
                _, took = await tab.ask("message:send", {"roomId": room["id"], "message": "Hello"})
                times.append(took)
                await asyncio.sleep(max(0, 1 / options.bystander_rate - took))
            return times

        end = time.perf_counter() + options.quiet_seconds
        before = await chat(lambda: time.perf_counter() > end)
        cpu, start = cpu_seconds(hubbub.pid), time.perf_counter()
        sent = await _send(session, hubbub, everyone=True)
        assert sent["recipients"] >= options.people
        answered = time.perf_counter() - start
        told = f"A broadcast is done broadcast={sent['id']}"
        meanwhile = await chat(lambda: told in hubbub.log())
        seconds = time.perf_counter() - start
        return {
            "seconds": seconds,
            "request": answered * 1000,
            "rate": sent["recipients"] / seconds,
            "cpu": (cpu_seconds(hubbub.pid) - cpu) / sent["recipients"] * 1e6,
            "p50 before": _percentile(before, 0.5),
            "p99 before": _percentile(before, 0.99),
            "p50": _percentile(meanwhile, 0.5),
            "p99": _percentile(meanwhile, 0.99),
            "longest": max(meanwhile) * 1000,
        }


async def _settle(url: str, count: int) -> None:
    database = Database(database_url(url))
    try:
        for start in range(0, count, 5000):
            async with database.write() as conn:
                await users.remember(
                    conn, [User(f"person-{number}", f"Person {number}") for number in range(start, start + 5000)]
                )
    finally:
        await database.close()


@contextlib.contextmanager
def _running(url: str) -> Iterator[Hubbub]:
    hubbub = start_hubbub(url)
    try:
        yield hubbub
    finally:
        hubbub.kill()


def measure(database: str, url: str, options: Options) -> dict[str, dict[str, float]]:
    """Both figures on one database, of a server freshly started."""
    with _running(url) as hubbub:
        reader = asyncio.run(_one_reader(hubbub, url if database == POSTGRESQL else None, options))
        kept = url if database == POSTGRESQL else f"sqlite:///{hubbub.folder / 'hubbub.db'}"
        asyncio.run(_settle(kept, options.people))
        return {"reader": reader, "everyone": asyncio.run(_everyone(hubbub, options))}


def _table(title: str, names: dict[str, str], found: dict[str, list[dict[str, float]]], notes: list[str]) -> Table:
    rows = [
        [
            f"{HUBBUB}, {database}",
            *(number(median(each[name] for each in runs)) if name in runs[0] else "–" for name in names),
        ]
        for database, runs in found.items()
        if runs
    ]
    return Table(title, ["", *names.values()], rows, notes)


def run(options: Options, machine: dict[str, str], say: Callable[[str], None]) -> Report:
    """Measure on every database, in turns, and put the medians into two tables."""
    report = Report("notifications", machine, asdict(options))
    found: dict[str, dict[str, list[dict[str, float]]]] = {
        kind: {database: [] for database in options.databases} for kind in ("reader", "everyone")
    }
    with databases(options.databases) as available:
        for turn in range(options.rounds):
            for database, (make, _) in available.items():
                with report.attempt(HUBBUB, database):
                    measured = measure(database, make(True), options)
                    everyone = measured["everyone"]
                    say(f"{database}: everyone in {everyone['seconds']:.1f} s, p99 meanwhile {everyone['p99']:.1f} ms")
                    for kind, figures in measured.items():
                        found[kind][database].append(figures)
                        sample = {"round": turn, "database": database, "kind": kind}
                        report.samples.append(sample | figures)
    report.tables.append(
        _table(
            f"A notification to somebody with {TABS} tabs",
            {
                "transactions": "transactions",
                "cpu": "CPU µs",
                "p50": "p50 ms to the last tab",
                "p99": "p99 ms",
            },
            found["reader"],
            [
                f"{options.notices:,} sent one after the other by a backend over HTTP. Transactions are those that"
                " PostgreSQL counts, without those of the server by itself (retention, looking for what others left)."
            ],
        )
    )
    report.tables.append(
        _table(
            f"A notification to everyone, {options.people:,} people",
            {
                "seconds": "seconds",
                "rate": "people/s",
                "cpu": "CPU µs each",
                "request": "request ms",
                "p50 before": "message p50 ms before",
                "p99 before": "p99 ms before",
                "p50": "p50 ms meanwhile",
                "p99": "p99 ms meanwhile",
                "longest": "longest ms",
            },
            found["everyone"],
            [
                f"Before and meanwhile somebody sends {options.bystander_rate:g} messages a second, each stored,"
                " committed and acknowledged. One worker; half of its time is left to others (HUBBUB_BROADCAST_SHARE)."
            ],
        )
    )
    return report
