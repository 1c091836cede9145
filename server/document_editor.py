"""The editor: applies documents' updates, in a program of its own that may die over them."""

import asyncio
import json
import logging
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from handlers.base import Folded
from handlers.errors import Invalid, Unavailable

log = logging.getLogger("hubbub.documents")

PROGRAM = Path(__file__).with_name("document_program.py")
_LINE_BYTES = 1 << 20


class Failed(Exception):
    """The program could not do it, or died over it; the message says why."""


@dataclass(frozen=True, slots=True)
class EditorBounds:
    """How long one operation may take, and the memory of the program in bytes."""

    seconds: float
    memory: int


class DocumentEditor:
    """One program for a worker, started when it is needed, and again when it has died.

    Args:
        bounds: of the program.
    """

    def __init__(self, bounds: EditorBounds) -> None:
        self._bounds = bounds
        self._program: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()

    async def stop(self) -> None:
        """End the program."""
        async with self._turn:
            await self._end()

    async def fold(self, state: bytes, updates: Sequence[tuple[int, bytes]]) -> Folded:
        """What a state and numbered updates come to. What cannot be applied is left out, and named.

        Raises ``Unavailable`` when the program cannot be run at all.
        """
        try:
            found, text = await self._ask("fold", [state, *(data for _, data in updates)])
            return Folded(found, text.decode(), ())
        except Failed as error:
            log.warning("A document cannot be folded at once; one update after the other", extra={"cause": str(error)})
        return await self._fold_singly(state, updates)

    async def _fold_singly(self, state: bytes, updates: Sequence[tuple[int, bytes]]) -> Folded:
        """Half of what does not go together, and half of that: few updates are to blame."""
        try:
            found, text = await self._ask("fold", [state])
        except Failed as error:
            raise Unavailable(f"The document cannot be read any more: {error}") from error
        left: list[Sequence[tuple[int, bytes]]] = [updates]
        dropped: list[int] = []
        while left:
            some = left.pop()
            if not some:
                continue
            try:
                found, text = await self._ask("fold", [found, *(data for _, data in some)])
            except Failed as error:
                if len(some) == 1:
                    log.warning("An update is left out", extra={"n": some[0][0], "cause": str(error)})
                    dropped.append(some[0][0])
                else:
                    middle = len(some) // 2
                    left += [some[middle:], some[:middle]]
        return Folded(found, text.decode(), tuple(dropped))

    async def rewrite(self, state: bytes, content: str) -> bytes:
        """The update by which a state's text becomes ``content``. Raises ``Invalid`` when that cannot be made."""
        try:
            (update,) = await self._ask("rewrite", [state, content.encode()])
        except Failed as error:
            raise Invalid("The document's text cannot be changed to this.", {"content": [str(error)]}) from error
        return update

    async def _ask(self, operation: str, parts: Sequence[bytes]) -> list[bytes]:
        async with self._turn:
            try:
                async with asyncio.timeout(self._bounds.seconds):
                    return await self._answer(operation, parts)
            except BaseException as error:
                await self._end()
                if isinstance(error, TimeoutError):
                    raise Failed(f"it took longer than {self._bounds.seconds:g} s (HUBBUB_DOCUMENT_SECONDS)") from None
                if isinstance(error, (asyncio.IncompleteReadError, ConnectionError, ValueError)):
                    raise Failed("the program for documents died over it") from None
                raise

    async def _answer(self, operation: str, parts: Sequence[bytes]) -> list[bytes]:
        program = await self._started()
        assert program.stdin is not None
        assert program.stdout is not None
        head = json.dumps([operation, [len(part) for part in parts]]).encode() + b"\n"
        program.stdin.write(head + b"".join(parts))
        line, _ = await asyncio.gather(program.stdout.readline(), program.stdin.drain())
        wrong, sizes = json.loads(line)
        if wrong is not None:
            raise Failed(wrong)
        return [await program.stdout.readexactly(size) for size in sizes]

    async def _started(self) -> asyncio.subprocess.Process:
        if self._program is not None and self._program.returncode is None:
            return self._program
        try:
            self._program = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-I", "-W", "ignore"),
                str(PROGRAM),
                str(self._bounds.memory),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                limit=_LINE_BYTES,
                # Neither our secrets nor our terminal are its business.
                env={},
                start_new_session=True,
            )
        except OSError as error:
            raise Unavailable(f"The program for documents cannot be started: {error}.") from error
        return self._program

    async def _end(self) -> None:
        program, self._program = self._program, None
        if program is not None:
            if program.returncode is None:
                program.kill()
            await program.wait()
