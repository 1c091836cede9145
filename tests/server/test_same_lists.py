"""Whoever listens by whatever transport, and however often they lose it, has the same list of events in the end."""

import asyncio
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.server.follower import Follower
from tests.server.talk import publish, publish_many, someone
from tests.server.test_polling import polled
from tests.support.hubbub import Cluster, Hubbub
from tests.support.sse import SseStream
from tests.support.waiting import eventually

few_but_real = settings(
    max_examples=15,
    deadline=None,
    database=None,
    print_blob=True,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)
CHANNELS = 2
worker_index = st.integers(0, 1)
channel_index = st.integers(0, CHANNELS - 1)
send = st.tuples(st.just("send"), worker_index, channel_index)
send_many = st.tuples(st.just("send many"), worker_index, channel_index)
reconnect = st.tuples(st.just("reconnect"), worker_index, st.sampled_from(["one", "several", "socket"]))
ask = st.tuples(st.just("ask"), worker_index, channel_index)
# What stands in one list happens at once.
interleavings = st.lists(
    st.lists(st.one_of(send, send, send_many, reconnect, reconnect, ask), min_size=1, max_size=6),
    min_size=3,
    max_size=8,
)


@pytest.fixture(scope="module")
def cluster_variables() -> dict[str, str]:
    """No limit on the pace of tests."""
    return {"HUBBUB_ACTIONS_PER_SECOND": "10000", "HUBBUB_ACTIONS_BURST": "10000", "HUBBUB_JSON_KEYS": "5000"}


class StreamFollower:
    """Hears channels by streams: each time it comes back it says the id of what it had last."""

    def __init__(self, *channels: str) -> None:
        self.heard: dict[str, list[dict[str, Any]]] = {channel: [] for channel in channels}
        self.wrong: list[str] = []
        self._channels = channels
        self._stream: SseStream | None = None
        self._last_id: str | None = None
        self._lock = asyncio.Lock()

    async def come(self, worker: Hubbub) -> None:
        """Come to a worker, from wherever it was."""
        async with self._lock:
            await self._leave()
            asked = "&".join(f"channel={each}" for each in self._channels)
            self._stream = SseStream(f"{worker.url}/api/subscribe?{asked}", last_id=self._last_id)
            await self._stream.open()
            if self._last_id is None:
                await eventually(lambda: self._stream and self._stream.last_id, "the first id")

    async def leave(self) -> None:
        """Come no more."""
        async with self._lock:
            await self._leave()

    def all(self) -> dict[str, list[dict[str, Any]]]:
        """What came so far, by channel."""
        new = self._stream.events() if self._stream else []
        return {
            channel: [*had, *(each for each in new if each["channel"] == channel)]
            for channel, had in self.heard.items()
        }

    async def _leave(self) -> None:
        if self._stream is None:
            return
        await self._stream.close()
        self.wrong += [f"{each.type} {each.data}" for each in self._stream.messages if each.type != "message"]
        self.heard, self._last_id, self._stream = self.all(), self._stream.last_id, None


class Poller:
    """Asks for a channel again and again."""

    def __init__(self, channel: str) -> None:
        self.channel = channel
        self.heard: list[dict[str, Any]] = []
        self._after = 0
        self._lock = asyncio.Lock()

    async def ask(self, worker: Hubbub, wait: float = 0) -> bool:
        """Ask once; whether there is more."""
        async with self._lock:
            page = await polled(worker, self.channel, after=self._after, wait=wait)
            assert page["recovered"]
            self.heard += page["events"]
            self._after = page["seq"]
            return page["hasMore"]


class Audience:
    """Those who listen, by every transport."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.channels = [f"trip:{someone('entity')}:likes" for _ in range(CHANNELS)]
        self.counts = [0] * CHANNELS
        self.one = StreamFollower(self.channels[0])
        self.several = StreamFollower(*self.channels)
        self.socket = Follower(self.channels[0], someone())
        self.pollers = [Poller(channel) for channel in self.channels]
        self._lock = asyncio.Lock()

    async def open(self) -> None:
        await asyncio.gather(self.one.come(self.cluster.a), self.several.come(self.cluster.b))
        await self.socket.come(self.cluster.a, after=0)

    async def close(self) -> None:
        await asyncio.gather(self.one.leave(), self.several.leave(), self.socket.drop())

    async def carry_out(self, step: tuple[Any, ...]) -> None:
        match step:
            case "send", at, number:
                self.counts[number] += 1
                await publish(self._worker(at), self.channels[number])
            case "send many", at, number:
                self.counts[number] += 30
                await publish_many(self._worker(at), self.channels[number], 30)
            case "reconnect", at, "one":
                await self.one.come(self._worker(at))
            case "reconnect", at, "several":
                await self.several.come(self._worker(at))
            case "reconnect", at, "socket":
                async with self._lock:
                    await self.socket.drop()
                    await self.socket.come(self._worker(at))
            case "ask", at, number:
                await self.pollers[number].ask(self._worker(at))

    async def compare(self) -> None:
        """Everybody gets everything, and the same."""
        for poller, count in zip(self.pollers, self.counts, strict=True):
            while len(poller.heard) < count:
                await poller.ask(self.cluster.b, wait=5)
        expected = {poller.channel: poller.heard for poller in self.pollers}
        for channel, count in zip(self.channels, self.counts, strict=True):
            assert [each["seq"] for each in expected[channel]] == list(range(1, count + 1))
        await eventually(lambda: self._has(self.several, self.counts), "everything in the stream of several")
        await eventually(lambda: self._has(self.one, self.counts[:1]), "everything in the stream of one")
        if self.counts[0]:
            await self.socket.has(self.counts[0])
        assert self.several.all() == expected
        assert self.one.all() == {self.channels[0]: expected[self.channels[0]]}
        assert self.socket.heard == expected[self.channels[0]]
        assert self.one.wrong == self.several.wrong == self.socket.wrong == []

    def _has(self, follower: StreamFollower, counts: list[int]) -> bool:
        return all(len(events) >= count for events, count in zip(follower.all().values(), counts, strict=True))

    def _worker(self, at: int) -> Hubbub:
        return self.cluster.workers[at % len(self.cluster.workers)]


@few_but_real
@given(steps=interleavings)
async def test_all_transports_tell_the_same(cluster: Cluster, steps: list[list[tuple[Any, ...]]]) -> None:
    audience = Audience(cluster)
    await audience.open()
    try:
        for together in steps:
            await asyncio.gather(*(audience.carry_out(step) for step in together))
        await audience.compare()
    finally:
        await audience.close()
