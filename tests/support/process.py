"""Server programs run as children of the test run: free ports, folders, start, stop, freeze, log."""

import contextlib
import functools
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import psutil

from tests.support.waiting import wait_until
from tests.support.watchdog import Watchdog, signal_family

ROOT = Path(__file__).resolve().parents[2]

# Below the range that Linux hands to outgoing connections (from 32768): a client that keeps dialling a stopped server
# in that range can be given the very port as its own and end up connected to itself.
PORTS = range(20000, 32000)


@functools.cache
def watchdog() -> Watchdog:
    """The one watchdog of this test run."""
    return Watchdog()


def free_port() -> int:
    """A TCP port on loopback that nothing listens on."""
    for port in random.sample(PORTS, 1000):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError(f"no free port between {PORTS.start} and {PORTS.stop}")


def temporary_folder(name: str, owner: str | None = None) -> Path:
    """A new folder that disappears with the test run; `owner` is the system user that it is given to."""
    folder = Path(tempfile.mkdtemp(prefix=f"hubbub-test-{name}-"))
    watchdog().remove(folder)
    if owner:
        shutil.chown(folder, owner)
    return folder


def find_program(name: str, package: str, folders: Sequence[Path] = ()) -> str:
    """Path of a program on PATH or in `folders`; AssertionError with the cure when there is none."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), *map(str, folders)])
    found = shutil.which(name, path=path)
    if found is None:
        raise AssertionError(f"{name} is not installed; `make test` installs it, or: apt-get install {package}")
    return found


def find_node() -> str:
    """Node.js: the one that set-up put beside this Python where the machine's own would not do, else the machine's."""
    beside = Path(sys.executable).with_name("node")
    return str(beside) if beside.exists() else find_program("node", "nodejs")


def _is_frozen(process: psutil.Process) -> bool:
    return has_ended(process) or process.status() == psutil.STATUS_STOPPED


def has_ended(process: psutil.Process) -> bool:
    """Whether a process is gone. An orphan stays a zombie where the first process of a container collects none."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


class Process:
    """One program, which can be started again after it ended.

    `ready` is polled after each start until it returns true; a program that ends before, or isn't ready within
    `start_seconds`, raises AssertionError with the end of its log.
    """

    running: ClassVar[set["Process"]] = set()

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        log_path: Path,
        ready: Callable[[], bool],
        env: Mapping[str, str] = os.environ,
        cwd: Path = Path("/"),
        user: str | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
        start_seconds: float = 30,
    ) -> None:
        self.name = name
        self.command = [str(part) for part in command]
        self.log_path = log_path
        self.env = dict(env)
        self.cwd = cwd
        self.user = user
        self.stop_signal = stop_signal
        self.start_seconds = start_seconds
        self._ready = ready
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Process id of the running program, which is its process group's id too."""
        assert self._child is not None, f"{self.name} is not running"
        return self._child.pid

    @property
    def is_running(self) -> bool:
        """Whether the program was started and has not ended."""
        return self._child is not None and self._child.poll() is None

    def start(self, *, wait: bool = True) -> None:
        """Start the program and, unless told otherwise, wait until it is ready."""
        assert not self.is_running, f"{self.name} is running already"
        with self.log_path.open("ab") as log:
            self._child = subprocess.Popen(
                self.command,
                cwd=self.cwd,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=self.user,
                group=self.user,
                extra_groups=[] if self.user else None,
            )
        watchdog().guard(self.pid, self.stop_signal)
        self.running.add(self)
        if wait:
            self.wait_ready()

    def wait_ready(self) -> None:
        """Wait until `ready` says so."""

        def ready_or_ended() -> bool:
            return not self.is_running or self._ready()

        try:
            wait_until(ready_or_ended, f"{self.name} to be ready", self.start_seconds)
            assert self.is_running, f"{self.name} ended at its start with status {self.wait()}"
        except AssertionError as error:
            self.kill()
            raise AssertionError(f"{error}\n--- {self.log_path}:\n{self.log_tail()}") from None

    def wait(self, timeout: float = 20) -> int:
        """Wait for the program's end; its exit status, negative for a signal."""
        assert self._child is not None, f"{self.name} was never started"
        try:
            status = self._child.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} did not end within {timeout:g} s\n{self.log_tail()}") from None
        watchdog().release(self._child.pid)
        self.running.discard(self)
        return status

    def stop(self, timeout: float = 20) -> int:
        """Ask the program to end (by its stop signal) and wait; its exit status."""
        if self.is_running:
            self.send_signal(self.stop_signal)
            self.resume()
        return self.wait(timeout)

    def kill(self) -> None:
        """End the program and its children at once, without asking."""
        if self._child is None:
            return
        if self.is_running:
            # Frozen first: a parent that goes before its children are known leaves them behind.
            family = signal_family(self.pid, signal.SIGSTOP)
            for process in family:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
            wait_until(lambda: all(map(has_ended, family)), f"the children of {self.name} to end")
        self.wait()

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal to the program alone."""
        if self.is_running:
            os.kill(self.pid, number)

    def pause(self) -> None:
        """Freeze the program and its children (SIGSTOP): their sockets stay open and nothing answers."""
        family = signal_family(self.pid, signal.SIGSTOP)

        wait_until(lambda: all(map(_is_frozen, family)), f"{self.name} to freeze")

    def resume(self) -> None:
        """Let a frozen program and its children go on (SIGCONT)."""
        signal_family(self.pid, signal.SIGCONT)

    def log(self) -> str:
        """All that the program has written to its standard output and error."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def log_tail(self, lines: int = 60) -> str:
        """The last lines of the log."""
        return "\n".join(self.log().splitlines()[-lines:])
