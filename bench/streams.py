"""Streams: what an event costs on its way to a channel's server-sent events, beside the same over Socket.IO."""

import contextlib
import json
from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict, dataclass

from bench.contestants import HUBBUB, padding, start_hubbub
from bench.load import Client, Load, Mode, Run, fault_notes, middle
from bench.report import Report, Table, number, times

SOCKETS, STREAMS, MANY = f"{HUBBUB}, Socket.IO", f"{HUBBUB}, streams", f"{HUBBUB}, streams of 7 channels"
DOORS = (SOCKETS, STREAMS, MANY)
CHANNEL = "trip:1:likes"
TOPICS = ("comments", "rating", "likes", "saves", "images", "viewers")
EVENT = "load:said"
SENDERS = 4


@dataclass(frozen=True)
class Options:
    """How much is measured."""

    rounds: int
    seconds: float
    contestants: tuple[str, ...]
    listeners: int = 1000
    size: int = 160
    window: int = 32
    light: float = 20
    """Events a second."""
    warm: float = 0.5


def clients(name: str, port: int, api_key: str, listeners: int) -> list[Client]:
    """Those who publish, as backends that listen as well, and those who only listen."""
    said = json.dumps(["channel:publish", {"channel": CHANNEL, "event": EVENT, "data": "@@"}])
    subscribe = json.dumps(["channel:subscribe", {"channel": CHANNEL}])
    paths = {
        STREAMS: f"/api/subscribe?channel={CHANNEL}",
        MANY: "/api/subscribe?channel=community" + "".join(f"&channel=trip:1:{topic}" for topic in TOPICS),
    }
    backends = [
        Client(port, said, connect=json.dumps({"apiKey": api_key}), join=subscribe, sender=True) for _ in range(SENDERS)
    ]
    if name == SOCKETS:
        return backends + [Client(port, "", join=subscribe, sender=False) for _ in range(listeners)]
    return backends + [Client(port, "", protocol="stream", join=paths[name], sender=False) for _ in range(listeners)]


def measure(name: str, options: Options) -> dict[str, Run]:
    """One door of a server freshly started: saturation, then a light load."""
    with contextlib.ExitStack() as stack:
        server = start_hubbub("sqlite:")
        stack.callback(server.kill)
        listening = clients(name, server.port, server.api_key, options.listeners)
        load = stack.enter_context(Load(listening, event=EVENT, until="deliveries", timeout=20))
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


def _row(name: str, found: dict[str, list[Run]], sockets: dict[str, list[Run]]) -> list[str]:
    row = [name]
    for kind in ("full", "light"):
        cpu = middle(found[kind], lambda run: run.micros("server", run.deliveries))
        beside = middle(sockets[kind], lambda run: run.micros("server", run.deliveries)) if sockets[kind] else 0.0
        row += [number(middle(found[kind], lambda run: run.delivery_rate)), number(cpu), times(cpu, beside)]
    latencies = [
        number(middle(found["light"], lambda run, key=key: run.delivered[key] / 1000)) for key in ("p50", "p99")
    ]
    return row + latencies


def run(options: Options, machine: dict[str, str], say: Callable[[str], None]) -> Report:
    """Measure each door in turns, and put the medians into one table."""
    report = Report("streams", machine, asdict(options))
    found: dict[str, dict[str, list[Run]]] = {name: defaultdict(list) for name in options.contestants}
    for turn in range(options.rounds):
        for name in options.contestants:
            with report.attempt(name, "streams"):
                runs = measure(name, options)
                cpu = ", ".join(
                    f"{number(run.micros('server', run.deliveries))} µs {kind}" for kind, run in runs.items()
                )
                say(f"{name}: {cpu}")
                for kind, result in runs.items():
                    found[name][kind].append(result)
                    report.samples.append({"round": turn, "contestant": name, "load": kind} | asdict(result))
                    report.blame(f"{name}, {kind} load", result.faults)
    nobody: dict[str, list[Run]] = {"full": [], "light": []}
    report.tables.append(
        Table(
            title=f"{options.listeners:,} listeners of a channel, {options.size}-byte events, one worker, SQLite",
            columns=[
                "",
                "saturated: deliveries/s",
                "CPU µs",
                "× Socket.IO",
                "light: deliveries/s",
                "CPU µs",
                "× Socket.IO",
                "p50 ms",
                "p99 ms",
            ],
            rows=[_row(name, kinds, found.get(SOCKETS, nobody)) for name, kinds in found.items() if kinds],
            notes=[
                f"Backends publish, each event a transaction of its own. Saturated: {options.window} events under way; "
                f"light: {options.light:g} events a second.",
                *fault_notes({name: [run for runs in kinds.values() for run in runs] for name, kinds in found.items()}),
            ],
        )
    )
    return report
