"""Streams that are too many, too slow, cut off or left over: what they cost others, how their clients come back."""

import asyncio
import socket
from collections.abc import Callable

import asyncpg
import pytest

from tests.server.conftest import Upon
from tests.server.raw_client import raw_client
from tests.server.talk import enter, error_of, numbers, open_room, publish, publish_many, someone
from tests.server.test_drain import drains, writes_wait
from tests.support.hubbub import Cluster, Hubbub, Reply
from tests.support.js import JsClients
from tests.support.postgres_server import PostgresServer
from tests.support.sse import SseStream, StreamRefused
from tests.support.waiting import eventually

BOUND = 100_000
EVENT_STREAM = {"Accept": "text/event-stream"}


@pytest.fixture(scope="module")
def cluster_variables() -> dict[str, str]:
    """Few streams a person, little memory for slow readers, and heartbeats that a test can wait for."""
    return {
        "HUBBUB_CONNECTIONS_PER_USER": "2",
        "HUBBUB_SEND_BUFFER_BYTES": str(BOUND),
        "HUBBUB_SSE_HEARTBEAT_SECONDS": "0.2",
        "HUBBUB_RETENTION_EVENTS": "20",
        "HUBBUB_ACTIONS_PER_SECOND": "10000",
        "HUBBUB_ACTIONS_BURST": "10000",
    }


def likes() -> str:
    return f"trip:{someone('entity')}:likes"


def listen(worker: Hubbub, channel: str, **options: str) -> SseStream:
    return SseStream(f"{worker.url}/api/subscribe?channel={channel}", **options)


async def metric(worker: Hubbub, sample: str) -> float:
    text = (await worker.rest("GET", "/metrics")).body
    found = [line for line in text.splitlines() if line.startswith(f"{sample} ")]
    return float(found[0].rsplit(" ", 1)[1]) if found else 0.0


async def test_streams_and_sockets_of_a_person_are_counted_together(cluster: Cluster, js: JsClients) -> None:
    ada = someone()
    token = cluster.token(ada)
    socket = await enter(js, cluster.a, ada)
    async with listen(cluster.b, "community", token=token):
        with pytest.raises(StreamRefused) as caught:
            await listen(cluster.a, "community", token=token).open()
        error = error_of(Reply(caught.value.status, caught.value.headers, caught.value.body), "rate_limited")
        assert error["retryAfter"] > 0
        waiting = await cluster.a.rest("GET", "/api/poll?channel=community&wait=1", token=token)
        error_of(waiting, "rate_limited")
    await socket.disconnect()

    async def let_in() -> bool:
        try:
            async with listen(cluster.a, "community", token=token):
                return True
        except StreamRefused:
            return False

    await eventually(let_in, "the first stream to be counted out")


async def test_a_browser_that_may_try_again_is_told_when(cluster: Cluster) -> None:
    """`EventSource` gives up for ever on a status other than 200."""
    token = cluster.token(someone())
    async with (
        listen(cluster.a, "community", token=token),
        listen(cluster.a, "community", token=token),
        listen(cluster.b, "community", token=token, **EVENT_STREAM) as third,
    ):
        await third.until_ended()
        assert third.messages == []
        assert (third.retry or 0) >= 1000
    with pytest.raises(StreamRefused) as caught:
        await listen(cluster.a, "room:1", **EVENT_STREAM).open()
    assert caught.value.status == 401, "what lasts is told"


class SlowReader:
    """Opens a stream and reads nothing of it."""

    def __init__(self, worker: Hubbub, channel: str, last_id: str = "") -> None:
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._socket.connect(("127.0.0.1", worker.port))
        head = f"GET /api/subscribe?channel={channel} HTTP/1.1\r\nHost: x\r\n"
        self._socket.sendall(f"{head}Last-Event-ID: {last_id}\r\n\r\n".encode() if last_id else f"{head}\r\n".encode())

    def read_to_the_end(self) -> bytes:
        """Whatever is still there, until the connection is over."""
        self._socket.settimeout(10)
        received = b""
        try:
            while part := self._socket.recv(1 << 16):
                received += part
        except ConnectionResetError:
            pass
        return received

    def read_until(self, end: bytes) -> bytes:
        """Everything up to something."""
        self._socket.settimeout(10)
        received = b""
        while end not in received:
            part = self._socket.recv(1 << 16)
            assert part, received[-200:]
            received += part
        return received

    def close(self) -> None:
        self._socket.close()


async def test_a_slow_reader_is_cut_and_costs_others_nothing(cluster: Cluster) -> None:
    channel = likes()
    cut = await metric(cluster.a, 'hubbub_listeners_total{door="stream",outcome="cut"}')
    slow = await asyncio.to_thread(SlowReader, cluster.a, channel)
    async with listen(cluster.a, channel) as quick:
        await eventually(lambda: quick.comments, "both to hear")
        count = 0

        async def is_cut() -> bool:
            nonlocal count
            count += 1
            await publish(cluster.a, channel, "x" * 50_000)
            return await metric(cluster.a, 'hubbub_listeners_total{door="stream",outcome="cut"}') > cut

        # The kernel's own buffers take some megabytes first.
        await eventually(is_cut, "the slow reader to be cut", 60)
        assert numbers(await quick.has(count)) == list(range(1, count + 1))
    received = await asyncio.to_thread(slow.read_to_the_end)
    slow.close()
    last = max(int(line.removeprefix(b"id: ")) for line in received.splitlines() if line.startswith(b"id: "))
    assert last < count


async def test_what_a_slow_reader_missed_is_sent_as_fast_as_it_reads(cluster: Cluster) -> None:
    """More than may wait for it, which is no reason to cut it."""
    channel = likes()
    for _ in range(20):
        await publish(cluster.a, channel, "x" * 50_000)
    slow = await asyncio.to_thread(SlowReader, cluster.a, channel, "0")
    async with listen(cluster.a, channel) as quick:
        await publish(cluster.a, channel, "live")
        await quick.has(1)
    received = await asyncio.to_thread(slow.read_until, b'"live"')
    slow.close()
    ids = [int(line.removeprefix(b"id: ")) for line in received.splitlines() if line.startswith(b"id: ")]
    assert ids == list(range(22))


async def test_the_log_reaches_back_only_so_far(cluster: Cluster) -> None:
    channel = likes()
    await publish_many(cluster.a, channel, 30)

    async def reset() -> bool:
        async with listen(cluster.b, channel, last_id="5") as stream:
            await eventually(lambda: stream.messages, "the first message")
            return stream.messages[0].type == "reset" and stream.messages[0].id == "30"

    await eventually(reset, "what is too old to go", 15)
    async with listen(cluster.b, channel, last_id="10") as stream:
        assert numbers(await stream.has(20)) == list(range(11, 31))


async def test_what_is_open_is_counted_and_logged(cluster: Cluster) -> None:
    worker, before = cluster.a, await metric(cluster.a, "hubbub_streams")
    async with listen(worker, "community"), listen(worker, "community"):
        assert await metric(worker, "hubbub_streams") == before + 2
        assert f"streams={before + 2:.0f}" in worker.log()

    async def gone() -> bool:
        return await metric(worker, "hubbub_streams") == before

    await eventually(gone, "the streams to be counted out")


async def test_a_drained_worker_tells_its_streams_to_come_back(own_cluster: Cluster) -> None:
    worker, channel = own_cluster.a, likes()
    async with listen(worker, channel) as one, listen(worker, channel) as other:
        await publish(worker, channel)
        for stream in (one, other):
            await stream.has(1)
        assert await asyncio.to_thread(worker.terminate) == 0
        for stream in (one, other):
            await stream.until_ended()
            farewell = stream.messages[-1].data
            assert farewell["event"] == "server:draining"
            assert farewell["data"]["reconnectInMs"] == stream.retry
    assert "Traceback" not in worker.log()
    worker.start()
    await publish(worker, channel)
    async with listen(worker, channel, last_id=one.last_id) as again:
        assert numbers(await again.has(1)) == [2]


async def test_a_draining_worker_takes_no_new_streams_and_answers_those_who_wait(own_cluster: Cluster) -> None:
    worker, channel, ada = own_cluster.a, likes(), someone()
    room = await open_room(worker, ada)
    poll = asyncio.create_task(worker.rest("GET", f"/api/poll?channel={channel}&wait=25"))
    async with listen(worker, channel) as stream, raw_client(worker, {"token": worker.token(ada)}) as writer:
        await eventually(lambda: stream.comments, "the stream")
        async with writes_wait(worker):
            await writer.ask("message:send", {"roomId": room, "message": "hello"})
            await writer.is_heard()
            await drains(worker)
            reply = await poll
            assert (reply.status, reply.body["data"]["events"]) == (200, [])
            with pytest.raises(StreamRefused) as caught:
                await listen(worker, channel).open()
            assert caught.value.status == 503
            async with listen(worker, channel, **EVENT_STREAM) as refused:
                await refused.until_ended()
                assert refused.retry
            assert not stream.ended, "whoever was there stays until everything else is answered"
        await stream.until_ended()
    assert worker.wait(10) == 0


async def test_streams_of_a_killed_worker_go_on_elsewhere(own_cluster: Cluster) -> None:
    worker, channel = own_cluster.a, likes()
    async with listen(worker, channel) as stream:
        await publish(own_cluster.b, channel)
        await stream.has(1)
        worker.kill()
        await stream.until_ended()
    if len(own_cluster.workers) == 1:
        worker.start()
    await publish(own_cluster.b, channel)
    async with listen(own_cluster.b, channel, last_id=stream.last_id) as again:
        assert numbers(await again.has(1)) == [2]


async def test_an_idle_stream_asks_the_database_nothing(
    start_hubbub: Callable[..., Hubbub], own_postgres: Callable[[], PostgresServer]
) -> None:
    postgres = own_postgres()
    url = postgres.create_database()
    connection = await asyncpg.connect(url)
    await connection.execute(f"ALTER DATABASE {url.rpartition('/')[2]} SET log_min_duration_statement = 0")
    await connection.close()
    worker = start_hubbub(DATABASE_URL=url, HUBBUB_SSE_HEARTBEAT_SECONDS="0.1")
    ada = someone()
    room = await open_room(worker, ada)
    channel = f"room:{room}"
    streams = [listen(worker, channel, token=worker.token(ada)) for _ in range(20)]
    for stream in streams:
        await stream.open()
    await eventually(lambda: all(each.comments >= 5 for each in streams), "heartbeats")
    asked = postgres.log().count(room)
    assert asked > len(streams), "what is asked stands in the log with its parameters"
    beats = streams[0].comments
    await eventually(lambda: streams[0].comments > beats + 30, "more heartbeats")
    # Now and then a worker compares the numbers of all its channels with the log, however many hear them.
    assert postgres.log().count(room) - asked <= 2
    await publish(worker, channel)
    for stream in streams:
        await stream.has(1)
        await stream.close()


async def test_streams_outlive_a_database_that_is_away(upon_postgres: Upon[PostgresServer]) -> None:
    cluster, channel = upon_postgres.cluster, likes()
    async with listen(cluster.a, channel) as stream:
        await eventually(lambda: stream.comments, "the stream")
        upon_postgres.server.stop()
        beats = stream.comments
        await eventually(lambda: stream.comments > beats + 3, "heartbeats")
        upon_postgres.server.start()

        async def published() -> bool:
            sent = {"channel": channel, "event": "thing:changed", "data": None}
            return (await cluster.b.rest("POST", "/api/publish", sent, token=cluster.api_key)).status == 201

        await eventually(published, "the database to be back", 30)
        assert numbers(await stream.has(1)) == [1]
