"""Updates that somebody may send who means harm, written by hand after Yjs's format (version 1)."""

from collections.abc import Callable


def number(value: int) -> bytes:
    """lib0's varUint."""
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*found, value))


CLIENT = number(1234)
HUGE = number(2**32 - 1)
ROOT = number(1) + number(7) + b"content"


def one(struct: bytes) -> bytes:
    """An update of one struct."""
    return number(1) + number(1) + CLIENT + number(0) + struct + number(0)


def value(encoded: bytes) -> bytes:
    """An update of one value in the text."""
    return one(b"\x08" + ROOT + number(1) + encoded)


def nested_types(depth: int, *, deleted: bool) -> bytes:
    """A map in a map in a map …, and the outermost deleted."""
    first = b"\x27" + number(1) + number(1) + b"m" + number(1) + b"k" + number(1)
    others = b"".join(b"\x27" + number(0) + CLIENT + number(i) + number(1) + b"k" + number(1) for i in range(depth - 1))
    gone = number(1) + CLIENT + number(1) + number(0) + number(1) if deleted else number(0)
    return number(1) + number(depth) + CLIENT + number(0) + first + others + gone


MALFORMED: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "half a number": lambda: b"\xff",
    "a number without end": lambda: b"\xff" * 400_000,
    "four thousand million clients": lambda: HUGE,
    "more clients than numbers hold": lambda: number(2**63),
    "four thousand million structs": lambda: number(1) + HUGE + CLIENT + number(0),
    "deletions of four thousand million clients": lambda: number(0) + HUGE,
    "four thousand million deletions": lambda: number(0) + number(1) + CLIENT + HUGE,
    "deletions beyond 32 bits": lambda: number(0) + number(1) + CLIENT + number(1) + HUGE + HUGE,
    "clocks beyond 32 bits": lambda: number(1) + number(2) + CLIENT + number(0) + (b"\0" + HUGE) * 2 + number(0),
    "a client beyond what JavaScript counts": lambda: number(1) + number(1) + number(2**60) + b"\0\0\1\0",
    "a text longer than the update": lambda: one(b"\x04" + ROOT + HUGE),
    "a text that is no UTF-8": lambda: one(b"\x04" + ROOT + number(2) + b"\xc3\x28"),
    "four thousand million JSON texts": lambda: one(b"\x02" + ROOT + HUGE),
    "four thousand million values": lambda: one(b"\x08" + ROOT + HUGE),
    "a list of four thousand million values": lambda: value(b"\x75" + HUGE),
    "an object of four thousand million values": lambda: value(b"\x76" + HUGE),
    "bytes longer than the update": lambda: value(b"\x74" + HUGE),
    "lists in lists, 200,000 deep": lambda: value(b"\x75\x01" * 200_000 + b"\x7f"),
    "objects in objects, 33 deep": lambda: value(b"\x76\x01\x01k" * 33 + b"\x7f"),
    "JSON, 200,000 deep": lambda: one(b"\x05" + ROOT + number(400_000) + b"[" * 200_000 + b"]" * 200_000),
    "a format that is no JSON": lambda: one(b"\x06" + ROOT + number(1) + b"k" + number(1) + b"{"),
    "content of no kind": lambda: one(b"\x0b" + ROOT),
    "a type of no kind": lambda: one(b"\x07" + ROOT + number(99)),
    "a value of no kind": lambda: value(b"\x01"),
    "something behind the end": lambda: b"\0\0" + b"\0",
}
"""What is no update, whoever looks at it."""
