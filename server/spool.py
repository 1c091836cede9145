"""The spool: uploads lie here while they are worked on, as files without a name that vanish with this process."""

import asyncio
import logging
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO

from handlers.errors import Unavailable
from server.errors import StartupError

log = logging.getLogger("hubbub.spool")


class Spool:
    """A folder on this machine's disk, which a system's own temporary folder need not be.

    Args:
        folder: made where there is none.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def open(self) -> None:
        """Get ready. Raises ``StartupError``."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self.file().close()
        except (OSError, Unavailable) as error:
            raise StartupError(
                f"HUBBUB_VAR: uploads cannot be put down in {self._folder} ({error}); name a folder that this user may"
                " write to"
            ) from error

    def file(self) -> BinaryIO:
        """A new file, unbuffered. Raises ``Unavailable``."""
        try:
            return TemporaryFile(dir=self._folder, buffering=0)
        except OSError as error:
            raise _full(error) from error

    async def write(self, file: BinaryIO, content: bytes) -> None:
        """Append to one of the files. Raises ``Unavailable``."""
        try:
            await asyncio.to_thread(_write, file, content)
        except OSError as error:
            raise _full(error) from error


def _write(file: BinaryIO, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[file.write(rest) :]


def _full(error: OSError) -> Unavailable:
    log.error("Uploads cannot be put down (HUBBUB_VAR)", extra={"cause": repr(error)})
    return Unavailable("The server has no room for uploads at the moment; try again later.")
