"""Comments: whether a page of them takes longer where there are many."""

import asyncio
import contextlib
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from statistics import median, quantiles

import aiohttp
from sqlalchemy import insert, text

from bench.contestants import HUBBUB, start_hubbub, token
from bench.machine import cpu_seconds
from bench.persist import POSTGRESQL, SQLITE, databases
from bench.report import Report, Table, number
from models.database import Database
from models.engagement import engagement
from server.setting_urls import database_url
from tests.support.hubbub import Hubbub

FILL_SECONDS = 600.0
PEOPLE = 1000
READER = "person-1"
# One in so many is an answer to the first comment, and one in so many waits for a moderator.
ANSWERS, PENDING = 10, 25

# A million rows as parameters would take longer than the measurement.
_NUMBERS = {
    "sqlite": "WITH RECURSIVE g(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM g WHERE n < :count) SELECT {} FROM g",
    "postgresql": "SELECT {} FROM generate_series(1, CAST(:count AS integer)) AS g(n)",
}


@dataclass(frozen=True)
class Options:
    """How much is measured."""

    rounds: int
    seconds: float
    sizes: Sequence[int] = (100, 1_000_000)
    databases: tuple[str, ...] = (SQLITE, POSTGRESQL)


def _entity(size: int) -> str:
    return f"with-{size}"


async def fill(database: Database, sizes: Sequence[int]) -> None:
    """Write people, and for each size an entity with so many comments."""
    now = "now()" if database.dialect == "postgresql" else "'2026-11-21T01:02:03.456Z'"
    numbers = _NUMBERS[database.dialect]
    people = numbers.format(f"'person-' || (n - 1), 'Somebody', {now}, {now}")
    author = f"'person-' || (n % {PEOPLE})"
    async with database.write() as conn:
        await conn.execute(
            text(f"INSERT INTO users (id, name, created_at, updated_at) {people}"),
            {"count": PEOPLE},
        )
        for size in sizes:
            entity = f"trip:{_entity(size)}"
            name = f"'{_entity(size)}-'"
            row = ", ".join(
                (
                    f"{name} || n",
                    f"'{entity}'",
                    "n",
                    author,
                    f"CASE n % {ANSWERS} WHEN 2 THEN {name} || 1 END",
                    "'It was lovely there, and the food was good.'",
                    f"CASE n % {PENDING} WHEN 3 THEN 'pending' ELSE 'approved' END",
                    now,
                )
            )
            columns = "id, entity, position, user_id, parent_id, body, status, created_at"
            await conn.execute(
                text(f"INSERT INTO comments ({columns}) {numbers.format(row)}"),
                {"count": size},
            )
            await conn.execute(insert(engagement), [{"entity": entity, "comment_seq": size, "comment_count": size}])
        await conn.execute(text("ANALYZE"))


def _pages(size: int) -> dict[str, str]:
    """What is asked of an entity, by name: the paths."""
    entity = _entity(size)
    path = f"/api/trip/{entity}/comments"
    return {
        "the newest 40": f"{path}?limit=40",
        "the 40 before the middle": f"{path}?limit=40&before={entity}-{size // 2}",
        "the 40 after the middle": f"{path}?limit=40&after={entity}-{size // 2}",
        "10 answers to one": f"{path}?limit=10&parentId={entity}-1",
    }


async def _ask(session: aiohttp.ClientSession, url: str, count: int | None, seconds: float) -> list[float]:
    """How long each answer took, in ms: ``count`` of them, or as many as ``seconds`` have."""
    taken: list[float] = []
    end = time.perf_counter() + seconds
    while len(taken) < count if count is not None else time.perf_counter() < end:
        began = time.perf_counter()
        async with session.get(url) as response:
            body = await response.json()
        taken.append((time.perf_counter() - began) * 1000)
        assert body["ok"], body
        assert body["data"]["comments"], url
    return taken


async def measure(server: Hubbub, options: Options, size: int) -> dict[str, dict[str, float]]:
    """One entity: for each page p50 and p99 in ms, and the server's CPU for one in µs."""
    found = {}
    headers = {"Authorization": f"Bearer {token(READER)}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        for name, path in _pages(size).items():
            await _ask(session, server.url + path, 10, 0)
            cpu = cpu_seconds(server.pid)
            taken = await _ask(session, server.url + path, None, options.seconds)
            micros = (cpu_seconds(server.pid) - cpu) / len(taken) * 1e6
            found[name] = {"p50": median(taken), "p99": quantiles(taken, n=100)[98], "cpu_micros": micros}
    return found


def run(options: Options, machine: dict[str, str], say: Callable[[str], None]) -> Report:
    """Measure each size on each database, in turns."""
    report = Report("comments", machine, asdict(options))
    found: dict[str, dict[tuple[int, str], dict[str, list[float]]]] = {}
    with databases(options.databases) as available, contextlib.ExitStack() as stack:
        for name, (make, _) in available.items():
            with report.attempt(HUBBUB, name):
                url = "sqlite:" if name == SQLITE else make(True)
                server = start_hubbub(url)
                stack.callback(server.kill)
                stored = f"sqlite:///{server.folder / 'hubbub.db'}" if name == SQLITE else url
                asyncio.run(_filled(database_url(stored), options.sizes))
                say(f"{name}: {' and '.join(f'{size:,}' for size in options.sizes)} comments are there")
                figures = found.setdefault(name, defaultdict(lambda: defaultdict(list)))
                for turn in range(options.rounds):
                    for size in options.sizes:
                        for page, result in asyncio.run(measure(server, options, size)).items():
                            report.samples.append(
                                {"round": turn, "database": name, "size": size, "page": page} | result
                            )
                            for key, value in result.items():
                                figures[size, page][key].append(value)
    report.tables += [_table(name, figures) for name, figures in found.items()]
    return report


async def _filled(url: str, sizes: Sequence[int]) -> None:
    database = Database(url, timeout=FILL_SECONDS)
    try:
        await fill(database, sizes)
    finally:
        await database.close()


def _table(database: str, figures: dict[tuple[int, str], dict[str, list[float]]]) -> Table:
    return Table(
        title=f"Pages of comments on {database}, over HTTP",
        columns=["", "of how many", "p50 ms", "p99 ms", "CPU µs"],
        rows=[
            [page, f"{size:,}", *(number(median(result[key])) for key in ("p50", "p99", "cpu_micros"))]
            for (size, page), result in sorted(figures.items(), key=lambda each: (each[0][1], each[0][0]))
        ],
        notes=["One after the other on one connection, by somebody signed in, so that JSON and HTTP are in it."],
    )
