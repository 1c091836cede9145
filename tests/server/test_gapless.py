"""Whatever happens to senders and subscribers on two workers, every subscriber ends with the same gapless list."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.server.follower import Follower, assert_gapless
from tests.server.raw_client import raw_client
from tests.server.talk import data_of, open_room, someone
from tests.support.hubbub import Cluster, Hubbub

# What fails here is seldom made simpler by trying again on servers that have a past.
few_but_real = settings(
    max_examples=10,
    deadline=None,
    database=None,
    print_blob=True,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

SENDERS = 2
FOLLOWERS = 3
worker_index = st.integers(0, 1)
follower_index = st.integers(0, FOLLOWERS - 1)
sender_index = st.integers(0, SENDERS - 1)

send = st.tuples(st.just("send"), sender_index, worker_index, st.sampled_from(["socket", "rest"]))
send_and_lose = st.tuples(st.just("send and lose the connection"), sender_index, worker_index, worker_index)
send_again = st.tuples(st.just("send again"), sender_index, worker_index, st.integers(0, 20))
drop = st.tuples(st.just("drop"), follower_index)
come_back = st.tuples(st.just("come back"), follower_index, worker_index)
turn_away = st.tuples(st.just("turn away and back"), follower_index)
# What stands in one list happens at once.
interleavings = st.lists(
    st.lists(
        st.one_of(send, send, send_and_lose, send_again, drop, come_back, turn_away),
        min_size=1,
        max_size=5,
    ),
    min_size=3,
    max_size=8,
)


@pytest.fixture(scope="module")
def cluster_variables() -> dict[str, str]:
    return {"HUBBUB_MESSAGES_PER_SECOND": "10000", "HUBBUB_MESSAGES_BURST": "10000", "HUBBUB_ACTIONS_BURST": "10000"}


class Conversation:
    """A room, those who send to it and those who follow it."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.senders = [someone(f"sender{n}") for n in range(SENDERS)]
        self.sent: dict[tuple[int, str], dict[str, Any]] = {}
        """By sender and clientId, the message of the first acknowledgement."""
        self._locks = [asyncio.Lock() for _ in range(FOLLOWERS)]

    async def open(self) -> None:
        self.room = await open_room(self.cluster.a, *self.senders)
        self.followers = [Follower(f"room:{self.room}", self.senders[0]) for _ in range(FOLLOWERS)]
        for follower in self.followers:
            await follower.come(self.cluster.a, after=0)
        self.first = self.followers[0].seqs[-1] + 1
        for follower in self.followers:
            follower.heard.clear()
            await follower.drop()
            await follower.come(self.cluster.b, after=self.first - 1)

    async def close(self) -> None:
        for follower in self.followers:
            await follower.drop()

    async def carry_out(self, step: tuple[Any, ...]) -> None:
        match step:
            case "send", sender, worker, door:
                await self._send(sender, self._worker(worker), door, someone("message"))
            case "send and lose the connection", sender, worker, other:
                await self._send_and_lose(sender, self._worker(worker), self._worker(other))
            case "send again", sender, worker, which:
                mine = [client_id for number, client_id in self.sent if number == sender]
                if mine:
                    await self._send(sender, self._worker(worker), "rest", mine[which % len(mine)])
            case _, follower, *rest:
                async with self._locks[follower]:
                    await self._follow(step[0], self.followers[follower], *rest)

    async def _follow(self, what: str, follower: Follower, worker: int = 0) -> None:
        if what == "drop":
            await follower.drop()
        elif what == "come back":
            await follower.drop()
            await follower.come(self._worker(worker))
        elif follower.is_here:
            await follower.unsubscribe()
            await follower.subscribe()

    async def _send(self, sender: int, worker: Hubbub, door: str, client_id: str) -> None:
        payload = {"roomId": self.room, "message": client_id, "clientId": client_id}
        token = worker.token(self.senders[sender])
        if door == "rest":
            reply: Any = await worker.rest("POST", "/api/chat/messages", payload, token=token)
        else:
            async with raw_client(worker, {"token": token}) as client:
                (reply,) = await client.acknowledgement(await client.ask("message:send", payload))
        message = data_of(reply)
        assert self.sent.setdefault((sender, client_id), message) == message

    async def _send_and_lose(self, sender: int, worker: Hubbub, other: Hubbub) -> None:
        """The connection ends before the answer; nobody knows whether it was sent, so it is sent again."""
        client_id = someone("message")
        async with AsyncExitStack() as stack:
            client = await stack.enter_async_context(raw_client(worker, {"token": worker.token(self.senders[sender])}))
            await client.ask("message:send", {"roomId": self.room, "message": client_id, "clientId": client_id})
        await self._send(sender, other, "socket", client_id)

    def _worker(self, index: int) -> Hubbub:
        return self.cluster.workers[index % len(self.cluster.workers)]


@few_but_real
@given(interleavings)
async def test_any_interleaving_gives_every_subscriber_the_same_gapless_list(
    cluster: Cluster, interleaving: list[list[tuple[Any, ...]]]
) -> None:
    conversation = Conversation(cluster)
    await conversation.open()
    try:
        for steps in interleaving:
            await asyncio.gather(*(conversation.carry_out(step) for step in steps))
        for number, follower in enumerate(conversation.followers):
            if not follower.is_here:
                await follower.come(cluster.workers[number % len(cluster.workers)])
        # One message more tells everybody that there is nothing left to come.
        await conversation.carry_out(("send", 0, 0, "rest"))
        first, last = conversation.first, conversation.first + len(conversation.sent) - 1
        for follower in conversation.followers:
            await follower.has(last)
        assert_gapless(conversation.followers, first, last)

        events = conversation.followers[0].heard
        by_seq = sorted(conversation.sent.values(), key=lambda message: message["seq"])
        assert [each["data"] for each in events] == by_seq
        assert [each["seq"] for each in by_seq] == list(range(1, len(by_seq) + 1))
        newest = await cluster.b.rest(
            "GET",
            f"/api/chat/messages?roomId={conversation.room}&limit=100",
            token=cluster.token(conversation.senders[1]),
        )
        assert data_of(newest)["messages"] == by_seq[-100:]
    finally:
        await conversation.close()


single = st.tuples(worker_index, st.lists(st.integers(0, 5), min_size=1, max_size=1))
batch = st.tuples(worker_index, st.lists(st.integers(0, 5), min_size=2, max_size=4))


@few_but_real
@given(st.lists(st.lists(st.one_of(single, batch), min_size=2, max_size=6), min_size=1, max_size=4))
async def test_what_backends_publish_at_once_under_few_client_ids_is_published_once(
    cluster: Cluster, rounds: list[list[tuple[int, list[int]]]]
) -> None:
    channel, name = f"app:{someone('channel')}", someone("id")
    follower = Follower(channel, someone())
    await follower.come(cluster.b, after=0)
    numbered: dict[int, int] = {}

    async def publish(index: int, ids: list[int]) -> None:
        worker = cluster.workers[index % len(cluster.workers)]
        events = [{"channel": channel, "event": "a:b", "data": n, "clientId": f"{name}-{n}"} for n in ids]
        if len(events) == 1:
            found = [data_of(await worker.rest("POST", "/api/publish", events[0], token=worker.api_key))]
        else:
            reply = await worker.rest("POST", "/api/publish/batch", {"events": events}, token=worker.api_key)
            found = data_of(reply)["results"]
        for n, result in zip(ids, found, strict=True):
            assert numbered.setdefault(n, result["seq"]) == result["seq"]

    try:
        for together in rounds:
            await asyncio.gather(*(publish(index, ids) for index, ids in together))
        assert sorted(numbered.values()) == list(range(1, len(numbered) + 1))
        await follower.has(len(numbered))
        assert_gapless([follower], 1, len(numbered))
        assert {each["data"]: each["seq"] for each in follower.heard} == numbered
    finally:
        await follower.drop()
