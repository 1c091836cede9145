"""Streams through nginx as it comes: it keeps back what a server sends, unless it is told otherwise."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.server.talk import numbers, publish, publish_many, someone
from tests.support.hubbub import Cluster
from tests.support.nginx import Nginx
from tests.support.process import find_program
from tests.support.sse import SseStream
from tests.support.waiting import eventually


@pytest.fixture(scope="module")
def proxy(cluster: Cluster) -> Iterator[Nginx]:
    """nginx with its default buffering, in front of all workers."""
    nginx = Nginx([worker.port for worker in cluster.workers], buffering=True)
    nginx.start()
    yield nginx
    nginx.kill()


@contextlib.asynccontextmanager
async def curl(*arguments: str) -> AsyncIterator[asyncio.StreamReader]:
    """What a running `curl --no-buffer` prints."""
    program = find_program("curl", "curl")
    process = await asyncio.create_subprocess_exec(
        program, "--silent", "--no-buffer", *arguments, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        yield process.stdout
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        await process.wait()


async def test_each_event_passes_at_once(cluster: Cluster, proxy: Nginx) -> None:
    channel = f"trip:{someone('entity')}:likes"
    async with SseStream(f"{proxy.url}/api/subscribe?channel={channel}") as stream:
        await eventually(lambda: stream.last_id, "the first bytes")
        for number in range(1, 6):
            await publish(cluster.b, channel)
            # One after the other: nothing that comes later pushes it through.
            assert numbers(await stream.has(number)) == list(range(1, number + 1))


async def test_a_long_replay_passes_whole(cluster: Cluster, proxy: Nginx) -> None:
    channel = f"trip:{someone('entity')}:likes"
    for _ in range(3):
        await publish_many(cluster.a, channel, 300)
    async with SseStream(f"{proxy.url}/api/subscribe?channel={channel}", last_id="0") as stream:
        assert numbers(await stream.has(900)) == list(range(1, 901))


async def test_a_client_that_leaves_is_noticed_behind_the_proxy(cluster: Cluster, proxy: Nginx) -> None:
    async def open_streams() -> int:
        texts = [(await worker.rest("GET", "/metrics")).body for worker in cluster.workers]
        lines = [line for text in texts for line in text.splitlines() if line.startswith("hubbub_streams ")]
        return sum(int(float(line.split(" ")[1])) for line in lines)

    before = await open_streams()
    async with SseStream(f"{proxy.url}/api/community/events"):

        async def opened() -> bool:
            return await open_streams() == before + 1

        await eventually(opened, "the stream")

    async def gone() -> bool:
        return await open_streams() == before

    await eventually(gone, "the end of the stream")


@pytest.mark.parametrize("proxied", [False, True])
async def test_curl_shows_a_stream(cluster: Cluster, proxy: Nginx, proxied: bool) -> None:
    trip = someone("trip")
    address = f"{proxy.url if proxied else cluster.a.url}/api/subscribe/trip/{trip}/comments"
    async with curl("--header", "Last-Event-ID: 0", address) as printed, asyncio.timeout(20):
        assert (await printed.readline()).startswith(b"retry: ")
        assert await printed.readline() == b"\n"
        assert await printed.readline() == b"id: 0\n"
        assert await printed.readline() == b"\n"
        await publish(cluster.b, f"trip:{trip}:comments", {"body": "Grüße"}, "comment:created")
        assert await printed.readline() == b"id: 1\n"
        line = (await printed.readline()).decode()
        assert line.startswith('data: {"event":"comment:created","channel":')
        assert line.endswith('"data":{"body":"Grüße"}}\n')


async def test_curl_gets_an_answer_by_polling(cluster: Cluster) -> None:
    async with curl(f"{cluster.a.url}/api/poll?channel=trip:{someone('trip')}:likes&after=0") as printed:
        answer = await printed.read()
    assert answer == b'{"ok":true,"data":{"events":[],"hasMore":false,"seq":0,"recovered":true,"retryAfter":10}}'
