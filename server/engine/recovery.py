"""Connection state recovery: a client that lost its transport takes its sid, rooms and missed events up again."""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, Protocol

from server.engine.deadlines import Deadlines
from server.engine.outgoing import Outgoing
from server.engine.packet_log import Membership, PacketLog

#: Sent right after CONNECT, so that a client that hears nothing before its first drop has an offset too.
READY_EVENT = "recovery:ready"

_LEFT_ROOMS = 2000


@dataclass(slots=True)
class Client:
    """A client that may come back, while it is here and while it is expected."""

    pid: str
    sid: str
    namespace: str
    eio_sid: str
    #: It has certainly received what was sent to it up to this event's number.
    confirmed: int
    recovered: bool = False
    #: It starts anew when it comes back: what it missed cannot be told.
    anew: bool = False
    #: How often it has been lost.
    drops: int = 0
    left: list[Membership] = field(default_factory=list)
    memberships: list[Membership] | None = None
    storage: dict[str, Any] | None = None
    #: Done when the client is no longer registered.
    gone: asyncio.Future[None] | None = None


@dataclass(frozen=True, slots=True)
class Recovered:
    """What a returning client gets back."""

    client: Client
    missed: list[Outgoing]


class Elsewhere(Protocol):
    """Port to the state of clients that were on another worker.

    `take` gives a state to one asker only, and only whole: every event for the client between `offset` and the moment
    of the call, in order, each with its offset behind it; None when it has no such client or cannot tell all of them.
    """

    async def take(self, namespace: str, pid: str, offset: str) -> Recovered | None:
        """Return and forget the state of a client."""


class Recovery:
    """The clients of one worker and what they would miss.

    :param seconds: how long a client may be away.
    :param unconfirmed_seconds: how long a client that is here may not have confirmed what it was sent.
    :param max_bytes: memory for events; who missed more than fits starts anew.
    """

    def __init__(self, seconds: float, unconfirmed_seconds: float, max_bytes: int, manager: Any) -> None:
        self._log = PacketLog(seconds + unconfirmed_seconds, max_bytes)
        self._manager = manager
        self._here: dict[tuple[str, str], Client] = {}
        self._by_pid: dict[str, Client] = {}
        self._expected: dict[str, Client] = {}
        #: How many expected clients each room has.
        self._away: Counter[tuple[str, Any]] = Counter()
        self._deadlines = Deadlines(seconds, self._expired)
        self.elsewhere: Elsewhere | None = None
        #: Called with the sid of a client that comes back, before it is told what it missed: brings what is late.
        self.before: Callable[[str], Awaitable[None]] | None = None
        #: Stands at the beginning of every `pid`, and says where the client was.
        self.place = ""

    def now(self) -> int:
        """The number of the newest event."""
        return self._log.now

    def record(self, namespace: str, room: Any, packet: Outgoing, skipped: frozenset[str]) -> Outgoing:
        """Keep an event for those who may miss it; return it with its offset."""
        rooms = room if isinstance(room, list | tuple | set | frozenset) else (room,)
        if not any((namespace, name) in self._away or self._manager.members(namespace, name) for name in rooms):
            return packet
        return self._log.add(namespace, room, skipped, packet)

    def amend(self, namespace: str, holding: bytes, change: Callable[[list[Any]], None]) -> None:
        """Change the arguments of events whose text holds some bytes: what they tell is not to be told again."""
        self._log.amend(namespace, holding, change)

    def mark_gap(self) -> None:
        """Note that events of other workers may have been lost: nobody can be told for certain what they missed."""
        self._log.mark_gap()

    def offset(self) -> str:
        """The offset of the newest event."""
        return self._log.offset()

    def client(self, namespace: str, sid: str) -> Client | None:
        """Return a client that is here."""
        return self._here.get((namespace, sid))

    def enter(self, namespace: str, sid: str, eio_sid: str) -> Client:
        """Note a new client; its `pid` is a secret between it and us."""
        client = Client(f"{self.place}{secrets.token_urlsafe(16)}", sid, namespace, eio_sid, self.now())
        self._admit(client)
        return client

    def left_room(self, namespace: str, sid: str, room: Any, since: int) -> None:
        """Note that a client has left a room: what it was sent there before may still not have arrived."""
        client = self._here.get((namespace, sid))
        if client is None or client.memberships is not None or since >= self.now():
            return
        client.left.append(Membership(room, since, self.now()))
        if len(client.left) > _LEFT_ROOMS:
            # A client that has left so many rooms since its last pong starts anew from here.
            client.confirmed = self.now()
            client.left.clear()

    def closing(
        self, namespace: str, sid: str, rooms: dict[Any, int], storage: dict[str, Any] | None, confirmed: int
    ) -> None:
        """Note what a client has that lost its transport, before its disconnect handler clears up."""
        client = self._here.get((namespace, sid))
        if client is not None and not client.anew:
            client.confirmed = max(client.confirmed, confirmed)
            client.memberships = client.left + [Membership(room, since) for room, since in rooms.items()]
            client.storage = storage

    def leave(self, namespace: str, sid: str) -> None:
        """Note that a client is no longer registered; after `closing` it may come back."""
        client = self._here.pop((namespace, sid), None)
        if client is None:
            return
        del self._by_pid[client.pid]
        if client.memberships is not None:
            self._expect(client)
        if client.gone is not None:
            client.gone.set_result(None)

    def here(self, pid: str) -> Client | None:
        """Return the client of a `pid` that still seems to be connected."""
        return self._by_pid.get(pid)

    async def gone(self, client: Client, timeout: float) -> None:
        """Wait until a client is no longer registered, `timeout` seconds at most."""
        client.gone = client.gone or asyncio.get_running_loop().create_future()
        await asyncio.wait((client.gone,), timeout=timeout)

    async def take(self, namespace: str, pid: str, offset: str) -> Recovered | None:
        """Return what a client that comes back gets; None when it has to start anew."""
        client = self._expected.get(pid)
        if client is None:
            return None if self.elsewhere is None else await self.elsewhere.take(namespace, pid, offset)
        if self.before is not None:
            await self.before(client.sid)
        if client.namespace != namespace or client.memberships is None or self._expected.get(pid) is not client:
            return None
        missed = self._log.after(offset, client.confirmed, namespace, client.sid, client.memberships)
        if missed is None:
            return None
        return Recovered(client, missed)

    def away(self, pid: str) -> Client | None:
        """The client of a `pid` that may come back."""
        return self._expected.get(pid)

    def expected(self) -> list[str]:
        """The `pid` of everybody who may come back."""
        return list(self._expected)

    def give(self, pid: str) -> tuple[Client, str, list[Outgoing]] | None:
        """Hand a client that may come back to another worker, and forget it here.

        Returns the client, the offset up to which it has certainly received everything, and what it was sent, or was to
        be sent, after that; None when there is no such client or its state is not whole.
        """
        client = self._expected.get(pid)
        if client is None or client.memberships is None:
            return None
        sent = self._log.since(client.confirmed, client.namespace, client.sid, client.memberships)
        self.forget(client.namespace, client.sid)
        return None if sent is None else (client, self._log.offset(client.confirmed), sent)

    def adopt(self, namespace: str, pid: str, sid: str, missed: list[bytes], storage: Any, ready: Any) -> Recovered:
        """What a client of another worker gets here: `missed` are its packets' texts, without offsets.

        `ready(offset)` makes the packet that tells it an offset of this worker, should it have missed nothing.
        """
        client = Client(pid, sid, namespace, "", self.now(), memberships=[], storage=storage)
        packets = [self._log.add(namespace, sid, frozenset(), Outgoing(text)) for text in missed]
        return Recovered(client, packets or [ready(self._log.offset())])

    def restore(self, client: Client, eio_sid: str) -> None:
        """Note that a client is back, on another session; its rooms are entered already."""
        if self._expected.pop(client.pid, None) is not None:
            self._release(client)
        client.eio_sid = eio_sid
        client.recovered = True
        client.left = [membership for membership in client.memberships or () if membership.until is not None]
        client.memberships = None
        client.gone = None
        self._admit(client)

    def forget(self, namespace: str, sid: str) -> None:
        """Expect a client no longer, nor one whose loss is just being handled."""
        going = self._here.get((namespace, sid))
        if going is not None:
            going.memberships = None
        for client in [each for each in self._expected.values() if each.sid == sid and each.namespace == namespace]:
            del self._expected[client.pid]
            self._release(client)

    def start_anew(self, namespace: str, sid: str) -> None:
        """Expect a client no longer, and one that is here not either when it is lost."""
        self.forget(namespace, sid)
        client = self._here.get((namespace, sid))
        if client is not None:
            client.anew = True

    def close(self) -> None:
        """Forget everybody."""
        self._deadlines.clear()
        for client in self._expected.values():
            self._release(client)
        self._expected.clear()

    def _admit(self, client: Client) -> None:
        self._here[client.namespace, client.sid] = client
        self._by_pid[client.pid] = client

    def _expect(self, client: Client) -> None:
        client.drops += 1
        self._expected[client.pid] = client
        self._deadlines.add(client.pid, client.drops)
        for room in _rooms(client):
            # What a manager does for a room with members (listen to a bus) goes on for those who are away.
            self._manager.room_opened(client.namespace, room)
            self._away[client.namespace, room] += 1

    def _expired(self, pid: Hashable, drops: int, _when: float) -> None:
        client = self._expected.get(pid)  # type: ignore[call-overload]
        if client is not None and client.drops == drops:
            del self._expected[client.pid]
            self._release(client)

    def _release(self, client: Client) -> None:
        for room in _rooms(client):
            self._away[client.namespace, room] -= 1
            if not self._away[client.namespace, room]:
                del self._away[client.namespace, room]
            self._manager.room_closed(client.namespace, room)


def _rooms(client: Client) -> set[Any]:
    return {membership.room for membership in client.memberships or () if membership.until is None}
