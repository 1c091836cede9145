"""Starting and ending Hubbub, as an operator does it: one worker, real processes."""

import signal
import socket
from pathlib import Path

import jwt
import pytest

from server.settings import VARIABLES
from tests.server.programs import addresses, family, get, hubbub, running, wait_gone
from tests.support.process import Process, free_port
from tests.support.waiting import wait_until

SECRET = "0123456789abcdef0123456789abcdef"
SMALL = "tests.server.small_server"


def the_only_line(text: str) -> str:
    """The text, which is one line."""
    (line,) = text.splitlines()
    return line


@pytest.mark.parametrize(
    ("variables", "names"),
    [
        ({"PORT": "80a"}, ["PORT=80a"]),
        ({"WEB_CONCURRENCY": "2"}, ["WEB_CONCURRENCY", "REDIS_URL"]),
        ({"DATABASE_URL": "mysql://u:hidden@h/db"}, ["DATABASE_URL", "mysql://"]),
        ({"REDIS_URL": "memcached://hidden@h"}, ["REDIS_URL", "memcached://"]),
        ({"HUBBUB_SECRET": "hidden"}, ["HUBBUB_SECRET", "32"]),
        ({"HUBBUB_DEMO": "off"}, ["HUBBUB_SECRET", "HUBBUB_JWKS_URL"]),
        ({"HOST": "0.0.0.0"}, ["HOST=0.0.0.0", "HUBBUB_SECRET", "HUBBUB_DEMO"]),
        ({"HUBBUB_COLLECTIONS": "missing.toml"}, ["HUBBUB_COLLECTIONS=missing.toml"]),
    ],
)
@pytest.mark.parametrize("verb", ["check", "serve"])
def test_a_wrong_setting_ends_the_start_with_one_line(
    verb: str, variables: dict[str, str], names: list[str], tmp_path: Path
) -> None:
    ended = hubbub(verb, HUBBUB_VAR=str(tmp_path), **variables)
    assert ended.returncode == 2
    assert ended.stdout == ""
    line = the_only_line(ended.stderr)
    assert line.startswith("hubbub: ")
    assert all(name in line for name in names)
    assert "hidden" not in line


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--prot", "8000"], "--prot"),
        (["start"], '"start"'),
        (["check", "--port"], "--port"),
        (["token"], "--user"),
        (["token", "--user", "ada", "--role", "queen"], "queen"),
        (["token", "--user", "ada", "--expires", "soon"], "soon"),
        (["check", "--user", "ada"], "--user"),
    ],
)
def test_a_wrong_command_line_ends_the_start_with_one_line(arguments: list[str], said: str, tmp_path: Path) -> None:
    ended = hubbub(*arguments, HUBBUB_VAR=str(tmp_path))
    assert ended.returncode == 2
    assert said in the_only_line(ended.stderr)


def test_check_accepts_a_configuration_without_telling_its_secrets(tmp_path: Path) -> None:
    variables = {
        "HOST": "0.0.0.0",
        "WEB_CONCURRENCY": "2",
        "DATABASE_URL": "postgresql://u:hidden@h/db",
        "REDIS_URL": "redis://:hidden@h",
        "HUBBUB_SECRET": SECRET,
        "HUBBUB_API_KEYS": "hidden-key",
    }
    ended = hubbub("check", HUBBUB_VAR=str(tmp_path), **variables)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "OK: 0.0.0.0 port 8000, 2 workers, PostgreSQL, Redis" in the_only_line(ended.stdout)
    assert "hidden" not in ended.stdout
    assert SECRET not in ended.stdout


def test_flags_override_the_environment(tmp_path: Path) -> None:
    ended = hubbub("--port", "8123", "check", "--demo=on", PORT="80a", HUBBUB_VAR=str(tmp_path), HUBBUB_SECRET=SECRET)
    assert "port 8123" in ended.stdout
    assert "demo mode" in ended.stdout


def test_a_mistyped_variable_is_pointed_out(tmp_path: Path) -> None:
    ended = hubbub("check", HUBBUB_VAR=str(tmp_path), HUBBUB_SECRETS=SECRET)
    assert ended.returncode == 0
    assert "HUBBUB_SECRETS" in the_only_line(ended.stderr)
    assert "HUBBUB_SECRET " in ended.stderr


def test_help_tells_every_variable_with_its_flag() -> None:
    told = " ".join(hubbub("--help").stdout.split())
    for each in VARIABLES:
        assert f"{each.flag} VALUE" in told
        assert f"{each.name}: " in told


def test_a_token_says_who_its_user_is() -> None:
    options = ["--user", "ada", "--name", "Ada L", "--role", "moderator", "--expires", "60"]
    ended = hubbub("token", *options, HUBBUB_SECRET=SECRET)
    claims = jwt.decode(the_only_line(ended.stdout), SECRET, ["HS256"])
    assert claims["exp"] - claims.pop("iat") == 60
    claims.pop("exp")
    assert claims == {"sub": "ada", "name": "Ada L", "role": "moderator"}


def test_a_token_suits_the_issuer_and_the_audience_that_are_demanded() -> None:
    variables = {"HUBBUB_SECRET": SECRET, "HUBBUB_JWT_ISSUER": "me", "HUBBUB_JWT_AUDIENCE": "you"}
    ended = hubbub("token", "--user", "ada", **variables)
    claims = jwt.decode(the_only_line(ended.stdout), SECRET, ["HS256"], issuer="me", audience="you")
    assert claims["role"] == "user"


def test_a_token_of_the_demo_is_signed_with_the_secret_that_it_keeps(tmp_path: Path) -> None:
    ended = hubbub("token", "--user", "ada", HUBBUB_VAR=str(tmp_path))
    assert jwt.decode(the_only_line(ended.stdout), (tmp_path / "secret").read_text(), ["HS256"])["sub"] == "ada"


def test_a_token_cannot_be_made_without_a_secret(tmp_path: Path) -> None:
    ended = hubbub("token", "--user", "ada", HUBBUB_VAR=str(tmp_path), HUBBUB_JWKS_URL="https://login.example.com/jwks")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "HUBBUB_SECRET" in the_only_line(ended.stderr)


def test_migrate_says_when_the_database_is_away(tmp_path: Path) -> None:
    url = f"postgresql://u:hidden@127.0.0.1:{free_port()}/db"
    ended = hubbub("migrate", HUBBUB_VAR=str(tmp_path), DATABASE_URL=url)
    assert ended.returncode == 2
    line = the_only_line(ended.stderr)
    assert "DATABASE_URL" in line
    assert "hidden" not in line


def says(program: Process, what: str) -> None:
    """Wait until the program has said this."""
    wait_until(lambda: what in program.log(), f'"{what}" in the log')


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_until_a_signal_and_then_drains(number: signal.Signals, tmp_path: Path) -> None:
    with running(SMALL, "well", folder=tmp_path) as program:
        (address,) = addresses(program)
        assert get(address) == (200, str(program.pid))
        assert f"Hubbub is listening on {address} (demo mode: open it in a browser)" in program.log()
        program.send_signal(number)
        assert program.wait() == 0
        said = [line.split()[0] for line in program.log().splitlines() if line.endswith(f" {program.pid}")]
        assert said == ["opened", "drained", "closed"]


def test_it_listens_on_ipv6_too(tmp_path: Path) -> None:
    with running(SMALL, "well", folder=tmp_path, HOST="::1") as program:
        (address,) = addresses(program)
        assert address.startswith("http://[::1]:")
        assert get(address)[0] == 200


def test_a_port_in_use_ends_the_start_with_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with running(SMALL, "well", folder=tmp_path, wait=False, PORT=port) as program:
            assert program.wait() == 2
            line = the_only_line(program.log())
            assert f"PORT={port}" in line
            assert "another" in line


@pytest.mark.parametrize(
    ("host", "said"), [("192.0.2.1", "no address of this machine"), ("no.such.invalid", "no address")]
)
def test_an_address_of_another_machine_ends_the_start_with_one_line(host: str, said: str, tmp_path: Path) -> None:
    with running(SMALL, "well", folder=tmp_path, wait=False, HOST=host, HUBBUB_SECRET=SECRET) as program:
        assert program.wait() == 2
        line = the_only_line(program.log())
        assert f"HOST={host}" in line
        assert said in line


def test_an_application_that_cannot_start_says_why_in_one_line(tmp_path: Path) -> None:
    with running(SMALL, "refusing", folder=tmp_path, wait=False) as program:
        assert program.wait() == 2
        assert "hubbub: DATABASE_URL: the schema is old; run: hubbub migrate" in program.log().splitlines()
        assert f"closed {program.pid}" in program.log()
        assert "Traceback" not in program.log()


def test_a_defect_at_the_start_is_logged_whole(tmp_path: Path) -> None:
    with running(SMALL, "defective", folder=tmp_path, wait=False) as program:
        assert program.wait() == 1
        assert "ZeroDivisionError: a defect" in program.log()
        assert 'raise ZeroDivisionError("a defect")' in program.log()


def test_a_start_can_be_called_off(tmp_path: Path) -> None:
    with running(SMALL, "starting_for_ever", folder=tmp_path, wait=False) as program:
        says(program, "starting")
        program.send_signal(signal.SIGTERM)
        assert program.wait() == 0
        assert f"closed {program.pid}" in program.log()
        assert not addresses(program)


def test_a_drain_that_never_ends_is_cut_off(tmp_path: Path) -> None:
    with running(SMALL, "draining_for_ever", folder=tmp_path, HUBBUB_DRAIN_SECONDS="0.2") as program:
        assert program.stop() == 0
        assert "HUBBUB_DRAIN_SECONDS" in program.log()
        assert f"closed {program.pid}" in program.log()


def test_a_second_ctrl_c_does_not_wait_for_the_drain(tmp_path: Path) -> None:
    with running(SMALL, "draining_for_ever", folder=tmp_path, HUBBUB_DRAIN_SECONDS="600") as program:
        program.send_signal(signal.SIGINT)
        says(program, "draining")
        program.send_signal(signal.SIGINT)
        assert program.wait() == 130


def test_a_drain_that_fails_is_logged_and_ends(tmp_path: Path) -> None:
    with running(SMALL, "draining_badly", folder=tmp_path) as program:
        assert program.stop() == 0
        assert "ZeroDivisionError: a defect" in program.log()
        assert f"closed {program.pid}" in program.log()


def test_a_blocked_loop_cannot_keep_it_from_ending(tmp_path: Path) -> None:
    with running(SMALL, "blocking_the_loop", folder=tmp_path, HUBBUB_DRAIN_SECONDS="0.2") as program:
        host, port = addresses(program)[0].removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(b"GET /block HTTP/1.1\r\nHost: h\r\n\r\n")
            says(program, "blocked")
            assert program.stop() == 0
        assert "still hangs" in program.log()


def test_a_thread_that_never_ends_cannot_keep_it_from_ending(tmp_path: Path) -> None:
    with running(SMALL, "holding_a_thread", folder=tmp_path, HUBBUB_DRAIN_SECONDS="0.2") as program:
        processes = family(program)
        assert program.stop() == 0
        assert f"closed {program.pid}" in program.log()
        wait_gone(processes)
