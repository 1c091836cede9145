"""Updates: how long it takes from when somebody publishes until it is seen by those who listen, over each door."""

import contextlib
from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict, dataclass

from bench.contestants import padding, start_hubbub
from bench.load import Load, Run, fault_notes, middle
from bench.report import Report, Table, number
from bench.streams import EVENT, SOCKETS, STREAMS, clients

DOORS = (SOCKETS, STREAMS)
WANTED_MS = 100


@dataclass(frozen=True)
class Options:
    """How much is measured."""

    rounds: int
    seconds: float
    contestants: tuple[str, ...]
    listeners: int = 100
    size: int = 160
    rate: float = 50
    """Events a second."""
    warm: float = 0.5


def measure(name: str, options: Options) -> Run:
    """One door of a server freshly started, under a light load."""
    with contextlib.ExitStack() as stack:
        server = start_hubbub("sqlite:")
        stack.callback(server.kill)
        listening = clients(name, server.port, server.api_key, options.listeners)
        load = stack.enter_context(Load(listening, event=EVENT, until="deliveries", timeout=20))
        load.connect()
        return load.run(
            "rate",
            options.rate,
            seconds=options.seconds,
            warm=options.warm,
            padding=padding(options.size),
            watched={"server": server.pid},
        )


def run(options: Options, machine: dict[str, str], say: Callable[[str], None]) -> Report:
    """Measure each door in turns, and put the medians into one table."""
    report = Report("updates", machine, asdict(options))
    found: dict[str, list[Run]] = defaultdict(list)
    for turn in range(options.rounds):
        for name in options.contestants:
            with report.attempt(name, "updates"):
                result = measure(name, options)
                say(f"{name}: p99 {number(result.delivered['p99'] / 1000)} ms")
                found[name].append(result)
                report.samples.append({"round": turn, "contestant": name} | asdict(result))
                report.blame(name, result.faults)

    def figure(runs: list[Run], key: str) -> float:
        return middle(runs, lambda run: run.delivered[key] / 1000)

    report.tables.append(
        Table(
            title=f"From publishing to seeing, {options.listeners} listeners of a channel, one worker, SQLite",
            columns=["", "p50 ms", "p99 ms", f"under {WANTED_MS} ms at p99"],
            rows=[
                [
                    name,
                    number(figure(runs, "p50")),
                    number(figure(runs, "p99")),
                    "yes" if figure(runs, "p99") < WANTED_MS else "no",
                ]
                for name, runs in found.items()
            ],
            notes=[
                f"A backend publishes {options.rate:g} events of {options.size} bytes a second, each a transaction of "
                "its own; every delivery to every listener is measured, from the moment when the event was due.",
                *fault_notes(found),
            ],
        )
    )
    return report
