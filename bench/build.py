"""What has to be made before the first run: the two C programs and the packages of Node."""

import os
import shutil
import subprocess
from pathlib import Path

from tests.support.process import find_node, find_program

FOLDER = Path(__file__).parent
NATIVE = FOLDER / "native"
NODE = FOLDER / "node"
BUILT = FOLDER / "results" / "build"

PROGRAMS = {"load": ("load.c", "client.c", "ledger.c", "plan.c"), "floor": ("floor.c",)}


class BuildError(Exception):
    """A program of the benchmark could not be made: the message says which and shows the compiler's or npm's words."""


def _run(command: list[str], folder: Path, **variables: str) -> None:
    done = subprocess.run(command, cwd=folder, env=os.environ | variables, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BuildError(f"`{' '.join(command)}` failed in {folder.name}/:\n{done.stderr or done.stdout}")


def native(name: str) -> Path:
    """Path of a C program, compiled anew when one of its sources is younger."""
    program = BUILT / name
    made = program.stat().st_mtime if program.exists() else 0
    if any(source.stat().st_mtime > made for source in NATIVE.iterdir()):
        BUILT.mkdir(parents=True, exist_ok=True)
        compiler = find_program("cc", "gcc")
        _run([compiler, "-O2", "-Wall", "-Wextra", "-o", str(program), *PROGRAMS[name]], NATIVE)
    return program


def _node_headers() -> Path | None:
    """The folder of Node's C headers, which lie beside the program's `bin`; None where they are not installed."""
    prefix = Path(find_node()).resolve().parent.parent
    return prefix if (prefix / "include" / "node" / "node.h").exists() else None


def node_packages() -> None:
    """Install what package-lock.json names, once; better-sqlite3 is compiled from its sources."""
    installed = NODE / "node_modules" / ".package-lock.json"
    lock = NODE / "package-lock.json"
    addon = NODE / "node_modules" / "better-sqlite3" / "build" / "Release" / "better_sqlite3.node"
    npm = find_program("npm", "npm", [Path(find_node()).parent])
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        # Install scripts stay out: better-sqlite3's would download a binary of somebody's making.
        _run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], NODE)
    if not addon.exists():
        headers = _node_headers()
        variables = {"npm_config_nodedir": str(headers)} if headers else {}
        _run([npm, "run", "build-release"], addon.parents[2], **variables)
        shutil.rmtree(addon.parent / "obj.target", ignore_errors=True)
