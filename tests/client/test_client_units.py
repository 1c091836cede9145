"""The parts of the browser client that need no server, run by Node's own test runner: one pytest for each file."""

import subprocess
from pathlib import Path

import pytest

from tests.support.process import ROOT, find_node

FILES = sorted(Path(__file__).parent.glob("*.test.mjs"))


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.name.removesuffix(".test.mjs"))
def test_client_unit(file: Path) -> None:
    """All tests of the file pass, and it holds some."""
    run = subprocess.run(
        [find_node(), "--test", "--test-reporter=tap", str(file)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "\n# pass 0\n" not in run.stdout, f"{file.name} holds no test"
