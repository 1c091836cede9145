"""WebSocket upgrades that come to another worker than their session's."""

import asyncio
import datetime
import ipaddress
import ssl
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, WSServerHandshakeError, web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from server.engine.reasons import Reason
from tests.server.engine.peers_deployment import Deployment, Worker, connected
from tests.support.process import free_port
from tests.support.waiting import eventually


def tls_contexts(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """What a server on 127.0.0.1 and its client need to talk TLS."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "server.pem"
    unprotected = serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, unprotected)
    pem.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    server_side = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server_side.load_cert_chain(pem)
    return server_side, ssl.create_default_context(cafile=str(pem))


class TestUpgrades:
    """WebSockets that reach another worker."""

    async def upgrade(self, deployment: Deployment, owner: Worker, other: Worker) -> Any:
        session = await deployment.client(owner).open_polling()
        await connected(session)
        websocket = await deployment.client(other).open_websocket(sid=session.sid)
        websocket.answer_pings = True
        await websocket.send("2probe")
        assert await websocket.receive() == "3probe"
        await websocket.send("5", '421["message-with-ack","up"]')
        assert await websocket.receive() == '431["up"]'
        return websocket

    async def test_the_connection_itself_is_passed_on(self, deployment: Deployment) -> None:
        owner, other = await deployment.worker(), await deployment.worker()
        websocket = await self.upgrade(deployment, owner, other)
        assert (other.peers.counts.passed_on, owner.peers.counts.adopted) == (1, 1)
        # The worker in between is out of it.
        await other.served.stop()
        await websocket.send('422["message-with-ack","still"]')
        assert await websocket.receive() == '432["still"]'

    @pytest.mark.parametrize("between_machines", [False, True], ids=["one machine", "several machines"])
    async def test_what_came_early_is_not_lost(self, deployment: Deployment, between_machines: bool) -> None:
        owner, other = await deployment.worker({"host": "127.0.0.1"}), await deployment.worker()
        if between_machines:
            owner.as_from_another_machine()
        session = await connected(await deployment.client(owner).open_polling())
        path = session.client.at(transport="websocket", sid=session.sid).path_qs
        head = (
            f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        reader, writer = await asyncio.open_connection("127.0.0.1", other.served.port)
        # A frame with the mask 0, in one segment with the request.
        writer.write(head.encode() + b"\x81\x86\0\0\0\0" + b"2probe")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
        assert await asyncio.wait_for(reader.readexactly(8), 10) == b"\x81\x06" + b"3probe"
        writer.close()
        await writer.wait_closed()

    async def test_what_cannot_be_passed_on_goes_through(self, deployment: Deployment) -> None:
        owner, other = await deployment.worker(), await deployment.worker()
        (owner.peers._folder.path / "handover").unlink()
        await self.upgrade(deployment, owner, other)
        assert (other.peers.counts.passed_on, other.peers.counts.spliced) == (0, 1)

    async def test_a_connection_with_tls_goes_through(
        self, deployment: Deployment, http: ClientSession, tmp_path: Path
    ) -> None:
        owner, other = await deployment.worker(), await deployment.worker()
        session = await connected(await deployment.client(owner).open_polling())
        server_side, client_side = tls_contexts(tmp_path)
        assert other.served.runner is not None
        port = free_port()
        await web.TCPSite(other.served.runner, "127.0.0.1", port, ssl_context=server_side).start()
        url = f"https://127.0.0.1:{port}/socket.io/?EIO=4&transport=websocket&sid={session.sid}"
        websocket = await http.ws_connect(url, ssl=client_side)
        await websocket.send_str("2probe")
        assert (await websocket.receive()).data == "3probe"
        await websocket.close()
        assert (other.peers.counts.passed_on, other.peers.counts.spliced) == (0, 1)

    async def test_an_upgrade_that_is_refused_leaves_the_session_usable(self, deployment: Deployment) -> None:
        owner = await deployment.worker({"host": "127.0.0.1"}, allow_upgrades=False)
        other = await deployment.worker()
        for between_machines in (False, True):
            if between_machines:
                owner.as_from_another_machine()
                other = await deployment.worker()
            session = await deployment.client(owner).open_polling()
            with pytest.raises(WSServerHandshakeError) as refused:
                await deployment.client(other).open_websocket(sid=session.sid)
            assert refused.value.status == 400
            if not between_machines:
                # The connection has gone to the owner, and what comes next on it may be for anybody.
                assert refused.value.headers is not None
                assert refused.value.headers["Connection"] == "close"
            assert await deployment.through(other, session).post("40") == (200, "ok")

    @pytest.fixture
    async def spliced(self, deployment: Deployment) -> tuple[Worker, Any]:
        """An owner, and a WebSocket that reaches it through a worker on another machine."""
        owner = await deployment.worker({"host": "127.0.0.1"}, send_buffer_bytes=100_000)
        owner.as_from_another_machine()
        other = await deployment.worker()
        websocket = await self.upgrade(deployment, owner, other)
        assert other.peers.counts.spliced == 1
        return owner, websocket

    async def test_a_worker_between_that_leaves_ends_what_goes_through_it(self, deployment: Deployment) -> None:
        owner = await deployment.worker({"host": "127.0.0.1"})
        owner.as_from_another_machine()
        other = await deployment.worker()
        websocket = await self.upgrade(deployment, owner, other)
        await other.served.stop()
        await websocket.closed()
        await eventually(owner.served.reasons, "the disconnect event")

    async def test_large_messages_pass_between_machines(self, spliced: tuple[Worker, Any]) -> None:
        _, websocket = spliced
        for size in (10, 900_000):
            await websocket.send(f'421["message-with-ack","{"x" * size}"]')
            assert await websocket.receive() == f'431["{"x" * size}"]'

    async def test_a_client_that_leaves_is_missed_between_machines(self, spliced: tuple[Worker, Any]) -> None:
        owner, websocket = spliced
        websocket.abort()
        await eventually(owner.served.reasons, "the disconnect event")

    async def test_a_close_is_heard_between_machines(self, spliced: tuple[Worker, Any]) -> None:
        owner, websocket = spliced
        await owner.served.sio.eio.disconnect()
        assert await websocket.closed() == 1000

    async def test_a_slow_reader_is_let_go_between_machines(self, spliced: tuple[Worker, Any]) -> None:
        owner, websocket = spliced
        websocket.stop_reading()
        emitted = 0

        async def emit_until_closed() -> bool:
            nonlocal emitted
            for _ in range(20):
                await owner.served.sio.emit("news", "x" * 10_000)
                emitted += 10_000
            return bool(owner.served.disconnects)

        await eventually(emit_until_closed, "the client to be let go")
        assert owner.served.reasons() == [Reason.SLOW_READER]
        # Nobody between has swallowed more than the network's buffers and its own bound.
        assert emitted < 40_000_000
