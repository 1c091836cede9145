"""Socket.IO 5 packets as text and attachments: read with distrust, written fast."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from server.engine.json_codec import dumps
from server.engine.outgoing import Outgoing

CONNECT, DISCONNECT, EVENT, ACK, CONNECT_ERROR, BINARY_EVENT, BINARY_ACK = range(7)

_DIGITS = frozenset("0123456789")
_ID_DIGITS = 16


class MalformedPacket(ValueError):
    """What the client sent is no packet of the protocol; the message says where it fails."""


class Incoming:
    """One packet from a client; `missing` counts the attachments that have not come yet."""

    __slots__ = ("attachments", "data", "id", "kind", "missing", "namespace")

    def __init__(self, kind: int, namespace: str, packet_id: int | None, data: Any, missing: int = 0) -> None:
        self.kind = kind
        self.namespace = namespace
        self.id = packet_id
        self.data = data
        self.missing = missing
        self.attachments: list[bytes] = []

    def attach(self, attachment: bytes) -> None:
        """Take the next attachment; with the last one `data` becomes whole.

        :raises MalformedPacket: a placeholder names an attachment that does not exist.
        """
        self.attachments.append(attachment)
        self.missing -= 1
        if not self.missing:
            self.data = _with_attachments(self.data, self.attachments)


def decode(text: str, loads: Callable[[str], Any], max_attachments: int) -> Incoming:
    """Parse the text of a packet, without its attachments. Binary kinds come out as EVENT and ACK.

    :raises MalformedPacket: it is none.
    """
    if not text or text[0] not in "0123456":
        raise MalformedPacket("unknown packet type")
    kind = ord(text[0]) - 48
    at = 1
    missing = 0
    if kind >= BINARY_EVENT:
        dash = text.find("-", 1, 6)
        digits = text[1:dash] if dash > 1 else ""
        if not digits or not _DIGITS.issuperset(digits):
            raise MalformedPacket("number of attachments expected")
        missing = int(digits)
        if missing > max_attachments:
            raise MalformedPacket(f"{missing} attachments, {max_attachments} at most")
        kind -= BINARY_EVENT - EVENT
        at = dash + 1
    namespace = "/"
    if text[at : at + 1] == "/":
        comma = text.find(",", at)
        end = len(text) if comma < 0 else comma
        namespace = text[at:end].partition("?")[0]
        at = end + 1
    packet_id = None
    start = at
    while text[at : at + 1] in _DIGITS:
        at += 1
    if at > start:
        if at - start > _ID_DIGITS:
            raise MalformedPacket("acknowledgement id too long")
        packet_id = int(text[start:at])
    data = None
    if at < len(text):
        try:
            data = loads(text[at:])
        except (ValueError, RecursionError) as error:
            raise MalformedPacket(f"payload: {error}") from None
    _check(kind, packet_id, data, at < len(text))
    return Incoming(kind, namespace, packet_id, data, missing)


def _check(kind: int, packet_id: int | None, data: Any, has_data: bool) -> None:
    if kind == EVENT:
        name = data[0] if type(data) is list and data else None
        if type(name) is not str and type(name) is not int:
            raise MalformedPacket("an event is a list that begins with its name")
    elif kind == ACK:
        if type(data) is not list or packet_id is None:
            raise MalformedPacket("an acknowledgement is an id and a list")
    elif packet_id is not None:
        raise MalformedPacket("unexpected id")
    elif kind == CONNECT:
        if has_data and type(data) is not dict:
            raise MalformedPacket("authentication data is an object")
    elif kind != DISCONNECT or has_data:
        raise MalformedPacket("unexpected packet")


def _with_attachments(value: Any, attachments: list[bytes]) -> Any:
    if type(value) is list:
        return [_with_attachments(item, attachments) for item in value]
    if type(value) is dict:
        if value.get("_placeholder") is True:
            number = value.get("num")
            if type(number) is not int or not 0 <= number < len(attachments):
                raise MalformedPacket("placeholder of no attachment")
            return attachments[number]
        return {key: _with_attachments(item, attachments) for key, item in value.items()}
    return value


def encode(
    kind: int,
    data: Any,
    namespace: str = "/",
    packet_id: int | None = None,
    *,
    volatile: bool = False,
    dumps: Callable[[Any], bytes] = dumps,
) -> Outgoing:
    """Return a packet ready to send; bytes anywhere in `data` become attachments.

    :raises TypeError, ValueError: `data` has no JSON form.
    """
    attachments: list[bytes] = []
    if kind in {EVENT, ACK}:
        try:
            body = dumps(data)
        except TypeError:
            body = dumps(_without_attachments(data, attachments))
    else:
        body = b"" if data is None else dumps(data)
    count = b""
    if attachments:
        kind += BINARY_EVENT - EVENT
        count = b"%d-" % len(attachments)
    number = b"" if packet_id is None else b"%d" % packet_id
    return Outgoing(b"4%d%b%b%b%b" % (kind, count, _prefix(namespace), number, body), tuple(attachments), volatile)


def encode_event(
    name: str, payload: bytes, namespace: str, volatile: bool, attachments: tuple[bytes, ...] = ()
) -> Outgoing:
    """Return an event whose only argument is already JSON, with a placeholder for each of the attachments in it."""
    head = b"45%d-" % len(attachments) if attachments else b"42"
    return Outgoing(b"%b%b[%b,%b]" % (head, _prefix(namespace), _name(name), payload), attachments, volatile)


@lru_cache(maxsize=1024)
def _prefix(namespace: str) -> bytes:
    return b"" if namespace == "/" else namespace.encode() + b","


@lru_cache(maxsize=1024)
def _name(event: str) -> bytes:
    return dumps(event)


def _without_attachments(value: Any, attachments: list[bytes]) -> Any:
    if isinstance(value, bytes | bytearray | memoryview):
        attachments.append(bytes(value))
        return {"_placeholder": True, "num": len(attachments) - 1}
    if isinstance(value, list | tuple):
        return [_without_attachments(item, attachments) for item in value]
    if isinstance(value, dict):
        return {key: _without_attachments(item, attachments) for key, item in value.items()}
    return value
