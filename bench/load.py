"""The load generator (native/load.c), driven from here."""

import json
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from types import TracebackType
from typing import Any, Literal, Self

from bench import build
from bench.machine import cores, cpu_seconds, on_core

Mode = Literal["window", "rate"]

TAG_BYTES = 32
"""What the generator writes in place of @@, before the padding."""


class LoadError(Exception):
    """The generator gave up: the message is its own, and names the client and what the server did."""


@dataclass(frozen=True)
class Client:
    """One client of the plan: how it connects, which room it is in, and what it sends.

    `send` is JSON, an array of event and payload for Socket.IO; @@ stands for the tag and its padding, ## for an id.
    `connect` and `join` are Socket.IO's: the auth object, and the event by which it joins (None: the server does it).
    A stream's `join` is its path; it sends nothing.
    """

    port: int
    send: str
    protocol: Literal["socketio", "raw", "stream"] = "socketio"
    connect: str = "{}"
    join: str | None = None
    room: int = 0
    sender: bool = True

    def line(self) -> str:
        """The client's line of the plan file."""
        parts = (self.port, self.protocol, self.connect, self.join or "-", self.room, int(self.sender), self.send)
        return "\t".join(map(str, parts)) + "\n"


@dataclass(frozen=True)
class Run:
    """What one run measured. Latencies are percentiles in µs; `cpu` holds seconds of each watched process."""

    seconds: float
    sent: int
    done: int
    deliveries: int
    generator_cpu: float
    cpu: dict[str, float]
    answers: dict[str, int]
    delivered: dict[str, int]
    faults: dict[str, int] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Messages done in a second."""
        return self.done / self.seconds

    @property
    def delivery_rate(self) -> float:
        """Deliveries in a second."""
        return self.deliveries / self.seconds

    @property
    def generator_load(self) -> float:
        """Share of its core that the generator used; near 1 it was the bottleneck."""
        return self.generator_cpu / self.seconds

    def micros(self, name: str, count: int) -> float:
        """CPU of a watched process for each of `count` things, in µs."""
        return self.cpu[name] / count * 1e6 if count else 0.0


def middle(runs: Iterable[Run], figure: Callable[[Run], float]) -> float:
    """The median of a figure over several runs."""
    return median(figure(run) for run in runs)


def faults_of(drained: Mapping[str, Any]) -> dict[str, int]:
    """What a server did to its messages that it should not have done, in words, and how often."""
    words = {
        "missing": "deliveries lost",
        "extra": "deliveries too many",
        "order_mismatches": "deliveries in another order than another member's",
        "sender_disorder": "messages before an earlier one of their sender",
        "answer_disorder": "acknowledgements out of order",
    }
    found = {text: drained[key] for key, text in words.items() if drained[key]}
    if drained["exact"] < drained["members"] and not found:
        found["members with a wrong set of messages"] = drained["members"] - drained["exact"]
    return found


def described(faults: Mapping[str, int]) -> str:
    """Faults as one line."""
    return ", ".join(f"{count:,} {text}" for text, count in faults.items())


def fault_notes(runs: Mapping[str, Iterable[Run]]) -> list[str]:
    """A line for each contestant that had faults in any of its runs."""
    notes = []
    for name, its_runs in runs.items():
        total: Counter[str] = Counter()
        for run in its_runs:
            total.update(run.faults)
        if total:
            notes.append(f"{name}: {described(total)}")
    return notes


class Load:
    """A generator with its clients; a context manager, as its process must end.

    `until` says when a message is done: at its acknowledgement, or when each member of its room has it.
    """

    def __init__(
        self,
        clients: Sequence[Client],
        *,
        event: str,
        until: Literal["acks", "deliveries"],
        concurrency: int = 64,
        timeout: float = 10,
    ) -> None:
        self.clients = clients
        with tempfile.NamedTemporaryFile("w", prefix="hubbub-bench-plan-", delete=False) as plan:
            plan.writelines(client.line() for client in clients)
        self._plan = Path(plan.name)
        command = [str(build.native("load")), plan.name, event, until, str(concurrency), str(timeout)]
        self._process = subprocess.Popen(
            on_core(cores().generator, command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            errors="replace",
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        self._plan.unlink()

    def connect(self, count: int | None = None) -> dict[str, Any]:
        """Connect the first `count` clients (all): `seconds` it took, `connects` with percentiles in µs."""
        self._order(f"connect {count or len(self.clients)}")
        return self._expect("connected")

    def run(
        self,
        mode: Mode,
        value: float,
        *,
        seconds: float,
        warm: float,
        padding: int,
        watched: Mapping[str, int],
    ) -> Run:
        """Keep `value` messages under way, or send that many a second, and measure for `seconds` after `warm`.

        `watched` are the processes whose CPU is read meanwhile, ids by name.
        """
        self._order(f"run {mode} {value:g} {warm:g} {seconds:g} {padding}")
        self._expect("begin")
        before = {name: cpu_seconds(pid) for name, pid in watched.items()}
        end = self._expect("end")
        cpu = {name: cpu_seconds(pid) - before[name] for name, pid in watched.items()}
        drained = self._expect("drained")
        faults = faults_of(drained)
        if not drained["complete"]:
            raise LoadError(f"what was under way did not arrive in time: {described(faults)}")
        if drained["failure"]:
            raise LoadError(f"{drained['failed']:,} messages were refused, the first with {drained['failure']}")
        kept = ("seconds", "sent", "done", "deliveries", "generator_cpu", "answers", "delivered")
        if end["skipped"]:
            faults["messages not sent, as too many were unanswered"] = end["skipped"]
        return Run(**{key: end[key] for key in kept}, cpu=cpu, faults=faults)

    def _order(self, command: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()

    def _expect(self, event: str) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise LoadError(f"the load generator ended with status {self._process.wait()}")
        report: dict[str, Any] = json.loads(line)
        if report["event"] == "error":
            raise LoadError(report["message"])
        assert report["event"] == event, report
        return report
