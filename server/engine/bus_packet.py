"""Socket.IO packets on the bus: as they go to the clients, so that no worker but the first encodes them."""

from typing import Any

import orjson

from server.engine.json_codec import dumps
from server.engine.outgoing import Outgoing


def pack(head: list[Any], packet: Outgoing | None = None) -> bytes:
    """Return the payload of a bus message: a line of JSON, then the packet's text and attachments.

    :raises TypeError: `head` has no JSON form.
    """
    if packet is None:
        return dumps([head, False, None]) + b"\n"
    sizes = [None if packet.text is None else len(packet.text), *map(len, packet.attachments)]
    return b"%b\n%b%b" % (dumps([head, packet.volatile, sizes]), packet.text or b"", b"".join(packet.attachments))


def unpack(payload: bytes) -> tuple[list[Any], Outgoing | None]:
    """Return what `pack` was given."""
    line, _, body = payload.partition(b"\n")
    head, volatile, sizes = orjson.loads(line)
    if sizes is None:
        return head, None
    text_size, *attachment_sizes = sizes
    if not attachment_sizes:
        return head, Outgoing(body, (), volatile)
    end = text_size or 0
    text = None if text_size is None else body[:end]
    attachments = []
    for size in attachment_sizes:
        attachments.append(body[end : end + size])
        end += size
    return head, Outgoing(text, tuple(attachments), volatile)
