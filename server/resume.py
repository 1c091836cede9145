"""Resume ids: how far a client has come in the channels of a stream, as it says when it comes back.

Of one channel it is the number of the newest event. Of several it is opaque: a digest of each channel's name and its
number. Names themselves would not fit into a request's header, where browsers put the id.
"""

import base64
import binascii
import hashlib
from collections.abc import Iterable, Mapping
from functools import lru_cache

_DIGEST_BYTES = 6
# What a JavaScript client can count to.
_MAXIMUM = 2**53 - 1
_MARK = "m"


def encode(positions: Mapping[str, int]) -> str:
    """The id of these positions, in which the channels' order does not matter."""
    if len(positions) == 1:
        return str(next(iter(positions.values())))
    packed = b"".join(_digest(channel) + _varint(seq) for channel, seq in sorted(positions.items()))
    return _MARK + base64.urlsafe_b64encode(packed).rstrip(b"=").decode()


def decode(text: str, channels: Iterable[str]) -> dict[str, int]:
    """The positions in those of the channels that the id tells of. Raises ``ValueError`` when it is none."""
    wanted = list(channels)
    if text.isascii() and text.isdecimal():
        if len(wanted) > 1:
            raise ValueError("A number is where to go on in one channel; of several, send the stream's own id.")
        return {wanted[0]: _bounded(int(text) if len(text) < 20 else _MAXIMUM + 1)}
    numbers = _unpack(text)
    return {channel: numbers[_digest(channel)] for channel in wanted if _digest(channel) in numbers}


def _unpack(text: str) -> dict[bytes, int]:
    body = text.removeprefix(_MARK)
    if body == text or not text.isascii():
        raise ValueError("Must be the number of an event, or a stream's id.")
    try:
        packed = base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        raise ValueError("Must be the number of an event, or a stream's id.") from None
    found: dict[bytes, int] = {}
    at = 0
    while at < len(packed):
        digest, at = packed[at : at + _DIGEST_BYTES], at + _DIGEST_BYTES
        seq, shift = 0, 0
        while True:
            if at >= len(packed) or shift > 49:
                raise ValueError("This stream's id is cut off, or was changed.")
            byte, at = packed[at], at + 1
            seq |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        found[digest] = _bounded(seq)
    return found


def _bounded(seq: int) -> int:
    if seq > _MAXIMUM:
        raise ValueError(f"Must be {_MAXIMUM} at most.")
    return seq


def _varint(number: int) -> bytes:
    parts = bytearray()
    while number > 0x7F:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    parts.append(number)
    return bytes(parts)


@lru_cache(maxsize=10_000)
def _digest(channel: str) -> bytes:
    return hashlib.blake2s(channel.encode(), digest_size=_DIGEST_BYTES).digest()
