"""Frames of server-sent events (WHATWG HTML, section 9.2), each encoded once for all streams that get it."""

from models.event_log import Event


class Frame:
    """Bytes on their way to streams; ``volatile`` ones may be left out for who reads slowly."""

    __slots__ = ("_chunk", "body", "volatile")

    def __init__(self, body: bytes, *, volatile: bool = False) -> None:
        self.body = body
        self.volatile = volatile
        self._chunk: bytes | None = None

    @property
    def chunk(self) -> bytes:
        """The same for a response in HTTP/1.1's chunked coding."""
        if self._chunk is None:
            self._chunk = b"%x\r\n%b\r\n" % (len(self.body), self.body)
        return self._chunk


LAST_CHUNK = b"0\r\n\r\n"
HEARTBEAT = Frame(b":\n\n", volatile=True)


def of_event(event: Event, resume_id: str) -> Frame:
    """An event as an unnamed message, whose id resumes the stream behind it."""
    return Frame(b"id: %b\ndata: %b\n\n" % (resume_id.encode(), event.envelope))


def of_signal(envelope: bytes) -> Frame:
    """A signal: an unnamed message that leaves the client's id as it is."""
    return Frame(b"data: %b\n\n" % envelope, volatile=True)


def told(envelope: bytes) -> Frame:
    """What concerns one stream alone: it has no id either, and must arrive."""
    return Frame(b"data: %b\n\n" % envelope)


def position(resume_id: str) -> Frame:
    """Where the client is now, without a message: browsers keep the id and dispatch nothing."""
    return Frame(b"id: %b\n\n" % resume_id.encode())


def reset(data: bytes, resume_id: str) -> Frame:
    """The named event that tells a client to reload a channel: what it missed cannot be replayed."""
    return Frame(b"event: reset\nid: %b\ndata: %b\n\n" % (resume_id.encode(), data))


def retry(milliseconds: int) -> Frame:
    """How long the client waits before it comes back."""
    return Frame(b"retry: %d\n\n" % milliseconds)
