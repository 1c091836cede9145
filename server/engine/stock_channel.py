"""What stock python-socketio managers in other processes ask for, on their one Redis channel."""

import base64
import json
from typing import Any, Protocol

from socketio.packet import Packet


class Obeys(Protocol):
    """Who does what was asked, to the clients of this worker."""

    def emit_here(self, event: str, arguments: list[Any], namespace: str, room: Any, skip_sid: Any) -> None:
        """Emit to the members of a room."""

    def obey(self, order: str, sid: str | None, namespace: str, room: Any) -> bool:
        """Carry an order out; whether its client is here."""


class StockChannel:
    """Reads the JSON messages of `socketio.AsyncRedisManager` (and its synchronous twin) and has them done here.

    Callbacks are not answered: a write-only manager cannot ask for them.
    """

    def __init__(self, target: Obeys) -> None:
        self._target = target

    def heard(self, message: bytes) -> None:
        """Do what a message says.

        :raises ValueError, KeyError, TypeError: it is not such a message.
        """
        request = json.loads(message)
        method, namespace = request["method"], request.get("namespace") or "/"
        if method == "emit":
            self._target.emit_here(
                request["event"], _arguments(request), namespace, request.get("room"), request.get("skip_sid")
            )
        elif method in {"disconnect", "enter_room", "leave_room", "close_room"}:
            self._target.obey(method, request.get("sid"), namespace, request.get("room"))


def _arguments(request: dict[str, Any]) -> list[Any]:
    data = request["data"]
    if request.get("binary"):
        packed, *attachments = data
        data = Packet.reconstruct_binary(packed, [base64.b64decode(attachment) for attachment in attachments])
    # None as the only argument is how python-socketio says that there is none.
    return [] if data == [None] else data
