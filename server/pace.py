"""Pace: work that is done at once when it is asked for, and then at most once in a while."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection

log = logging.getLogger("hubbub.pace")


class Paced:
    """Runs a job about whatever was asked for: at once, then at most once in ``seconds``.

    What is asked for meanwhile shares the next run, each once. A run that fails is tried again after ``seconds``.

    Args:
        run: takes the names asked for, None for all there are; returns what it left for the next run.
        seconds: from the beginning of one run to that of the next.
        what: the job's name, for the log.
    """

    def __init__(
        self, run: Callable[[Collection[str] | None], Awaitable[Collection[str]]], seconds: float, what: str
    ) -> None:
        self._run = run
        self._seconds = seconds
        self._what = what
        self._asked: dict[str, None] = {}
        self._all = False
        self._names: Collection[str] | None = ()
        self._ended = False
        self._running: asyncio.Task[None] | None = None
        self._resting: asyncio.TimerHandle | None = None

    @property
    def pending(self) -> Collection[str] | None:
        """The names asked for about which no run has ended yet; None for all."""
        if self._all or self._names is None:
            return None
        return {*self._asked, *self._names}

    def ask(self, names: Collection[str] | None) -> None:
        """Have the job run about these names, or about all there are."""
        self._all = self._all or names is None
        self._asked.update(dict.fromkeys(names or ()))
        self._go_on()

    def end(self) -> None:
        """Run no more; what was asked for is left undone, but a run under way comes to its end."""
        self._ended = True
        if self._resting is not None:
            self._resting.cancel()

    async def ended(self) -> None:
        """``end``, and wait until nothing runs."""
        self.end()
        if self._running is not None:
            await asyncio.wait([self._running])

    def _go_on(self) -> None:
        if self._ended or self._running or self._resting or not (self._all or self._asked):
            return
        self._names = None if self._all else list(self._asked)
        self._all, self._asked = False, {}
        self._running = asyncio.create_task(self._once(self._names))

    async def _once(self, names: Collection[str] | None) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            self._asked.update(dict.fromkeys(await self._run(names)))
        except Exception as error:
            log.warning("%s failed; trying again", self._what, extra={"cause": repr(error)})
            self._all = self._all or names is None
            self._asked.update(dict.fromkeys(names or ()))
        self._running, self._names = None, ()
        if not self._ended:
            self._resting = loop.call_later(max(0.0, began + self._seconds - loop.time()), self._rested)

    def _rested(self) -> None:
        self._resting = None
        self._go_on()
