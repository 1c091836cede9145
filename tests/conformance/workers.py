"""Worker processes of one deployment, and the one address at which clients find them."""

import os
import secrets
import sys
import urllib.request
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import psutil
from aiohttp import ClientSession, ClientTimeout, TCPConnector

from tests.support.hubbub import INHERITED
from tests.support.process import ROOT, Process, free_port, temporary_folder
from tests.support.waiting import eventually


class WorkerProgram(Process):
    """One start of worker_program.py with some workers on one port."""

    def __init__(self, redis_url: str, prefix: str, workers: int, **variables: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        folder = temporary_folder("workers")
        inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
        settings = {
            "PORT": str(self.port),
            "WEB_CONCURRENCY": str(workers),
            "REDIS_URL": redis_url,
            "HUBBUB_REDIS_PREFIX": prefix,
            "HUBBUB_VAR": str(folder),
            "HUBBUB_SECRET": secrets.token_hex(32),
        }
        super().__init__(
            f"workers on {self.port}",
            [sys.executable, "-m", "tests.conformance.worker_program"],
            log_path=folder / "workers.log",
            ready=lambda: "is listening" in self.log() and self._answers(),
            env=inherited | settings | variables,
            cwd=ROOT,
        )

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/counts", timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False


@dataclass(frozen=True)
class Deployment:
    """Several workers behind one address."""

    url: str
    programs: Sequence[WorkerProgram]
    workers: int

    async def counts(self) -> Counter[str]:
        """What all workers together have done with requests for the sessions of others."""
        answers: dict[int, Counter[str]] = {}
        connector = TCPConnector(force_close=True)
        async with ClientSession(connector=connector, timeout=ClientTimeout(total=10)) as http:

            async def all_have_answered() -> bool:
                for program in self.programs:
                    async with http.get(f"{program.url}/counts") as answer:
                        counted = await answer.json()
                        answers[counted.pop("worker")] = Counter(counted)
                return len(answers) >= self.workers

            await eventually(all_have_answered, f"{self.workers} workers to say what they did", 30)
        return sum(answers.values(), Counter())

    def kill(self, worker: int) -> None:
        """Kill one of the worker processes, without a word."""
        psutil.Process(worker).kill()
