"""Ends what a killed test run leaves behind.

Run as a program it reads orders from a pipe that only the test run holds; when the pipe closes, however the run ended,
it ends the programs and removes the folders that are still registered. PR_SET_PDEATHSIG would not do: it follows the
death of a thread.
"""

import contextlib
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psutil

GRACE_SECONDS = 3


class Watchdog:
    """The test run's end of the pipe."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )

    def guard(self, pid: int, stop_signal: signal.Signals) -> None:
        """Register a program, and the signal that asks it to end."""
        self._order("guard", pid, int(stop_signal))

    def release(self, pid: int) -> None:
        """Forget a program that has ended."""
        self._order("release", pid)

    def remove(self, folder: Path) -> None:
        """Register a folder to remove when the run is over."""
        self._order("remove", folder)

    def _order(self, *words: object) -> None:
        assert self._process.stdin is not None
        print(*words, file=self._process.stdin, flush=True)


def signal_family(pid: int, number: int) -> list[psutil.Process]:
    """Signal a program and all its descendants, as far as they still live; returns them."""
    family: list[psutil.Process] = []
    with contextlib.suppress(psutil.NoSuchProcess):
        program = psutil.Process(pid)
        # The parent first, so that it starts no further child meanwhile.
        program.send_signal(number)
        family = [program, *program.children(recursive=True)]
    for child in family[1:]:
        with contextlib.suppress(psutil.NoSuchProcess):
            child.send_signal(number)
    return family


def main() -> None:
    """Keep the register until the pipe closes, then clear up what it holds."""
    programs: dict[int, int] = {}
    folders: list[str] = []
    for line in sys.stdin:
        order, _, argument = line.rstrip("\n").partition(" ")
        if order == "guard":
            pid, number = argument.split()
            programs[int(pid)] = int(number)
        elif order == "release":
            programs.pop(int(argument), None)
        else:
            folders.append(argument)
    left: list[psutil.Process] = []
    for pid, number in programs.items():
        with contextlib.suppress(psutil.NoSuchProcess):
            psutil.Process(pid).send_signal(number)
        # A frozen program hears nothing before it goes on.
        left += signal_family(pid, signal.SIGCONT)
    for process in psutil.wait_procs(left, timeout=GRACE_SECONDS)[1]:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
