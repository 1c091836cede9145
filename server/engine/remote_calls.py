"""Acknowledgements that clients of other workers owe this one."""

import asyncio
import inspect
import itertools
import logging
import sys
from collections.abc import Callable, Generator
from typing import Any

import orjson
from socketio import exceptions

from server.engine.bus_packet import pack, unpack
from server.engine.outgoing import Outgoing
from server.engine.redis_bus import RedisBus
from server.engine.wire import ACK, Incoming, decode, encode

REPLY = b"R"


class ClientGone(exceptions.DisconnectedError, exceptions.TimeoutError):
    """Nobody will acknowledge: the client, or the worker that it was on, is gone.

    A TimeoutError too, as that is what callers of `call` are prepared for.
    """


class Answer:
    """A callback to await: gives the acknowledgement's arguments, or raises ClientGone as soon as that is certain."""

    def __init__(self) -> None:
        self._arguments: asyncio.Future[tuple[Any, ...]] = asyncio.get_running_loop().create_future()

    def __call__(self, *arguments: Any) -> None:
        """Take the acknowledgement."""
        if not self._arguments.done():
            self._arguments.set_result(arguments)

    def failed(self, error: Exception) -> None:
        """Take the news that there will be none. Any callback that has such a method is told."""
        if not self._arguments.done():
            self._arguments.set_exception(error)
            # Marks it as seen: who has stopped waiting needs no warning from the garbage collector.
            self._arguments.exception()

    def __await__(self) -> Generator[Any, None, tuple[Any, ...]]:
        return self._arguments.__await__()


class Relay:
    """The callback of one of our clients for a call of another worker."""

    __slots__ = ("_call_id", "_calls", "_worker")

    def __init__(self, calls: "RemoteCalls", worker: str, call_id: int) -> None:
        self._calls = calls
        self._worker = worker
        self._call_id = call_id

    def __call__(self, *arguments: Any) -> None:
        """Pass the acknowledgement on."""
        packet = encode(ACK, list(arguments), packet_id=self._call_id)
        self._calls.say(self._worker, "answer", self._call_id, packet=packet)

    def failed(self, _error: Exception) -> None:
        """Pass on that the client has left."""
        self._calls.say(self._worker, "gone", self._call_id)


class _Call:
    """One emit to clients of other workers: how many acknowledgements each worker owes."""

    __slots__ = ("answered", "callback", "due", "take_timer")

    def __init__(self, callback: Callable[..., Any]) -> None:
        self.callback = callback
        self.due: dict[str, int] = {}
        self.answered = False
        self.take_timer: asyncio.TimerHandle | None = None


class RemoteCalls:
    """Both ends of a callback over the bus: the worker that waits, and those that have the clients.

    A worker says how many of the clients it has as soon as it gets the event, passes their acknowledgements on, and
    says when one of them leaves. One that answers no question for `silence_seconds` is taken for dead.

    :param take_seconds: time for the workers that have the clients to say so.
    :param limit: calls that may wait at a time; beyond, the oldest fails.
    """

    def __init__(
        self, bus: RedisBus, *, take_seconds: float, silence_seconds: float, limit: int, logger: logging.Logger
    ) -> None:
        self._bus = bus
        self._take_seconds = take_seconds
        self._silence_seconds = silence_seconds
        self._limit = limit
        self._logger = logger
        self._ids = itertools.count(1)
        self._calls: dict[int, _Call] = {}
        self._seen: dict[str, float] = {}
        self._watch: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        bus.on(REPLY, self._received)
        bus.retain(_topic(bus.worker_id))

    def __len__(self) -> int:
        return len(self._calls)

    def begin(self, callback: Callable[..., Any]) -> int:
        """Wait for acknowledgements of an event that is about to be published; the id that it has to carry.

        `callback.failed(ClientGone)` is called, if there is such a method, when there will be none.
        """
        if len(self._calls) >= self._limit:
            self._end(next(iter(self._calls)), "too many acknowledgements are awaited, and this was the oldest")
        call_id = next(self._ids)
        call = self._calls[call_id] = _Call(callback)
        call.take_timer = asyncio.get_running_loop().call_later(self._take_seconds, self._take_due, call_id)
        return call_id

    def take(self, worker: str, call_id: int, count: int) -> Relay:
        """Tell a worker how many of our clients got its event; the callback for each of them."""
        self.say(worker, "taken", call_id, count)
        return Relay(self, worker, call_id)

    def say(self, worker: str, what: str, call_id: int, count: int = 0, packet: Outgoing | None = None) -> None:
        """Send one step of this conversation to another worker."""
        self._bus.publish(_topic(worker), REPLY, pack([what, self._bus.worker_id, call_id, count], packet))

    def close(self) -> None:
        """Fail whatever still waits."""
        for call_id in list(self._calls):
            self._end(call_id, "the worker stops")
        if self._watch is not None:
            self._watch.cancel()

    def _received(self, _topic: str, payload: bytes) -> None:
        (what, worker, call_id, count), packet = unpack(payload)
        if what == "ping":
            self.say(worker, "pong", call_id)
            return
        call = self._calls.get(call_id)
        if what == "pong":
            self._hear(worker)
        elif call is None:
            return
        elif what == "taken":
            self._hear(worker)
            call.due[worker] = call.due.get(worker, 0) + count
            if self._watch is None:
                self._watch_from(asyncio.get_running_loop().time())
        else:
            call.due[worker] = call.due.get(worker, 0) - 1
            if what == "answer" and packet is not None:
                call.answered = True
                self._run(call.callback, read(packet).data)
            self._settle(call_id, call)

    def _hear(self, worker: str) -> None:
        self._seen[worker] = asyncio.get_running_loop().time()

    def _take_due(self, call_id: int) -> None:
        call = self._calls[call_id]
        call.take_timer = None
        self._settle(call_id, call)

    def _settle(self, call_id: int, call: _Call) -> None:
        """End a call to which nobody owes anything any more."""
        owed = any(call.due.values())
        if not owed and (call.take_timer is None or call.due) and call_id in self._calls:
            self._end(call_id, "no worker has the client any more")

    def _end(self, call_id: int, reason: str) -> None:
        call = self._calls.pop(call_id)
        if call.take_timer is not None:
            call.take_timer.cancel()
        if not call.answered:
            fail(call.callback, reason)

    def _run(self, callback: Callable[..., Any], arguments: list[Any]) -> None:
        async def finish(result: Any) -> None:
            try:
                await result
            except Exception:
                self._logger.exception("the callback of an acknowledgement raised")

        try:
            result = callback(*arguments)
        except Exception:
            self._logger.exception("the callback of an acknowledgement raised")
            return
        if inspect.isawaitable(result):
            task = asyncio.ensure_future(finish(result))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    # Whether the workers that owe something still live

    def _watch_from(self, now: float) -> None:
        due = now + self._silence_seconds / 3
        self._watch = asyncio.get_running_loop().call_at(due, self._ask_around, due)

    def _ask_around(self, due: float) -> None:
        self._watch = None
        now = asyncio.get_running_loop().time()
        owing = {worker for call in self._calls.values() for worker, count in call.due.items() if count}
        # A late question tells that this process stood still: the answers may be waiting behind it.
        late = now - due > self._silence_seconds / 3
        self._seen = {worker: now if late else self._seen[worker] for worker in owing}
        for worker in owing:
            if now - self._seen[worker] > self._silence_seconds:
                self._bury(worker)
            else:
                self.say(worker, "ping", 0)
        if self._calls:
            self._watch_from(now)

    def _bury(self, worker: str) -> None:
        for call_id, call in list(self._calls.items()):
            if call.due.get(worker):
                call.due[worker] = 0
                self._settle(call_id, call)


def fail(callback: Callable[..., Any], reason: str) -> None:
    """Tell a callback that it will never be called, if it wants to know."""
    failed = getattr(callback, "failed", None)
    if failed is not None:
        failed(ClientGone(reason))


def read(packet: Outgoing) -> Incoming:
    """Decode a packet that another worker has encoded."""
    assert packet.text is not None
    incoming = decode(packet.text[1:].decode(), orjson.loads, sys.maxsize)
    for attachment in packet.attachments:
        incoming.attach(attachment)
    return incoming


def _topic(worker: str) -> str:
    return f"worker:{worker}"
