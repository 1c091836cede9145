"""Uploads: the door of ``image:upload`` over HTTP. A picture goes to the disk as it comes, never into memory."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from typing import Any

from aiohttp import BodyPartReader, web
from aiohttp.http_exceptions import HttpProcessingError

from handlers.base import Actor
from handlers.errors import Invalid, RateLimited, TooLarge, Unavailable
from handlers.payload import Upload
from server.spool import Spool

FILE = "file"
_PIECE = 64 * 1024
# The parts beside the file: a caption, a client id, and what a form may send along.
_PARTS_MAX = 20
_TEXT_BYTES = 8192
_FORM_BYTES = 64 * 1024
_RETRY_SECONDS = 1.0


class Uploads:
    """Reads multipart bodies.

    Args:
        spool: where files are put down.
        size: bytes that a file may have.
        seconds: within which a body must have come.
        per_user: uploads of one person that this worker receives at a time.
    """

    def __init__(self, spool: Spool, *, size: int, seconds: float, per_user: int) -> None:
        self._spool = spool
        self._size = size
        self._seconds = seconds
        self._per_user = per_user
        self._of_user: Counter[str | None] = Counter()
        self._deadlines: set[asyncio.Timeout] = set()
        self._draining = False

    def drain(self) -> None:
        """Wait no longer for what has not come yet: it is ``unavailable`` here."""
        self._draining = True
        for each in self._deadlines:
            each.reschedule(asyncio.get_running_loop().time())

    async def read(self, request: web.Request, actor: Actor, stack: AsyncExitStack) -> dict[str, Any]:
        """The payload that a request brings; what it holds open is closed with ``stack``.

        Raises ``Invalid``, ``TooLarge``, ``RateLimited``, and ``Unavailable`` when it does not come in time.
        """
        if not request.content_type.startswith("multipart/form-data"):
            raise _malformed("Send multipart/form-data with a part named file.")
        if (request.content_length or 0) > self._size + _FORM_BYTES:
            raise self._too_large()
        stack.enter_context(self._one_more(actor))
        try:
            async with asyncio.timeout(self._seconds) as deadline:
                self._deadlines.add(deadline)
                try:
                    if self._draining:
                        raise Unavailable("The server is restarting; try again in a moment.")
                    return await self._parts(request, stack)
                finally:
                    self._deadlines.discard(deadline)
        except TimeoutError:
            raise Unavailable(
                "The server is restarting; try again in a moment."
                if self._draining
                else f"The upload did not come within {self._seconds:g} seconds; try again."
            ) from None

    @contextmanager
    def _one_more(self, actor: Actor) -> Iterator[None]:
        if self._of_user[actor.id] >= self._per_user:
            raise RateLimited(_RETRY_SECONDS, f"No more than {self._per_user} uploads at a time, please.")
        self._of_user[actor.id] += 1
        try:
            yield
        finally:
            self._of_user[actor.id] -= 1
            self._of_user += Counter()

    async def _parts(self, request: web.Request, stack: AsyncExitStack) -> dict[str, Any]:
        payload: dict[str, Any] = {}
        try:
            parts = await request.multipart()
            for _ in range(_PARTS_MAX):
                part = await parts.next()
                if part is None:
                    return payload | request.match_info
                if not isinstance(part, BodyPartReader) or not part.name or part.name in payload:
                    raise _malformed("Send each part once, by a name of its own.")
                payload[part.name] = (
                    await self._file(part, stack) if part.name == FILE else (await self._text(part)).strip()
                )
        except (ValueError, HttpProcessingError, web.HTTPException) as error:
            # What aiohttp raises for bodies that are not as their headers say.
            raise _malformed("Is no well-formed multipart/form-data.") from error
        raise _malformed(f"Send no more than {_PARTS_MAX} parts.")

    async def _file(self, part: BodyPartReader, stack: AsyncExitStack) -> Upload:
        """What the part holds, on disk; what its sender calls it plays no role."""
        file = stack.enter_context(self._spool.file())
        size = 0
        while piece := await part.read_chunk(_PIECE):
            size += len(piece)
            if size > self._size:
                raise self._too_large()
            await self._spool.write(file, piece)
        return Upload(file, size)

    async def _text(self, part: BodyPartReader) -> str:
        text = bytearray()
        while piece := await part.read_chunk(_TEXT_BYTES):
            text += piece
            if len(text) > _TEXT_BYTES:
                raise TooLarge(f"A part beside the file may have {_TEXT_BYTES} bytes.")
        return text.decode("utf-8", errors="replace")

    def _too_large(self) -> TooLarge:
        return TooLarge(f"A picture may have {self._size} bytes (HUBBUB_UPLOAD_BYTES).")


def _malformed(said: str) -> Invalid:
    return Invalid("The upload is not taken.", {FILE: [said]})
