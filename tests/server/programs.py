"""Hubbub as its operators see it: a command with an environment, an exit status and lines of text."""

import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.support.process import ROOT, Process
from tests.support.waiting import wait_until

REDIS_URL = "redis://127.0.0.1:6379/0"
"""Something that satisfies the settings, for programs that never use it."""


def environment(**variables: str) -> dict[str, str]:
    """This process's environment without anything that configures Hubbub, and with `variables`."""
    foreign = {"HOST", "PORT", "WEB_CONCURRENCY", "DATABASE_URL", "REDIS_URL"}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HUBBUB_") and name not in foreign}
    return kept | variables


def hubbub(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m server` to its end."""
    command = [sys.executable, "-m", "server", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=environment(**variables), capture_output=True, text=True, timeout=60, check=False
    )


@contextmanager
def running(*module: str, folder: Path, wait: bool = True, **variables: str) -> Iterator[Process]:
    """A program `python -m MODULE ARGUMENTS` from its start (by default, until it has printed its address) to its end,
    however the test ends. It keeps what it keeps in `folder`, and listens on a free port."""
    program = Process(
        module[-1],
        [sys.executable, "-m", *module],
        log_path=folder / "log",
        ready=lambda: bool(addresses(program)),
        env=environment(**{"HUBBUB_VAR": str(folder), "PORT": "0"} | variables),
        cwd=ROOT,
    )
    try:
        program.start(wait=wait)
        yield program
    finally:
        program.kill()


def addresses(program: Process) -> list[str]:
    """The addresses that the program has printed to be opened."""
    return [line.split()[4] for line in program.log().splitlines() if line.startswith("Hubbub is listening on http://")]


def get(url: str) -> tuple[int, str]:
    """GET over a connection of its own: status and body."""
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def pids_that_answer(program: Process, count: int) -> set[int]:
    """Ask until `count` different workers have answered; their process ids."""
    seen: set[int] = set()

    def ask() -> bool:
        try:
            seen.add(int(get(addresses(program)[0])[1]))
        except (urllib.error.URLError, ConnectionError):
            seen.clear()  # a worker has just died
        return len(seen) == count

    wait_until(ask, f"{count} workers to answer")
    return seen


def family(program: Process) -> list[psutil.Process]:
    """The program and all its descendants."""
    parent = psutil.Process(program.pid)
    return [parent, *parent.children(recursive=True)]


def wait_gone(processes: list[psutil.Process]) -> None:
    """Wait until none of these lives; what lives on is killed, and the test fails."""

    def survivors() -> list[psutil.Process]:
        return [each for each in processes if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]

    try:
        wait_until(lambda: not survivors(), f"the end of {processes}")
    except AssertionError:
        for each in survivors():
            each.kill()
        raise
