"""What one client sends: parsed as it comes, handled in order."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from server.engine.outgoing import Outgoing
from server.engine.wire import ACK, CONNECT, DISCONNECT, EVENT, Incoming, MalformedPacket

if TYPE_CHECKING:
    from server.engine.receiving import ReceivingServer
    from server.engine.session import Session


class Connection:
    """The Socket.IO side of an Engine.IO session, with the queue of the packets that wait for their handlers.

    Heartbeats and acknowledgements never wait in it: an acknowledgement may be what the running handler waits for.
    """

    __slots__ = (
        "_binary",
        "_binary_bytes",
        "_idle",
        "_inbox",
        "_progress",
        "_server",
        "_wakeup",
        "_watched",
        "_worker",
        "session",
    )

    def __init__(self, server: ReceivingServer, session: Session) -> None:
        self._server = server
        self.session = session
        self._inbox: deque[Incoming] = deque()
        self._worker: asyncio.Task[None] | None = None
        self._wakeup: asyncio.Future[None] | None = None
        self._idle: asyncio.Future[None] | None = None
        self._binary: Incoming | None = None
        self._binary_bytes = 0
        self._progress = 0
        self._watched = False

    @property
    def busy(self) -> bool:
        """Whether a packet is being handled or waits to be."""
        return bool(self._inbox) or (self._worker is not None and self._wakeup is None)

    def receive(self, data: str | bytes) -> None:
        """Take one Socket.IO packet, or a part of one; a malformed one closes the session."""
        try:
            packet = self._whole(data)
        except (MalformedPacket, RecursionError) as error:
            self._binary = None
            self.session.refuse(str(error) or "nested too deep")
            return
        if packet is None:
            return
        if packet.kind == ACK:
            self._server.acknowledged(self.session.sid, packet)
            return
        inbox = self._inbox
        inbox.append(packet)
        if self._worker is None:
            self._worker = self._server.start_background_task(self._work)
        elif self._wakeup is not None:
            wakeup, self._wakeup = self._wakeup, None
            wakeup.set_result(None)
        if len(inbox) >= self._server.max_pending_events and not self.session.reading_paused:
            self.session.set_reading_paused(True)

    def close(self) -> None:
        """Note the end of the session; what was received is still handled."""
        self._binary = None
        if self._wakeup is not None:
            wakeup, self._wakeup = self._wakeup, None
            wakeup.set_result(None)

    async def settled(self, timeout: float | None) -> bool:
        """Wait until everything received is handled; False after `timeout` seconds."""
        if not self.busy:
            return True
        self._idle = self._idle or asyncio.get_running_loop().create_future()
        done, _ = await asyncio.wait((self._idle,), timeout=timeout)
        return bool(done)

    def _whole(self, data: str | bytes) -> Incoming | None:
        server = self._server
        if self._binary is None:
            packet = server.decode(data)
            if not packet.missing:
                return packet
            self._binary, self._binary_bytes = packet, 0
            self._progress += 1
            if not self._watched:
                self._watched = True
                server.watch_attachments(self, self._progress)
            return None
        packet = self._binary
        if not isinstance(data, bytes):
            raise MalformedPacket("binary attachment expected")
        self._binary_bytes += len(data)
        if self._binary_bytes > server.max_attachment_bytes:
            raise MalformedPacket(f"attachments of more than {server.max_attachment_bytes} bytes")
        packet.attach(data)
        self._progress += 1
        if packet.missing:
            return None
        self._binary = None
        return packet

    def attachments_due(self, progress: int) -> None:
        """Close the session when a binary packet is unfinished and nothing has come since `progress`."""
        if self._binary is None:
            self._watched = False
        elif self._progress == progress:
            self.session.refuse("a binary packet was not completed in time")
        else:
            self._server.watch_attachments(self, self._progress)

    async def _work(self) -> None:
        inbox = self._inbox
        loop = asyncio.get_running_loop()
        while True:
            while inbox:
                await self._handle(inbox.popleft())
                if (
                    self.session.reading_paused
                    and not self._server.draining
                    and len(inbox) <= self._server.max_pending_events // 2
                ):
                    self.session.set_reading_paused(False)
            if self._idle is not None:
                self._idle.set_result(None)
                self._idle = None
            if self.session.closed:
                break
            self._wakeup = loop.create_future()
            await self._wakeup
        self._worker = None

    async def _handle(self, packet: Incoming) -> None:
        server, eio_sid = self._server, self.session.sid
        try:
            if packet.kind == EVENT:
                if (packet.namespace, packet.data[0]) in server.groups:
                    await server._handle_group(eio_sid, self._run_from(packet))
                else:
                    await server._handle_event(eio_sid, packet.namespace, packet.id, packet.data)
            elif packet.kind == CONNECT:
                await server._handle_connect(eio_sid, packet.namespace, packet.data)
            elif packet.kind == DISCONNECT:
                await server._handle_disconnect(eio_sid, packet.namespace)
        except asyncio.CancelledError:
            # A handler that waits for something cancelled; only a server that goes away cancels this task itself.
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
        except Exception:
            server.logger.exception("%s: a packet could not be handled", eio_sid)

    def _run_from(self, first: Incoming) -> list[Incoming]:
        """Take, behind an event, those of the same name that wait directly behind it."""
        run, inbox = [first], self._inbox
        while inbox and inbox[0].kind == EVENT and inbox[0].namespace == first.namespace:
            if inbox[0].data[0] != first.data[0]:
                break
            run.append(inbox.popleft())
        return run


class Held:
    """In place of the session of a client that is still connecting: keeps its packets for after the CONNECT reply."""

    __slots__ = ("_packets", "_session", "send", "sid")

    def __init__(self, session: Session) -> None:
        self._session = session
        self.sid = session.sid
        self._packets: list[Outgoing] = []
        self.send: Callable[[Outgoing], None] = self._keep

    def _keep(self, packet: Outgoing) -> None:
        if not packet.volatile:
            self._packets.append(packet)

    def release(self) -> None:
        """Send what was kept."""
        for packet in self._packets:
            self._session.send(packet)
        self._packets.clear()
        self.send = self._session.send
