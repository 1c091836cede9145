"""A worker that can be killed: `python -m tests.server.lease_worker URL PREFIX NAME SECONDS TOPIC [MEMBER …]`.

It holds the members, and says `holds` on stdout when it does, `restored` when it is to read anew. With `-` for the
topic it holds nothing, and dies by SIGKILL over the first thing that it is told was lost.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Collection

from server.leases_redis import RedisLeases
from tests.server.leasing import TIMEOUT_SECONDS, client
from tests.support.process import ROOT, Process, temporary_folder


class LeaseWorker(Process):
    """The program, as a child of the test run."""

    def __init__(self, url: str, prefix: str, name: str, *, lease_seconds: float, topic: str, members: Collection[str]):
        arguments = [url, prefix, name, str(lease_seconds), topic, *members]
        super().__init__(
            f"lease worker {name}",
            [sys.executable, "-m", "tests.server.lease_worker", *arguments],
            log_path=temporary_folder("lease-worker") / "worker.log",
            ready=lambda: "holds" in self.log_path.read_text().split(),
            cwd=ROOT,
        )


async def _main(url: str, prefix: str, name: str, seconds: str, topic: str, *members: str) -> None:
    redis = client(url)
    leases = RedisLeases(redis, name, prefix, lease_seconds=float(seconds), timeout=TIMEOUT_SECONDS)
    if topic == "-":

        def die(_topic: str, _members: Collection[str]) -> None:
            print("dies", flush=True)
            os.kill(os.getpid(), signal.SIGKILL)

        leases.on_lost(die)
    leases.on_restored(lambda: print("restored", flush=True))
    await leases.start()
    if members:
        await leases.hold(topic, dict.fromkeys(members, name))
    print("holds", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
