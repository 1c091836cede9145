"""Fan-out: what one client says, everyone in the room hears."""

import contextlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from bench.contestants import BROADCASTERS, HUBBUB, HUBBUB_EMIT, STOCK_ASYNCIO, STOCK_UVLOOP, Broadcaster, auth, padding
from bench.load import Client, Load, Mode, Run, fault_notes, middle
from bench.report import Chart, Report, Table, number, times
from tests.support.process import free_port

SENDERS = 8
UNDER_WAY = 32_000
"""Deliveries kept under way at saturation, as far as BYTES_UNDER_WAY and the bounds of a window allow."""
BYTES_UNDER_WAY = 64_000_000
LARGEST_WINDOW = 256
BUSY = 1 / 8
"""Share of what is under way at saturation that still keeps every server busy, with less to send in one go."""
COMFORT = 0.8
"""Share of a core up to which a server is asked for the light load, going by what a delivery costs it when busy."""

UNDISTURBED = 0.9
"""Share of its core that a saturated server has when nothing else runs there."""


@dataclass(frozen=True)
class Case:
    """A room and the messages in it."""

    members: int
    size: int

    def __str__(self) -> str:
        return f"{self.members:,} members, {self.size:,}-byte messages"


@dataclass(frozen=True)
class Options:
    """How much is measured."""

    rounds: int
    seconds: float
    contestants: tuple[str, ...]
    cases: tuple[Case, ...]
    light: float = 50_000
    """Deliveries a second."""
    light_stock: float = 20_000
    warm: float = 0.5


def light_rate(name: str, usual: float, stock: float) -> float:
    """Deliveries a second of the light load; the stock server can't take what is light for the others."""
    return stock if name in {STOCK_ASYNCIO, STOCK_UVLOOP} else usual


def window(case: Case, share: float = 1) -> int:
    """How many messages are kept under way at saturation, or at a share of that."""
    deliveries = min(UNDER_WAY, BYTES_UNDER_WAY / case.size)
    return round(max(2, share * min(LARGEST_WINDOW, deliveries / case.members)))


def members(broadcaster: Broadcaster, ports: Sequence[int], count: int) -> list[Client]:
    """The room's members, spread over the servers; the first ones send."""
    credentials = auth("member")
    return [
        broadcaster.client(ports[i % len(ports)], connect=credentials, sender=i < min(SENDERS, count))
        for i in range(count)
    ]


def measure(name: str, case: Case, options: Options) -> dict[str, Run]:
    """One contestant, freshly started: saturation, then the light load if it can take that."""
    broadcaster = BROADCASTERS[name]
    port = free_port()
    with contextlib.ExitStack() as stack:
        server = broadcaster.start(port)
        stack.callback(server.kill)
        clients = members(broadcaster, [port], case.members)
        load = stack.enter_context(Load(clients, event="said", until="deliveries", timeout=20))
        load.connect()

        def run(mode: Mode, value: float) -> Run:
            return load.run(
                mode,
                value,
                seconds=options.seconds,
                warm=options.warm,
                padding=padding(case.size),
                watched={"server": server.pid},
            )

        runs = {"full": run("window", window(case)), "busy": run("window", window(case, BUSY))}
        light = light_rate(name, options.light, options.light_stock)
        if light * _cpu([runs["busy"]]) < COMFORT * 1e6:
            runs["light"] = run("rate", light / case.members)
        return runs


def _measured(found: dict[str, dict[str, list[Run]]]) -> dict[str, dict[str, list[Run]]]:
    """Those who have figures."""
    return {name: kinds for name, kinds in found.items() if kinds}


def _share(run: Run) -> float:
    """How much of its core the server had."""
    return run.cpu["server"] / run.seconds


def _cpu(runs: list[Run]) -> float:
    return middle(runs, lambda run: run.micros("server", run.deliveries)) if runs else 0.0


def _row(name: str, found: dict[str, list[Run]], hubbub: dict[str, list[Run]]) -> list[str]:
    row = [name]
    for kind in ("full", "busy"):
        cpu = _cpu(found[kind])
        row += [number(middle(found[kind], lambda run: run.delivery_rate)), number(cpu), times(cpu, _cpu(hubbub[kind]))]
    light = found["light"]
    if not light:
        return [*row, *("–" * 4)]
    return [
        *row,
        number(_cpu(light)),
        times(_cpu(light), _cpu(hubbub["light"])),
        number(middle(light, lambda run: run.delivered["p50"] / 1000)),
        number(middle(light, lambda run: run.delivered["p99"] / 1000)),
    ]


def _notes(found: dict[str, dict[str, list[Run]]]) -> list[str]:
    notes = fault_notes({name: [run for runs in kinds.values() for run in runs] for name, kinds in found.items()})
    bound = [name for name, kinds in found.items() if middle(kinds["full"], lambda run: run.generator_load) > 0.95]
    if bound:
        notes.append(f"The load generator had no CPU left, more may be possible: {', '.join(bound)}")
    disturbed = [
        name for name, kinds in found.items() if middle(kinds["full"], _share) < UNDISTURBED and name not in bound
    ]
    if disturbed:
        notes.append(f"Something else used the machine, more may be possible: {', '.join(disturbed)}")
    if any(not kinds["light"] for kinds in found.values()):
        notes.append(f"–: the light load would take more than {COMFORT:.0%} of its core")
    return notes


def _table(case: Case, found: dict[str, dict[str, list[Run]]], options: Options) -> Table:
    nobody: dict[str, list[Run]] = {"full": [], "busy": [], "light": []}
    return Table(
        title=f"Fan-out, {case}, one worker",
        columns=[
            "",
            "saturated: deliveries/s",
            "CPU µs",
            "× Hubbub",
            "busy: deliveries/s",
            "CPU µs",
            "× Hubbub",
            "light: CPU µs",
            "× Hubbub",
            "p50 ms",
            "p99 ms",
        ],
        rows=[_row(name, kinds, found.get(HUBBUB, nobody)) for name, kinds in found.items()],
        notes=[
            f"Saturated: {window(case)} messages under way at any time; busy: {window(case, BUSY)}; light: "
            f"{options.light:,.0f} deliveries a second, python-socketio {options.light_stock:,.0f}",
            *_notes(found),
        ],
    )


def run(options: Options, machine: dict[str, str], say: Callable[[str], None]) -> Report:
    """Measure every contestant in every case, in turns, and put the medians into tables."""
    report = Report("fanout", machine, asdict(options))
    found: dict[Case, dict[str, dict[str, list[Run]]]] = {
        case: {name: defaultdict(list) for name in options.contestants} for case in options.cases
    }
    for turn in range(options.rounds):
        for case in options.cases:
            for name in options.contestants:
                with report.attempt(name, str(case)):
                    runs = measure(name, case, options)
                    cpu = ", ".join(
                        f"{number(run.micros('server', run.deliveries))} µs {kind}" for kind, run in runs.items()
                    )
                    say(f"{case}, {name}: {number(runs['full'].delivery_rate)} deliveries/s, {cpu}")
                    for kind, result in runs.items():
                        found[case][name][kind].append(result)
                        sample = {"round": turn, "case": str(case), "contestant": name, "load": kind}
                        report.samples.append(sample | asdict(result))
                        if name in {HUBBUB, HUBBUB_EMIT}:
                            report.blame(f"{case}, {name}, {kind} load", result.faults)
    for case, contestants in found.items():
        report.tables.append(_table(case, _measured(contestants), options))
    case, contestants = next(iter(found.items()))
    for kind, words in (("full", "saturated"), ("busy", "busy")):
        bars = [(name, _cpu(kinds[kind])) for name, kinds in _measured(contestants).items()]
        report.charts.append(Chart(f"CPU of a {words} server for a delivery: {case}", "µs", bars))
    return report
