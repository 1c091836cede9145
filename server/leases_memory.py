"""Leases in this process's memory: of the only worker there is."""

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

from server.leases import Lost

log = logging.getLogger("hubbub.leases")


class MemoryLeases:
    """The port ``Leases`` for one worker. It is always whole, and nothing of it outlives the process."""

    whole = True

    def __init__(self, worker: str = "local") -> None:
        self.worker = worker
        self._held: dict[str, dict[str, str]] = {}
        self._lent: dict[str, dict[str, tuple[str, asyncio.TimerHandle]]] = {}
        self._lost: list[Lost] = []
        self._tasks: set[asyncio.Future[None]] = set()

    async def start(self) -> None:
        """Begin to hold."""

    async def stop(self) -> None:
        """Give up everything."""
        for loans in self._lent.values():
            for _, timer in loans.values():
                timer.cancel()
        self._held.clear()
        self._lent.clear()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def hold(self, topic: str, values: Mapping[str, str | None]) -> dict[str, list[str]]:
        """Hold, or let go what is None; returns the loans of these members."""
        self.keep(topic, values)
        lent = self._lent.get(topic, {})
        return {member: [lent[member][0]] for member in values if member in lent}

    async def lend(self, topic: str, member: str, value: str, seconds: float) -> dict[str, list[str]]:
        """Let a member stand for ``seconds`` from now."""
        loans = self._lent.setdefault(topic, {})
        if member in loans:
            loans[member][1].cancel()
        timer = asyncio.get_running_loop().call_later(seconds, self._run_out, topic, member)
        loans[member] = value, timer
        return self._held_of(topic, member)

    async def end(self, topic: str, member: str) -> dict[str, list[str]]:
        """End a loan now."""
        self._forget(topic, member)
        return self._held_of(topic, member)

    async def read(self, topic: str, members: Collection[str] | None = None) -> dict[str, list[str]]:
        """All values of these members, or of everyone in the topic."""
        return self.known(topic, members)

    def on_lost(self, callback: Lost) -> None:
        """Call back when a loan has run out."""
        self._lost.append(callback)

    def on_restored(self, callback: Callable[[], None]) -> None:
        """Memory is never away."""

    def keep(self, topic: str, values: Mapping[str, str | None]) -> None:
        """Hold, or let go what is None."""
        held = self._held.setdefault(topic, {})
        for member, value in values.items():
            if value is None:
                held.pop(member, None)
            else:
                held[member] = value
        if not held:
            del self._held[topic]

    def known(self, topic: str, members: Collection[str] | None = None) -> dict[str, list[str]]:
        """What ``read`` answers."""
        held, lent = self._held.get(topic, {}), self._lent.get(topic, {})
        found: dict[str, list[str]] = {}
        for member in held.keys() | lent.keys() if members is None else members:
            values = [held[member]] if member in held else []
            if member in lent:
                values.append(lent[member][0])
            if values:
                found[member] = values
        return found

    def holdings(self) -> Iterator[tuple[str, dict[str, str]]]:
        """A copy of what is held of each topic."""
        for topic, held in list(self._held.items()):
            yield topic, dict(held)

    def _held_of(self, topic: str, member: str) -> dict[str, list[str]]:
        value = self._held.get(topic, {}).get(member)
        return {} if value is None else {member: [value]}

    def _forget(self, topic: str, member: str) -> None:
        loans = self._lent.get(topic, {})
        loan = loans.pop(member, None)
        if loan is not None:
            loan[1].cancel()
            if not loans:
                del self._lent[topic]

    def _run_out(self, topic: str, member: str) -> None:
        self._forget(topic, member)
        task = asyncio.ensure_future(self._tell(topic, member))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _tell(self, topic: str, member: str) -> None:
        try:
            await tell(self._lost, topic, [member])
        except Exception:
            log.exception("What follows from a loan's end has failed", extra={"topic": topic})


async def tell(callbacks: Iterable[Lost], topic: str, members: Collection[str]) -> None:
    """Tell all of them what was lost, and wait until each has done what follows from it. Raises what they raise."""
    for callback in callbacks:
        following = callback(topic, members)
        if following is not None:
            await following
