"""Connections passed from one process to another, and what else may come to the socket where they arrive."""

import asyncio
import logging
import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from server.engine.peers_folder import private_socket
from server.engine.peers_handover import HandoverListener, pass_on
from tests.support.waiting import eventually

pytestmark = pytest.mark.filterwarnings("error::ResourceWarning")

PATIENCE = 0.3


class Adopted:
    """A listener and what it was given."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self.connections: list[tuple[socket.socket, bytes]] = []
        self.listener = HandoverListener(self.adopt, PATIENCE, logging.getLogger("test"))

    async def adopt(self, connection: socket.socket, data: bytes) -> None:
        """Keep a connection."""
        self.connections.append((connection, data))

    async def says(self, what: bytes) -> bool:
        """Whether the connection that came last carries what its counterpart wrote."""
        connection, _ = self.connections[-1]
        return await asyncio.get_running_loop().sock_recv(connection, 100) == what


@pytest.fixture
async def adopted(tmp_path: Path) -> AsyncIterator[Adopted]:
    given = Adopted(tmp_path / "handover")
    given.listener.start(private_socket(tmp_path / "handover"))
    yield given
    await given.listener.stop()
    for connection, _ in given.connections:
        connection.close()


@pytest.mark.parametrize("size", [0, 100, 60_000, 500_000])
async def test_a_connection_goes_over_with_what_was_read_from_it(adopted: Adopted, size: int) -> None:
    client, server = socket.socketpair()
    with client, server:
        data = os.urandom(size)
        assert await pass_on(adopted.path, server.fileno(), data, 5)
        server.close()
        client.sendall(b"more")
        await eventually(lambda: adopted.connections, "the connection")
        assert adopted.connections[0][1] == data
        assert await adopted.says(b"more")


async def test_many_go_over_at_a_time(adopted: Adopted) -> None:
    pairs = [socket.socketpair() for _ in range(100)]
    passed_on = await asyncio.gather(
        *(pass_on(adopted.path, server.fileno(), b"%d" % number, 5) for number, (_, server) in enumerate(pairs))
    )
    assert all(passed_on)
    await eventually(lambda: len(adopted.connections) == 100, "the connections")
    assert sorted(int(data) for _, data in adopted.connections) == list(range(100))
    for each in (end for pair in pairs for end in pair):
        each.close()


async def test_nobody_there_is_said_at_once(tmp_path: Path) -> None:
    gone = private_socket(tmp_path / "gone")
    client, server = socket.socketpair()
    with client, server, gone:
        assert not await pass_on(str(tmp_path / "nowhere"), server.fileno(), b"", 60)
        assert not await pass_on(str(tmp_path / "gone"), server.fileno(), b"", 60)
        client.sendall(b"still here")
        assert server.recv(100) == b"still here"


async def test_a_connection_that_nobody_takes_is_shut_down(tmp_path: Path) -> None:
    client, server = socket.socketpair()
    with client, server, private_socket(tmp_path / "frozen") as frozen:
        frozen.listen()
        with pytest.raises(ConnectionResetError):
            await pass_on(str(tmp_path / "frozen"), server.fileno(), b"request", PATIENCE)
        # Whoever takes it later can do nothing with it.
        assert client.recv(100) == b""


@pytest.mark.parametrize(
    "message",
    [b"", b"\x00", b"\x00\x00\x00\x05abc", b"\xff\xff\xff\xff" + b"x" * 100, b"GET / HTTP/1.1\r\n\r\n"],
    ids=["nothing", "no length", "incomplete", "endless", "http"],
)
@pytest.mark.parametrize("with_connection", [False, True], ids=["alone", "with a connection"])
async def test_what_is_no_connection_is_dropped(
    adopted: Adopted, message: bytes, with_connection: bool, caplog: pytest.LogCaptureFixture
) -> None:
    before = psutil.Process().num_fds()
    client, server = socket.socketpair()
    with client, server, socket.socket(socket.AF_UNIX) as way:
        way.connect(adopted.path)
        if with_connection and message:
            socket.send_fds(way, [message], [server.fileno()])
        else:
            way.sendall(message)
        # Neither complete nor ended: only the time-out ends it.
        await eventually(lambda: "could not pass its connection on" in caplog.text, "the failure")
    await eventually(lambda: psutil.Process().num_fds() <= before, "every descriptor to be closed")
    assert adopted.connections == []
    await test_a_connection_goes_over_with_what_was_read_from_it(adopted, 10)
