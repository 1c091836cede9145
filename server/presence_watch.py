"""What the subscribers of ``presence`` and of ``presence:{userId}`` were told of people."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from itertools import islice
from typing import Any

from models import users
from models.database import Database
from server.leases import Leases
from server.presence_state import State, of_values, wire

PEOPLE = "people"
EVERYONE = "presence"
# Of more people one event does not tell: it would not fit into what may wait for a slow reader.
_PEOPLE_OF_AN_EVENT = 1000


class PeopleTold:
    """What the subscribers of a channel know of everyone, or (``only``) of one person.

    For ``kept_seconds`` it is known of whom they were told.
    """

    def __init__(self, leases: Leases, database: Database, only: str | None, kept_seconds: float) -> None:
        self._leases = leases
        self._database = database
        self._only = only
        self._kept_seconds = kept_seconds
        # Whom the last events told of and when, the newest last.
        self._told_at: dict[str, float] = {}
        self._states: dict[str, State] = {}
        self._unsure: set[str] = set()

    async def load(self) -> None:
        """Begin with who is there now."""
        self._states = await self._read(None)

    async def compare(self, members: Collection[str] | None) -> tuple[Any, Collection[str]]:
        """The data of the ``presence:changed`` that tells of these people, or of all, what is new."""
        whole = self._leases.whole
        found = await self._read(members)
        looked = found.keys() | self._states.keys() if members is None else set(members)
        if members is None and not (whole and self._leases.whole):
            # Who is missing need not be gone.
            looked = set(found)
        unsure = self._unsure & looked
        news = [each for each in looked if each in unsure or not _same(found.get(each), self._states.get(each))]
        first = list(islice(news, _PEOPLE_OF_AN_EVENT))
        told = await self._wires(first, found)
        for each in looked - set(news):
            # Nothing that shows, but when they were last heard of.
            self._note(each, found.get(each))
        for each in first:
            self._note(each, found.get(each))
        self._unsure -= unsure.intersection(first)
        self._remember(first)
        if not told:
            return None, news[len(first) :]
        return (told[0] if self._only else {"changes": told}), news[len(first) :]

    async def state(self, pending: Collection[str] | None) -> dict[str, Any]:
        """Who is there: ``{presence: […]}``."""
        states = dict(self._states)
        if pending is None or pending:
            found = await self._read(pending)
            looked = found.keys() | states.keys() if pending is None else set(pending)
            self._unsure |= {each for each in looked if not _same(found.get(each), states.get(each))}
            states = {each: state for each, state in states.items() if each not in looked} | found
        return {"presence": await self._wires([self._only] if self._only else sorted(states), states)}

    async def since(self, moment: float | None) -> Sequence[Any]:
        """The data of events about all who were told of since then; None: about everyone who is there."""
        if self._only:
            return await self._wires([self._only], self._states)
        told = self._states if moment is None else [each for each, at in self._told_at.items() if at >= moment]
        wires = await self._wires(list(told), self._states)
        starts = range(0, len(wires), _PEOPLE_OF_AN_EVENT)
        return [{"changes": wires[start : start + _PEOPLE_OF_AN_EVENT]} for start in starts]

    def _remember(self, told: Collection[str]) -> None:
        moment = asyncio.get_running_loop().time()
        for each in told:
            self._told_at.pop(each, None)
            self._told_at[each] = moment
        for each, at in list(self._told_at.items()):
            if at >= moment - self._kept_seconds:
                break
            del self._told_at[each]

    async def _read(self, members: Collection[str] | None) -> dict[str, State]:
        wanted = members if self._only is None else [self._only]
        return of_values(await self._leases.read(PEOPLE, wanted))

    def _note(self, member: str, state: State | None) -> None:
        if state is None:
            self._states.pop(member, None)
        else:
            self._states[member] = state

    async def _wires(self, members: Collection[str], states: Mapping[str, State]) -> list[dict[str, Any]]:
        if not members:
            return []
        async with self._database.read() as conn:
            known, last_seen = await users.sightings(conn, members)
        return [wire(known[each], states.get(each), last_seen[each]) for each in members if each in known]


def _same(one: State | None, other: State | None) -> bool:
    return (one and one.shown) == (other and other.shown)


def told_of(leases: Leases, database: Database, kept_seconds: float, channel: str) -> PeopleTold | None:
    """What is told on a channel, if it is one of presence."""
    if channel == EVERYONE:
        return PeopleTold(leases, database, None, kept_seconds)
    only = channel.removeprefix(f"{EVERYONE}:")
    return PeopleTold(leases, database, only, kept_seconds) if only != channel else None
