"""A Socket.IO manager for many workers: one Redis channel for each room, heard only where the room has members."""

import asyncio
import itertools
import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from socketio.base_manager import default_logger

from server.engine.bus_packet import pack, unpack
from server.engine.json_codec import dumps
from server.engine.local_manager import LocalManager
from server.engine.outgoing import Outgoing
from server.engine.redis_bus import RedisBus
from server.engine.remote_calls import Answer, ClientGone, Relay, RemoteCalls, fail, read
from server.engine.stock_channel import StockChannel
from server.engine.topics import topic_of
from server.engine.wire import EVENT, encode

EMIT, CALL, ORDER = b"E", b"C", b"O"
_RECENT_EMITS = 1000


class RedisManager(LocalManager):
    """Takes the place of `socketio.AsyncRedisManager` beneath a `RealtimeServer`.

    An emit is encoded once, by the worker that was asked; every other one with members of the room writes the same
    bytes to them. Emits of one worker arrive in their order. While Redis is away they reach this worker's members
    only, and nothing waits.

    :param url: a Redis URL, or a `RedisBus` that somebody else starts and stops.
    :param channel: where stock write-only managers publish (None: don't listen); also the prefix of the own channels.
    :param write_only: emit and give orders without a server, from any process; each call waits until Redis has it.
    :param json: what a write-only manager encodes with; an object with `dumps`.
    :param redis_options: keyword arguments of redis-py's connections, beside a URL.
    :param max_callbacks: acknowledgements of one client that may be awaited at a time.
    :param max_remote_callbacks: acknowledgements of other workers' clients that may be awaited at a time.
    :param take_seconds: how long another worker may take to say that it has the client of a call or an order.
    :param silence_seconds: a worker that is silent for so long is taken for dead, and calls to its clients fail.
    """

    name = "redis"

    def __init__(
        self,
        url: str | RedisBus = "redis://localhost:6379/0",
        channel: str | None = "socketio",
        write_only: bool = False,
        logger: logging.Logger | None = None,
        json: Any = None,
        redis_options: Mapping[str, Any] | None = None,
        *,
        max_callbacks: int = 1000,
        max_remote_callbacks: int = 10_000,
        take_seconds: float = 1.0,
        silence_seconds: float = 3.0,
    ) -> None:
        super().__init__(max_callbacks)
        self.logger = logger
        self.write_only = write_only
        self._dumps = dumps if json is None else lambda value: json.dumps(value).encode()
        if isinstance(url, str):
            self.bus = RedisBus(url, prefix=channel or "socketio", redis_options=redis_options, logger=logger)
        else:
            self.bus = url
        self._must_start = isinstance(url, str)
        self._starting: asyncio.Task[None] | None = None
        self._ids = itertools.count(1)
        self._recent: dict[str, None] = {}
        self._calls = RemoteCalls(
            self.bus,
            take_seconds=take_seconds,
            silence_seconds=silence_seconds,
            limit=max_remote_callbacks,
            logger=logger or default_logger,
        )
        if not write_only:
            self.bus.on_gap(self._missed)
            self.bus.on(EMIT, self._heard_emit)
            self.bus.on(CALL, self._heard_call)
            self.bus.on(ORDER, self._heard_order)
            if channel is not None:
                self.bus.listen(channel, StockChannel(self).heard)

    def initialize(self) -> None:
        """Begin to listen; called by the server before its first client.

        Replaces `AsyncPubSubManager.initialize`, whose listening task is the bus's here.
        """
        super().initialize()
        self._start()

    async def stop(self) -> None:
        """Fail the calls that still wait, and stop the bus if it is this manager's own."""
        self._calls.close()
        if self._starting is not None:
            await asyncio.shield(self._starting)
            await self.bus.stop()

    # Emits

    async def emit(
        self,
        event: str,
        data: Any,
        namespace: str | None = None,
        room: Any = None,
        skip_sid: Any = None,
        callback: Callable[..., Any] | None = None,
        to: Any = None,
        *,
        volatile: bool = False,
        ignore_queue: bool = False,
        **_options: Any,
    ) -> None:
        """Emit to a client, a room, a list of rooms or (None) the whole namespace, on all workers.

        Replaces `AsyncPubSubManager.emit`, which has every worker decode every emit and wait for Redis. A `callback`
        that has a method `failed(error)` is told when no acknowledgement will come.

        :raises TypeError, ValueError: the data has no JSON form; nobody gets anything then.
        """
        namespace = namespace or "/"
        room = to or room
        if ignore_queue or self._is_here(room, namespace):
            # Nobody but this client can be in its own room.
            await super().emit(event, data, namespace, room, skip_sid, callback, volatile=volatile)
            return
        await self._ready()
        if callback is not None:
            await self._emit_for_answer(event, data, namespace, room, skip_sid, callback)
            return
        packet = self._encode(event, data, namespace, volatile)
        if not self.write_only:
            self.deliver(namespace, room, packet, skip_sid)
        self._publish_packet(EMIT, namespace, room, skip_sid, packet)
        await self._settled()

    async def _emit_for_answer(
        self, event: str, data: Any, namespace: str, room: Any, skip_sid: Any, callback: Callable[..., Any]
    ) -> None:
        if self.write_only:
            raise RuntimeError("Callbacks can only be issued from the context of a server.")
        if room is None:
            raise ValueError("Cannot use callback without a room set.")
        packet = encode(EVENT, [event, *_arguments(data)], namespace, packet_id=0)
        if self.members(namespace, room):
            await super().emit(event, data, namespace, room, skip_sid, callback)
            # Other workers may have members too; but that they have none is no failure.
            call_id = self._calls.begin(partial(callback))
        else:
            call_id = self._calls.begin(callback)
        self._publish_packet(CALL, namespace, room, skip_sid, packet, self.bus.worker_id, call_id)

    def emit_here(self, event: str, arguments: list[Any], namespace: str, room: Any, skip_sid: Any) -> None:
        """Emit to the members of this worker only, at once."""
        self.deliver(namespace, room, self._encode(event, tuple(arguments), namespace, False), skip_sid)

    def _encode(self, event: str, data: Any, namespace: str, volatile: bool) -> Outgoing:
        arguments = [event, *_arguments(data)]
        if self.server is not None:
            return self.server.encode(EVENT, arguments, namespace, volatile=volatile)
        return encode(EVENT, arguments, namespace, volatile=volatile, dumps=self._dumps)

    def _publish_packet(
        self, kind: bytes, namespace: str, room: Any, skip_sid: Any, packet: Outgoing, *reply_to: Any
    ) -> None:
        skipped = skip_sid if skip_sid is None or isinstance(skip_sid, str) else list(skip_sid)
        if not isinstance(room, list | tuple | set | frozenset):
            payload = pack([namespace, room, skipped, None, *reply_to], packet)
            self.bus.publish(topic_of(room, namespace), kind, payload)
            return
        # A worker with members of several of the rooms hears this several times and has to know it again.
        emit_id = f"{self.bus.worker_id}{next(self._ids)}"
        payload = pack([namespace, list(room), skipped, emit_id, *reply_to], packet)
        for topic in dict.fromkeys(topic_of(name, namespace) for name in room):
            self.bus.publish(topic, kind, payload)

    def _heard_emit(self, _topic: str, payload: bytes) -> None:
        (namespace, room, skip_sid, emit_id), packet = unpack(payload)
        if packet is not None and self._is_new(emit_id):
            self.deliver(namespace, room, packet, skip_sid)

    def _heard_call(self, _topic: str, payload: bytes) -> None:
        (namespace, room, skip_sid, emit_id, worker, call_id), packet = unpack(payload)
        skipped = [skip_sid] if isinstance(skip_sid, str) else skip_sid or []
        members = {sid: sink for sid, sink in self.members(namespace, room).items() if sid not in skipped}
        if not members or packet is None or not self._is_new(emit_id):
            return
        relay = self._calls.take(worker, call_id, len(members))
        data = read(packet).data
        for sid, sink in members.items():
            sink.send(self.server.encode(EVENT, data, namespace, self._generate_ack_id(sid, relay)))

    def _is_new(self, emit_id: str | None) -> bool:
        if emit_id is None:
            return True
        if emit_id in self._recent:
            return False
        self._recent[emit_id] = None
        if len(self._recent) > _RECENT_EMITS:
            del self._recent[next(iter(self._recent))]
        return True

    def _missed(self, _topic: str | None) -> None:
        """Let nobody believe that it got all that it missed, when this worker didn't hear all."""
        if self.server is not None and self.server.recovery is not None:
            self.server.recovery.mark_gap()

    # Rooms and clients

    def room_opened(self, namespace: str, room: Any) -> None:
        """Listen to a room that has its first member here."""
        self.bus.retain(topic_of(room, namespace))

    def room_closed(self, namespace: str, room: Any) -> None:
        """Stop listening to a room that has lost its last member here."""
        self.bus.release(topic_of(room, namespace))

    async def pre_connect(self, eio_sid: str, namespace: str) -> str | None:
        """Register a client that still has to pass its connect handler; None when it is registered already.

        Replaces `IndexedRooms.pre_connect` to hear the client's rooms before anybody learns its sid; the bus's time-out
        is the longest that this takes.
        """
        await self._ready()
        sid = self.server.eio.generate_id()
        topics = topic_of(None, namespace), topic_of(sid, namespace)
        for topic in topics:
            self.bus.retain(topic)
        try:
            await self.bus.subscribed(topics[0]) and await self.bus.subscribed(topics[1])
            return self.register(eio_sid, namespace, sid)
        finally:
            for topic in topics:
                self.bus.release(topic)

    async def enter_room(self, sid: str, namespace: str, room: Any, eio_sid: str | None = None) -> None:
        """Put a client of any worker into a room; from then on every worker's emits reach it.

        Replaces `AsyncPubSubManager.enter_room`. Waits until the worker that has the client hears the room, for
        `take_seconds` or the bus's time-out at most: an emit that follows must not come before.

        :raises ValueError: the room is another client's own.
        """
        if self._is_here(sid, namespace):
            self.basic_enter_room(sid, namespace, room, eio_sid=eio_sid)
            await self.bus.subscribed(topic_of(room, namespace))
            return
        await self._ready()
        answer = Answer()
        self._order("enter_room", sid, namespace, room, self.bus.worker_id, self._calls.begin(answer))
        try:
            await answer
        except ClientGone:
            self._get_logger().info("%s is on no worker and enters no room", sid)

    async def leave_room(self, sid: str, namespace: str, room: Any) -> None:
        """Take a client of any worker out of a room. Replaces `AsyncPubSubManager.leave_room`."""
        if self._is_here(sid, namespace):
            self.basic_leave_room(sid, namespace, room)
        else:
            await self._ready()
            self._order("leave_room", sid, namespace, room)
            await self._settled()

    async def close_room(self, room: Any, namespace: str | None = None) -> None:
        """Take every client of every worker out of a room. Replaces `AsyncPubSubManager.close_room`.

        :raises ValueError: the room is a client's own.
        """
        namespace = namespace or "/"
        await self._ready()
        self.basic_close_room(room, namespace)
        self.bus.publish(topic_of(room, namespace), ORDER, pack(["close_room", None, namespace, room, None, 0]))
        await self._settled()

    async def can_disconnect(self, sid: str, namespace: str) -> bool:
        """Whether the client is here to be disconnected; if not, its worker is asked to.

        Replaces `AsyncPubSubManager.can_disconnect`.
        """
        if self._is_here(sid, namespace):
            return self.is_connected(sid, namespace)
        await self._ready()
        self._order("disconnect", sid, namespace)
        await self._settled()
        return False

    async def disconnect(self, sid: str, namespace: str | None = None, **options: Any) -> None:
        """Disconnect a client of any worker; with `ignore_queue`, only forget one of this worker.

        Replaces `AsyncPubSubManager.disconnect`.
        """
        namespace = namespace or "/"
        if options.get("ignore_queue"):
            self.basic_disconnect(sid, namespace)
        elif await self.can_disconnect(sid, namespace):
            await self.server.disconnect(sid, namespace=namespace, ignore_queue=True)

    def obey(self, order: str, sid: str | None, namespace: str, room: Any) -> bool:
        """Carry an order of another worker out; whether its client is here."""
        if order == "close_room":
            self.basic_close_room(room, namespace)
            return False
        if sid is None or not self._is_here(sid, namespace):
            return False
        if order == "disconnect":
            self.server.start_background_task(self.server.disconnect, sid, namespace=namespace, ignore_queue=True)
        elif order == "enter_room":
            self.basic_enter_room(sid, namespace, room)
        elif order == "leave_room":
            self.basic_leave_room(sid, namespace, room)
        return True

    def _order(self, order: str, sid: str, namespace: str, room: Any = None, worker: Any = None, call: int = 0) -> None:
        self.bus.publish(topic_of(sid, namespace), ORDER, pack([order, sid, namespace, room, worker, call]))

    def _heard_order(self, _topic: str, payload: bytes) -> None:
        (order, sid, namespace, room, worker, call_id), _ = unpack(payload)
        if self.obey(order, sid, namespace, room) and worker is not None:
            relay = self._calls.take(worker, call_id, 1)
            self.server.start_background_task(self._confirm, topic_of(room, namespace), relay)

    async def _confirm(self, topic: str, relay: Relay) -> None:
        await self.bus.subscribed(topic)
        relay()

    def _is_here(self, sid: Any, namespace: str) -> bool:
        return isinstance(sid, str) and self.is_sid_room(namespace, sid)

    # Callbacks that will never be called

    def basic_disconnect(self, sid: str, namespace: str, **options: Any) -> None:
        """Forget a client. Replaces `IndexedRooms.basic_disconnect` to fail what waits for its acknowledgements."""
        waiting = list(self.callbacks.get(sid, {}).values())
        super().basic_disconnect(sid, namespace, **options)
        for callback in waiting:
            fail(callback, "the client has left")

    def _generate_ack_id(self, sid: str, callback: Callable[..., Any]) -> int:
        """Replaces `IndexedRooms._generate_ack_id` to fail the oldest callback where it is forgotten."""
        callbacks = self.callbacks.get(sid, {})
        oldest = next(iter(callbacks.values())) if len(callbacks) >= self.max_callbacks else None
        packet_id = super()._generate_ack_id(sid, callback)
        if oldest is not None:
            fail(oldest, "too many acknowledgements of this client are awaited, and this was the oldest")
        return packet_id

    # The bus's life

    def _start(self) -> asyncio.Task[None] | None:
        if self._must_start and self._starting is None:
            self._starting = asyncio.ensure_future(self.bus.start())
        return self._starting

    async def _ready(self) -> None:
        """Let the manager's own bus connect before it is first used; it takes two of its time-outs at most."""
        if self._must_start and (starting := self._start()) is not None:
            await asyncio.shield(starting)
            self._must_start = False

    async def _settled(self) -> None:
        """A process that only writes may end after this."""
        if self.write_only:
            await self.bus.drain()


def _arguments(data: Any) -> list[Any]:
    return list(data) if isinstance(data, tuple) else [] if data is None else [data]
