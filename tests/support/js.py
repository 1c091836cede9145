"""The official JavaScript socket.io-client, driven from Python tests."""

import asyncio
import base64
import itertools
import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from tests.support.process import ROOT, find_node

CLIENT = Path(__file__).with_name("client.mjs")
LIFECYCLE = frozenset({"connect", "disconnect", "connect_error"})
LONGEST_LINE = 256 * 1024 * 1024


class ConnectRefused(Exception):
    """The server (or the network) refused the connection: `message` and `data` as the client was told."""

    def __init__(self, message: str, data: Any) -> None:
        super().__init__(f"{message} {data!r}")
        self.message = message
        self.data = data


class NoAck(Exception):
    """No acknowledgement: none came in time, or the connection was lost before it did."""


@dataclass(frozen=True)
class Received:
    """An event as a client heard it."""

    event: str
    args: tuple[Any, ...]

    @property
    def data(self) -> Any:
        """The first argument, None when there is none."""
        return self.args[0] if self.args else None


class JsSocket:
    """One socket of the JavaScript client."""

    def __init__(self, clients: "JsClients", key: int) -> None:
        self.id: str | None = None
        self.recovered = False
        self.connected = False
        self.events: list[Received] = []
        """Everything the server has sent, in order of arrival."""
        self.lifecycle: list[Received] = []
        """`connect` (id, recovered), `disconnect` (reason) and `connect_error` (message, data, active), in order."""
        self._clients = clients
        self._key = key
        self._consumed: set[int] = set()
        self._news = asyncio.Event()

    async def emit(self, event: str, *args: Any, timeout: float = 10) -> Any:
        """Send an event and return its acknowledgement: the value, or a list if there is not exactly one.

        NoAck after `timeout` seconds, or as soon as the connection is lost.
        """
        try:
            reply = await self._call("emit", event=event, args=args, timeout=timeout * 1000)
        except ClientError as error:
            raise NoAck(f"{event}: {error}") from None
        return reply[0] if len(reply) == 1 else reply

    def send(self, event: str, *args: Any) -> None:
        """Send an event that asks for no acknowledgement. The client keeps it while it isn't connected."""
        self._order("send", event=event, args=args)

    def answer(self, event: str, *args: Any) -> None:
        """Acknowledge this event with `args` whenever the server asks for it; by default nothing answers."""
        self._order("answer", event=event, args=args)

    def set_auth(self, auth: Mapping[str, Any]) -> None:
        """What the next connection, made by the client itself or by `open`, presents."""
        self._order("auth", auth=auth)

    def received(self, event: str) -> list[Any]:
        """The data of all events of this name so far."""
        return [received.data for received in self.events if received.event == event]

    async def wait_for(
        self, event: str, predicate: Callable[[Any], Any] | None = None, timeout: float = 10
    ) -> Received:
        """The earliest event of this name, heard already or to come, whose data satisfies `predicate`.

        Each event is returned once. Takes the names of the lifecycle too. AssertionError after `timeout` seconds.
        """
        return await self._take({event}, predicate, timeout)

    def drop(self, *, half_open: bool = False) -> None:
        """Lose the transport abruptly; the client comes back by itself.

        With `half_open` (and always when polling) the server is not even told by TCP, as when a phone changes networks.
        """
        self._order("drop", halfOpen=half_open)

    async def disconnect(self) -> None:
        """Say goodbye and wait until the client has closed; nothing reconnects."""
        was_connected = self.connected
        await self._call("disconnect")
        if was_connected:
            await self.wait_for("disconnect")

    async def open(self, timeout: float = 10) -> None:
        """Connect again after a disconnection that the client doesn't mend by itself; as `JsClients.connect`."""
        await self._call("open")
        await self._wait_connected(timeout)

    async def transport(self) -> str:
        """`polling` or `websocket`: what the connection uses at the moment."""
        return await self._call("transport")

    async def _wait_connected(self, timeout: float) -> None:
        received = await self._take({"connect", "connect_error"}, None, timeout)
        if received.event == "connect_error":
            message, data, _ = received.args
            await self._call("disconnect")
            raise ConnectRefused(message, data)

    async def _take(self, events: Collection[str], predicate: Callable[[Any], Any] | None, timeout: float) -> Received:
        heard = self.lifecycle if LIFECYCLE.issuperset(events) else self.events
        try:
            async with asyncio.timeout(timeout):
                while True:
                    for received in heard:
                        if received.event not in events or id(received) in self._consumed:
                            continue
                        if predicate is None or predicate(received.data):
                            self._consumed.add(id(received))
                            return received
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            names = " or ".join(sorted(events))
            raise AssertionError(f"no {names} as expected within {timeout:g} s; heard last: {heard[-20:]}") from None

    def _hear(self, received: Received) -> None:
        if received.event in LIFECYCLE:
            self.lifecycle.append(received)
            self.connected = received.event == "connect"
            if self.connected:
                self.id, self.recovered = received.args
        else:
            self.events.append(received)
        self._news.set()

    async def _call(self, command: str, **fields: Any) -> Any:
        return await self._clients.call(command, socket=self._key, **fields)

    def _order(self, command: str, **fields: Any) -> None:
        self._clients.order(command, socket=self._key, **fields)


class ClientError(Exception):
    """What the JavaScript client threw."""


class JsClients:
    """A Node process with any number of sockets: `async with JsClients() as js: socket = await js.connect(url)`.

    `package` names the npm package of static/node_modules that is driven.
    """

    program = CLIENT

    def __init__(self, package: str = "socket.io-client") -> None:
        self._package = package
        self._sockets: dict[int, JsSocket] = {}
        self._replies: dict[int, asyncio.Future[Any]] = {}
        self._failures: list[str] = []
        self._numbers = itertools.count(1)

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            find_node(),
            str(self.program),
            self._package,
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=LONGEST_LINE,
        )
        self._reader = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        # The process ends with its input.
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), 10)
        finally:
            if self._process.returncode is None:
                self._process.kill()
            await self._reader
        if self._failures:
            raise ClientError("; ".join(self._failures))

    async def connect(
        self, url: str, auth: Mapping[str, Any] | None = None, *, wait: bool = True, timeout: float = 10, **options: Any
    ) -> JsSocket:
        """Open a socket and wait until it is connected; ConnectRefused if it isn't to be.

        `url` may end with a namespace; `options` are the client's own (`transports`, `query`, `extraHeaders`, …). Each
        socket has a connection of its own unless `forceNew=False`. With `wait=False` the socket is returned at once.
        """
        key = next(self._numbers)
        socket = self._sockets[key] = JsSocket(self, key)
        if auth is not None:
            options["auth"] = auth
        await self.call("connect", socket=key, url=url, options=options)
        if wait:
            await socket._wait_connected(timeout)
        return socket

    async def call(self, command: str, **fields: Any) -> Any:
        """Have the process carry out a command of client.mjs; its value, or ClientError."""
        number = next(self._numbers)
        reply = self._replies[number] = asyncio.get_running_loop().create_future()
        self._write({"reply": number, "do": command, **fields})
        try:
            return await reply
        finally:
            del self._replies[number]

    def order(self, command: str, **fields: Any) -> None:
        """The same without waiting for the answer; a failure is raised when the process is left."""
        self._write({"reply": 0, "do": command, **fields})

    def _write(self, message: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(message, default=_encode_binary).encode() + b"\n")

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            message = json.loads(line, object_hook=_decode_binary)
            if "event" in message:
                self._sockets[message["socket"]]._hear(Received(message["event"], tuple(message["args"])))
            elif future := self._replies.get(message["reply"]):
                self._settle(future, message)
            elif "error" in message:
                self._failures.append(message["error"])
        for future in self._replies.values():
            self._settle(future, {"error": "the JavaScript client's process has ended"})

    @staticmethod
    def _settle(future: "asyncio.Future[Any]", message: Mapping[str, Any]) -> None:
        if future.done():
            return
        if "error" in message:
            future.set_exception(ClientError(message["error"]))
        else:
            future.set_result(message["value"])


def _encode_binary(value: Any) -> Any:
    if isinstance(value, bytes | bytearray | memoryview):
        return {"$binary": base64.b64encode(value).decode()}
    raise TypeError(f"{type(value).__name__} is no JSON")


def _decode_binary(value: dict[str, Any]) -> Any:
    return base64.b64decode(value["$binary"]) if "$binary" in value else value
