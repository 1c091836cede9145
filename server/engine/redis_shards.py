"""A Redis Cluster as a worker uses it: sharded pub/sub, one `RedisNode` for each primary."""

import asyncio
import itertools
import logging
import random
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from redis.asyncio.connection import AbstractConnection, ConnectionPool
from redis.crc import REDIS_CLUSTER_HASH_SLOTS, key_slot
from redis.exceptions import RedisError

from server.engine.redis_link import SHARDED, BusLimits
from server.engine.redis_node import RedisNode
from server.engine.redis_subscriber import Deliver

_TURNS_BETWEEN_LOOKS = 10

Address = tuple[str, int]


class _Held:
    """A retained channel, to be moved when its slot moves."""

    __slots__ = ("count", "deliver", "topic")

    def __init__(self, topic: str, deliver: Deliver) -> None:
        self.topic = topic
        self.deliver = deliver
        self.count = 0


class RedisShards:
    """Does for a cluster what `RedisNode` does for one server, with the same methods.

    A channel lives where its slot is. The cluster is asked now and then who has which slots, and soon after a node
    fails or says that a slot has moved; what has moved is subscribed anew, and `missed` is called.
    """

    def __init__(
        self,
        url: str,
        options: Mapping[str, Any],
        limits: BusLimits,
        logger: logging.Logger,
        *,
        own_channel: bytes,
        nonce_head: bytes,
        announce: Callable[[str | None], None],
        missed: Callable[[], None],
    ) -> None:
        pool = ConnectionPool.from_url(url, **options)
        self._connection_class = pool.connection_class
        self._options = pool.connection_kwargs
        self._seed = str(self._options.get("host", "localhost")), int(self._options.get("port", 6379))
        self._limits = limits
        self._logger = logger
        self._own_channel = own_channel
        self._nonce_head = nonce_head
        self._announce = announce
        self._missed = missed
        self._nodes: dict[Address, RedisNode] = {}
        self._owner: list[RedisNode | None] = [None] * REDIS_CLUSTER_HASH_SLOTS
        self._held: dict[bytes, _Held] = {}
        self._foreign: dict[bytes, Deliver] = {}
        self._listener: RedisNode | None = None
        self._unowned: dict[str | None, None] = {}
        self._dropped_before = 0
        self._reported = ""
        self._keeper: asyncio.Task[None] | None = None
        self._stopping = False

    @property
    def healthy(self) -> bool:
        """Whether every node is."""
        return bool(self._nodes) and all(node.healthy for node in self._nodes.values())

    @property
    def heard_at(self) -> float:
        """The oldest of the nodes' times."""
        return min((node.heard_at for node in self._nodes.values()), default=float("-inf"))

    @property
    def dropped(self) -> int:
        """How many messages Redis has not confirmed and never will."""
        return self._dropped_before + sum(node.dropped for node in self._nodes.values())

    async def start(self) -> None:
        """Ask for the nodes and connect to them, for three time-outs at most; it goes on trying in any case."""
        await self._look(first=True)
        self._keeper = asyncio.create_task(self._keep(), name="Redis Cluster's nodes")

    async def stop(self) -> None:
        """Let what is queued go out, for `timeout` at most, then close all connections."""
        self._stopping = True
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait([self._keeper])
        await asyncio.gather(*(node.stop() for node in self._nodes.values()))

    async def drain(self) -> None:
        """Wait until Redis has answered all that was published, for `timeout` at most."""
        await asyncio.gather(*(node.drain() for node in self._nodes.values()))

    def publish(self, topic: str, channel: bytes, message: bytes) -> None:
        """Queue one message for the node of its channel."""
        node = self._owner[key_slot(channel)]
        if node is not None:
            node.publish(topic, channel, message)
            return
        self._dropped_before += 1
        self._remember(topic)

    def retain(self, topic: str, channel: bytes, deliver: Deliver) -> None:
        """Listen to a channel; its messages go to `deliver(topic, message)`."""
        held = self._held.get(channel)
        if held is None:
            held = self._held[channel] = _Held(topic, deliver)
            node = self._owner[key_slot(channel)]
            if node is not None:
                node.retain(topic, channel, deliver)
        held.count += 1

    def listen(self, channel: bytes, deliver: Deliver) -> None:
        """Listen to a channel that others publish on with PUBLISH, which every node of a cluster passes on."""
        self._foreign[channel] = deliver
        if self._listener is not None:
            self._listener.listen(channel, deliver)

    def release(self, channel: bytes) -> None:
        """Give one hold of a channel back. Raises ValueError if there is none."""
        held = self._held.get(channel)
        if held is None:
            raise ValueError(f"released more often than retained: {channel.decode(errors='replace')}")
        held.count -= 1
        if not held.count:
            del self._held[channel]
            node = self._owner[key_slot(channel)]
            if node is not None:
                node.release(channel)

    async def subscribed(self, channel: bytes) -> bool:
        """Wait until Redis confirms; False while the node isn't healthy, after `timeout`, and for what is not held."""
        node = self._owner[key_slot(channel)]
        return node is not None and await node.subscribed(channel)

    # Who has which slots

    async def _keep(self) -> None:
        pause = min(self._limits.nonce_seconds, self._limits.backoff_max)
        for turn in itertools.count(1):
            await asyncio.sleep(pause)
            if self._stopping:
                # redis-py's wait_for can swallow the cancellation that came with the last reply.
                return
            redirected = [node for node in self._nodes.values() if node.publisher.redirected]
            if turn % _TURNS_BETWEEN_LOOKS == 0 or redirected or not self.healthy:
                for node in redirected:
                    node.publisher.redirected = False
                try:
                    await self._look()
                except Exception:
                    # Without its keeper the worker would never notice another change.
                    self._logger.exception("following the changes of the Redis Cluster failed")

    async def _look(self, first: bool = False) -> None:
        reason = ""
        # The URL's node last: it may have left a cluster that still is well.
        for address in [*random.sample(list(self._nodes), len(self._nodes)), self._seed]:
            try:
                primaries = await self._primaries(address)
            except (RedisError, OSError, TimeoutError) as error:
                reason = str(error) or f"{address[0]}:{address[1]} gives no answer"
            else:
                self._reported = ""
                await self._arrange(primaries, first)
                return
        if reason != self._reported:
            self._reported = reason
            self._logger.warning("the nodes of the Redis Cluster are not to be had: %s. Check its URL", reason)

    async def _primaries(self, asked: Address) -> dict[Address, set[int]]:
        """Who has which slots, as one node sees it."""
        connection = self._connection(asked)
        try:
            async with asyncio.timeout(self._limits.timeout):
                await connection.connect()
                await connection.send_command("CLUSTER", "SLOTS")
                reply = await connection.read_response(disable_decoding=True)
        finally:
            await connection.disconnect(nowait=True)
        primaries: dict[Address, set[int]] = {}
        for first, last, (host, port, *_), *_replicas in reply:
            # A node that doesn't know its own name means the one that it was reached by.
            address = host.decode() if host else asked[0], port
            primaries.setdefault(address, set()).update(range(first, last + 1))
        return primaries

    def _connection(self, address: Address) -> AbstractConnection:
        return self._connection_class(**{**self._options, "host": address[0], "port": address[1]})

    async def _arrange(self, primaries: dict[Address, set[int]], first: bool) -> None:
        before = self._nodes
        self._nodes = {}
        owner: list[RedisNode | None] = [None] * REDIS_CLUSTER_HASH_SLOTS
        for address, slots in primaries.items():
            node = before.get(address)
            if node is None or key_slot(node.own_channel) not in slots:
                node = self._connect_to(address, slots)
            self._nodes[address] = node
            for slot in slots:
                owner[slot] = node
        staying = set(self._nodes.values())
        moved = self._move(owner, staying)
        known = set(before.values())
        gone = known - staying
        await asyncio.gather(*(node.start() for node in staying - known), *(node.stop() for node in gone))
        for node in gone:
            self._dropped_before += node.dropped
            for topic in node.publisher.take_gaps():
                self._remember(topic)
        unowned, self._unowned = self._unowned, {}
        for topic in unowned:
            self._announce(topic)
        if moved and not first:
            for channel in moved:
                await self.subscribed(channel)
            self._missed()

    def _move(self, owner: list[RedisNode | None], staying: set[RedisNode]) -> list[bytes]:
        """Listen to every channel where it is now; the channels that were elsewhere."""
        moved = []
        for channel, held in self._held.items():
            slot = key_slot(channel)
            old, new = self._owner[slot], owner[slot]
            if old is new:
                continue
            moved.append(channel)
            if old in staying:
                old.release(channel)
            if new is not None:
                new.retain(held.topic, channel, held.deliver)
        self._owner = owner
        if self._listener not in staying:
            self._listener = next(iter(self._nodes.values()), None)
            if self._listener is not None:
                for channel, deliver in self._foreign.items():
                    self._listener.listen(channel, deliver)
        return moved

    def _connect_to(self, address: Address, slots: set[int]) -> RedisNode:
        own_channels = (self._own_channel + b":%d" % number for number in itertools.count())
        return RedisNode(
            f"{address[0]}:{address[1]}",
            partial(self._connection, address),
            self._limits,
            self._logger,
            own_channel=next(channel for channel in own_channels if key_slot(channel) in slots),
            nonce_head=self._nonce_head,
            announce=self._announce,
            missed=self._missed,
            verbs=SHARDED,
        )

    def _remember(self, topic: str | None) -> None:
        if len(self._unowned) >= self._limits.gap_topics:
            self._unowned.clear()
            topic = None
        if None not in self._unowned:
            self._unowned[topic] = None
