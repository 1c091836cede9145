"""`python -m bench`: runs the benchmarks, prints their tables and keeps the figures in bench/results/."""

import argparse
import re
import signal
import sys
from collections.abc import Callable, Collection
from types import FrameType

from bench import (
    build,
    comments,
    connections,
    document,
    documents,
    fanout,
    filters,
    notifications,
    persist,
    presence,
    streams,
    updates,
    workers,
)
from bench.contestants import BROADCASTERS, CHATS, HUBBUB_EMIT, NODE_SOCKETIO, STOCK_UVLOOP
from bench.load import LoadError
from bench.machine import describe, raise_open_files
from bench.report import Report
from tests.support.process import temporary_folder

OPEN_FILES = 16_000
USUAL_CASE = fanout.Case(1000, 160)
FULL_CASES = (
    USUAL_CASE,
    *(fanout.Case(members, 160) for members in (10, 100, 10_000)),
    *(fanout.Case(1000, size) for size in (100, 1000, 10_000)),
)
ACROSS_WORKERS = (HUBBUB_EMIT, STOCK_UVLOOP, NODE_SOCKETIO)
STORMERS = (connections.WHOLE_HUBBUB, *(name for name in BROADCASTERS if name != HUBBUB_EMIT))


def _cases(text: str) -> tuple[fanout.Case, ...]:
    """Cases given as members:bytes, separated by commas."""
    return tuple(fanout.Case(*map(int, case.split(":"))) for case in text.split(","))


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("scenario", nargs="?", choices=("all", *SCENARIOS), default="all")
    parser.add_argument("--full", action="store_true", help="every case, more and longer rounds: about an hour")
    parser.add_argument("--rounds", type=int, help="how often each contestant is measured; default 3, of all 1, full 5")
    parser.add_argument("--seconds", type=float, help="length of each measurement; default 1.5, of all 1, full 4")
    parser.add_argument(
        "--only",
        default="",
        help="regular expression that the contestants' names must match; such results are no document's",
    )
    parser.add_argument("--cases", type=_cases, help="fan-out: members:bytes,… (default 1000:160)")
    parser.add_argument("--connections", type=int, help="connection storm: how many; default 2000, full 10000")
    parser.add_argument("--people", type=int, help="notifications: how many everyone is; default 20000, full 100000")
    parser.add_argument("--subscribers", type=int, help="filters: how many hear; default 2000, full 10000")
    parser.add_argument("--write-docs", action="store_true", help="write docs/benchmarks.md from the last results")
    options = parser.parse_args(arguments)
    options.rounds = options.rounds or (5 if options.full else 1 if options.scenario == "all" else 3)
    options.seconds = options.seconds or (4 if options.full else 1 if options.scenario == "all" else 1.5)
    options.cases = options.cases or (FULL_CASES if options.full else (USUAL_CASE,))
    options.connections = options.connections or (10_000 if options.full else 2000)
    options.people = options.people or (100_000 if options.full else 20_000)
    options.subscribers = options.subscribers or (10_000 if options.full else 2000)
    return options


def _chosen(names: Collection[str], pattern: str) -> tuple[str, ...]:
    return tuple(name for name in names if re.search(pattern, name))


def _persist(options: argparse.Namespace, machine: dict[str, str]) -> Report:
    chosen = persist.Options(options.rounds, options.seconds, _chosen(CHATS, options.only))
    return persist.run(chosen, machine, _say)


def _fanout(options: argparse.Namespace, machine: dict[str, str]) -> Report:
    chosen = fanout.Options(options.rounds, options.seconds, _chosen(BROADCASTERS, options.only), options.cases)
    return fanout.run(chosen, machine, _say)


def _connections(options: argparse.Namespace, machine: dict[str, str]) -> Report:
    chosen = connections.Options(options.rounds, _chosen(STORMERS, options.only), options.connections)
    return connections.run(chosen, machine, _say)


def _workers(options: argparse.Namespace, machine: dict[str, str]) -> Report:
    chosen = workers.Options(options.rounds, options.seconds, _chosen(ACROSS_WORKERS, options.only), USUAL_CASE)
    return workers.run(chosen, machine, _say)


def _streams(options: argparse.Namespace, machine: dict[str, str]) -> Report:
    chosen = streams.Options(options.rounds, options.seconds, _chosen(streams.DOORS, options.only))
    return streams.run(chosen, machine, _say)


def _updates(options: argparse.Namespace, machine: dict[str, str]) -> Report:
    chosen = updates.Options(options.rounds, options.seconds, _chosen(updates.DOORS, options.only))
    return updates.run(chosen, machine, _say)


def _filters(options: argparse.Namespace, machine: dict[str, str]) -> Report:
    chosen = filters.Options(
        options.rounds, options.seconds, _chosen(filters.CONTESTANTS, options.only), options.subscribers
    )
    return filters.run(chosen, machine, _say)


def _comments(options: argparse.Namespace, machine: dict[str, str]) -> Report:
    return comments.run(comments.Options(options.rounds, options.seconds), machine, _say)


def _notifications(options: argparse.Namespace, machine: dict[str, str]) -> Report:
    return notifications.run(notifications.Options(options.rounds, options.people), machine, _say)


def _presence(options: argparse.Namespace, machine: dict[str, str]) -> Report:
    return presence.run(presence.Options(options.rounds), machine, _say)


def _documents(options: argparse.Namespace, machine: dict[str, str]) -> Report:
    return documents.run(documents.Options(options.rounds, options.seconds), machine, _say)


SCENARIOS: dict[str, Callable[[argparse.Namespace, dict[str, str]], Report]] = {
    "persist": _persist,
    "fanout": _fanout,
    "connections": _connections,
    "workers": _workers,
    "notifications": _notifications,
    "presence": _presence,
    "streams": _streams,
    "updates": _updates,
    "filters": _filters,
    "comments": _comments,
    "documents": _documents,
}

IN_ALL = (
    "persist",
    "fanout",
    "connections",
    "workers",
    "notifications",
    "presence",
    "streams",
    "updates",
    "filters",
    "comments",
    "documents",
)


def _say(line: str) -> None:
    print(f"  {line}", file=sys.stderr, flush=True)


def _stop(_number: int, _frame: FrameType | None) -> None:
    # As an exception, so that every server and generator is ended on the way out.
    raise SystemExit(143)


def main() -> int:
    """Run what was asked for; the exit status is 1 when Hubbub broke a promise meanwhile."""
    options = parse()
    signal.signal(signal.SIGTERM, _stop)
    raise_open_files(OPEN_FILES)
    build.node_packages()
    machine = describe(temporary_folder("bench"))
    broken: list[str] = []
    failures: list[str] = []
    for name in IN_ALL if options.scenario == "all" else (options.scenario,):
        _say(f"{name}:")
        report = SCENARIOS[name](options, machine)
        report.save(partial=bool(options.only))
        broken += report.broken
        failures += report.failures
        for table in report.tables:
            print(table.as_text(), flush=True)
    for name, value in machine.items():
        print(f"{name}: {value}")
    for failure in failures:
        print(f"No figures: {failure}", file=sys.stderr)
    if options.write_docs:
        print(f"Written: {document.write()}")
    for fault in broken:
        print(f"Hubbub broke a promise: {fault}", file=sys.stderr)
    return 1 if broken else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (LoadError, build.BuildError, RuntimeError) as error:
        sys.exit(f"bench: {error}")
