"""Watches: channels whose present state is told when it changes, as far as anybody here hears them.

A signal names what may have changed. Each worker with subscribers reads it anew from ``Leases``, compares it with what
it told last, and tells the difference: nothing twice, however often and by how many workers it was named.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Coroutine, Sequence
from typing import Any, Protocol

import orjson

from models.event_log import envelope
from models.types import now
from server.delivery import Delivery
from server.leases import Leases
from server.pace import Paced

log = logging.getLogger("hubbub.watches")

# How often all that is watched is read anew although nothing was missed, as far as is known.
_BACKSTOP_SECONDS = 15.0
# How often it is looked whether the leases are whole again that were not when they were read.
_LOOK_SECONDS = 1.0
# Where workers say that they have written down again what had been lost: everything is to be read anew.
_RESTORED = "restored"


class Told(Protocol):
    """What the subscribers of one channel were told last."""

    async def load(self) -> None:
        """Begin with what is there now; nothing of it is told."""

    async def compare(self, members: Collection[str] | None) -> tuple[Any, Collection[str]]:
        """Read these members anew, or all: the data of the event that tells what is new, if anything is.

        Returns those of whom it does not tell yet as well.
        """

    async def state(self, pending: Collection[str] | None) -> dict[str, Any]:
        """What is there now, for one who comes: what the subscribers know, but of ``pending`` (None: all) read anew.

        Of what is told here and was not told to the others yet, the next ``compare`` tells in any case: otherwise
        who came would not hear that it was undone meanwhile.
        """

    async def since(self, moment: float | None) -> Sequence[Any]:
        """The data of the events that bring somebody up to date who heard nothing since ``moment`` of the loop's time.

        None: who comes from another worker, where they heard this for long.
        """


class Watches:
    """The watched channels of one kind.

    Args:
        delivery: brings the signals of other workers, and takes them theirs.
        leases: tells when all must be read anew.
        event: the event's name, and the signal's.
        told: makes what is told on a channel; None for a channel of another kind.
        seconds: how far apart two events of a channel are at least.
    """

    def __init__(
        self,
        delivery: Delivery,
        leases: Leases,
        event: str,
        told: Callable[[str], Told | None],
        seconds: float,
    ) -> None:
        self._delivery = delivery
        self._leases = leases
        self._event = event
        self._told = told
        self._seconds = seconds
        self._watched: dict[str, _Watch] = {}
        self._read_in_part = False
        self._task: asyncio.Task[None] | None = None
        delivery.on_feed(self.open, self.close)
        delivery.on_signal(event, self._heard)
        delivery.on_gap(self._missed)
        leases.on_restored(self._restored)

    def start(self) -> None:
        """Begin to read anew now and then."""
        self._delivery.hear_signals(_RESTORED)
        self._task = asyncio.create_task(self._look_around())

    async def stop(self) -> None:
        """End every task of this object."""
        await asyncio.gather(*(watch.paced.ended() for watch in self._watched.values()))
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def open(self, channel: str) -> None:
        """Somebody here begins to hear the channel; nothing happens with one of another kind."""
        if channel not in self._watched and (told := self._told(channel)) is not None:
            self._watched[channel] = _Watch(channel, told, self._load, self._tell, self._seconds)

    async def ready(self, channel: str) -> None:
        """Wait until whatever changes from now on is told. Raises what reading raises."""
        watch = self._watched.get(channel)
        if watch is not None:
            await watch.ready()

    def close(self, channel: str) -> None:
        """Nobody here hears the channel any more."""
        watch = self._watched.pop(channel, None)
        if watch is not None:
            watch.paced.end()

    def changed(self, channel: str, members: Collection[str]) -> None:
        """Something about these members may have changed here, and can be read."""
        self._delivery.signal(channel, self._event, orjson.dumps(list(members)))
        self._look(channel, members)

    async def missed(self, channel: str, since: float | None) -> list[tuple[str, bytes]]:
        """Name and envelope of the events that bring somebody up to date who was away ``since`` then (see ``Told``)."""
        watch = self._watched.get(channel)
        if watch is None:
            return []
        await watch.ready()
        return [(self._event, self._envelope(channel, data)) for data in await watch.told.since(since)]

    async def state(self, channel: str) -> dict[str, Any]:
        """What is there now, for somebody who hears the channel here: what changes it will be told."""
        watch = self._watched.get(channel)
        if watch is None:
            return await self.present(channel)
        await watch.ready()
        return await watch.told.state(watch.paced.pending)

    async def present(self, channel: str) -> dict[str, Any]:
        """What is there now, for somebody who need not hear the channel."""
        told = self._told(channel)
        assert told is not None
        await told.load()
        return await told.state(())

    async def _load(self, told: Told) -> None:
        whole = self._leases.whole
        await told.load()
        if not (whole and self._leases.whole):
            self._read_in_part = True

    def _look(self, channel: str, members: Collection[str] | None) -> None:
        watch = self._watched.get(channel)
        if watch is not None:
            watch.paced.ask(members)

    def _heard(self, channel: str, payload: bytes) -> None:
        if channel == _RESTORED:
            self._missed(None)
        else:
            self._look(channel, orjson.loads(payload))

    def _restored(self) -> None:
        """What this worker holds may have seemed to be lost, here and elsewhere."""
        self._delivery.signal(_RESTORED, self._event, b"")
        self._missed(None)

    def _missed(self, channel: str | None) -> None:
        for each in list(self._watched) if channel is None else [channel]:
            self._look(each, None)

    def _tell(self, channel: str, data: Any) -> None:
        self._delivery.show(channel, self._event, self._envelope(channel, data))

    def _envelope(self, channel: str, data: Any) -> bytes:
        return envelope(channel, self._event, now(), orjson.dumps(data))

    async def _look_around(self) -> None:
        looks = 0
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            looks += 1
            if self._leases.whole and (self._read_in_part or looks * _LOOK_SECONDS >= _BACKSTOP_SECONDS):
                looks, self._read_in_part = 0, False
                self._missed(None)


class _Watch:
    """One channel that somebody here hears."""

    def __init__(
        self,
        channel: str,
        told: Told,
        load: Callable[[Told], Coroutine[Any, Any, None]],
        tell: Callable[[str, Any], None],
        seconds: float,
    ) -> None:
        self.channel = channel
        self.told = told
        self._load = load
        self.paced = Paced(self._compare, seconds, f"Telling of {channel}")
        self._tell = tell
        self._loading: asyncio.Task[None] | None = None

    async def ready(self) -> None:
        """Wait until it is known what need not be told. Raises what reading raises; then it is tried again."""
        if self._loading is None or (self._loading.done() and self._loading.exception() is not None):
            self._loading = asyncio.create_task(self._load(self.told))
        await asyncio.shield(self._loading)

    async def _compare(self, members: Collection[str] | None) -> Collection[str]:
        await self.ready()
        data, rest = await self.told.compare(members)
        if data is not None:
            self._tell(self.channel, data)
        return rest
