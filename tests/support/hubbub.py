"""Hubbub itself, started as its operators start it: `python -m server serve` with environment variables."""

import os
import secrets
import sys
import time
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp
import jwt

from tests.support.process import ROOT, Process, free_port, temporary_folder

INHERITED = ("PATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH")
START_SECONDS = 30
EXIT_SECONDS = 15


@dataclass(frozen=True)
class Reply:
    """Answer of the REST door."""

    status: int
    headers: Mapping[str, str]
    body: Any


class Hubbub(Process):
    """One `serve` on a free port of loopback; in its folder are its SQLite file, its pictures and its log.

    `variables` are set over the defaults of `environment`; None removes one.
    """

    def __init__(self, **variables: str | None) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.folder = temporary_folder("server")
        defaults = {
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "HUBBUB_VAR": str(self.folder),
            "HUBBUB_SECRET": secrets.token_hex(32),
            "HUBBUB_API_KEYS": "test-key",
            # All clients of a test come from one address, and often from one user.
            "HUBBUB_CONNECTIONS_PER_ADDRESS": "0",
            "HUBBUB_CONNECTIONS_PER_USER": "0",
        }
        inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
        chosen = {name: value for name, value in (defaults | variables).items() if value is not None}
        super().__init__(
            f"hubbub on {self.port}",
            [sys.executable, "-m", "server", "serve"],
            log_path=self.folder / "server.log",
            ready=self._is_ready,
            env=inherited | chosen,
            cwd=ROOT,
            start_seconds=START_SECONDS,
        )

    @property
    def secret(self) -> str:
        """The key that tokens are signed with."""
        return self.env["HUBBUB_SECRET"]

    @property
    def api_key(self) -> str:
        """A key of a backend."""
        return self.env["HUBBUB_API_KEYS"].split(",")[0]

    def token(self, user_id: str, *, name: str | None = None, role: str = "user", **claims: Any) -> str:
        """A JWT of that user, valid for an hour unless `claims` say otherwise; a claim of None is left out."""
        now = int(time.time())
        defaults = {"sub": user_id, "name": name or user_id.title(), "role": role, "iat": now, "exp": now + 3600}
        payload = {claim: value for claim, value in (defaults | claims).items() if value is not None}
        return jwt.encode(payload, self.secret, algorithm="HS256")

    async def rest(
        self, method: str, path: str, json: Any = None, *, token: str | None = None, **options: Any
    ) -> Reply:
        """Call the REST door as the bearer of `token` (a JWT or an API key); `options` are aiohttp's.

        The body is decoded if it is JSON, else it is text.
        """
        headers = dict(options.pop("headers", {}))
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        if json is not None:
            options["json"] = json
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(30)) as session,
            session.request(method, self.url + path, headers=headers, **options) as response,
        ):
            decode = response.json if response.content_type == "application/json" else response.text
            return Reply(response.status, response.headers, await decode())

    def terminate(self) -> int:
        """SIGTERM, then wait for the end of the drain; the exit status."""
        return self.stop(EXIT_SECONDS)

    def restart(self) -> None:
        """Drain, then start again on the same port with the same data."""
        self.terminate()
        self.start()

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False


class Cluster:
    """Servers that are one deployment: they share a database, a secret and, if there are two, a Redis."""

    def __init__(self, workers: Sequence[Hubbub]) -> None:
        self.workers = list(workers)
        self.a, self.b = self.workers[0], self.workers[-1]
        """Two workers to hold against each other; the same one where there is only one."""
        self.secret, self.api_key, self.token = self.a.secret, self.a.api_key, self.a.token

    def start(self) -> None:
        """Start all workers at once and wait until every one is ready."""
        for worker in self.workers:
            worker.start(wait=False)
        for worker in self.workers:
            worker.wait_ready()

    def kill(self) -> None:
        """End all workers without asking."""
        for worker in self.workers:
            worker.kill()


def one_worker(**variables: str | None) -> Cluster:
    """A worker on an SQLite file, without Redis."""
    return Cluster([Hubbub(**variables)])


def two_workers(redis_url: str, database_url: str, **variables: str | None) -> Cluster:
    """Two workers on ports of their own that share a PostgreSQL database, already migrated, and a Redis."""
    return many_workers(2, redis_url, database_url, **variables)


def many_workers(count: int, redis_url: str, database_url: str, **variables: str | None) -> Cluster:
    """So many workers of the same kind."""
    shared = {
        "HUBBUB_SECRET": secrets.token_hex(32),
        "REDIS_URL": redis_url,
        "DATABASE_URL": database_url,
        # Publications know no logical databases: a prefix alone keeps deployments on one Redis apart.
        "HUBBUB_REDIS_PREFIX": f"hubbub-{secrets.token_hex(4)}",
    }
    return Cluster([Hubbub(**(shared | variables)) for _ in range(count)])
