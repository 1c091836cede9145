"""RealtimeServer over the stock Engine.IO server, until the engine of our own takes its place."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import socketio
from engineio import packet as eio_packet
from socketio import packet


@dataclass(slots=True)
class Then:
    """What a handler may return: the acknowledgement's data, and what is called once it is on its way."""

    data: Any
    steps: list[Callable[[], None]] = field(default_factory=list)


GroupHandler = Callable[[str, list[tuple[Any, ...]]], Awaitable[list[Any]]]


class RealtimeServer(socketio.AsyncServer):
    """A socketio.AsyncServer that handles the events of one connection in order, without holding up its pongs."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._inboxes: dict[str, deque[tuple[str, Any, list[Any]]]] = {}
        self._tasks: set[asyncio.Future[Any]] = set()
        self._grouped: dict[str, GroupHandler] = {}

    def keep(self, work: Awaitable[Any]) -> None:
        """Run something in the background; the loop by itself forgets tasks that nobody holds."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def on_group(self, event: str, handler: GroupHandler) -> None:
        """Handle runs of an event, that one connection sends without any other in between, in one call.

        ``handler(sid, payloads)`` returns a result for each of the payloads, in their order.
        """
        self._grouped[event] = handler

    def broadcast(
        self,
        room: str,
        event: str,
        payload: bytes,
        *,
        volatile: bool = False,
        namespace: str = "/",
        skip_sid: str | None = None,
    ) -> None:
        """Send an event whose only argument is encoded already to this worker's members of a room."""
        sent = eio_packet.Packet(eio_packet.MESSAGE, f'2["{event}",{payload.decode()}]')
        for sid, eio_sid in self.manager.get_participants(namespace, room):
            client = self.eio.sockets.get(eio_sid)
            if sid != skip_sid and client is not None and not client.closed:
                client.queue.put_nowait(sent)

    def enter_room_now(self, sid: str, room: str) -> None:
        """Like ``enter_room``, without a point at which anything else could run."""
        self.manager.basic_enter_room(sid, "/", room)

    def leave_room_now(self, sid: str, room: str) -> None:
        """Like ``leave_room``, without a point at which anything else could run."""
        self.manager.basic_leave_room(sid, "/", room)

    def drop_transport(self, sid: str) -> None:
        """Cut a connection so that its client comes back by itself."""
        client = self.eio.sockets.get(self.manager.eio_sid_from_sid(sid, "/"))
        if client is not None:
            self.keep(client.close(wait=False, abort=True, reason=self.reason.TRANSPORT_CLOSE))

    async def drain(self) -> None:
        """Cut every connection so that the clients come back by themselves, on another worker."""
        for sid, _ in list(self.manager.get_participants("/", None)):
            self.drop_transport(sid)
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _handle_event(self, eio_sid: str, namespace: str | None, id: int | None, data: list[Any]) -> None:
        """Replaces AsyncServer._handle_event: a queue for each connection instead of a task for each event."""
        sid = self.manager.sid_from_eio_sid(eio_sid, namespace or "/")
        if not self.manager.is_connected(sid, namespace or "/") or not data:
            return
        inbox = self._inboxes.get(eio_sid)
        if inbox is None:
            inbox = self._inboxes[eio_sid] = deque()
            self.keep(self._work(eio_sid, inbox))
        inbox.append((namespace or "/", id, data))

    async def _work(self, eio_sid: str, inbox: deque[tuple[str, Any, list[Any]]]) -> None:
        await asyncio.sleep(0)
        while inbox:
            namespace, id, data = inbox.popleft()
            try:
                sid = self.manager.sid_from_eio_sid(eio_sid, namespace)
                if not self.manager.is_connected(sid, namespace):
                    continue
                if namespace == "/" and data[0] in self._grouped:
                    await self._handle_run(sid, eio_sid, id, data, inbox)
                else:
                    await self._handle_event_internal(self, sid, eio_sid, data, namespace, id)
            except Exception:
                self.logger.exception("An event's handler failed")
        del self._inboxes[eio_sid]

    async def _handle_event_internal(
        self, server: Any, sid: str, eio_sid: str, data: list[Any], namespace: str, id: int | None
    ) -> None:
        """Replaces AsyncServer._handle_event_internal: knows ``Then``, and no event name is a lifecycle event."""
        name = data[0] if data[0] not in ("connect", "disconnect") else "*"
        result = await self._trigger_event(name, namespace, sid, *data[1:])
        if result is self.not_handled:
            return
        await self._answer(eio_sid, namespace, id, result)

    async def _handle_run(
        self, sid: str, eio_sid: str, id: int | None, data: list[Any], inbox: deque[tuple[str, Any, list[Any]]]
    ) -> None:
        """Handle an event and those of the same name that follow it at once, as one call."""
        run = [(id, data)]
        while inbox and inbox[0][0] == "/" and inbox[0][2][0] == data[0]:
            _, id, following = inbox.popleft()
            run.append((id, following))
        results = await self._grouped[data[0]](sid, [tuple(event[1:]) for _, event in run])
        for (id, _), result in zip(run, results, strict=True):
            await self._answer(eio_sid, "/", id, result)

    async def _answer(self, eio_sid: str, namespace: str, id: int | None, result: Any) -> None:
        steps: list[Callable[[], None]] = []
        if isinstance(result, Then):
            result, steps = result.data, result.steps
        if id is not None:
            arguments = [] if result is None else list(result) if isinstance(result, tuple) else [result]
            sent = self.packet_class(packet.ACK, namespace=namespace, id=id, data=arguments)
            await self._send_packet(eio_sid, sent)
        for step in steps:
            step()
