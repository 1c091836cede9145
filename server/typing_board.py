"""The typing board: who is writing where, on all workers. Worth nothing a moment later, so nothing of it is kept.

Each worker tells the others who starts and who stops; each ends by itself what was not repeated in time, so that a
worker that dies takes nobody's dots with it. What a channel's subscribers get is absolute: everyone typing.
"""

import asyncio
from typing import Any

import orjson

from models.event_log import envelope
from models.types import now
from models.users import User
from server.delivery import Delivery

TELL, ASK = "typing", "typing?"


class SignalTypingBoard:
    """The port ``TypingBoard`` of the handlers.

    Args:
        delivery: tells who hears the channel here, and the other workers.
        seconds: how long somebody types after the last start.
    """

    def __init__(self, delivery: Delivery, seconds: float) -> None:
        self._delivery = delivery
        self._seconds = seconds
        self._typing: dict[str, dict[str, tuple[str, asyncio.TimerHandle, str | None]]] = {}
        self._of_connection: dict[str, set[tuple[str, str]]] = {}
        # Channels whose other workers were asked who types: heard here from then on, until the last hearer goes.
        self._asked: set[str] = set()
        delivery.on_signal(TELL, self._heard)
        delivery.on_signal(ASK, self._answer)
        delivery.on_feed(lambda channel: None, self._asked.discard)

    def start(self, channel: str, user: User, connection: str | None) -> None:
        """Somebody types; it ends by itself."""
        self._begin(channel, user.id, user.name, self._seconds, connection)
        self._tell(channel, {"id": user.id, "name": user.name})

    def stop(self, channel: str, user_id: str) -> None:
        """Somebody stopped; nothing happens when they were not typing."""
        if self._finish(channel, user_id):
            self._tell(channel, {"id": user_id})

    def typing(self, channel: str) -> list[dict[str, str]]:
        """Everyone typing: ``[{id, name}]``."""
        return [{"id": user_id, "name": name} for user_id, (name, _, _) in self._typing.get(channel, {}).items()]

    def ask(self, channel: str) -> None:
        """Somebody here hears the channel: learn who began to type elsewhere before that."""
        if channel not in self._asked and _takes_typing(channel):
            self._asked.add(channel)
            self._delivery.signal(channel, ASK, b"")

    def forget(self, connection: str) -> None:
        """A connection is gone, and with it what was typed there."""
        for channel, user_id in list(self._of_connection.get(connection, ())):
            self.stop(channel, user_id)

    def _begin(self, channel: str, user_id: str, name: str, seconds: float, connection: str | None = None) -> None:
        people = self._typing.setdefault(channel, {})
        known = people.get(user_id)
        if known is not None:
            known[1].cancel()
            self._disown(known[2], channel, user_id)
        timer = asyncio.get_running_loop().call_later(seconds, self._finish, channel, user_id)
        people[user_id] = (name, timer, connection)
        if connection is not None:
            self._of_connection.setdefault(connection, set()).add((channel, user_id))
        if known is None:
            self._show(channel)

    def _finish(self, channel: str, user_id: str) -> bool:
        people = self._typing.get(channel, {})
        found = people.pop(user_id, None)
        if found is None:
            return False
        found[1].cancel()
        self._disown(found[2], channel, user_id)
        if not people:
            del self._typing[channel]
        self._show(channel)
        return True

    def _disown(self, connection: str | None, channel: str, user_id: str) -> None:
        if connection is None:
            return
        mine = self._of_connection[connection]
        mine.discard((channel, user_id))
        if not mine:
            del self._of_connection[connection]

    def _show(self, channel: str) -> None:
        data = orjson.dumps({"users": self.typing(channel)})
        self._delivery.show(channel, "typing:changed", envelope(channel, "typing:changed", now(), data))

    def _tell(self, channel: str, change: dict[str, Any]) -> None:
        self._delivery.signal(channel, TELL, orjson.dumps(change))

    def _heard(self, channel: str, payload: bytes) -> None:
        change = orjson.loads(payload)
        if "name" in change:
            self._begin(channel, change["id"], change["name"], change.get("seconds", self._seconds))
        else:
            self._finish(channel, change["id"])

    def _answer(self, channel: str, _: bytes) -> None:
        """Tell whoever begins to hear the channel elsewhere of those who type here, and for how long still."""
        present = asyncio.get_running_loop().time()
        for user_id, (name, timer, connection) in self._typing.get(channel, {}).items():
            if connection is not None:
                self._tell(channel, {"id": user_id, "name": name, "seconds": max(0.0, timer.when() - present)})


def _takes_typing(channel: str) -> bool:
    return channel == "community" or channel.startswith("room:") or channel.endswith(":comments")
