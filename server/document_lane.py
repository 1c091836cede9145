"""A lane: one program that applies documents' updates, one request after the other, each within so much CPU time."""

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from handlers.errors import Unavailable

PROGRAM = Path(__file__).with_name("document_program.py")
_LINE_BYTES = 1 << 20
# On a machine that is busy with other things a program need not get to work at once.
_PATIENCE = 10
_LOOK_SECONDS = 0.05


class Failed(Exception):
    """The program could not do it, or died over it; the message says why."""


class TooSlow(Failed):
    """It takes too long."""


class Lane:
    """A program, started when it is needed, and again when it has died.

    Args:
        memory: how much it may have, in bytes.
    """

    def __init__(self, memory: int) -> None:
        self._memory = memory
        self._program: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()

    async def stop(self) -> None:
        """End the program."""
        async with self._turn:
            await self._end()

    async def ask(self, operation: str, parts: Sequence[bytes], seconds: float) -> list[bytes]:
        """What the program answers.

        Args:
            operation: one of the program's.
            parts: what it is about.
            seconds: of the program's CPU time, not of the clock: a busy machine makes nothing too slow.

        Raises ``TooSlow``, ``Failed`` for what it cannot do or dies over, and ``Unavailable`` when it cannot run.
        """
        async with self._turn:
            try:
                return await self._answer(operation, parts, seconds)
            except BaseException as error:
                await self._end()
                if isinstance(error, (asyncio.IncompleteReadError, ConnectionError, ValueError)):
                    raise Failed("the program for documents died over it") from None
                raise

    async def _answer(self, operation: str, parts: Sequence[bytes], seconds: float) -> list[bytes]:
        program = await self._started()
        begun, spent = time.monotonic(), _cpu_seconds(program.pid)
        answer = asyncio.ensure_future(_converse(program, operation, parts))
        try:
            while not answer.done():
                await asyncio.wait({answer}, timeout=_LOOK_SECONDS)
                if not answer.done() and _cpu_seconds(program.pid) - spent > seconds:
                    raise TooSlow(f"it takes longer than {seconds:g} s (HUBBUB_DOCUMENT_SECONDS)")
                if not answer.done() and time.monotonic() - begun > _PATIENCE * max(seconds, 1):
                    raise Unavailable("The program for documents gets no time to work; try again in a moment.")
            return answer.result()
        finally:
            answer.cancel()

    async def _started(self) -> asyncio.subprocess.Process:
        if self._program is not None and self._program.returncode is None:
            return self._program
        try:
            self._program = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-I", "-W", "ignore"),
                str(PROGRAM),
                str(self._memory),
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
        # Its own start is no part of any request.
        await self._answer("ready", [], float("inf"))
        return self._program

    async def _end(self) -> None:
        program, self._program = self._program, None
        if program is not None:
            if program.returncode is None:
                program.kill()
            await program.wait()


async def _converse(program: asyncio.subprocess.Process, operation: str, parts: Sequence[bytes]) -> list[bytes]:
    assert program.stdin is not None
    assert program.stdout is not None
    head = json.dumps([operation, [len(part) for part in parts]]).encode() + b"\n"
    program.stdin.write(head + b"".join(parts))
    line, _ = await asyncio.gather(program.stdout.readline(), program.stdin.drain())
    wrong, sizes = json.loads(line)
    if wrong is not None:
        raise Failed(wrong)
    return [await program.stdout.readexactly(size) for size in sizes]


def _cpu_seconds(pid: int) -> float:
    """CPU time of a process, by Linux' clock of it; elsewhere the time of day must do."""
    try:
        return time.clock_gettime(~pid << 3 | 2)
    except OSError:
        return time.monotonic()
