"""Several workers on one port: real processes under the real supervisor."""

import os
import re
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.server.programs import REDIS_URL, addresses, family, get, pids_that_answer, running, wait_gone
from tests.support.process import Process
from tests.support.waiting import wait_until

SMALL = "tests.server.small_server"


@contextmanager
def workers(name: str, folder: Path, count: int = 2, **options: str | bool) -> Iterator[Process]:
    """The small server `name` with several workers."""
    with running(SMALL, name, folder=folder, WEB_CONCURRENCY=str(count), REDIS_URL=REDIS_URL, **options) as program:
        yield program


def count(program: Process, what: str) -> int:
    """How often the program has said this."""
    return len(re.findall(what, program.log()))


def test_two_workers_serve_one_port_and_print_one_address(tmp_path: Path) -> None:
    with workers("well", tmp_path) as program:
        assert len(addresses(program)) == 1
        assert program.pid not in pids_that_answer(program, 2)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
def test_a_worker_that_dies_is_replaced(number: signal.Signals, tmp_path: Path) -> None:
    with workers("well", tmp_path) as program:
        before = pids_that_answer(program, 2)
        victim = before.pop()
        os.kill(victim, number)
        wait_gone([psutil.Process(victim)] if psutil.pid_exists(victim) else [])
        after = pids_that_answer(program, 2)
        assert victim not in after
        assert before < after
        assert count(program, f"A worker has died and is replaced .*worker_pid={victim} ") == 1
        assert len(addresses(program)) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_drains_all_and_leaves_no_process(number: signal.Signals, tmp_path: Path) -> None:
    with workers("well", tmp_path) as program:
        pids = pids_that_answer(program, 2)
        processes = family(program)
        program.send_signal(number)
        assert program.wait() == 0
        wait_gone(processes)
        for pid in pids:
            assert f"drained {pid}" in program.log()
            assert f"closed {pid}" in program.log()


def test_ctrl_c_of_a_terminal_reaches_all_and_drains_all(tmp_path: Path) -> None:
    with workers("well", tmp_path) as program:
        pids = pids_that_answer(program, 2)
        os.killpg(program.pid, signal.SIGINT)
        assert program.wait() == 0
        assert all(f"drained {pid}" in program.log() for pid in pids)
        assert "Traceback" not in program.log()


def test_workers_of_a_killed_supervisor_drain_and_end(tmp_path: Path) -> None:
    with workers("well", tmp_path) as program:
        pids = pids_that_answer(program, 2)
        processes = family(program)
        program.send_signal(signal.SIGKILL)
        assert program.wait() == -signal.SIGKILL
        wait_gone(processes)
        for pid in pids:
            assert f"drained {pid}" in program.log()


def test_workers_of_a_supervisor_killed_at_the_start_end(tmp_path: Path) -> None:
    with workers("starting_for_ever", tmp_path, wait=False) as program:
        wait_until(lambda: count(program, "starting"), "the first worker's start")
        processes = family(program)
        program.send_signal(signal.SIGKILL)
        program.wait()
        wait_gone(processes)


def test_what_keeps_it_from_starting_is_said_once(tmp_path: Path) -> None:
    with workers("refusing", tmp_path, count=3, wait=False) as program:
        assert program.wait() == 2
        assert count(program, "hubbub: DATABASE_URL: the schema is old; run: hubbub migrate") == 1
        assert count(program, "schema is old") == 1
        assert count(program, "Traceback") == 0


def test_a_defect_at_the_first_start_ends_it(tmp_path: Path) -> None:
    with workers("defective", tmp_path, wait=False) as program:
        assert program.wait() == 1
        assert count(program, "ZeroDivisionError: a defect") == 1


def test_a_start_of_several_can_be_called_off(tmp_path: Path) -> None:
    with workers("starting_for_ever", tmp_path, wait=False) as program:
        wait_until(lambda: count(program, "starting"), "the first worker's start")
        processes = family(program)
        assert program.stop() == 0
        wait_gone(processes)


def test_a_worker_that_cannot_start_again_is_tried_until_it_can(tmp_path: Path) -> None:
    with workers("refusing_at_times", tmp_path) as program:
        (tmp_path / "refuse").touch()
        os.kill(pids_that_answer(program, 2).pop(), signal.SIGKILL)
        wait_until(lambda: count(program, "schema is old") >= 3, "three vain starts")
        assert get(addresses(program)[0])[0] == 200
        (tmp_path / "refuse").unlink()
        assert len(pids_that_answer(program, 2)) == 2
        pauses = [float(found) for found in re.findall(r"pause_seconds=([\d.]+)", program.log())]
        assert pauses == sorted(pauses)
        assert pauses[0] < pauses[-1]


def test_a_port_in_use_ends_the_start_before_any_worker(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with workers("well", tmp_path, wait=False, PORT=port) as program:
            assert program.wait() == 2
            (line,) = program.log().splitlines()
            assert f"PORT={port}" in line


@pytest.mark.parametrize("second", [1, 2])
def test_a_port_that_other_workers_share_counts_as_in_use(second: int, tmp_path: Path) -> None:
    with workers("well", tmp_path) as first:
        port = addresses(first)[0].rpartition(":")[2]
        (folder := tmp_path / "second").mkdir()
        with workers("well", folder, count=second, wait=False, PORT=port) as program:
            assert program.wait() == 2
            (line,) = program.log().splitlines()
            assert f"PORT={port}" in line
        assert len(pids_that_answer(first, 2)) == 2


def test_a_worker_that_does_not_end_is_killed(tmp_path: Path) -> None:
    with workers("well", tmp_path, HUBBUB_DRAIN_SECONDS="0.2") as program:
        processes = family(program)
        frozen = pids_that_answer(program, 2).pop()
        os.kill(frozen, signal.SIGSTOP)
        program.send_signal(signal.SIGTERM)
        assert program.wait() == 0
        assert count(program, f"A worker has not ended in time and is killed .*worker_pid={frozen}") == 1
        wait_gone(processes)


def test_a_second_ctrl_c_kills_what_still_drains(tmp_path: Path) -> None:
    with workers("draining_for_ever", tmp_path, HUBBUB_DRAIN_SECONDS="600") as program:
        processes = family(program)
        program.send_signal(signal.SIGINT)
        wait_until(lambda: count(program, "draining") == 2, "both workers to drain")
        program.send_signal(signal.SIGINT)
        assert program.wait() == 0
        wait_gone(processes)
