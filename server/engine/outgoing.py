"""One message on its way to clients, in the form that each transport writes."""

import base64
import zlib
from struct import Struct

_LENGTH_16 = Struct("!BBH").pack
_LENGTH_64 = Struct("!BBQ").pack

TEXT, BINARY, CLOSE, PING, PONG = 0x81, 0x82, 0x88, 0x89, 0x8A
COMPRESSED = 0x40
_DEFLATE_TAIL = b"\x00\x00\xff\xff"


def frame(first_byte: int, payload: bytes) -> bytes:
    """Return `payload` as one unmasked WebSocket frame; servers never mask, so one frame fits every client."""
    length = len(payload)
    if length < 126:
        return bytes((first_byte, length)) + payload
    if length < 65536:
        return _LENGTH_16(first_byte, 126, length) + payload
    return _LENGTH_64(first_byte, 127, length) + payload


def compressed_frame(first_byte: int, payload: bytes) -> bytes:
    """Return `payload` deflated by itself (no context taken over), so that this frame too fits every client."""
    deflate = zlib.compressobj(level=zlib.Z_BEST_SPEED, wbits=-zlib.MAX_WBITS)
    body = deflate.compress(payload) + deflate.flush(zlib.Z_SYNC_FLUSH)
    return frame(first_byte | COMPRESSED, body.removesuffix(_DEFLATE_TAIL))


class Outgoing:
    """A Socket.IO packet (its text and its binary attachments) or an Engine.IO control packet.

    It is encoded once and shared by all its receivers. `text` begins with the Engine.IO packet type; it is None for
    attachments whose text went out before. `volatile` marks what may be dropped for a slow reader.
    """

    __slots__ = ("_compressed", "_frames", "attachments", "text", "volatile")

    def __init__(self, text: bytes | None, attachments: tuple[bytes, ...] = (), volatile: bool = False) -> None:
        self.text = text
        self.attachments = attachments
        self.volatile = volatile
        self._frames: bytes | None = None
        self._compressed: bytes | None = None

    @property
    def frames(self) -> bytes:
        """The WebSocket frames of the whole message, back to back."""
        frames = self._frames
        if frames is None:
            text = b"" if self.text is None else frame(TEXT, self.text)
            frames = self._frames = text + b"".join(frame(BINARY, data) for data in self.attachments)
        return frames

    def compressed_frames(self, threshold: int) -> bytes:
        """Return the frames for a client that negotiated compression; parts under `threshold` bytes stay plain."""
        if self._compressed is None:
            parts = [] if self.text is None else [(TEXT, self.text)]
            parts += [(BINARY, data) for data in self.attachments]
            self._compressed = b"".join(
                (compressed_frame if len(data) >= threshold else frame)(first_byte, data) for first_byte, data in parts
            )
        return self._compressed

    @property
    def payloads(self) -> list[bytes]:
        """The packets of the message as HTTP long-polling writes them."""
        text = [] if self.text is None else [self.text]
        return text + [b"b" + base64.b64encode(data) for data in self.attachments]

    @property
    def size(self) -> int:
        """Bytes that the message keeps in memory while it waits."""
        return len(self.text or b"") + sum(map(len, self.attachments))

    def split(self, packets: int) -> tuple["Outgoing", "Outgoing"]:
        """Return the first `packets` packets and the rest, for a poll answer that cannot carry all of them."""
        first = packets if self.text is None else packets - 1
        head = Outgoing(self.text, self.attachments[:first], self.volatile)
        return head, Outgoing(None, self.attachments[first:])

    def __len__(self) -> int:
        """The number of Engine.IO packets."""
        return len(self.attachments) + (self.text is not None)


CLOSE_PACKET = Outgoing(b"1")
PING_PACKET = Outgoing(b"2")
PROBE_ANSWER = Outgoing(b"3probe")
NOOP_PACKET = Outgoing(b"6")
