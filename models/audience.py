"""Audiences: who may see an event whose channel more people hear than may see it."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import orjson


@dataclass(frozen=True, slots=True)
class Audience:
    """These people alone or, with ``excluded``, everyone but them; visitors and backends are none of them.

    An event without an audience is everyone's who hears its channel.
    """

    people: frozenset[str]
    excluded: bool = False

    def includes(self, user_id: str | None) -> bool:
        """Whether a person sees the event; None stands for whoever is nobody in particular."""
        return (user_id in self.people) != self.excluded

    def text(self) -> str:
        """What the log keeps: JSON, ``{"only": [ids]}`` or ``{"except": [ids]}``."""
        return orjson.dumps({"except" if self.excluded else "only": sorted(self.people)}).decode()


def only(people: Iterable[str]) -> Audience:
    """These people and nobody else."""
    return Audience(frozenset(people))


def everyone_but(people: Iterable[str]) -> Audience:
    """Everyone but these people."""
    return Audience(frozenset(people), excluded=True)


@lru_cache(maxsize=1024)
def parse(text: str) -> Audience:
    """The audience of what ``text()`` wrote. Raises ``ValueError`` for anything else."""
    found = orjson.loads(text)
    if not isinstance(found, dict) or found.keys() not in ({"only"}, {"except"}):
        raise ValueError(f"This is no audience: {text[:200]}")
    ((kind, people),) = found.items()
    return Audience(frozenset(people), kind == "except")
