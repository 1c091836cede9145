"""A real PostgreSQL cluster on a free port, and fresh databases in it."""

import itertools
import os
import pwd
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.support.process import Process, find_program, free_port, temporary_folder

USER = "hubbub"
TEMPLATE = "hubbub_template"


def _program(name: str) -> str:
    """Debian keeps the server's programs off PATH, one folder a version; the newest version goes first."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: -int(folder.parent.name))
    return find_program(name, "postgresql", folders)


def _unprivileged_user() -> str | None:
    """PostgreSQL refuses to run as root: whom to run it as instead, None when this is not root."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


class PostgresServer(Process):
    """A cluster of its own, made by initdb; `stop` and `start` keep its data.

    `durable=False` is quicker, as commits don't wait for the disk: a crash of the machine loses them, one of
    PostgreSQL doesn't.
    """

    def __init__(self, *, durable: bool = False) -> None:
        self.port = free_port()
        self._names = itertools.count(1)
        self._template_is_made = False
        owner = _unprivileged_user()
        folder = temporary_folder("postgres", owner)
        self._data = folder / "data"
        settings = {
            "port": self.port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "max_connections": 200,
        }
        if not durable:
            settings |= {"fsync": "off", "full_page_writes": "off"}
        super().__init__(
            "postgres",
            [
                _program("postgres"),
                "-D",
                self._data,
                *(part for name, value in settings.items() for part in ("-c", f"{name}={value}")),
            ],
            log_path=folder / "postgres.log",
            ready=self._answers,
            user=owner,
            # PostgreSQL's "fast" shutdown; on SIGTERM it would wait for every client to leave.
            stop_signal=signal.SIGINT,
        )
        self._initialise()

    def url(self, database: str) -> str:
        """The URL of one database of this cluster."""
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{database}"

    def create_database(self, *, migrated: bool = True) -> str:
        """Make a fresh database and return its URL: a copy of one with Hubbub's newest schema, or an empty one."""
        if migrated and not self._template_is_made:
            self._make_template()
        name = f"test_{next(self._names)}"
        self._create(name, TEMPLATE if migrated else "template0")
        return self.url(name)

    def _initialise(self) -> None:
        subprocess.run(
            [
                *(_program("initdb"), "-D", self._data, "--username", USER, "--auth", "trust"),
                *("--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync", "--no-instructions"),
            ],
            check=True,
            cwd="/",
            user=self.user,
            group=self.user,
            extra_groups=[] if self.user else None,
            stdout=subprocess.DEVNULL,
        )

    def _address(self) -> tuple[str, ...]:
        return ("--host", "127.0.0.1", "--port", str(self.port), "--username", USER)

    def _answers(self) -> bool:
        # `pg_isready` is content with any answer at all; this takes a query that works.
        answer = subprocess.run(
            [_program("psql"), *self._address(), "--dbname", "postgres", "--command", "SELECT 1"],
            capture_output=True,
            check=False,
        )
        return answer.returncode == 0

    def _create(self, name: str, template: str) -> None:
        subprocess.run([_program("createdb"), *self._address(), "--template", template, name], check=True)

    def _make_template(self) -> None:
        from models.migrate import upgrade
        from server.setting_urls import database_url

        self._create(TEMPLATE, "template0")
        # A thread of its own: Alembic's environment runs an event loop, and the caller may be inside of one.
        with ThreadPoolExecutor(1) as thread:
            thread.submit(upgrade, database_url(self.url(TEMPLATE))).result()
        self._template_is_made = True
