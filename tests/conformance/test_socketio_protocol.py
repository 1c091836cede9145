"""The rules of the official Socket.IO 5 suite above Engine.IO, one test each."""

import json

import pytest

from tests.conformance.raw import RawClient


@pytest.mark.parametrize("payload", ["", '{"token":"123"}'])
@pytest.mark.parametrize("prefix", ["", "/custom,"], ids=["main", "custom"])
async def test_connects_to_a_namespace(sio: RawClient, prefix: str, payload: str) -> None:
    websocket = await sio.websocket()
    await websocket.send(f"40{prefix}{payload}")
    reply = str(await websocket.receive())
    assert reply.startswith(f"40{prefix}")
    handshake = json.loads(reply[2 + len(prefix) :])
    assert list(handshake) == ["sid"] and isinstance(handshake["sid"], str)
    assert await websocket.receive() == f'42{prefix}["auth",{payload or "{}"}]'


async def test_refuses_an_unknown_namespace(sio: RawClient) -> None:
    websocket = await sio.websocket()
    await websocket.send("40/random")
    assert await websocket.receive() == '44/random,{"message":"Invalid namespace"}'


async def test_closes_upon_an_invalid_handshake(sio: RawClient) -> None:
    websocket = await sio.websocket()
    await websocket.send("4abc")
    await websocket.closed()


async def test_closes_when_no_handshake_comes(sio: RawClient) -> None:
    websocket = await sio.websocket()
    await websocket.closed()


async def test_disconnects_from_the_main_namespace(sio: RawClient) -> None:
    websocket = await connected(sio)
    websocket.answer_pings = False
    await websocket.send("41")
    assert await websocket.receive() == "2"


async def test_connects_then_disconnects_from_a_custom_namespace(sio: RawClient) -> None:
    websocket = await connected(sio)
    await websocket.send("40/custom")
    assert str(await websocket.receive()).startswith("40/custom,")
    assert await websocket.receive() == '42/custom,["auth",{}]'
    await websocket.send("41/custom", '42["message","message to main namespace"]')
    assert await websocket.receive() == '42["message-back","message to main namespace"]'


async def test_sends_text(sio: RawClient) -> None:
    websocket = await connected(sio)
    await websocket.send('42["message",1,"2",{"3":[true]}]')
    assert await websocket.receive() == '42["message-back",1,"2",{"3":[true]}]'


PLACEHOLDERS = '{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}'


async def test_sends_binary_attachments(sio: RawClient) -> None:
    websocket = await connected(sio)
    await websocket.send(f'452-["message",{PLACEHOLDERS}]', b"\1\2\3", b"\4\5\6")
    expected = [f'452-["message-back",{PLACEHOLDERS}]', b"\1\2\3", b"\4\5\6"]
    assert await websocket.receive_several(3) == expected


async def test_acknowledges_text(sio: RawClient) -> None:
    websocket = await connected(sio)
    await websocket.send('42456["message-with-ack",1,"2",{"3":[false]}]')
    assert await websocket.receive() == '43456[1,"2",{"3":[false]}]'


async def test_acknowledges_binary_attachments(sio: RawClient) -> None:
    websocket = await connected(sio)
    await websocket.send(f'452-789["message-with-ack",{PLACEHOLDERS}]', b"\1\2\3", b"\4\5\6")
    assert await websocket.receive_several(3) == [f"462-789[{PLACEHOLDERS}]", b"\1\2\3", b"\4\5\6"]


@pytest.mark.parametrize(
    "packet",
    ["4abc", "42{}", '42abc["message-with-ack",1,"2",{"3":[false]}]'],
    ids=["unknown packet type", "invalid payload format", "invalid ack id"],
)
async def test_closes_upon_an_invalid_format(sio: RawClient, packet: str) -> None:
    websocket = await connected(sio)
    await websocket.send(packet)
    await websocket.closed()


async def connected(client: RawClient):
    """A WebSocket that has connected and received its `auth` event."""
    websocket = await client.websocket("/")
    assert await websocket.receive() == '42["auth",{}]'
    return websocket
