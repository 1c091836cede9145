"""HTTP long-polling: packets wait here until a GET takes them away."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from server.engine.outgoing import CLOSE_PACKET, NOOP_PACKET, Outgoing
from server.engine.reasons import Reason

if TYPE_CHECKING:
    from server.engine.session import Session

# The Python client refuses an answer of more packets.
PACKETS_PER_ANSWER = 16


class PollingTransport:
    """The queue of a polling client and the one poll that may wait for it."""

    __slots__ = ("_drained", "_last", "_limit", "_poll", "_queue", "_session", "_waiting", "closed")
    name = "polling"

    def __init__(self, session: Session, send_buffer_bytes: int) -> None:
        self._session = session
        self._limit = send_buffer_bytes
        self._queue: deque[Outgoing] = deque()
        self._waiting = 0
        self._poll: asyncio.Future[None] | None = None
        self._last: Outgoing | None = None
        self._drained: asyncio.Future[None] | None = None
        self.closed = False

    @property
    def polled(self) -> bool:
        """Whether a poll is waiting or its answer still being written."""
        return self._poll is not None

    @property
    def empty(self) -> bool:
        """Whether nothing is left to fetch."""
        return not self._queue and self._last is None

    @property
    def backlog(self) -> int:
        """Bytes waiting for the client."""
        return self._waiting

    def send(self, outgoing: Outgoing) -> None:
        """Queue a message; over the bound, volatile ones are dropped first, then the session is closed."""
        if self._waiting > self._limit // 2 and outgoing.volatile:
            return
        if self._waiting > self._limit:
            self._drop_volatile()
            if self._waiting > self._limit:
                self._session.close(Reason.SLOW_READER)
                return
        self._queue.append(outgoing)
        self._waiting += outgoing.size
        self._wake()

    def begin_poll(self) -> None:
        """Let a poll wait for packets; it ends with `answered` or `give_back`."""
        poll = self._poll = asyncio.get_running_loop().create_future()
        if self._queue or self._last is not None or self._session.upgrading:
            # While upgrading, the client waits for its poll to end.
            poll.set_result(None)

    async def take(self) -> list[Outgoing]:
        """Return the packets that answer the poll, 16 at most; waits for the first one.

        :raises ConnectionResetError: the poll was aborted.
        """
        assert self._poll is not None, "begin_poll() comes first"
        if not self._poll.done():
            await self._poll
        self._poll.result()
        return self._pop()

    def abort_poll(self) -> None:
        """Note that the connection of the waiting poll is lost: the client has left, or will come back as another."""
        if self._poll is not None and not self._poll.done():
            self._poll.set_exception(ConnectionResetError("the poll was aborted"))
            self._session.close(Reason.TRANSPORT_CLOSE)

    def answered(self) -> None:
        """Note that the poll's answer was written."""
        self._poll = None
        if self._drained is not None and self.empty:
            self._drained.set_result(None)
            self._drained = None

    def give_back(self, packets: list[Outgoing]) -> None:
        """Queue again, in front, the packets of an answer that could not be written."""
        self._poll = None
        packets = [packet for packet in packets if packet not in (NOOP_PACKET, CLOSE_PACKET)]
        self._queue.extendleft(reversed(packets))
        self._waiting += sum(packet.size for packet in packets)

    def release_poll(self) -> None:
        """Answer a waiting poll with a no-op, so that the client can complete its upgrade."""
        if self._poll is not None and not self._poll.done() and not self._queue:
            self._queue.append(NOOP_PACKET)
            self._wake()

    def hand_over(self) -> list[Outgoing]:
        """Return what still waits, for the transport that the client has upgraded to."""
        packets = [packet for packet in self._queue if packet is not NOOP_PACKET]
        self._queue.clear()
        self._waiting = 0
        if self._poll is not None and not self._poll.done():
            self._queue.append(NOOP_PACKET)
            self._wake()
        return packets

    def set_reading_paused(self, paused: bool) -> None:
        """Nothing to do: the answer to the POST that brought the packets is held back instead."""

    def close(self, *, last: Outgoing = CLOSE_PACKET, **_websocket_options: object) -> None:
        """Let polls take what is queued; the one after that gets `last`."""
        self.closed = True
        self._last = last
        self._wake()

    async def drained(self) -> None:
        """Wait until a poll has taken everything."""
        if not self.empty:
            self._drained = self._drained or asyncio.get_running_loop().create_future()
            await self._drained

    def _wake(self) -> None:
        if self._poll is not None and not self._poll.done():
            self._poll.set_result(None)

    def _pop(self) -> list[Outgoing]:
        answer: list[Outgoing] = []
        room = PACKETS_PER_ANSWER
        queue = self._queue
        while queue and room:
            packet = queue.popleft()
            if len(packet) > room:
                packet, rest = packet.split(room)
                queue.appendleft(rest)
            answer.append(packet)
            room -= len(packet)
            self._waiting -= packet.size
        if answer:
            return answer
        # Never beside messages: the JavaScript client handles an end at once, and messages a tick later, too late.
        last, self._last = self._last, None
        return [last or NOOP_PACKET]

    def _drop_volatile(self) -> None:
        self._queue = deque(packet for packet in self._queue if not packet.volatile)
        self._waiting = sum(packet.size for packet in self._queue)
