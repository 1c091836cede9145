"""Frames and packets as bytes, checked against the libraries that the other side uses."""

import asyncio
import json
from typing import Any

import orjson
import pytest
from aiohttp._websocket.reader import WebSocketDataQueue, WebSocketReader
from hypothesis import given
from hypothesis import strategies as st
from socketio.packet import Packet

from server.engine.json_codec import MAX_SAFE_INTEGER, dumps, loads
from server.engine.outgoing import Outgoing
from server.engine.wire import ACK, EVENT, MalformedPacket, decode, encode, encode_event

DEPTH = 32

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-MAX_SAFE_INTEGER, MAX_SAFE_INTEGER)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("keys"), inner, max_size=4),
    max_leaves=20,
)
with_binary = st.recursive(
    json_values | st.binary(max_size=50),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["a", "b", "c"]), inner, max_size=3),
    max_leaves=10,
)


class _Protocol:
    """What aiohttp's queue asks of a connection."""

    _reading_paused = False


async def parsed(frames: bytes, compress: bool = False) -> list[str | bytes]:
    """Messages that aiohttp's own parser reads from frames."""
    queue = WebSocketDataQueue(_Protocol(), 1 << 30, loop=asyncio.get_running_loop())  # type: ignore[arg-type]
    reader = WebSocketReader(queue, 0, compress=compress, decode_text=True)
    reader.feed_data(frames)
    return [(await queue.read()).data for _ in range(len(queue._buffer))]


@pytest.mark.parametrize("length", [0, 1, 125, 126, 127, 65535, 65536, 200_000])
async def test_frames_of_every_length_are_read_by_aiohttp(length: int) -> None:
    text, data = "x" * length, b"\0" * length
    outgoing = Outgoing(text.encode(), (data, b"second"))
    assert await parsed(outgoing.frames) == [text, data, b"second"]
    assert await parsed(outgoing.compressed_frames(100), compress=True) == [text, data, b"second"]


async def test_compressed_frames_fit_any_connection_in_any_order() -> None:
    texts = ["all the same " * 200, "all the same " * 300]
    first, second = (Outgoing(text.encode()).compressed_frames(100) for text in texts)
    assert await parsed(second + first + second, compress=True) == [texts[1], texts[0], texts[1]]


def test_a_message_of_too_many_packets_for_one_poll_is_split() -> None:
    outgoing = Outgoing(b"453-", (b"a", b"b", b"c"))
    head, rest = outgoing.split(2)
    assert (head.text, head.attachments, rest.text, rest.attachments) == (b"453-", (b"a",), None, (b"b", b"c"))
    assert len(head) + len(rest) == len(outgoing) == 4


@given(st.lists(with_binary, max_size=3), st.none() | st.integers(0, 10**15), st.sampled_from(["/", "/custom"]))
def test_packets_read_as_python_socketio_reads_them(arguments: list[Any], number: int | None, namespace: str) -> None:
    outgoing = encode(EVENT, ["event", *arguments], namespace, number)
    assert outgoing.text is not None
    stock = Packet(encoded_packet=outgoing.text[1:].decode())
    for attachment in outgoing.attachments:
        stock.add_attachment(attachment)
    assert (stock.data, stock.namespace or "/", stock.id) == (["event", *arguments], namespace, number)


@given(st.lists(with_binary, max_size=3), st.integers(0, 10**15), st.sampled_from([EVENT, ACK]))
def test_packets_of_python_socketio_are_read(arguments: list[Any], number: int, kind: int) -> None:
    data = ["event", *arguments]
    encoded = Packet(kind, data=data, namespace="/custom", id=number).encode()
    text, *attachments = encoded if isinstance(encoded, list) else [encoded]
    incoming = decode(text, lambda part: loads(part, DEPTH), 100)
    for attachment in attachments:
        incoming.attach(attachment)
    assert (incoming.kind, incoming.namespace, incoming.id, incoming.missing) == (kind, "/custom", number, 0)
    assert incoming.data == data


@given(st.text(max_size=30) | st.text("0123456-/,[]{}\"'ab:", max_size=30))
def test_any_text_is_a_packet_or_malformed(text: str) -> None:
    try:
        incoming = decode(text, lambda part: loads(part, DEPTH), 10)
    except MalformedPacket:
        return
    assert text[0] in "0123456" and incoming.namespace.startswith("/")


def test_an_event_of_encoded_json() -> None:
    assert encode_event('say "hi"', b"[1]", "/custom", True).text == b'42/custom,["say \\"hi\\"",[1]]'


@given(json_values)
def test_json_survives(value: Any) -> None:
    text = dumps(value).decode()
    assert loads(text, 100) == value == json.loads(text)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({2: None, True: 1.5}, '{"2":null,"true":1.5}'),
        ([float("nan"), float("inf")], "[null,null]"),
        (2**70, str(2**70)),
        ("\ud800", '"\\ud800"'),
    ],
)
def test_what_orjson_alone_would_not_send(value: Any, text: str) -> None:
    assert dumps(value).decode() == text


@pytest.mark.parametrize("value", [object(), {1, 2}, b"bytes", [2**70, float("nan")]])
def test_what_json_cannot_carry_is_refused(value: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        dumps(value)


def test_depth_counts_lists_and_objects() -> None:
    text = '{"a":' * 20 + "[" * 12 + "]" * 12 + "}" * 20
    assert loads(text, 32) == orjson.loads(text)
    with pytest.raises(ValueError, match="deep"):
        loads(text, 31)
    assert loads('["[[[[[[", {"{{{{": 1}]', 2) == ["[[[[[[", {"{{{{": 1}]
