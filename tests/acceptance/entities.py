"""Entities to engage with: trips of which Hubbub knows but the name."""

import secrets
from typing import Any

from tests.acceptance.people import Person


class Trip:
    """A trip that nobody has engaged with yet."""

    def __init__(self, type: str = "trip") -> None:
        self.id = secrets.token_hex(6)
        self.at: dict[str, Any] = {"type": type, "id": self.id}
        """What names it in a payload."""
        self._name = f"{type}:{self.id}"

    def channel(self, topic: str) -> str:
        """The channel of one of its topics."""
        return f"{self._name}:{topic}"


async def comments_of(reader: Person, trip: Trip, **wanted: Any) -> list[dict[str, Any]]:
    """What a reader finds there, newest first."""
    return (await reader.does("comment:list", **trip.at, **wanted))["comments"]


async def say(author: Person, trip: Trip, *bodies: str, **fields: Any) -> list[dict[str, Any]]:
    """Comment on it, one after the other; the comments."""
    return [await author.creates("comment:create", **trip.at, body=body, **fields) for body in bodies]
