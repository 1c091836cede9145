"""The whole program, started as its operators start it, on every kind of database."""

import contextlib
import json
import os
import re
import signal
import urllib.request
from pathlib import Path

import psutil

from tests.server.programs import addresses, environment, family, get, hubbub, running, wait_gone
from tests.support.postgres_server import PostgresServer
from tests.support.process import ROOT, Process, free_port
from tests.support.redis_server import RedisServer
from tests.support.waiting import wait_until

SECRET = "0123456789abcdef0123456789abcdef"


def the_only_line(text: str) -> str:
    """The text, which is one line."""
    (line,) = text.splitlines()
    return line


def wait_ready(program: Process) -> None:
    """Wait until /readyz says so."""
    wait_until(lambda: get(f"{addresses(program)[0]}/readyz")[0] == 200, "readiness")


def sign_in(program: Process, name: str) -> dict:
    """Sign a guest in; who they are, with their token."""
    request = urllib.request.Request(
        f"{addresses(program)[0]}/api/session",
        json.dumps({"name": name}).encode(),
        {"Content-Type": "application/json"},
        method="POST",
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)["data"]


def status_of_me(program: Process, token: str) -> int:
    """The status of GET /api/me for the bearer of this token."""
    request = urllib.request.Request(f"{addresses(program)[0]}/api/me", headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.status


def worker_pids(program: Process) -> set[int]:
    """The workers of a supervisor, as the operating system lists them."""
    pids = set()
    for each in psutil.Process(program.pid).children():
        with contextlib.suppress(psutil.NoSuchProcess):  # the dead and not yet buried have no command line
            if "spawn_main" in " ".join(each.cmdline()):
                pids.add(each.pid)
    return pids


def test_without_any_setting_it_is_a_demo_on_loopback_that_migrates_itself(tmp_path: Path) -> None:
    with running("server", folder=tmp_path) as program:
        (address,) = addresses(program)
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+", address)
        assert f"Hubbub is listening on {address} (demo mode: open it in a browser)" in program.log()
        assert (tmp_path / "hubbub.db").is_file()
        wait_ready(program)
        assert get(f"{address}/healthz")[0] == 200
        assert status_of_me(program, sign_in(program, "Ada")["token"]) == 200
        assert program.stop() == 0
        assert "Traceback" not in program.log()


def test_guests_of_the_demo_stay_signed_in_over_a_restart(tmp_path: Path) -> None:
    with running("server", "serve", folder=tmp_path) as program:
        token = sign_in(program, "Ada")["token"]
        assert program.stop() == 0
    (tmp_path / "log").unlink()
    with running("server", "serve", folder=tmp_path) as program:
        assert status_of_me(program, token) == 200


def test_postgresql_is_migrated_before_it_is_served(tmp_path: Path, postgres_server: PostgresServer) -> None:
    variables = {"DATABASE_URL": postgres_server.create_database(migrated=False), "HUBBUB_SECRET": SECRET}
    with running("server", "serve", folder=tmp_path, wait=False, **variables) as program:
        assert program.wait() == 2
        assert "migrate" in the_only_line(program.log())
    (tmp_path / "log").unlink()

    migrated = hubbub("migrate", HUBBUB_VAR=str(tmp_path), **variables)
    assert (migrated.returncode, migrated.stdout) == (0, "The database has the newest schema.\n"), migrated.stderr
    assert hubbub("migrate", HUBBUB_VAR=str(tmp_path), **variables).returncode == 0

    with running("server", "serve", folder=tmp_path, **variables) as program:
        wait_ready(program)
        assert "demo mode" not in program.log()
        assert program.stop() == 0


def test_a_database_that_is_away_ends_the_start_with_one_line(tmp_path: Path) -> None:
    url = f"postgresql://u:hidden@127.0.0.1:{free_port()}/db"
    with running("server", folder=tmp_path, wait=False, DATABASE_URL=url) as program:
        assert program.wait() == 2
        line = the_only_line(program.log())
        assert "DATABASE_URL" in line
        assert "hidden" not in line


def test_a_peer_host_that_is_not_here_ends_the_start_with_one_line(tmp_path: Path, redis_server: RedisServer) -> None:
    variables = {"REDIS_URL": redis_server.url, "HUBBUB_PEER_HOST": "192.0.2.1"}
    with running("server", folder=tmp_path, wait=False, **variables) as program:
        assert program.wait() == 2
        line = the_only_line(program.log())
        assert line.startswith("hubbub: HUBBUB_PEER_HOST=192.0.2.1: ")
        assert "give an address of this machine" in line


def test_two_workers_are_supervised(tmp_path: Path, postgres_server: PostgresServer, redis_server: RedisServer) -> None:
    variables = {
        "DATABASE_URL": postgres_server.create_database(migrated=False),
        "REDIS_URL": redis_server.url,
        "HUBBUB_REDIS_PREFIX": f"supervised-{os.getpid()}",
        "WEB_CONCURRENCY": "2",
        "HUBBUB_SECRET": SECRET,
    }
    assert hubbub("migrate", HUBBUB_VAR=str(tmp_path), **variables).returncode == 0
    with running("server", folder=tmp_path, **variables) as program:
        wait_ready(program)
        before = worker_pids(program)
        assert len(before) == 2
        os.kill(min(before), signal.SIGKILL)
        wait_until(lambda: len(worker_pids(program) - before) == 1, "the newcomer")
        wait_ready(program)
        processes = family(program)
        assert program.stop() == 0
        wait_gone(processes)
        assert len(addresses(program)) == 1
        assert "Traceback" not in program.log()


def test_an_old_schema_is_said_once_by_several_workers(
    tmp_path: Path, postgres_server: PostgresServer, redis_server: RedisServer
) -> None:
    variables = {
        "DATABASE_URL": postgres_server.create_database(migrated=False),
        "REDIS_URL": redis_server.url,
        "WEB_CONCURRENCY": "2",
        "HUBBUB_SECRET": SECRET,
    }
    with running("server", folder=tmp_path, wait=False, **variables) as program:
        assert program.wait() == 2
        assert "migrate" in the_only_line(program.log())


def test_the_installed_command_supervises_as_well(tmp_path: Path, redis_server: RedisServer) -> None:
    import sys

    command = Path(sys.executable).with_name("hubbub")
    program = Process(
        "hubbub",
        [command, "--web-concurrency", "2", "--port", "0"],
        log_path=tmp_path / "log",
        ready=lambda: bool(addresses(program)),
        env=environment(HUBBUB_VAR=str(tmp_path), REDIS_URL=redis_server.url),
        cwd=ROOT,
    )
    try:
        program.start()
        wait_ready(program)
        assert program.stop() == 0
    finally:
        program.kill()
