"""Documents: people who type in one text, beside the engine alone; and opening a text of many edits."""

import asyncio
import json
import random
import sqlite3
import subprocess
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import aiohttp

from bench.contestants import BROADCASTERS, HUBBUB_EMIT, auth, python, start_hubbub, token
from bench.load import LoadError
from bench.machine import cores, cpu_seconds, on_core, resident_bytes
from bench.report import Report, Table, number, times
from models.ids import new_id
from server.document_program import fold
from tests.support.hubbub import Hubbub
from tests.support.process import free_port
from tests.support.updates import Pad

DOCUMENTS, ENGINE = "Hubbub, documents", "its engine alone"
OWNER = "user-0"


@dataclass(frozen=True)
class Options:
    """How much is measured."""

    rounds: int
    seconds: float
    editors: int = 50
    rate: float = 5
    """Edits a second of each editor."""
    edits: int = 10_000
    """Edits of the document that is opened."""
    copies: int = 40
    """Documents of as many edits, each opened once: memory is measured by many."""


def _begin(hubbub: Hubbub) -> str:
    """A document that everybody may write; its id."""

    async def make() -> str:
        made = await hubbub.rest("POST", "/api/documents", {"title": "Bench"}, token=token(OWNER))
        document_id: str = made.body["data"]["id"]
        await hubbub.rest("PUT", f"/api/documents/{document_id}/access", {"everyone": "write"}, token=token(OWNER))
        return document_id

    return asyncio.run(make())


def _type(port: int, pid: int, plans: list[dict[str, Any]], options: Options) -> dict[str, float]:
    """Let editors type at a server; what the generator reports, and the server's CPU meanwhile."""
    command = python("document_load", str(port), str(options.editors), str(options.rate), str(options.seconds))
    generator = subprocess.Popen(
        on_core(cores().generator, command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert generator.stdin is not None
    assert generator.stdout is not None
    with generator:
        generator.stdin.write(json.dumps(plans) + "\n")
        generator.stdin.flush()
        if generator.stdout.readline() != "begin\n":
            raise LoadError("the editors could not begin")
        before = cpu_seconds(pid)
        line = generator.stdout.readline()
        spent = cpu_seconds(pid) - before
    found: dict[str, float] = json.loads(line)
    return found | {"server": spent}


def _typing(name: str, options: Options) -> dict[str, float]:
    """One contestant freshly started."""
    if name == ENGINE:
        port = free_port()
        program = BROADCASTERS[HUBBUB_EMIT].start(port)
        try:
            say = '["say",{"update":@}]'
            plans = [{"auth": auth(f"user-{n}"), "join": "", "send": say} for n in range(options.editors)]
            return _type(port, program.pid, plans, options)
        finally:
            program.kill()
    hubbub = start_hubbub("sqlite:")
    try:
        document = _begin(hubbub)
        join = json.dumps(["document:open", {"documentId": document}])
        send = f'["document:update",{{"documentId":"{document}","update":@}}]'
        plans = [{"auth": auth(f"user-{n}"), "join": join, "send": send} for n in range(options.editors)]
        return _type(hubbub.port, hubbub.pid, plans, options)
    finally:
        hubbub.kill()


def state_of(edits: int) -> bytes:
    """The folded state of a text that was written by so many edits, letter by letter at places all over it."""
    chance, pad = random.Random(edits), Pad()
    updates = []
    for _ in range(edits):
        size = len(pad.text)
        if chance.random() < 0.8 or not size:
            updates.append(pad.write(chance.choice("abcdefgh "), chance.randint(0, size)))
        else:
            updates.append(pad.erase(chance.randrange(size), 1))
    return fold([b"\0\0", *updates])[0]


def _fill(hubbub: Hubbub, document_id: str, state: bytes, copies: int) -> list[str]:
    """Copies of a document with that state, written into the stopped server's database; their ids."""
    found = []
    with sqlite3.connect(Path(hubbub.folder) / "hubbub.db") as database:
        columns = [row[1] for row in database.execute("PRAGMA table_info(documents)")]
        asked = f"SELECT {', '.join(columns)} FROM documents WHERE id = ?"
        row = dict(zip(columns, database.execute(asked, (document_id,)).fetchone(), strict=True))
        for _ in range(copies):
            copy = row | {"id": new_id(), "size": len(state)}
            marks = ", ".join("?" * len(columns))
            database.execute(f"INSERT INTO documents VALUES ({marks})", [copy[name] for name in columns])
            database.execute("INSERT INTO document_states VALUES (?, '', ?)", (copy["id"], state))
            found.append(copy["id"])
    return found


def _opening(options: Options, state: bytes) -> dict[str, float]:
    """Open each of many documents once, and one of them again and again."""
    hubbub = start_hubbub("sqlite:")
    try:
        document_id = _begin(hubbub)
        hubbub.terminate()
        found = _fill(hubbub, document_id, state, options.copies + 1)
        hubbub.start()
        return asyncio.run(_open_all(hubbub, found, options))
    finally:
        hubbub.kill()


async def _open_all(hubbub: Hubbub, ids: list[str], options: Options) -> dict[str, float]:
    url = f"{hubbub.url}/socket.io/?EIO=4&transport=websocket"
    async with aiohttp.ClientSession() as session, session.ws_connect(url, max_msg_size=0) as socket:
        await socket.receive()
        await socket.send_str("40" + auth(OWNER))
        await socket.receive()

        async def visit(document_id: str) -> None:
            for event in ("document:open", "document:close"):
                await socket.send_str(f"427{json.dumps([event, {'documentId': document_id}])}")
                while True:
                    message = await socket.receive()
                    if message.type == aiohttp.WSMsgType.TEXT and message.data.startswith(("437", "461-7", "462-7")):
                        break
                    if message.type == aiohttp.WSMsgType.TEXT and message.data == "2":
                        await socket.send_str("3")

        # The first one pays for what is loaded once.
        await visit(ids[0])
        before, memory = cpu_seconds(hubbub.pid), resident_bytes(hubbub.pid)
        for document_id in ids[1:]:
            await visit(document_id)
        first, grown = cpu_seconds(hubbub.pid) - before, resident_bytes(hubbub.pid) - memory
        before = cpu_seconds(hubbub.pid)
        for _ in range(options.copies):
            await visit(ids[1])
        again = cpu_seconds(hubbub.pid) - before
    return {"first": first / options.copies, "again": again / options.copies, "memory": grown / options.copies}


def run(options: Options, machine: dict[str, str], say: Callable[[str], None]) -> Report:
    """Measure typing and opening in turns, and put the medians into two tables."""
    report = Report("documents", machine, asdict(options))
    typing: dict[str, list[dict[str, float]]] = {DOCUMENTS: [], ENGINE: []}
    opening: list[dict[str, float]] = []
    state = state_of(options.edits)
    for turn in range(options.rounds):
        for name, runs in typing.items():
            with report.attempt(name, "documents"):
                found = _typing(name, options)
                say(f"{name}: {number(_micros(found))} µs a delivery")
                runs.append(found)
                report.samples.append({"round": turn, "contestant": name} | found)
                lost = int(found["expected"] - found["deliveries"])
                report.blame(name, {"edits not delivered": lost} if lost and name == DOCUMENTS else {})
        with report.attempt(DOCUMENTS, "opening"):
            opened = _opening(options, state)
            say(f"{DOCUMENTS}: {number(opened['first'] * 1000)} ms to open")
            opening.append(opened)
            report.samples.append({"round": turn, "contestant": "opening"} | opened)
    report.tables += [_of_typing(options, typing), _of_opening(options, opening, len(state))]
    return report


def _micros(found: dict[str, float]) -> float:
    return found["server"] / found["deliveries"] * 1e6


def _median(runs: list[dict[str, float]], figure: Callable[[dict[str, float]], float]) -> float:
    return sorted(map(figure, runs))[len(runs) // 2]


def _of_typing(options: Options, typing: dict[str, list[dict[str, float]]]) -> Table:
    engine = _median(typing[ENGINE], _micros) if typing[ENGINE] else 0.0
    rows = [
        [
            name,
            number(_median(runs, lambda found: found["deliveries"] / options.seconds)),
            number(_median(runs, _micros)),
            times(_median(runs, _micros), engine),
            number(_median(runs, lambda found: found["p50"] * 1000)),
            number(_median(runs, lambda found: found["p99"] * 1000)),
        ]
        for name, runs in typing.items()
        if runs
    ]
    return Table(
        title=f"{options.editors} people type {options.rate:g} letters a second each in one document, SQLite",
        columns=["", "deliveries/s", "CPU µs", "× engine", "p50 ms", "p99 ms"],
        rows=rows,
        notes=[
            "Hubbub checks each edit and its writer, numbers and commits it, shows it to all and saves the text; the"
            " program that applies edits is counted. The engine repeats what it is sent to all.",
            "The generator is written in Python; at high load latencies are its own as well.",
        ],
    )


def _of_opening(options: Options, opening: list[dict[str, float]], size: int) -> Table:
    rows = [
        [
            "Hubbub",
            number(_median(opening, lambda found: found["first"] * 1000)),
            number(_median(opening, lambda found: found["again"] * 1000)),
            number(_median(opening, lambda found: found["memory"]) / 1000),
            number(size / 1000),
            times(_median(opening, lambda found: found["memory"]), size),
        ]
    ]
    return Table(
        title=f"Opening and closing a document of {options.edits:,} edits at places all over it, SQLite",
        columns=["", "first: CPU ms", "again: CPU ms", "memory kB", "compacted kB", "×"],
        rows=rows if opening else [],
        notes=[f"Memory: what the server grew by, each of {options.copies} documents opened once."],
    )
