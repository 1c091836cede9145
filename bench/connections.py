"""Connection storms, and what an idle connection costs."""

import contextlib
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from bench.contestants import BROADCASTERS, auth, start_hubbub
from bench.load import Client, Load
from bench.machine import cpu_seconds, resident_bytes
from bench.report import Report, Table, number
from tests.support.process import Process, free_port

WHOLE_HUBBUB = "Hubbub, the whole server"
FIRST = 100
"""Connections before the counted ones: the first few load code and fill caches."""
SETTLE_SECONDS = 1


@dataclass(frozen=True)
class Options:
    """How much is measured."""

    rounds: int
    contestants: tuple[str, ...]
    connections: int = 2000
    concurrency: int = 256


def _start(name: str, count: int) -> tuple[Process, list[Client]]:
    users = [auth(f"user-{number}") for number in range(count)]
    if name == WHOLE_HUBBUB:
        hubbub = start_hubbub("sqlite:")
        return hubbub, [Client(hubbub.port, "[]", connect=user) for user in users]
    port = free_port()
    broadcaster = BROADCASTERS[name]
    return broadcaster.start(port), [broadcaster.client(port, connect=user, sender=True) for user in users]


def measure(name: str, options: Options) -> dict[str, Any]:
    """One contestant, freshly started: connect them all, then let them idle."""
    with contextlib.ExitStack() as stack:
        server, clients = _start(name, FIRST + options.connections)
        stack.callback(server.kill)
        load = stack.enter_context(
            Load(clients, event="", until="deliveries", concurrency=options.concurrency, timeout=30)
        )
        load.connect(FIRST)
        time.sleep(SETTLE_SECONDS)
        memory, cpu = resident_bytes(server.pid), cpu_seconds(server.pid)
        storm = load.connect()
        cpu = cpu_seconds(server.pid) - cpu
        time.sleep(SETTLE_SECONDS)
        return {
            "connections_per_second": options.connections / storm["seconds"],
            "cpu_micros": cpu / options.connections * 1e6,
            "p50": storm["connects"]["p50"],
            "p99": storm["connects"]["p99"],
            "bytes": (resident_bytes(server.pid) - memory) / options.connections,
        }


def run(options: Options, machine: dict[str, str], say: Callable[[str], None]) -> Report:
    """Measure every contestant in turns, and put the medians into one table."""
    report = Report("connections", machine, asdict(options))
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in options.contestants}
    for turn in range(options.rounds):
        for name in options.contestants:
            with report.attempt(name, "connections"):
                result = measure(name, options)
                say(f"{name}: {number(result['cpu_micros'])} µs and {number(result['bytes'] / 1000)} kB a connection")
                found[name].append(result)
                report.samples.append({"round": turn, "contestant": name} | result)

    def middle(name: str, key: str) -> float:
        return median(result[key] for result in found[name])

    report.tables.append(
        Table(
            title=f"{options.connections:,} connections, {options.concurrency} at a time",
            columns=["", "connections/s", "CPU µs each", "p50 ms", "p99 ms", "idle kB each"],
            rows=[
                [
                    name,
                    number(middle(name, "connections_per_second")),
                    number(middle(name, "cpu_micros")),
                    number(middle(name, "p50") / 1000),
                    number(middle(name, "p99") / 1000),
                    number(middle(name, "bytes") / 1000),
                ]
                for name in options.contestants
                if found[name]
            ],
            notes=[
                "Over WebSocket; all but ws and C check a token and join a room. Resident memory of the process, "
                f"{SETTLE_SECONDS} s after the storm.",
            ],
        )
    )
    return report
