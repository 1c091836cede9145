"""The editor: applies documents' updates, in programs of their own that may die over them."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from handlers.base import Folded
from handlers.errors import Invalid, Unavailable
from server.document_lane import Failed, Lane, TooSlow

log = logging.getLogger("hubbub.documents")

# Folding some seconds' edits of a document takes some hundredths of a second.
_QUICK_SECONDS = 0.3


@dataclass(frozen=True, slots=True)
class EditorBounds:
    """How much CPU time one operation may take, in seconds, and the memory of each program in bytes."""

    seconds: float
    memory: int


class DocumentEditor:
    """Two programs for a worker: a quick one, and one for what takes longer, so that nobody else waits for that.

    Args:
        bounds: of the programs.
    """

    def __init__(self, bounds: EditorBounds) -> None:
        self._seconds = bounds.seconds
        self._quick, self._slow = Lane(bounds.memory), Lane(bounds.memory)

    async def stop(self) -> None:
        """End the programs."""
        await self._quick.stop()
        await self._slow.stop()

    async def fold(self, state: bytes, updates: Sequence[tuple[int, bytes]]) -> Folded:
        """What a state and numbered updates come to. What cannot be applied is left out, and named.

        Raises ``Unavailable`` when the programs cannot run at all.
        """
        try:
            found, text = await self._ask("fold", [state, *(data for _, data in updates)])
            return Folded(found, text.decode(), ())
        except Failed as error:
            log.warning("A document cannot be folded at once; in smaller pieces now", extra={"cause": str(error)})
        return await self._fold_in_pieces(state, updates)

    async def _fold_in_pieces(self, state: bytes, updates: Sequence[tuple[int, bytes]]) -> Folded:
        """Half of what does not go together, and half of that: few updates are to blame."""
        try:
            found, text = await self._slow.ask("fold", [state], self._seconds)
        except Failed as error:
            raise Unavailable(f"The document cannot be read any more: {error}.") from error
        left: list[Sequence[tuple[int, bytes]]] = [updates]
        dropped: list[int] = []
        while left:
            some = left.pop()
            if not some:
                continue
            try:
                found, text = await self._slow.ask("fold", [found, *(data for _, data in some)], self._seconds)
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
            raise Invalid("The document's text cannot be changed to this.", {"content": [f"{error}."]}) from error
        return update

    async def _ask(self, operation: str, parts: Sequence[bytes]) -> list[bytes]:
        try:
            return await self._quick.ask(operation, parts, min(_QUICK_SECONDS, self._seconds))
        except TooSlow:
            return await self._slow.ask(operation, parts, self._seconds)
