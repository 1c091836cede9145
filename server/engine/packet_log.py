"""The events of the last minutes, for clients that have missed some of them."""

from __future__ import annotations

import secrets
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import orjson

from server.engine.outgoing import Outgoing

# Bookkeeping of one entry, beside its text and attachments.
_ENTRY_BYTES = 300


class Membership(NamedTuple):
    """A client was in `room` from event number `since` on, until `until` (None: still)."""

    room: Any
    since: int
    until: int | None = None


@dataclass(frozen=True, slots=True)
class _Entry:
    number: int
    at: float
    namespace: str
    rooms: tuple[Any, ...]
    skipped: frozenset[str]
    packet: Outgoing


class PacketLog:
    """Numbers events and keeps them for `seconds`, in `max_bytes` at most.

    An offset is the name of a number that clients see: it is of no use with another log than the one that gave it.
    """

    def __init__(self, seconds: float, max_bytes: int) -> None:
        self.now = 0
        self._seconds = seconds
        self._max_bytes = max_bytes
        self._entries: deque[_Entry] = deque()
        self._bytes = 0
        self._name = secrets.token_urlsafe(6)
        #: Number of the newest event that is no longer here, or never was.
        self._lost = 0

    def offset(self, number: int | None = None) -> str:
        """The offset of an event, by default of the newest."""
        return f"{self._name}.{self.now if number is None else number:x}"

    def add(self, namespace: str, room: Any, skipped: frozenset[str], packet: Outgoing) -> Outgoing:
        """Keep an event; return it with its offset as its last argument."""
        self.now += 1
        assert packet.text is not None
        text = b'%b,"%b"]' % (packet.text[:-1], self.offset().encode())
        sent = Outgoing(text, packet.attachments)
        rooms = tuple(room) if isinstance(room, list | tuple | set | frozenset) else (room,)
        self._entries.append(_Entry(self.now, time.monotonic(), namespace, rooms, skipped, sent))
        self._bytes += sent.size + _ENTRY_BYTES
        self._trim()
        return sent

    def amend(self, namespace: str, holding: bytes, change: Callable[[list[Any]], None]) -> None:
        """Have `change` alter the arguments of events whose text holds some bytes."""
        for index, entry in enumerate(self._entries):
            text = entry.packet.text
            if text is None or entry.packet.attachments or entry.namespace != namespace:
                continue
            if holding in text:
                start = text.index(b"[")
                event, *arguments = orjson.loads(text[start:])
                change(arguments)
                packet = Outgoing(text[:start] + orjson.dumps([event, *arguments]))
                self._bytes += packet.size - entry.packet.size
                self._entries[index] = replace(entry, packet=packet)

    def mark_gap(self) -> None:
        """Note that events may have passed unseen: what happened up to now can no longer be told whole."""
        self.now += 1
        self._lost = self.now

    def after(
        self, offset: str, confirmed: int, namespace: str, sid: str, memberships: list[Membership]
    ) -> list[Outgoing] | None:
        """Return what a client has missed since `offset`, in order; None when that can't be told whole.

        :param confirmed: it has certainly received what was sent to it up to this number.
        """
        number = self._number(offset)
        return None if number is None else self.since(max(number, confirmed), namespace, sid, memberships)

    def since(self, number: int, namespace: str, sid: str, memberships: list[Membership]) -> list[Outgoing] | None:
        """Return what a client was to be sent after event `number`, in order; None when that can't be told whole."""
        self._trim()
        if number < self._lost:
            return None
        spans: dict[Any, list[Membership]] = {}
        for membership in memberships:
            spans.setdefault(membership.room, []).append(membership)
        return [
            entry.packet
            for entry in self._entries
            if entry.number > number
            and entry.namespace == namespace
            and sid not in entry.skipped
            and any(
                since < entry.number and (until is None or entry.number <= until)
                for room in entry.rooms
                for _, since, until in spans.get(room, ())
            )
        ]

    def _number(self, offset: str) -> int | None:
        name, _, digits = offset.rpartition(".")
        try:
            number = int(digits, 16)
        except ValueError:
            return None
        return number if name == self._name and 0 <= number <= self.now else None

    def _trim(self) -> None:
        oldest = time.monotonic() - self._seconds
        entries = self._entries
        while entries and (entries[0].at < oldest or self._bytes > self._max_bytes):
            entry = entries.popleft()
            self._bytes -= entry.packet.size + _ENTRY_BYTES
            self._lost = entry.number
