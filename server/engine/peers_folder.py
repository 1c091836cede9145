"""A worker's private folder, where its sockets for the other workers of this machine stand."""

import contextlib
import fcntl
import os
import shutil
import socket
import tempfile
import time
from pathlib import Path

_PREFIX = "hubbub-peer-"
# A folder that nobody has locked is somebody's just being made, or left over.
_BEING_MADE_SECONDS = 60


class PrivateFolder:
    """A new temporary folder that this user alone may enter.

    It is locked for as long as this process lives, which also keeps systemd-tmpfiles away from it. Folders of the same
    user whose processes ended without removing theirs are removed.
    """

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX))
        self._lock = os.open(self.path, os.O_RDONLY)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        for other in self.path.parent.glob(f"{_PREFIX}*"):
            with contextlib.suppress(OSError):
                _remove_left_over(other)

    def remove(self) -> None:
        """Remove the folder with what is in it."""
        if self._lock >= 0:
            shutil.rmtree(self.path, ignore_errors=True)
            os.close(self._lock)
            self._lock = -1


def private_socket(path: Path) -> socket.socket:
    """Return a socket bound to `path`, not listening yet, that this user alone may connect to."""
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    bound.setblocking(False)
    bound.bind(str(path))
    path.chmod(0o600)
    return bound


def _remove_left_over(folder: Path) -> None:
    found = folder.lstat()
    if found.st_uid != os.getuid() or time.time() - found.st_mtime < _BEING_MADE_SECONDS:
        return
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder)
    finally:
        os.close(lock)
