"""Two workers through Redis: sharing a room, and with the room on one of them only."""

import contextlib
from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict, dataclass

from bench.contestants import BROADCASTERS, HUBBUB_EMIT, padding
from bench.fanout import Case, light_rate, members, window
from bench.load import Load, Run, fault_notes, middle
from bench.machine import cores
from bench.report import Report, Table, number, times
from tests.support.process import Process, free_port
from tests.support.redis_server import RedisServer

ALONE, APART, SHARED, FULL = "alone", "apart", "shared", "full"


@dataclass(frozen=True)
class Options:
    """How much is measured."""

    rounds: int
    seconds: float
    contestants: tuple[str, ...]
    case: Case
    light: float = 20_000
    """Deliveries a second; less than in the other scenarios, as two workers may have to share a core."""
    light_stock: float = 10_000
    warm: float = 0.5


def measure(name: str, redis: RedisServer, options: Options) -> dict[str, Run]:
    """One contestant: alone without Redis; then two workers, the room on one of them, and on both."""
    broadcaster = BROADCASTERS[name]
    light = light_rate(name, options.light, options.light_stock) / options.case.members
    first, second = free_port(), free_port()

    def run(watched: dict[str, Process], ports: list[int], *, full: bool = False) -> Run:
        clients = members(broadcaster, ports, options.case.members)
        # Nobody's worker would have no reason to listen to Redis at all; its one client is in another room.
        clients += [broadcaster.bystander(second)] if second not in ports and "second" in watched else []
        with Load(clients, event="said", until="deliveries", timeout=20) as load:
            load.connect()
            return load.run(
                "window" if full else "rate",
                window(options.case) if full else light,
                seconds=options.seconds,
                warm=options.warm,
                padding=padding(options.case.size),
                watched={key: process.pid for key, process in watched.items()},
            )

    with contextlib.ExitStack() as stack:
        worker = broadcaster.start(first)
        stack.callback(worker.kill)
        alone = run({"first": worker}, [first])
    with contextlib.ExitStack() as stack:
        watched: dict[str, Process] = {"redis": redis}
        for key, port, core in (("first", first, cores().server), ("second", second, cores().second)):
            watched[key] = broadcaster.start(port, redis.url, core)
            stack.callback(watched[key].kill)
        return {
            ALONE: alone,
            APART: run(watched, [first]),
            SHARED: run(watched, [first, second]),
            FULL: run(watched, [first, second], full=True),
        }


def _row(name: str, found: dict[str, list[Run]]) -> list[str]:
    def cpu(kind: str) -> float:
        workers = ("first",) if kind == ALONE else ("first", "second")
        return middle(found[kind], lambda run: sum(run.micros(key, run.deliveries) for key in workers))

    def p99(kind: str) -> float:
        return middle(found[kind], lambda run: run.delivered["p99"] / 1000)

    return [
        name,
        number(p99(ALONE)),
        number(p99(SHARED)),
        times(p99(SHARED), p99(ALONE)),
        number(cpu(ALONE)),
        number(cpu(SHARED)),
        number(middle(found[APART], lambda run: run.micros("second", run.done))),
        number(middle(found[SHARED], lambda run: run.micros("redis", run.done))),
        number(middle(found[FULL], lambda run: run.delivery_rate)),
        number(cpu(FULL)),
    ]


def run(options: Options, machine: dict[str, str], say: Callable[[str], None]) -> Report:
    """Measure every contestant in turns, and put the medians into one table."""
    report = Report("workers", machine, asdict(options))
    found: dict[str, dict[str, list[Run]]] = {name: defaultdict(list) for name in options.contestants}
    with contextlib.ExitStack() as stack:
        redis = RedisServer()
        stack.callback(redis.kill)
        redis.start()
        for turn in range(options.rounds):
            for name in options.contestants:
                with report.attempt(name, "two workers"):
                    runs = measure(name, redis, options)
                    p99 = ", ".join(f"{number(run.delivered['p99'] / 1000)} ms {kind}" for kind, run in runs.items())
                    say(f"{name}: p99 {p99}")
                    for kind, result in runs.items():
                        found[name][kind].append(result)
                        report.samples.append({"round": turn, "contestant": name, "layout": kind} | asdict(result))
                        if name == HUBBUB_EMIT:
                            report.blame(f"two workers, {kind}", result.faults)
    report.tables.append(
        Table(
            title=f"Two workers through Redis, {options.case}",
            columns=[
                "",
                "p99 ms alone",
                "p99 ms of two",
                "ratio",
                "CPU µs alone",
                "CPU µs of two",
                "µs of a worker without members, a message",
                "Redis µs, a message",
                "deliveries/s, saturated",
                "CPU µs, saturated",
            ],
            rows=[_row(name, kinds) for name, kinds in found.items() if kinds],
            notes=[
                f"Light load of {options.light:,.0f} deliveries a second (python-socketio {options.light_stock:,.0f}) "
                "unless saturated; CPU of both workers for a delivery.",
                *(["Both workers had to share one core."] if cores().second == cores().server else []),
                *fault_notes({name: [run for runs in kinds.values() for run in runs] for name, kinds in found.items()}),
            ],
        )
    )
    return report
