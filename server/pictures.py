"""Pictures: what was uploaded becomes a picture that can be shown, and its files are stored."""

import asyncio
import json
import logging
import sys
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy.ext.asyncio import AsyncConnection

from handlers.errors import Invalid, TooLarge, Unavailable
from handlers.payload import Upload
from models import leftovers
from models.database import Database
from models.ids import new_id
from models.images import Kept
from models.types import ahead
from server.media import Media
from server.spool import Spool

log = logging.getLogger("hubbub.pictures")

PROGRAM = Path(__file__).with_name("picture_program.py")
# From the first file written to the transaction that makes an image of it, which takes seconds.
KEEP_SECONDS = 600.0
# What is written anew may be larger than what came.
GROWTH = 8


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a picture may be, and how long and how many at a time they are worked on."""

    bytes: int
    pixels: int
    seconds: float
    concurrency: int


class StoredPictures:
    """The port ``Pictures`` of the handlers.

    Args:
        database: where files that may have to be removed are entered.
        media: keeps the files.
        spool: where pictures lie while they are worked on.
        bounds: what is taken.
    """

    def __init__(self, database: Database, media: Media, spool: Spool, bounds: Bounds) -> None:
        self._database = database
        self._media = media
        self._spool = spool
        self._bounds = bounds
        self._turns = asyncio.Semaphore(bounds.concurrency)

    async def keep(self, upload: Upload, wanted: Callable[[AsyncConnection], Awaitable[bool]]) -> Kept | None:
        """Check a picture, clean it and store its files, which are removed unless an image of it is made soon.

        None, and nothing is stored, when it is not ``wanted``, which may raise as well. Raises ``Invalid`` for what is
        no picture, ``TooLarge``, and ``Unavailable`` while it cannot be stored.
        """
        if upload.size > self._bounds.bytes:
            raise TooLarge(f"A picture may have {self._bounds.bytes} bytes (HUBBUB_UPLOAD_BYTES).")
        async with self._database.read() as conn:
            if not await wanted(conn):
                return None
        async with self._turns:
            with ExitStack() as stack:
                return await self._keep(upload, stack)

    async def _keep(self, upload: Upload, stack: ExitStack) -> Kept:
        source = upload.file
        if isinstance(upload.file, BytesIO):
            source = stack.enter_context(self._spool.file())
            await self._spool.write(source, upload.file.getvalue())
        picture, thumbnail = (stack.enter_context(self._spool.file()) for _ in range(2))
        made = await self._make(source, picture, thumbnail)
        kept = Kept(new_id(), made["type"], made["width"], made["height"], _size(picture), _size(thumbnail))
        async with self._database.write() as conn:
            await leftovers.expect(conn, kept.id, ahead(KEEP_SECONDS))
        await self._media.put(kept.id, picture, thumbnail)
        return kept

    async def _make(self, source: BinaryIO, picture: BinaryIO, thumbnail: BinaryIO) -> dict[str, Any]:
        """What the program tells of the picture that it made. Raises ``Invalid``, ``Unavailable``."""
        source.seek(0)
        files = (picture.fileno(), thumbnail.fileno())
        arguments = (self._bounds.pixels, GROWTH * self._bounds.bytes, *files)
        program = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-I", "-W", "ignore"),
            str(PROGRAM),
            *map(str, arguments),
            stdin=source,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            pass_fds=files,
            # Neither our secrets nor our terminal are its business.
            env={},
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(self._bounds.seconds):
                said, complaint = await program.communicate()
        except TimeoutError:
            log.warning("A picture took too long to work on", extra={"seconds": self._bounds.seconds})
            raise Unavailable("Working on the picture took too long; try again, or send a smaller one.") from None
        finally:
            if program.returncode is None:
                program.kill()
                await program.wait()
        if program.returncode:
            end = complaint[-1000:].decode(errors="replace")
            log.error("The program for pictures failed", extra={"status": program.returncode, "cause": end})
            raise self._refusal("broken")
        told: dict[str, Any] = json.loads(said)
        if "refused" in told:
            log.info("An upload was refused", extra={"reason": told["refused"], "cause": told.get("cause")})
            raise self._refusal(told["refused"])
        return told

    def _refusal(self, reason: str) -> Invalid:
        said = {
            "kind": "Must be a JPEG, PNG, WebP or GIF picture.",
            "pixels": f"Must have {self._bounds.pixels} pixels at most, over all its frames.",
            "broken": "Is broken: it cannot be read to its end.",
            "more": "Holds more than a picture.",
        }[reason]
        return Invalid("This file is not taken for a picture.", {"file": [said]})


def _size(file: BinaryIO) -> int:
    return file.seek(0, 2)
