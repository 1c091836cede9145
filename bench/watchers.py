"""Watchers: what it costs that many people are told of one person's presence, against the engine's bare fan-out."""

import contextlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bench.contestants import BROADCASTERS, HUBBUB, auth, padding, start_hubbub
from bench.fanout import members
from bench.load import TAG_BYTES, Client, Load, Run, middle
from bench.report import Report, Table, number, times
from tests.support.process import free_port

WATCHED = "watched"
BARE = "the engine alone, messages of the same size"
TOLD = "presence:changed"
# The packet of a presence:changed without what the activity says.
PACKET_BYTES = 395
WARM_SECONDS = 0.5


@dataclass(frozen=True)
class Options:
    """How much is measured."""

    rounds: int
    watchers: int
    seconds: float
    rate: float = 30
    """Changes a second."""


def _packets(load: Load, options: Options, size: int, server: int) -> Run:
    """So many changes a second, each heard by everyone."""
    watched = {"server": server}
    return load.run("rate", options.rate, seconds=options.seconds, warm=WARM_SECONDS, padding=size, watched=watched)


def measure_presence(options: Options) -> Run:
    """One person does something else, again and again, and everybody else watches them."""
    join = json.dumps(["channel:subscribe", {"channel": f"presence:{WATCHED}"}], separators=(",", ":"))
    send = json.dumps(["presence:update", {"status": "online", "activity": "@@"}], separators=(",", ":"))
    with contextlib.ExitStack() as stack:
        # Every change is told at once, for else there would be one a second.
        hubbub = start_hubbub("sqlite", HUBBUB_PRESENCE_SIGNAL_SECONDS="0.0001")
        stack.callback(hubbub.kill)
        clients = [Client(hubbub.port, send, connect=auth(WATCHED), join=join)]
        clients += [
            Client(hubbub.port, send, connect=auth(f"watcher-{each}"), join=join, sender=False)
            for each in range(options.watchers - 1)
        ]
        load = stack.enter_context(Load(clients, event=TOLD, until="deliveries", timeout=20))
        load.connect()
        return _packets(load, options, 0, hubbub.pid)


def measure_bare(options: Options) -> Run:
    """As many hear as many bytes of the engine, with nothing of Hubbub behind it."""
    broadcaster = BROADCASTERS[HUBBUB]
    port = free_port()
    with contextlib.ExitStack() as stack:
        server = broadcaster.start(port)
        stack.callback(server.kill)
        clients = members(broadcaster, [port], options.watchers)
        load = stack.enter_context(Load(clients, event="said", until="deliveries", timeout=20))
        load.connect()
        return _packets(load, options, padding(PACKET_BYTES + TAG_BYTES), server.pid)


MEASURED: dict[str, Callable[[Options], Run]] = {"a presence change": measure_presence, BARE: measure_bare}


def run(options: Options, report: Report, say: Callable[[str], None]) -> Table:
    """Measure both in turns; the table of the medians."""
    found: dict[str, list[Run]] = {name: [] for name in MEASURED}
    for turn in range(options.rounds):
        for name, measure in MEASURED.items():
            with report.attempt(HUBBUB, f"{name}, {options.watchers:,} watchers"):
                measured = measure(options)
                say(f"{name}: {measured.micros('server', measured.deliveries):.2f} µs a watcher")
                found[name].append(measured)
                sample: dict[str, Any] = {"deliveries": measured.deliveries, "cpu": measured.cpu["server"]}
                report.samples.append({"round": turn, "name": name, "watchers": options.watchers} | sample)

    def cost(name: str) -> float:
        return middle(found[name], lambda run: run.micros("server", run.deliveries))

    return Table(
        title=f"Somebody's presence changes, and {options.watchers:,} people watch, {options.rate:g} times a second",
        columns=["", "CPU µs a watcher", "against the engine", "p50 ms", "p99 ms"],
        rows=[
            [
                name,
                number(cost(name)),
                times(cost(name), cost(BARE)) if found[BARE] else "–",
                number(middle(found[name], lambda run: run.delivered["p50"] / 1000)),
                number(middle(found[name], lambda run: run.delivered["p99"] / 1000)),
            ]
            for name in MEASURED
            if found[name]
        ],
        notes=[
            "A change is an action through Socket.IO, read anew from the leases and the database, and told at once"
            " (HUBBUB_PRESENCE_SIGNAL_SECONDS=0.0001)."
        ],
    )
