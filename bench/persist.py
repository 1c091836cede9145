"""Persisted messages: sent, stored, committed, echoed to the room and acknowledged."""

import contextlib
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

from bench.contestants import CHATS, HUBBUB, STOCK_ASYNCIO, STOCK_UVLOOP
from bench.load import TAG_BYTES, Load, Mode, Run, fault_notes, middle
from bench.report import Chart, Report, Table, number, times
from tests.support.postgres_server import PostgresServer
from tests.support.process import Process, temporary_folder

SQLITE, POSTGRESQL = "SQLite", "PostgreSQL"


@dataclass(frozen=True)
class Options:
    """How much is measured."""

    rounds: int
    seconds: float
    contestants: tuple[str, ...]
    databases: tuple[str, ...] = (SQLITE, POSTGRESQL)
    rooms: int = 8
    members: int = 8
    window: int = 4
    rate: float = 100
    text_bytes: int = 100
    warm: float = 0.5


@contextlib.contextmanager
def databases(names: tuple[str, ...]) -> Iterator[dict[str, tuple[Callable[[bool], str], Process | None]]]:
    """For each database a function that makes a fresh one (with Hubbub's schema or empty), and its server."""
    made: dict[str, tuple[Callable[[bool], str], Process | None]] = {}
    made[SQLITE] = (lambda _migrated: f"sqlite:///{temporary_folder('bench')}/chat.sqlite3", None)
    with contextlib.ExitStack() as stack:
        if POSTGRESQL in names:
            server = PostgresServer(durable=True)
            stack.callback(server.kill)
            server.start()
            made[POSTGRESQL] = (lambda migrated: server.create_database(migrated=migrated), server)
        yield {name: made[name] for name in names}


def measure(name: str, url: str, database: Process | None, options: Options) -> dict[str, Run]:
    """One contestant, freshly started: as many messages as it takes, then a light load."""
    padding = options.text_bytes - TAG_BYTES
    with contextlib.ExitStack() as stack:
        chat = CHATS[name](url, options.rooms)
        stack.callback(chat.process.kill)
        watched = {"server": chat.process.pid} | ({"database": database.pid} if database else {})
        load = stack.enter_context(Load(chat.clients(options.members), event="message:created", until="acks"))
        load.connect()

        def run(mode: Mode, value: float) -> Run:
            return load.run(mode, value, seconds=options.seconds, warm=options.warm, padding=padding, watched=watched)

        return {"full": run("window", options.window), "light": run("rate", options.rate)}


def _row(name: str, found: dict[str, list[Run]], stock: float, stock_cpu: float) -> list[str]:
    full, light = found["full"], found["light"]
    rate = middle(full, lambda run: run.rate)
    cpu = middle(full, lambda run: run.micros("server", run.done))
    has_server = "database" in full[0].cpu
    return [
        name,
        number(rate),
        times(rate, stock),
        number(cpu),
        times(cpu, stock_cpu),
        number(middle(full, lambda run: run.micros("database", run.done))) if has_server else "–",
        number(middle(full, lambda run: run.answers["p50"] / 1000)),
        number(middle(full, lambda run: run.answers["p99"] / 1000)),
        number(middle(light, lambda run: run.micros("server", run.done))),
        number(middle(light, lambda run: run.answers["p50"] / 1000)),
        number(middle(light, lambda run: run.answers["p99"] / 1000)),
    ]


def _table(database: str, found: dict[str, dict[str, list[Run]]], options: Options) -> Table:
    def best(figure: Callable[[Run], float], choose: Callable[[list[float]], float]) -> float:
        stock = [found[name]["full"] for name in (STOCK_ASYNCIO, STOCK_UVLOOP) if name in found]
        return choose([middle(runs, figure) for runs in stock]) if stock else 0.0

    rate = best(lambda run: run.rate, max)
    cpu = best(lambda run: run.micros("server", run.done), min)
    return Table(
        title=f"Persisted messages on {database}, one worker",
        columns=[
            "",
            "messages/s",
            "× stock",
            "CPU µs",
            "× stock",
            f"{database} µs",
            "p50 ms",
            "p99 ms",
            f"CPU µs at {options.rate:g}/s",
            f"p50 ms at {options.rate:g}/s",
            f"p99 ms at {options.rate:g}/s",
        ],
        rows=[_row(name, kinds, rate, cpu) for name, kinds in found.items()],
        notes=fault_notes({name: [*kinds["full"], *kinds["light"]] for name, kinds in found.items()}),
    )


def run(options: Options, machine: dict[str, str], say: Callable[[str], None]) -> Report:
    """Measure every contestant on every database, in turns, and put the medians into tables."""
    report = Report("persist", machine, asdict(options))
    found: dict[str, dict[str, dict[str, list[Run]]]] = {
        database: {name: defaultdict(list) for name in options.contestants} for database in options.databases
    }
    with databases(options.databases) as available:
        for turn in range(options.rounds):
            for database, (make, server) in available.items():
                for name in options.contestants:
                    with report.attempt(name, database):
                        runs = measure(name, make(name == HUBBUB), server, options)
                        full = runs["full"]
                        say(
                            f"{database}, {name}: {number(full.rate)} messages/s, "
                            f"{number(full.micros('server', full.done))} µs each"
                        )
                        for kind, result in runs.items():
                            found[database][name][kind].append(result)
                            sample = {"round": turn, "database": database, "contestant": name, "load": kind}
                            report.samples.append(sample | asdict(result))
                            if name == HUBBUB:
                                report.blame(f"{database}, {kind} load", result.faults)
    for database, attempted in found.items():
        contestants = {name: kinds for name, kinds in attempted.items() if kinds}
        report.tables.append(_table(database, contestants, options))
        report.charts.append(
            Chart(
                f"Persisted messages a second on {database}",
                "messages/s",
                [(name, middle(kinds["full"], lambda run: run.rate)) for name, kinds in contestants.items()],
            )
        )
    return report
