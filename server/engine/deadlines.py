"""Many deadlines of one and the same delay, for the price of one timer."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

# A storm of connects makes its deadlines fall due together: the loop gets to breathe in between.
BATCH = 200


class Deadlines:
    """Calls `due(key, mark, when)` once, `delay` seconds after `add(key, mark)`.

    All delays are equal, so the deadlines stand in order of arrival and one loop timer serves the first. Nothing is
    ever cancelled: `due` decides by `mark` whether the deadline still means something. A key should be an id rather
    than the object itself where the delay is long, so that what was closed can be freed at once.
    """

    def __init__(self, delay: float, due: Callable[[Any, int, float], object]) -> None:
        self.delay = delay
        self._due = due
        self._waiting: deque[tuple[float, Any, int]] = deque()
        self._timer: asyncio.Handle | None = None

    def add(self, key: Any, mark: int = 0, since: float | None = None) -> None:
        """Start a deadline; `since` (loop time) defaults to now and must not go back behind an earlier one."""
        loop = asyncio.get_running_loop()
        when = (loop.time() if since is None else since) + self.delay
        if self._waiting:
            when = max(when, self._waiting[-1][0])
        self._waiting.append((when, key, mark))
        if self._timer is None:
            self._timer = loop.call_at(when, self._fire)

    def clear(self) -> None:
        """Forget every deadline."""
        self._waiting.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _fire(self) -> None:
        loop = asyncio.get_running_loop()
        waiting = self._waiting
        now = loop.time()
        for _ in range(BATCH):
            if not waiting or waiting[0][0] > now:
                break
            when, key, mark = waiting.popleft()
            self._due(key, mark, when)
        self._timer = loop.call_at(max(waiting[0][0], now), self._fire) if waiting else None
