"""Ids: UUIDs of version 7 (RFC 9562, section 5.7), which sort by their creation."""

import os
import time

_last = 0


def new_id() -> str:
    """A new UUIDv7; of one process each is greater than the one before.

    The 12 bits behind the millisecond count on within it (RFC 9562, section 6.2, method 1) and carry over into
    the next millisecond when they are used up.
    """
    global _last  # noqa: PLW0603 - the counter is the process's
    now = time.time_ns() // 1_000_000 << 12
    _last = now if now > _last else _last + 1
    tail = int.from_bytes(os.urandom(8), "big") & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000
    text = f"{_last >> 12:012x}7{_last & 0xFFF:03x}{tail:016x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
