"""Background work: what goes on behind the requests, and is woken when a request leaves something to do."""

from collections.abc import Callable


class BackgroundWork:
    """The port ``Background`` of the handlers.

    Waking is a hint: whoever works in the background also looks by itself, for what other workers left to do.
    """

    def __init__(self) -> None:
        self._wakers: dict[str, Callable[[], None]] = {}

    def register(self, work: str, waker: Callable[[], None]) -> None:
        """Call ``waker`` when something of this kind is to be done."""
        self._wakers[work] = waker

    def wake(self, work: str) -> None:
        """Say that something of this kind is to be done; where nobody works at it nothing happens."""
        waker = self._wakers.get(work)
        if waker is not None:
            waker()
