"""Lets a storm in bit by bit, so that those who are inside notice little of it."""

import asyncio
from collections import deque


class Turnstile:
    """`enter()` returns at once for the first `per_turn` callers of a loop turn; the others follow in later turns."""

    def __init__(self, per_turn: int) -> None:
        self._per_turn = per_turn
        self._left = per_turn
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def enter(self) -> None:
        """Wait for one's turn, in order of arrival."""
        loop = asyncio.get_running_loop()
        if self._left == self._per_turn:
            loop.call_soon(self._next_turn)
        if self._left:
            self._left -= 1
            return
        place = loop.create_future()
        self._waiting.append(place)
        await place

    def _next_turn(self) -> None:
        self._left = self._per_turn
        while self._waiting and self._left:
            place = self._waiting.popleft()
            # Who has gone meanwhile takes nobody's turn.
            if not place.done():
                place.set_result(None)
                self._left -= 1
        if self._left < self._per_turn:
            asyncio.get_running_loop().call_soon(self._next_turn)
