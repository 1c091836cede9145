"""The folder for a worker's private sockets."""

import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.engine.peers_folder import PrivateFolder


@pytest.fixture(autouse=True)
def temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Keep other workers of this machine out of it."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    yield


def left_over(folder: Path, age: float = 3600) -> Path:
    """A folder as a killed worker leaves it."""
    path = Path(tempfile.mkdtemp(prefix="hubbub-peer-", dir=folder))
    (path / "relay").touch()
    made = path.stat().st_mtime - age
    os.utime(path, (made, made))
    return path


def test_only_this_user_may_enter() -> None:
    folder = PrivateFolder()
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
    folder.remove()
    folder.remove()
    assert not folder.path.exists()


def test_what_killed_workers_left_is_removed(tmp_path: Path) -> None:
    abandoned = left_over(tmp_path)
    folder = PrivateFolder()
    assert not abandoned.exists()
    folder.remove()


def test_folders_of_living_workers_stay(tmp_path: Path) -> None:
    living = PrivateFolder()
    made = living.path.stat().st_mtime - 3600
    os.utime(living.path, (made, made))
    being_made = left_over(tmp_path, age=0)
    folder = PrivateFolder()
    assert living.path.exists()
    assert being_made.exists()
    for each in (living, folder):
        each.remove()


def test_what_only_looks_like_one_stays(tmp_path: Path) -> None:
    target = left_over(tmp_path).rename(tmp_path / "precious")
    (tmp_path / "hubbub-peer-link").symlink_to(target)
    (tmp_path / "hubbub-peer-file").touch()
    for path in (tmp_path / "hubbub-peer-link", tmp_path / "hubbub-peer-file"):
        os.utime(path, (0, 0), follow_symlinks=False)
    PrivateFolder().remove()
    assert (target / "relay").exists()
    assert (tmp_path / "hubbub-peer-file").exists()
