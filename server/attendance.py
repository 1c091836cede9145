"""Attendance: what this worker's connections make their people hold in ``Leases``, with a grace for who comes back."""

import asyncio
import logging
from collections.abc import Callable, Collection, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import orjson

from server.batcher import Batcher
from server.leases import Leases

log = logging.getLogger("hubbub.attendance")

_BATCH = 500


class Value(Protocol):
    """What a connection holds for its user: comparable, and a JSON object once encoded."""

    def encode(self) -> str:
        """The value as it stands in ``Leases``; a loan by call says ``call: true`` in it."""


V = TypeVar("V", bound=Value)


@dataclass(frozen=True, slots=True)
class Written(Generic[V]):
    """What this worker held of a member before and holds now (None: nothing), and what others hold."""

    member: str
    before: V | None
    after: V | None
    others: Sequence[str]


class Attendance(Generic[V]):
    """Of each member of a topic this worker holds one value, made of what the member's connections here say.

    A connection that is lost counts on for the grace, so that a page that is loaded again changes nothing.

    Args:
        leases: where it is held.
        grace_seconds: how long a lost connection counts on.
        merge: makes one value of those of several connections.
        wrote: called with the topic and what was written, once others can read it.
    """

    def __init__(
        self,
        leases: Leases,
        grace_seconds: float,
        merge: Callable[[Collection[V]], V],
        wrote: Callable[[str, Sequence[Written[V]]], None],
    ) -> None:
        self._leases = leases
        self._grace_seconds = grace_seconds
        self._merge = merge
        self._wrote = wrote
        self._places: dict[tuple[str, str], dict[str, V]] = {}
        self._ending: dict[tuple[str, str, str], asyncio.TimerHandle] = {}
        self._held: dict[tuple[str, str], V] = {}
        self._writes: Batcher[tuple[str, str]] = Batcher(self._write, _BATCH)
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._held)

    def of(self, topic: str, member: str) -> V | None:
        """What this worker holds of a member, or is about to."""
        places = self._places.get((topic, member))
        return self._merge(places.values()) if places else None

    def place(self, topic: str, member: str, connection: str) -> V | None:
        """What a connection says; None when it does not count any more."""
        return self._places.get((topic, member), {}).get(connection)

    def enter(self, topic: str, member: str, connection: str, value: V) -> None:
        """Count a connection in."""
        self._keep(topic, member, connection)
        self._places.setdefault((topic, member), {})[connection] = value
        self._spawn(self.settled(topic, member))

    def change(self, topic: str, member: str, connection: str, value: V) -> None:
        """Let a connection say something else; nothing happens when it does not count any more."""
        if self.place(topic, member, connection) is not None:
            self._places[topic, member][connection] = value
            self._spawn(self.settled(topic, member))

    def change_all(self, topic: str, member: str, value: V) -> None:
        """Let each of a member's connections say this."""
        places = self._places.get((topic, member), {})
        places.update(dict.fromkeys(places, value))
        self._spawn(self.settled(topic, member))

    async def settled(self, topic: str, member: str) -> None:
        """Wait until other workers can read what this one holds of a member."""
        await self._writes.submit((topic, member))

    def lose(self, topic: str, member: str, connection: str) -> None:
        """Count a connection out after the grace, unless it is counted in again."""
        key = (topic, member, connection)
        if key not in self._ending and self.place(*key) is not None:
            self._ending[key] = asyncio.get_running_loop().call_later(self._grace_seconds, self.leave, *key)

    def leave(self, topic: str, member: str, connection: str) -> None:
        """Count a connection out now; nothing happens when it does not count."""
        self._keep(topic, member, connection)
        places = self._places.get((topic, member), {})
        if places.pop(connection, None) is None:
            return
        if not places:
            del self._places[topic, member]
        self._spawn(self.settled(topic, member))

    async def stop(self) -> None:
        """Before this worker ends: let its people go through the grace of a reload, on whatever worker they come to."""
        for timer in self._ending.values():
            timer.cancel()
        self._ending.clear()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        topics: dict[str, dict[str, V]] = {}
        for (topic, member), value in self._held.items():
            topics.setdefault(topic, {})[member] = value
        self._places.clear()
        self._held.clear()
        await asyncio.gather(*(self._lend(topic, values) for topic, values in topics.items()))

    async def _lend(self, topic: str, values: dict[str, V]) -> None:
        known = await self._leases.read(topic, values)
        loans = [
            self._leases.lend(topic, member, value.encode(), self._grace_seconds)
            for member, value in values.items()
            # A loan by call lasts longer, and there is but one of a member.
            if not any(is_call(text) for text in known.get(member, ()))
        ]
        await asyncio.gather(*loans)

    async def _write(self, keys: Sequence[tuple[str, str]]) -> None:
        topics: dict[str, list[tuple[str, V | None, V | None]]] = {}
        for topic, member in dict.fromkeys(keys):
            before, after = self._held.get((topic, member)), self.of(topic, member)
            if before == after:
                continue
            if after is None:
                del self._held[topic, member]
            else:
                self._held[topic, member] = after
            topics.setdefault(topic, []).append((member, before, after))
        await asyncio.gather(*(self._hold(topic, changes) for topic, changes in topics.items()))

    async def _hold(self, topic: str, changes: Sequence[tuple[str, V | None, V | None]]) -> None:
        values = {member: None if after is None else after.encode() for member, _, after in changes}
        others = await self._leases.hold(topic, values)
        self._wrote(
            topic, [Written(member, before, after, others.get(member, ())) for member, before, after in changes]
        )

    def _keep(self, topic: str, member: str, connection: str) -> None:
        timer = self._ending.pop((topic, member, connection), None)
        if timer is not None:
            timer.cancel()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("What people hold could not be written", exc_info=task.exception())


def is_call(text: str) -> bool:
    """Whether a value in ``Leases`` is a loan by call, which needs no connection."""
    return bool(orjson.loads(text).get("call"))
