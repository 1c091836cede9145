"""Presence: who is online, where they are and what they do, on all workers."""

import asyncio
import logging
from collections.abc import Callable, Collection, Coroutine, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from models import users
from models.users import User
from server.attendance import Attendance, Written
from server.leases import Leases
from server.mirror import Mirror
from server.pace import Paced
from server.presence_state import State, of_values, together, wire
from server.presence_watch import EVERYONE, PEOPLE
from server.watches import Watches

log = logging.getLogger("hubbub.presence")

# Changes that come at a time are told to the other workers at a time.
_TOGETHER_SECONDS = 0.01


class People:
    """The port ``Presence`` of the handlers; the door tells it who comes and goes.

    Args:
        leases: what all workers hold.
        watches: tells the subscribers what has changed.
        mirror: notes in the database when somebody was last seen.
        grace_seconds: how long somebody who lost their last connection stays.
        call_seconds: how long a call stands for a client without a connection.
        recovery_seconds: how long a lost connection may be taken up again, and what it said with it.
    """

    def __init__(
        self,
        leases: Leases,
        watches: Watches,
        mirror: Mirror,
        *,
        grace_seconds: float,
        call_seconds: float,
        recovery_seconds: float,
    ) -> None:
        self._leases = leases
        self._watches = watches
        self._mirror = mirror
        self._call_seconds = call_seconds
        self._recovery_seconds = recovery_seconds
        self._here: Attendance[State] = Attendance(leases, grace_seconds, together, self._wrote)
        self._lost: dict[str, tuple[State, asyncio.TimerHandle]] = {}
        self._telling = Paced(self._tell, _TOGETHER_SECONDS, "Telling who came and went")
        self._tasks: set[asyncio.Task[None]] = set()
        self.observe: Callable[[int], None] = lambda changes: None
        leases.on_lost(self._ended)

    def __len__(self) -> int:
        return len(self._here)

    async def arrive(self, user_id: str, connection: str, carried: State | None = None) -> None:
        """A connection has come; one that is taken up again still says what it said, here or (``carried``) elsewhere.

        It counts from the call on; when this returns, every worker knows.
        """
        said = self._here.place(PEOPLE, user_id, connection)
        known = self._lost.pop(connection, None)
        if known is not None:
            known[1].cancel()
            said = said or known[0].told(None, {})
        self._here.enter(PEOPLE, user_id, connection, said or carried or State.fresh())
        await self._here.settled(PEOPLE, user_id)

    def lose(self, user_id: str, connection: str) -> None:
        """A connection is lost; it may come back."""
        said = self.said(user_id, connection)
        if said is not None:
            forget = asyncio.get_running_loop().call_later(
                self._recovery_seconds, lambda: self._lost.pop(connection, None)
            )
            self._lost[connection] = (said, forget)
        self._here.lose(PEOPLE, user_id, connection)

    def said(self, user_id: str, connection: str) -> State | None:
        """What a connection says, or said before it was lost."""
        lost = self._lost.get(connection)
        return self._here.place(PEOPLE, user_id, connection) or (lost[0] if lost else None)

    async def update(
        self, user: User, connection: str | None, status: str | None, said: Mapping[str, str | None]
    ) -> dict[str, Any]:
        """A client says how its user is, or (no status) that they are still there; their presence then."""
        if connection is None:
            await self._call(user.id, status, said)
        else:
            state = self._here.place(PEOPLE, user.id, connection)
            if state is not None:
                self._here.change(PEOPLE, user.id, connection, state.told(status, said))
                await self._here.settled(PEOPLE, user.id)
        state = (await self._states([user.id])).get(user.id)
        return wire(user, state, None)

    async def of(
        self, conn: AsyncConnection, people: Mapping[str, User], last_seen: Mapping[str, str | None] | None = None
    ) -> dict[str, dict[str, Any]]:
        """The presence of each of the users; when they were last seen is asked for unless it is given."""
        states = await self._states(people)
        if last_seen is None:
            last_seen = await users.last_seen(conn, people.keys() - states.keys())
        return {each: wire(people[each], states.get(each), last_seen.get(each)) for each in people}

    async def statuses(self, ids: Iterable[str]) -> dict[str, str]:
        """``online``, ``away`` or ``offline`` for each of the ids; who is online here costs no look elsewhere."""
        found, elsewhere = {}, []
        for each in dict.fromkeys(ids):
            here = self._here.of(PEOPLE, each)
            if here is not None and here.status == "online":
                found[each] = here.status
            else:
                elsewhere.append(each)
        states = await self._states(elsewhere) if elsewhere else {}
        return found | {each: states[each].status if each in states else "offline" for each in elsewhere}

    async def listed(self, status: str, before: str | None, limit: int) -> tuple[list[str], bool]:
        """The ids of those with this status, in descending order from below ``before``, and whether there are more."""
        states = of_values(await self._leases.read(PEOPLE))
        ids = [each for each, state in states.items() if state.status == status and (before is None or each < before)]
        ids.sort(reverse=True)
        return ids[:limit], len(ids) > limit

    async def state(self, channel: str) -> dict[str, Any]:
        """Who is there, for somebody who hears ``presence`` or ``presence:{userId}``: ``{presence: […]}``."""
        return await self._watches.state(channel)

    async def stop(self) -> None:
        """End every task; who was here goes through the grace on the other workers."""
        await self._here.stop()
        for _, timer in self._lost.values():
            timer.cancel()
        await self._telling.ended()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _call(self, user_id: str, status: str | None, said: Mapping[str, str | None]) -> None:
        values = await self._leases.read(PEOPLE, [user_id])
        states = [State.decode(text) for text in values.get(user_id, ())]
        before = next((state for state in states if state.call), None)
        after = (before or State.fresh(call=True)).told(status, said)
        await self._leases.lend(PEOPLE, user_id, after.encode(), self._call_seconds)
        if not states:
            self._keep(self._see([user_id]))
        if before is None or before.shown != after.shown:
            self._telling.ask([user_id])

    async def _states(self, ids: Collection[str]) -> dict[str, State]:
        return of_values(await self._leases.read(PEOPLE, list(ids))) if ids else {}

    def _wrote(self, _topic: str, written: Sequence[Written[State]]) -> None:
        came = [each.member for each in written if each.before is None and not each.others]
        if came:
            self._keep(self._see(came))
        gone = [each.member for each in written if each.after is None and not each.others]
        changed = {
            each.member for each in written if (each.before and each.before.shown) != (each.after and each.after.shown)
        }
        self._telling.ask(changed.difference(gone))
        if gone:
            self._keep(self._go(gone))

    async def _go(self, gone: Sequence[str]) -> None:
        """Write down when they were last seen, then tell that they are gone, which tells that as well."""
        await self._see(gone)
        self._telling.ask(gone)

    async def _see(self, people: Sequence[str]) -> None:
        await asyncio.gather(*(self._mirror.seen(each) for each in people))

    async def _ended(self, topic: str, members: Collection[str]) -> None:
        """A worker died that held these people, or their loans have run out."""
        if topic != PEOPLE:
            return
        states = await self._states(members)
        await self._go([each for each in members if each not in states])
        self._telling.ask(states)

    async def _tell(self, changed: Collection[str] | None) -> Collection[str]:
        assert changed is not None
        self.observe(len(changed))
        self._watches.changed(EVERYONE, changed)
        for each in changed:
            self._watches.changed(f"{EVERYONE}:{each}", [each])
        return ()

    def _keep(self, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
