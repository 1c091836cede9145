"""Filters: what a change costs whose channel many hear through a few filters, beside the same fan-out without any."""

import contextlib
import json
from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict, dataclass

from bench.contestants import HUBBUB, padding, start_hubbub
from bench.load import Client, Load, Mode, Run, fault_notes, middle
from bench.report import Report, Table, number, times
from tests.support.process import temporary_folder

WITHOUT = f"{HUBBUB}, a collection for each tenth"
WITH = f"{HUBBUB}, one collection, a filter for each tenth"
CONTESTANTS = (WITHOUT, WITH)
PARTS = 10
CHANGED = "record:changed"


@dataclass(frozen=True)
class Options:
    """How much is measured."""

    rounds: int
    seconds: float
    contestants: tuple[str, ...]
    subscribers: int = 10_000
    size: int = 160
    window: int = 16
    light: float = 20
    """Changes a second."""
    warm: float = 0.5


def _collections() -> str:
    """The path of a file that declares as many collections as there are parts."""
    path = temporary_folder("filters") / "collections.toml"
    places = [f'[collections.notes{part}]\nread = "public"\nwrite = "signed-in"\n' for part in range(PARTS)]
    path.write_text("\n".join(places), encoding="utf-8")
    return str(path)


def _clients(name: str, port: int, api_key: str, subscribers: int) -> list[Client]:
    """Of each part a backend that writes what this part hears, and hears it as well, and those who only hear."""
    backend = json.dumps({"apiKey": api_key})
    clients = []
    for part in range(PARTS):
        collection = "notes0" if name == WITH else f"notes{part}"
        wanted = {"channel": f"collection:{collection}"} | ({"filter": f"part=eq.{part}"} if name == WITH else {})
        join = json.dumps(["channel:subscribe", wanted])
        data = {"part": part, "text": "@@"}
        said = json.dumps(["record:upsert", {"collection": collection, "id": "##", "data": data}])
        clients.append(Client(port, said, connect=backend, join=join, room=part, sender=True))
        others = subscribers // PARTS - 1
        clients += [Client(port, said, join=join, room=part, sender=False) for _ in range(others)]
    return clients


def measure(name: str, options: Options) -> dict[str, Run]:
    """A server freshly started: saturation, then a light load."""
    with contextlib.ExitStack() as stack:
        server = start_hubbub("sqlite:", HUBBUB_COLLECTIONS=_collections())
        stack.callback(server.kill)
        clients = _clients(name, server.port, server.api_key, options.subscribers)
        load = stack.enter_context(Load(clients, event=CHANGED, until="deliveries", timeout=30))
        load.connect()

        def run(mode: Mode, value: float) -> Run:
            return load.run(
                mode,
                value,
                seconds=options.seconds,
                warm=options.warm,
                padding=padding(options.size),
                watched={"server": server.pid},
            )

        return {"full": run("window", options.window), "light": run("rate", options.light)}


def _row(name: str, found: dict[str, list[Run]], plain: dict[str, list[Run]]) -> list[str]:
    row = [name]
    for kind in ("full", "light"):
        cpu = middle(found[kind], lambda run: run.micros("server", run.deliveries))
        change = middle(found[kind], lambda run: run.micros("server", run.done))
        beside = middle(plain[kind], lambda run: run.micros("server", run.deliveries)) if plain[kind] else 0.0
        row += [number(middle(found[kind], lambda run: run.delivery_rate)), number(change), number(cpu)]
        row += [times(cpu, beside)]
    return row


def run(options: Options, machine: dict[str, str], say: Callable[[str], None]) -> Report:
    """Measure both in turns, and put the medians into one table."""
    report = Report("filters", machine, asdict(options))
    found: dict[str, dict[str, list[Run]]] = {name: defaultdict(list) for name in options.contestants}
    for turn in range(options.rounds):
        for name in options.contestants:
            with report.attempt(name, "filters"):
                runs = measure(name, options)
                costs = ", ".join(
                    f"{number(each.micros('server', each.done))} µs a change {kind}" for kind, each in runs.items()
                )
                say(f"{name}: {costs}")
                for kind, result in runs.items():
                    found[name][kind].append(result)
                    report.samples.append({"round": turn, "contestant": name, "load": kind} | asdict(result))
                    report.blame(f"{name}, {kind} load", result.faults)
    nobody: dict[str, list[Run]] = {"full": [], "light": []}
    report.tables.append(
        Table(
            title=f"{options.subscribers:,} subscribers of whom a tenth hears each change of a record, SQLite",
            columns=[
                "",
                "saturated: deliveries/s",
                "CPU µs a change",
                "a delivery",
                "× no filter",
                "light: deliveries/s",
                "CPU µs a change",
                "a delivery",
                "× no filter",
            ],
            rows=[_row(name, kinds, found.get(WITHOUT, nobody)) for name, kinds in found.items() if kinds],
            notes=[
                f"A change is a new record, written by a backend in a transaction of its own; {PARTS} filters are asked"
                f" about it, and {options.subscribers // PARTS:,} hear it. Saturated: {options.window} changes under"
                f" way; light: {options.light:g} a second.",
                *fault_notes({name: [run for runs in kinds.values() for run in runs] for name, kinds in found.items()}),
            ],
        )
    )
    return report
