"""The machine: which cores are whose, what processes use of it, and how it is described beside the figures."""

import json
import os
import platform
import resource
import sqlite3
import subprocess
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median
from tempfile import TemporaryFile

import psutil

from tests.support.process import find_node, find_program

PYTHON_PACKAGES = ("python-socketio", "aiohttp", "uvloop", "SQLAlchemy", "aiosqlite", "asyncpg")
NODE_PACKAGES = ("socket.io", "ws", "better-sqlite3", "pg")


@dataclass(frozen=True)
class Cores:
    """Which core the measured server has, which the load generator, and which a second worker."""

    server: int
    generator: int
    second: int


def cores() -> Cores:
    """The first cores that this process may use; where there are only two, a second worker shares the first's."""
    usable = sorted(os.sched_getaffinity(0))
    return Cores(usable[0], usable[1 % len(usable)], usable[2] if len(usable) > 2 else usable[0])


def on_core(core: int, command: list[str]) -> list[str]:
    """The command that runs `command` on one core."""
    return ["taskset", "--cpu-list", str(core), *command]


def raise_open_files(wanted: int) -> None:
    """Allow this process and its children `wanted` open files; RuntimeError where the system does not."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and wanted > hard:
        raise RuntimeError(
            f"{wanted:,} open files are needed, the limit is {hard:,}: raise it with `ulimit -Hn {wanted}`"
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))


def _family(pid: int) -> list[psutil.Process]:
    program = psutil.Process(pid)
    return [program, *program.children(recursive=True)]


def _cpu_clock(pid: int) -> int:
    """Linux' number of the clock that counts a process's CPU time, threads that ended included, in ns."""
    return ~pid << 3 | 2


def cpu_seconds(pid: int) -> float:
    """CPU time of a process and its children; of children that have ended, what /proc/PID/stat says."""
    total = 0.0
    for process in _family(pid):
        ended = process.cpu_times()
        total += time.clock_gettime(_cpu_clock(process.pid)) + ended.children_user + ended.children_system
    return total


def resident_bytes(pid: int) -> int:
    """Resident memory of a process and its children."""
    return sum(process.memory_info().rss for process in _family(pid))


def commit_micros(folder: Path) -> float:
    """Median time of a write that waits for the disk, 4 kB appended and fdatasync, in µs."""
    times = []
    with TemporaryFile(dir=folder, buffering=0) as file:
        for _ in range(200):
            start = time.perf_counter()
            file.write(bytes(4096))
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - start)
    return median(times) * 1e6


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _file_system(folder: Path) -> str:
    found = [part for part in psutil.disk_partitions(all=True) if folder.is_relative_to(part.mountpoint)]
    return max(found, key=lambda part: len(part.mountpoint)).fstype


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def _node_version(package: str) -> str:
    description = Path(__file__).parent / "node" / "node_modules" / package / "package.json"
    return str(json.loads(description.read_text())["version"])


def describe(data_folder: Path) -> dict[str, str]:
    """The machine and the programs under test, each by a short name; `data_folder` is where the databases lie."""
    memory = psutil.virtual_memory().total / 2**30
    congestion = Path("/proc/sys/net/ipv4/tcp_congestion_control").read_text().strip()
    python = [platform.python_version(), *(f"{name} {version(name)}" for name in PYTHON_PACKAGES)]
    node = [_output(find_node(), "--version"), *(f"{name} {_node_version(name)}" for name in NODE_PACKAGES)]
    return {
        "Processor": f"{_processor()}, {os.cpu_count()} cores",
        "Memory": f"{memory:.0f} GiB",
        "System": f"{platform.system()} {platform.release()}, TCP congestion control {congestion}",
        "Disk": f"{_file_system(data_folder)}, {commit_micros(data_folder):.0f} µs for a 4 kB write and fdatasync",
        "Python": ", ".join(python),
        "Node": ", ".join(node),
        "Databases": f"SQLite {sqlite3.sqlite_version} (Python), "
        f"PostgreSQL {_output(find_program('psql', 'postgresql'), '--version').split()[2]}, "
        f"Redis {_output(find_program('redis-server', 'redis-server'), '--version').split()[2].removeprefix('v=')}",
        "C": _output(find_program("cc", "gcc"), "--version").splitlines()[0],
    }
