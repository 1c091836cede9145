"""RESP2, as much of it as pub/sub needs.

redis-py's own readers cost 11 µs for a pub/sub message (1.2 µs with hiredis), a scan of the received bytes 0.9 µs.
"""

from typing import Any

CRLF = b"\r\n"


class ReplyError(str):
    """An error reply of Redis: its text without the leading minus."""

    __slots__ = ()


def command(*parts: bytes) -> bytes:
    """Encode one command."""
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%b\r\n" % (len(part), part) for part in parts)


def parse(data: bytes, position: int) -> tuple[Any, int] | None:  # noqa: PLR0911 - one return for each type of reply
    """Read the reply that starts at `position`: its value and where it ends, or None while bytes are missing.

    Raises ValueError for what is not RESP2.
    """
    line_end = data.find(CRLF, position)
    if line_end < 0:
        return None
    kind, line, position = data[position : position + 1], data[position + 1 : line_end], line_end + 2
    if kind == b":":
        return int(line), position
    if kind == b"+":
        return line, position
    if kind == b"-":
        return ReplyError(line.decode(errors="replace")), position
    if kind not in (b"$", b"*"):
        raise ValueError(f"not a RESP2 reply: {kind + line!r}")
    size = int(line)
    if size < 0:
        return None, position
    if kind == b"$":
        end = position + size
        return (data[position:end], end + 2) if len(data) >= end + 2 else None
    items = []
    for _ in range(size):
        item = parse(data, position)
        if item is None:
            return None
        value, position = item
        items.append(value)
    return items, position
