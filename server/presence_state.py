"""The state of a person: what one connection says, and what all of theirs on all workers say together."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import orjson

from models.types import now
from models.users import User

Shown = tuple[str, str | None, str | None]


@dataclass(frozen=True, slots=True)
class State:
    """How one connection, one worker's connections, or a loan by call show a person.

    Attributes:
        status: ``online`` or ``away``.
        page, activity: where they are and what they do, as they said.
        at: when they were last heard of.
        said: when they last said what they do; empty for a connection that has said nothing yet.
        call: whether it is a loan, by a client without a connection.
    """

    status: str
    page: str | None
    activity: str | None
    at: str
    said: str = ""
    call: bool = False

    @classmethod
    def fresh(cls, *, call: bool = False) -> Self:
        """Who has just come."""
        return cls("online", None, None, now(), call=call)

    @classmethod
    def decode(cls, text: str) -> Self:
        """The state of a value in ``Leases``."""
        stored = orjson.loads(text)
        return cls(
            stored["status"],
            stored["currentPage"],
            stored["activity"],
            stored["at"],
            stored.get("said", ""),
            bool(stored.get("call")),
        )

    def encode(self) -> str:
        """The value in ``Leases``."""
        stored: dict[str, Any] = {
            "status": self.status,
            "currentPage": self.page,
            "activity": self.activity,
            "at": self.at,
        }
        if self.said:
            stored["said"] = self.said
        if self.call:
            stored["call"] = True
        return orjson.dumps(stored).decode()

    def told(self, status: str | None, said: Mapping[str, str | None]) -> Self:
        """The state after an update (of ``page`` and ``activity`` what it names), or after a heartbeat: no status."""
        moment = now()
        if status is None:
            return replace(self, at=moment)
        page, activity = said.get("page", self.page), said.get("activity", self.activity)
        return replace(self, status=status, page=page, activity=activity, at=moment, said=moment)

    @property
    def shown(self) -> Shown:
        """What others see change."""
        return self.status, self.page, self.activity


def together(states: Collection[State]) -> State:
    """The most active status, and of those who show it what was said last.

    A connection that has said nothing yet takes nothing away: a page that is loaded again comes without its words.
    """
    first = max(states, key=lambda state: (state.status == "online", state.said, state.at))
    return replace(first, at=max(state.at for state in states))


def of_values(values: Mapping[str, Iterable[str]]) -> dict[str, State]:
    """The state of each person of what was read from ``Leases``."""
    return {member: together([State.decode(text) for text in texts]) for member, texts in values.items()}


def wire(user: User, state: State | None, last_seen_at: str | None) -> dict[str, Any]:
    """The presence of the contract's section 6; ``last_seen_at`` counts for who is offline."""
    return {
        "userId": user.id,
        "isOnline": state is not None,
        "status": "offline" if state is None else state.status,
        "lastSeenAt": last_seen_at if state is None else state.at,
        "currentPage": None if state is None else state.page,
        "activity": None if state is None else state.activity,
        "user": user.wire(),
    }
