"""Group work: what is submitted while a run is under way goes into the next run, together."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Batcher(Generic[T]):
    """Runs one batch at a time, in the order of submission.

    Args:
        run: takes the items of a batch; what it raises is raised to everybody who submitted one of them.
        size: how many items a batch holds at most.
    """

    def __init__(self, run: Callable[[list[T]], Awaitable[None]], size: int) -> None:
        self._run = run
        self._size = size
        self._waiting: list[tuple[T, asyncio.Future[None]]] = []
        self._task: asyncio.Task[None] | None = None

    async def submit(self, item: T) -> None:
        """Wait until the batch with the item has run."""
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((item, done))
        if self._task is None:
            self._task = asyncio.create_task(self._work())
        await done

    async def _work(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[: self._size], self._waiting[self._size :]
                error: BaseException | None = None
                try:
                    await self._run([item for item, _ in batch])
                except BaseException as raised:
                    error = raised
                for _, done in batch:
                    if not done.done():
                        done.set_exception(error) if error else done.set_result(None)
                if isinstance(error, asyncio.CancelledError):
                    raise error
        finally:
            self._task = None
