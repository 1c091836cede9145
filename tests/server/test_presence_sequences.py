"""Whatever people, workers and Redis do, in whichever order: presence and viewers settle to the truth everywhere."""

import asyncio
import secrets
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from handlers.base import Actor
from models import migrate, users
from models.database import Database
from models.event_log import Event
from models.users import User
from server import presence_watch, viewers
from server.delivery import Delivery
from server.engine import RedisBus
from server.mirror import Mirror
from server.presence import People
from server.watches import Watches
from tests.server.engine.black_hole import BlackHole
from tests.server.leasing import Deployment, Worker
from tests.support.redis_server import RedisServer
from tests.support.waiting import eventually

LEASE_SECONDS = 0.4
GRACE_SECONDS = 0.05
TIMEOUT_SECONDS = 0.2
SIGNAL_SECONDS = 0.05
PEOPLE = {id: User(id, id.title()) for id in ("ada", "bo", "cy")}
TRIP = "trip:1"
NUMBERS = st.integers(min_value=0, max_value=5)


@dataclass
class Connection:
    """Somebody's connection: what it says, and whether it looks at the trip."""

    id: str
    user_id: str
    status: str = "online"
    looks: bool = False


@dataclass(eq=False)
class Node:
    """A worker, its connections, and what somebody who watches there was told."""

    worker: Worker
    bus: RedisBus
    bus_path: BlackHole
    delivery: Delivery
    people: People
    viewers: viewers.EntityViewers
    watches: tuple[Watches, Watches]
    connections: list[Connection] = field(default_factory=list)
    statuses: dict[str, str] = field(default_factory=dict)
    looking: set[str] = field(default_factory=set)

    def hear(self, event: Event) -> None:
        """Nothing of this is stored."""
        raise AssertionError(event)

    def hear_signal(self, _channel: str, event: str, envelope: bytes, attachments: tuple[bytes, ...] = ()) -> None:
        """Somebody who watches is told."""
        data = orjson.loads(envelope)["data"]
        if event == "viewers:changed":
            self.looking = {each["id"] for each in data["viewers"]}
            return
        for each in data["changes"]:
            assert each["user"]["name"] == PEOPLE[each["userId"]].name
            self.statuses[each["userId"]] = each["status"]


class Deployed(RuleBasedStateMachine):
    """Workers that come, drain and are killed, people who come and go there, and a Redis that forgets and restarts."""

    server: RedisServer
    database_url: str

    def __init__(self) -> None:
        super().__init__()
        self._runner = asyncio.Runner()
        self._stack = AsyncExitStack()
        self._prefix = f"presence-{secrets.token_hex(4)}"
        self._deployment = Deployment(self._stack, self.server.url, self._prefix)
        self._nodes: list[Node] = []
        self._calls: dict[str, tuple[str, Node]] = {}
        self._tracked: dict[str, Node] = {}
        self._called: dict[str, Node] = {}
        self._count = 0

    def _do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self._runner.run(work)

    def _connection(self, number: int) -> tuple[Node, Connection]:
        everyone = [(node, each) for node in self._nodes for each in node.connections]
        return everyone[number % len(everyone)]

    @initialize(count=st.integers(min_value=1, max_value=3))
    def begin(self, count: int) -> None:
        self._do(self._open())
        for _ in range(count):
            self.start()

    async def _open(self) -> None:
        self._database = Database(self.database_url, pool_size=5, timeout=5)
        self._stack.push_async_callback(self._database.close)
        async with self._database.write() as conn:
            await users.remember(conn, PEOPLE.values())

    @precondition(lambda self: len(self._nodes) < 4)
    @rule()
    def start(self) -> None:
        self._nodes.append(self._do(self._start()))

    async def _start(self) -> Node:
        worker = await self._deployment.start(lease_seconds=LEASE_SECONDS, timeout=TIMEOUT_SECONDS, severable=True)
        parts = urlsplit(self.server.url)
        path = await self._stack.enter_async_context(BlackHole(self.server.port))
        url = parts._replace(netloc=f"127.0.0.1:{path.port}").geturl()
        bus = RedisBus(url, prefix=self._prefix, timeout=TIMEOUT_SECONDS, nonce_seconds=0.1, deaf_seconds=0.4)
        await bus.start()
        self._stack.push_async_callback(bus.stop)
        delivery = Delivery(self._database, bus, catch_up_seconds=1, ends_access=())

        def watching(event: str, told: Callable[[str], Any]) -> Watches:
            return Watches(delivery, worker.leases, event, told, SIGNAL_SECONDS)

        of_people = watching("presence:changed", partial(presence_watch.told_of, worker.leases, self._database, 60.0))
        of_viewers = watching("viewers:changed", partial(viewers.told_of, worker.leases, self._database))
        people = People(
            worker.leases,
            of_people,
            Mirror(self._database),
            grace_seconds=GRACE_SECONDS,
            call_seconds=60,
            recovery_seconds=60,
        )
        looking = viewers.EntityViewers(worker.leases, of_viewers, grace_seconds=GRACE_SECONDS, call_seconds=60)
        node = Node(worker, bus, path, delivery, people, looking, (of_people, of_viewers))
        self._stack.push_async_callback(self._end, node)
        for watches, channel in ((of_people, "presence"), (of_viewers, f"{TRIP}:viewers")):
            (await delivery.open(channel)).add(node, node)
            watches.start()
            await watches.ready(channel)
        there = await of_people.state("presence")
        node.statuses |= {each["userId"]: each["status"] for each in there["presence"]} | node.statuses
        seen = await of_viewers.state(f"{TRIP}:viewers")
        node.looking = node.looking or {each["id"] for each in seen["viewers"]}
        return node

    async def _end(self, node: Node) -> None:
        await node.people.stop()
        await node.viewers.stop()
        for each in node.watches:
            await each.stop()
        await node.delivery.stop()

    @precondition(lambda self: self._nodes)
    @rule(number=NUMBERS, user_id=st.sampled_from(sorted(PEOPLE)))
    def connect(self, number: int, user_id: str) -> None:
        self._count += 1
        node = self._nodes[number % len(self._nodes)]
        connection = Connection(f"c{self._count}", user_id)
        node.connections.append(connection)
        self._do(node.people.arrive(user_id, connection.id))

    @precondition(lambda self: any(each.connections for each in self._nodes))
    @rule(number=NUMBERS)
    def drop(self, number: int) -> None:
        node, connection = self._connection(number)
        node.connections.remove(connection)
        self._do(self._lose(node, connection))

    async def _lose(self, node: Node, connection: Connection) -> None:
        node.people.lose(connection.user_id, connection.id)
        if connection.looks:
            node.viewers.lost(f"{TRIP}:viewers", connection.id, Actor(PEOPLE[connection.user_id]))

    @precondition(lambda self: any(each.connections for each in self._nodes))
    @rule(number=NUMBERS, status=st.sampled_from(["online", "away"]))
    def update(self, number: int, status: str) -> None:
        node, connection = self._connection(number)
        connection.status = status
        self._do(node.people.update(PEOPLE[connection.user_id], connection.id, status, {}))

    @precondition(lambda self: any(each.connections for each in self._nodes))
    @rule(number=NUMBERS)
    def look(self, number: int) -> None:
        node, connection = self._connection(number)
        actor = Actor(PEOPLE[connection.user_id])
        connection.looks = not connection.looks

        async def turn() -> None:
            if connection.looks:
                node.viewers.came(f"{TRIP}:viewers", connection.id, actor)
                await node.viewers.settled(f"{TRIP}:viewers", connection.id, actor)
            else:
                node.viewers.left(f"{TRIP}:viewers", connection.id, actor)

        self._do(turn())

    def _called_by(self, user_id: str, number: int) -> Node:
        """The worker that somebody calls: one and the same while it lives, as each remembers what was said there."""
        if self._called.get(user_id) not in self._nodes:
            self._called[user_id] = self._nodes[number % len(self._nodes)]
        return self._called[user_id]

    @precondition(lambda self: self._nodes)
    @rule(number=NUMBERS, user_id=st.sampled_from(sorted(PEOPLE)), status=st.sampled_from(["online", "away"]))
    def call(self, number: int, user_id: str, status: str) -> None:
        node = self._called_by(user_id, number)
        self._calls[user_id] = status, node
        self._do(node.people.update(PEOPLE[user_id], None, status, {}))

    @precondition(lambda self: self._nodes)
    @rule(number=NUMBERS, user_id=st.sampled_from(sorted(PEOPLE)))
    def track(self, number: int, user_id: str) -> None:
        node = self._called_by(user_id, number)
        if self._tracked.pop(user_id, None):
            self._do(node.viewers.untrack(TRIP, user_id))
        else:
            self._tracked[user_id] = node
            self._do(node.viewers.track(TRIP, user_id))

    @precondition(lambda self: len(self._nodes) > 1)
    @rule(number=NUMBERS)
    def kill(self, number: int) -> None:
        """It is never heard of again."""
        node = self._nodes.pop(number % len(self._nodes))
        self._deployment.cut(node.worker)
        node.bus_path.swallow()

    @precondition(lambda self: len(self._nodes) > 1)
    @rule(number=NUMBERS)
    def drain(self, number: int) -> None:
        node = self._nodes.pop(number % len(self._nodes))

        async def drain() -> None:
            for each in node.connections:
                await self._lose(node, each)
            await self._end(node)
            await node.worker.stop()

        self._do(drain())

    @rule()
    def empty_redis(self) -> None:
        self._forgetting(self.server.flush)

    @rule()
    def restart_redis(self) -> None:
        def restart() -> None:
            self.server.stop()
            self.server.start()

        self._forgetting(restart)

    def _forgetting(self, forget: Callable[[], None]) -> None:
        """Redis loses its data. What was called is known then to the workers that were called, while they live."""
        before = [each.worker.restored for each in self._nodes]
        forget()

        def are_there() -> bool:
            return all(node.worker.restored > count for node, count in zip(self._nodes, before, strict=True))

        self._do(eventually(are_there, "every worker to have written what it knows anew"))
        self._calls = {id: (status, node) for id, (status, node) in self._calls.items() if node in self._nodes}
        self._tracked = {id: node for id, node in self._tracked.items() if node in self._nodes}

    def teardown(self) -> None:
        try:
            if self._nodes:
                self._do(self._settles())
        finally:
            self._do(self._stack.aclose())
            self._runner.close()

    async def _settles(self) -> None:
        """Whoever asks, and whoever was told, on every worker, knows the same."""
        said: dict[str, set[str]] = {id: {status} for id, (status, _) in self._calls.items()}
        looking = set(self._tracked)
        for each in [each for node in self._nodes for each in node.connections]:
            said.setdefault(each.user_id, set()).add(each.status)
            looking |= {each.user_id} if each.looks else set()
        truth = {id: "offline" if id not in said else min(said[id], key=["online", "away"].index) for id in PEOPLE}

        async def known() -> list[Any]:
            found = []
            for node in self._nodes:
                there = await node.viewers.viewers(TRIP)
                asked = (await node.people.statuses(PEOPLE), {each["id"] for each in there["viewers"]})
                told = ({id: node.statuses.get(id, "offline") for id in PEOPLE}, node.looking)
                found += [asked, told]
            return found

        async def is_true() -> bool:
            return all(each == (truth, looking) for each in await known())

        try:
            await eventually(is_true, "the truth")
        except AssertionError as error:
            raise AssertionError(f"{error}; expected {(truth, looking)}, asked and told {await known()}") from None


def test_presence_settles_to_the_truth(own_redis: Callable[[], RedisServer], tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'people.db'}"
    migrate.upgrade(url)
    machine = type("DeployedOnARedis", (Deployed,), {"server": own_redis(), "database_url": url})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=12,
            stateful_step_count=15,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            # A run takes seconds, and to find a shorter one many: what failed is told as it is.
            phases=[Phase.explicit, Phase.reuse, Phase.generate],
        ),
    )
