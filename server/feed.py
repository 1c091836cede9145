"""A feed: one channel on this worker, delivered strictly by its numbers."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from models.event_log import Event


class Listener(Protocol):
    """Somebody who hears a feed."""

    def hear(self, event: Event) -> None:
        """Take the next event; must not raise."""

    def hear_signal(self, channel: str, event: str, envelope: bytes, attachments: tuple[bytes, ...] = ()) -> None:
        """Take a signal, with the bytes for which placeholders stand in it; must not raise."""


class Feed:
    """Hands the events of one channel to its listeners: each once, in order, without holes.

    A repeat is dropped; behind a hole everything waits until ``on_hole`` has brought what is missing.

    Args:
        channel: its name.
        on_hole: called when something later than the next event is here; brings the rest by ``offer``.
        hold: called with each event before it is delivered; while it says True, the feed stands still until
            ``resume`` (access is being checked anew).
    """

    def __init__(self, channel: str, on_hole: Callable[["Feed"], None], hold: Callable[["Feed", Event], bool]) -> None:
        self.channel = channel
        self.seq = -1
        self.opened: asyncio.Future[None] | None = None
        self.users = 0
        self.filling = False
        # Something was committed while the log was being read, which may have missed it.
        self.stale = False
        self._on_hole = on_hole
        self._hold = hold
        self._held: Event | None = None
        self._waiting: dict[int, Event] = {}
        self._listeners: dict[object, Listener] = {}

    def open(self, seq: int) -> None:
        """Start behind event ``seq``; what was offered meanwhile follows."""
        self.seq = seq
        self._waiting = {number: event for number, event in self._waiting.items() if number > seq}
        self._advance()

    def add(self, key: object, listener: Listener) -> None:
        """Let somebody hear, from the next event on."""
        self._listeners[key] = listener

    def remove(self, key: object) -> None:
        """Let somebody hear no longer."""
        self._listeners.pop(key, None)

    def offer(self, event: Event) -> None:
        """Bring an event, in any order and any number of times."""
        held = self._held.seq if self._held is not None else self.seq
        if event.seq > held:
            self._waiting[event.seq] = event
            self._advance()

    def signal(self, event: str, envelope: bytes, attachments: tuple[bytes, ...] = ()) -> None:
        """Hand a signal to everybody who hears."""
        for listener in list(self._listeners.values()):
            listener.hear_signal(self.channel, event, envelope, attachments)

    def skip_to(self, seq: int) -> None:
        """Go on behind ``seq`` without what lies before it: the log holds it no longer."""
        self.open(max(seq, self.seq))

    def resume(self) -> None:
        """Deliver the event that was held, and what waits behind it."""
        event, self._held = self._held, None
        if event is not None:
            self._deliver(event)
        self._advance()

    def _advance(self) -> None:
        if self.seq < 0:
            return
        while self._held is None and (event := self._waiting.pop(self.seq + 1, None)) is not None:
            if self._hold(self, event):
                self._held = event
                return
            self._deliver(event)
        if self._waiting and self._held is None:
            self._on_hole(self)

    def _deliver(self, event: Event) -> None:
        self.seq = event.seq
        for listener in list(self._listeners.values()):
            listener.hear(event)
