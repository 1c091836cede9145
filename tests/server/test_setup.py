"""What set-up reads and what it says: the pinned releases, the list of settings in the README, the missing packages."""

import configparser
import json
import re
import subprocess
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from server.settings import VARIABLES

ROOT = Path(__file__).resolve().parents[2]


def requirements() -> list[Requirement]:
    """All that setup.cfg asks for, extras included."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    lists = [config["options"]["install_requires"], *config["options.extras_require"].values()]
    return [Requirement(line) for lines in lists for line in lines.split("\n") if line]


def pins() -> dict[str, str]:
    """Name and release of each line of constraints.txt."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return {
        canonicalize_name(name): release
        for name, _, release in (line.partition("==") for line in lines if line[0] != "#")
    }


def test_every_requirement_is_pinned_within_its_bounds() -> None:
    wrong = [
        each for each in requirements() if not each.specifier.contains(pins().get(canonicalize_name(each.name), "0"))
    ]
    assert wrong == []


def test_the_lock_of_the_pages_packages_names_no_registry() -> None:
    lock = json.loads((ROOT / "static" / "package-lock.json").read_text())
    assert [path for path, package in lock["packages"].items() if "resolved" in package] == []


def test_the_readme_lists_every_setting_with_its_default() -> None:
    rows = re.findall(r"^\| `([A-Z_]+)` \| (.*?) \|", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert rows == [(each.name, each.default_help) for each in VARIABLES]


def test_a_missing_package_is_named_with_its_cure_where_it_cannot_be_installed(tmp_path: Path) -> None:
    # On an empty PATH there is no program, apt-get included.
    tried = subprocess.run(
        ["/bin/sh", ROOT / "scripts" / "system-packages", "redis-server", "chromium"],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert tried.returncode == 1
    assert tried.stderr == (
        "Missing on this machine: redis-server chromium. This is no Debian, so set-up cannot install them.\n"
        "Install them, on Debian as root: apt-get install redis-server chromium\n"
    )
