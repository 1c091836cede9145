"""Presence: what it costs a worker, and Redis, that people stay online."""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from statistics import median

import redis as redis_client

from bench import watchers
from bench.contestants import HUBBUB, python
from bench.lease_holder import PREFIX
from bench.machine import cores, cpu_seconds, on_core
from bench.report import Report, Table, number
from tests.support.process import ROOT, Process, temporary_folder
from tests.support.redis_server import RedisServer
from tests.support.waiting import wait_until

NOT_OURS = ("cmdstat_info", "cmdstat_config", "cmdstat_client")


@dataclass(frozen=True)
class Options:
    """How much is measured."""

    rounds: int
    people: tuple[int, ...] = (0, 1000, 10_000)
    seconds: float = 10
    """A lease is renewed once a second."""
    watchers: int = 1000
    told_seconds: float = 3


@dataclass(frozen=True)
class Cost:
    """What one worker costs that does nothing but hold; shares are of one core."""

    worker_share: float
    redis_share: float
    commands: float
    """Redis commands a second, those inside of scripts included."""
    calls: float
    """Scripts called a second."""
    refill_ms: float
    """CPU of the worker for writing all of it into a Redis that has lost its data."""


@contextlib.contextmanager
def _holder(redis: RedisServer, people: int) -> Iterator[Process]:
    log = temporary_folder("bench") / "holder.log"
    command = python("lease_holder", "--redis-url", redis.url, "--members", str(people))
    holder = Process(
        f"holder of {people}",
        on_core(cores().server, command),
        log_path=log,
        ready=lambda: "holds" in log.read_text(),
        cwd=ROOT,
    )
    try:
        holder.start()
        yield holder
    finally:
        holder.kill()


def _commands(client: redis_client.Redis) -> tuple[int, int]:
    """All commands since the statistics began, and how many of them were calls of scripts."""
    found = {name: each["calls"] for name, each in client.info("commandstats").items()}
    return sum(count for name, count in found.items() if not name.startswith(NOT_OURS)), found.get("cmdstat_evalsha", 0)


def measure(people: int, options: Options) -> Cost:
    """A fresh Redis, and a worker that holds so many people."""
    with contextlib.ExitStack() as stack:
        redis = RedisServer()
        stack.callback(redis.kill)
        redis.start()
        holder = stack.enter_context(_holder(redis, people))
        client = stack.enter_context(redis_client.Redis.from_url(redis.url))
        client.config_resetstat()
        began = time.monotonic()
        worker_cpu, redis_cpu = cpu_seconds(holder.pid), cpu_seconds(redis.pid)
        time.sleep(options.seconds)
        worker_cpu, redis_cpu = cpu_seconds(holder.pid) - worker_cpu, cpu_seconds(redis.pid) - redis_cpu
        seconds = time.monotonic() - began
        commands, calls = _commands(client)

        before = cpu_seconds(holder.pid)
        redis.flush()
        wait_until(lambda: client.scard(f"{PREFIX}:{{leases}}:filled") == 1, "the worker to write all of it anew")
        refill = cpu_seconds(holder.pid) - before
        return Cost(worker_cpu / seconds, redis_cpu / seconds, commands / seconds, calls / seconds, refill * 1000)


def run(options: Options, machine: dict[str, str], say: Callable[[str], None]) -> Report:
    """Measure each number of people in turns, and put the medians into a table."""
    report = Report("presence", machine, asdict(options))
    found: dict[int, list[Cost]] = {people: [] for people in options.people}
    for turn in range(options.rounds):
        for people in options.people:
            with report.attempt(HUBBUB, f"{people:,} people held"):
                cost = measure(people, options)
                say(f"{people:,} people: {number(cost.worker_share * 100)} % of a core")
                found[people].append(cost)
                report.samples.append({"round": turn, "people": people} | asdict(cost))

    def middle(people: int, figure: Callable[[Cost], float]) -> float:
        return median(figure(cost) for cost in found[people])

    report.tables.append(
        Table(
            title="People who stay online on one worker: what their lease costs",
            columns=[
                "",
                "CPU, % of a core",
                "Redis's CPU, %",
                "scripts/s",
                "commands/s inside of them too",
                "CPU ms to fill an emptied Redis",
            ],
            rows=[
                [
                    f"{people:,}",
                    number(middle(people, lambda cost: cost.worker_share * 100)),
                    number(middle(people, lambda cost: cost.redis_share * 100)),
                    number(middle(people, lambda cost: cost.calls)),
                    number(middle(people, lambda cost: cost.commands)),
                    number(middle(people, lambda cost: cost.refill_ms)),
                ]
                for people in options.people
                if found[people]
            ],
            notes=[f"A worker that does nothing else, for {options.seconds:g} s; its lease is renewed once a second."],
        )
    )
    told = watchers.Options(options.rounds, options.watchers, options.told_seconds)
    report.tables.append(watchers.run(told, report, say))
    return report
