"""What has to be made before the first run: the two C programs and the packages of Node."""

import os
import subprocess
import sys
from pathlib import Path

from tests.support.process import find_node, find_program

FOLDER = Path(__file__).parent
NATIVE = FOLDER / "native"
NODE = FOLDER / "node"
BUILT = FOLDER / "results" / "build"

PROGRAMS = {"load": ("load.c", "client.c", "figures.c", "ledger.c", "plan.c"), "floor": ("floor.c",)}


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


def _node_variables() -> dict[str, str]:
    """What npm is to know: where Node is and, if they are installed beside it, its C headers."""
    node = Path(find_node())
    program = subprocess.run(
        [node, "-p", "process.execPath"], capture_output=True, text=True, check=True
    ).stdout.strip()
    prefix = Path(program).resolve().parent.parent
    variables = {"PATH": os.pathsep.join([str(node.parent), os.environ.get("PATH", os.defpath)])}
    if (prefix / "include" / "node" / "node.h").exists():
        variables["npm_config_nodedir"] = str(prefix)
    return variables


def node_packages() -> None:
    """Install what package-lock.json names, once; better-sqlite3 is compiled from its sources."""
    modules = NODE / "node_modules"
    installed, lock = modules / ".package-lock.json", NODE / "package-lock.json"
    addon = modules / "better-sqlite3" / "build" / "Release" / "better_sqlite3.node"
    npm = find_program("npm", "npm", [Path(find_node()).parent])
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        _run([npm, "ci"], NODE, **_node_variables())
    if not addon.exists():
        print("  Compiling better-sqlite3, which takes a minute once", file=sys.stderr, flush=True)
        # In place of its install script, which would download a binary of somebody's making.
        _run([npm, "run", "build-release"], modules / "better-sqlite3", **_node_variables())
