"""Several workers on one port: started, replaced when they die, drained together."""

import contextlib
import logging
import math
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any

from server import listener, logs
from server.errors import StartupError
from server.settings import Settings

log = logging.getLogger(__name__)

# A worker that dies younger than this is replaced after a pause that doubles each time, up to the longest.
YOUNG_SECONDS = 10.0
SHORTEST_PAUSE, LONGEST_PAUSE = 0.1, 5.0
# After a drain the workers end by themselves; the supervisor kills what is left and still ends within 2 s.
KILL_SECONDS = 1.8

_spawn = multiprocessing.get_context("spawn")


@dataclass
class Slot:
    """The place of one worker: who fills it, or when somebody will again."""

    number: int
    start_at: float = math.inf
    process: SpawnProcess | None = None
    reports: Connection | None = None
    started_at: float = 0.0
    is_listening: bool = False
    young_deaths: int = 0
    refusal: str | None = None


def run(settings: Settings, create_app: Callable[[Settings], Any], announce: Callable[[int], None]) -> int:
    """Keep `settings.workers` workers running until SIGTERM or SIGINT, then drain them; the exit status.

    Calls `announce` with the port, once, when all of them accept connections. `create_app` is a function of some
    module, for the workers import it. Raises StartupError when the port is taken or the first worker cannot start.
    """
    with listener.reserve(settings.host, settings.port) as reserved:
        port = reserved.getsockname()[1]
        return Supervisor(replace(settings, port=port), create_app, lambda: announce(port)).run()


class Supervisor:
    """The parent process. It holds no connection and imports nothing of the application."""

    def __init__(self, settings: Settings, create_app: Callable[[Settings], Any], announce: Callable[[], None]) -> None:
        self._settings = settings
        self._create_app = create_app
        self._announce = announce
        self._announced = False
        # The first goes ahead alone: what keeps it from starting is then said once, and it alone migrates a database.
        self._slots = [Slot(number) for number in range(1, settings.workers + 1)]
        self._slots[0].start_at = time.monotonic()
        self._signals, self._signal = os.pipe()
        self._kill_at = math.inf
        self._status = 0
        self._refusal: str | None = None

    def run(self) -> int:
        """Supervise until the end; see `supervisor.run`."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda number, _frame: os.write(self._signal, bytes([number])))
        while not self._stopping or any(slot.process for slot in self._slots):
            self._start_due_workers()
            self._wait()
            for slot in self._slots:
                self._hear(slot)
                self._bury(slot)
            self._kill_if_late()
        if self._refusal is not None:
            raise StartupError(self._refusal)
        return self._status

    @property
    def _stopping(self) -> bool:
        return self._kill_at < math.inf

    def _start_due_workers(self) -> None:
        for slot in self._slots:
            if not self._stopping and slot.process is None and slot.start_at <= time.monotonic():
                slot.reports, theirs = _spawn.Pipe(duplex=False)
                arguments = (self._settings, self._create_app, slot.number, theirs)
                slot.process = _spawn.Process(target=_work, args=arguments, name=f"hubbub worker {slot.number}")
                slot.process.start()
                theirs.close()
                slot.started_at, slot.start_at = time.monotonic(), math.inf
                slot.is_listening, slot.refusal = False, None

    def _wait(self) -> None:
        """Wait until something has happened or is due, and take in signals."""
        sources: list[Any] = [self._signals]
        sources += [slot.process.sentinel for slot in self._slots if slot.process]
        sources += [slot.reports for slot in self._slots if slot.reports]
        due = min(self._kill_at, *(slot.start_at for slot in self._slots if not self._stopping), math.inf)
        ready = wait(sources, None if due == math.inf else max(0, due - time.monotonic()))
        if self._signals in ready:
            number = os.read(self._signals, 1)[0]
            # Whoever presses Ctrl-C a second time does not want to wait for the drain.
            self._stop(at_once=self._stopping and number == signal.SIGINT)

    def _hear(self, slot: Slot) -> None:
        """Take in what a worker reports: that it listens (None), or why it cannot."""
        try:
            while slot.reports and slot.reports.poll():
                slot.refusal = slot.reports.recv()
                slot.is_listening = slot.refusal is None
        except (EOFError, OSError):
            _close(slot)
        if slot.is_listening and not self._announced:
            for other in self._slots:
                if other.process is None and other.start_at == math.inf:
                    other.start_at = time.monotonic()
            if all(each.is_listening for each in self._slots):
                self._announced = True
                self._announce()

    def _bury(self, slot: Slot) -> None:
        """Take note of a worker's death: while stopping it was expected, at the first start it may end everything."""
        if slot.process is None or slot.process.is_alive():
            return
        self._hear(slot)
        _close(slot)
        process, slot.process = slot.process, None
        process.join()
        status, was_listening, slot.is_listening = process.exitcode or 0, slot.is_listening, False
        if self._stopping:
            return
        if not self._announced and not was_listening and status > 0:
            self._refusal, self._status = slot.refusal, status
            self._stop()
            return
        age = time.monotonic() - slot.started_at
        slot.young_deaths = slot.young_deaths + 1 if age < YOUNG_SECONDS else 0
        pause = min(LONGEST_PAUSE, SHORTEST_PAUSE * 2 ** (slot.young_deaths - 1)) if slot.young_deaths else 0.0
        slot.start_at = time.monotonic() + pause
        fields = {"worker": slot.number, "worker_pid": process.pid, "exit": _cause(status), "pause_seconds": pause}
        log.warning(slot.refusal or "A worker has died and is replaced", extra=fields)

    def _stop(self, *, at_once: bool = False) -> None:
        """Ask all workers to drain and end; from now on none is replaced."""
        now = time.monotonic()
        if at_once:
            self._kill_at = now
        elif not self._stopping:
            self._kill_at = now + self._settings.drain_seconds + KILL_SECONDS
            for slot in self._slots:
                if slot.process:
                    slot.process.terminate()

    def _kill_if_late(self) -> None:
        if time.monotonic() < self._kill_at:
            return
        for slot in self._slots:
            if slot.process:
                fields = {"worker": slot.number, "worker_pid": slot.process.pid}
                log.error("A worker has not ended in time and is killed", extra=fields)
                slot.process.kill()
                slot.process.join()


def _close(slot: Slot) -> None:
    if slot.reports:
        slot.reports.close()
        slot.reports = None


def _cause(status: int) -> str:
    return f"status {status}" if status >= 0 else signal.Signals(-status).name


def _work(settings: Settings, create_app: Callable[[Settings], Any], number: int, reports: Connection) -> None:
    """The whole life of a worker process. It reports None when it listens, or the message of a StartupError."""
    # A terminal sends Ctrl-C to the workers as well: what it means for them is the supervisor's to say.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    from server import worker  # noqa: PLC0415 - the supervisor itself does without aiohttp

    logs.set_up(settings.log_level, settings.log_format, worker=number)

    def report(message: str | None) -> None:
        with contextlib.suppress(BrokenPipeError):  # the supervisor is gone, which ends this process anyway
            reports.send(message)

    try:
        sock = listener.open_socket(settings.host, settings.port, shared=True)
        status = worker.run(settings, create_app, sock, lambda: report(None))
    except StartupError as error:
        report(str(error))
        status = 2
    sys.exit(status)
