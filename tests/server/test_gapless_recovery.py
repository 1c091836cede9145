"""Stock clients that lose their transport and are recovered, or leave and come back, miss and double nothing."""

import asyncio
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.server.talk import enter, heard, numbers, publish, someone, subscribe
from tests.support.hubbub import Cluster
from tests.support.js import JsClients, JsSocket
from tests.support.waiting import eventually

CLIENTS = 4
HAPPENINGS = ["nothing", "a drop", "a half-open drop", "leaves and returns"]


class StockFollower:
    """A client that subscribes again from behind what it has when it comes back as a new one."""

    def __init__(self, socket: JsSocket, channel: str) -> None:
        self._socket = socket
        self._channel = channel
        self._earlier: list[dict[str, Any]] = []
        self._live_from = 0

    @property
    def heard(self) -> list[dict[str, Any]]:
        """All that it was told, in that order."""
        return self._earlier + heard(self._socket, self._channel)[self._live_from :]

    async def subscribe(self, after: int) -> None:
        # Nothing live comes before the reply: what was heard so far was heard before.
        live_until = len(heard(self._socket, self._channel))
        reply = await subscribe(self._socket, self._channel, after=after)
        assert reply["recovered"]
        live = heard(self._socket, self._channel)[self._live_from : live_until]
        self._earlier += [*live, *reply["events"]]
        self._live_from = live_until

    async def suffer(self, what: str) -> None:
        """Lose the transport and come back as the client does by itself, or say goodbye and return."""
        if what == "leaves and returns":
            await self._socket.disconnect()
            await self._socket.open()
            await self.subscribe(self.heard[-1]["seq"] if self.heard else 0)
        elif what != "nothing":
            self._socket.drop(half_open=what == "a half-open drop")
            await self._socket.wait_for("disconnect")
            await self._socket.wait_for("connect", timeout=20)
            assert self._socket.recovered


happenings = st.lists(
    st.tuples(
        st.integers(0, 5),
        st.lists(st.sampled_from(HAPPENINGS), min_size=CLIENTS, max_size=CLIENTS),
    ),
    min_size=2,
    max_size=5,
)


@settings(
    max_examples=6,
    deadline=None,
    database=None,
    print_blob=True,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow],
)
@given(happenings)
async def test_lost_connections_give_every_subscriber_the_same_gapless_list(
    cluster: Cluster, rounds: list[tuple[int, list[str]]]
) -> None:
    channel, last = f"app:{someone('channel')}", 0
    async with JsClients() as js:
        sockets = [await enter(js, cluster.workers[n % len(cluster.workers)], someone()) for n in range(CLIENTS)]
        followers = [StockFollower(socket, channel) for socket in sockets]
        for follower in followers:
            await follower.subscribe(after=0)
        for count, happens in rounds:
            suffering = [follower.suffer(what) for follower, what in zip(followers, happens, strict=True)]
            publishing = [publish(worker, channel, n) for n in range(count) for worker in cluster.workers]
            last += len(publishing)
            await asyncio.gather(*suffering, *publishing)
        await publish(cluster.b, channel)
        last += 1
        for follower in followers:
            await eventually(
                lambda follower=follower: follower.heard and follower.heard[-1]["seq"] >= last, f"event {last}"
            )
            assert numbers(follower.heard) == list(range(1, last + 1))
            assert follower.heard == followers[0].heard
