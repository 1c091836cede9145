"""Acknowledgements across workers: they arrive, or fail as soon as it is certain that they won't."""

import asyncio
import socket
import sys

import pytest

from server.engine.remote_calls import Answer, ClientGone
from tests.server.engine.worker import StartWorker, connect
from tests.support.process import ROOT, Process, free_port, temporary_folder
from tests.support.redis_server import RedisServer
from tests.support.waiting import eventually

pytestmark = pytest.mark.filterwarnings("error::ResourceWarning")


async def test_a_call_is_answered_by_a_client_of_any_worker(start_worker: StartWorker) -> None:
    here, there = await start_worker(), await start_worker()
    for worker in (here, there):
        client = await worker.connect()
        client.answers["ask"] = ({"got": b"\x00\n"}, 2)
        assert await here.sio.call("ask", ("question", b"bytes"), to=client.sid) == ({"got": b"\x00\n"}, 2)
        assert client.received == [("ask", ("question", b"bytes"))]


async def test_a_callback_may_be_a_coroutine_function(start_worker: StartWorker) -> None:
    here, there = await start_worker(), await start_worker()
    client = await there.connect()
    client.answers["ask"] = "answer"
    answers = []

    async def answered(answer: str) -> None:
        await asyncio.sleep(0)
        answers.append(answer)

    await here.sio.emit("ask", to=client.sid, callback=answered)
    await eventually(lambda: answers == ["answer"], "the callback to run")


async def test_a_callback_for_a_room_is_called_for_each_member(start_worker: StartWorker) -> None:
    here, there = await start_worker(), await start_worker()
    for worker in (here, there, there):
        client = await (await worker.connect()).join("room")
        client.answers["ask"] = client.sid
    answers: list[str] = []
    await here.sio.emit("ask", room="room", callback=answers.append)
    everybody = sorted(client.sid for worker in (here, there) for client in worker.clients)
    await eventually(lambda: sorted(answers) == everybody, "three answers")


@pytest.mark.parametrize("at", ["here", "there"])
async def test_a_call_fails_at_once_when_its_client_leaves(start_worker: StartWorker, at: str) -> None:
    here, there = await start_worker(), await start_worker()
    client = await (here if at == "here" else there).connect()
    leaving = asyncio.Event()

    async def hesitate() -> None:
        leaving.set()
        await asyncio.Event().wait()

    client.io.on("ask", hesitate)
    answer = Answer()
    await here.sio.emit("ask", to=client.sid, callback=answer)
    await leaving.wait()
    await client.io.disconnect()
    with pytest.raises(ClientGone):
        await asyncio.wait_for(answer, 10)


async def test_a_call_to_a_client_that_is_nowhere_fails_at_once(start_worker: StartWorker) -> None:
    worker = await start_worker(take_seconds=0.2)
    with pytest.raises(ClientGone):
        await asyncio.wait_for(worker.sio.call("ask", to="nobody"), 10)


@pytest.mark.parametrize("end", ["killed", "frozen"])
async def test_a_call_to_a_worker_that_dies_fails_at_once(
    redis_server: RedisServer, start_worker: StartWorker, channel: str, end: str
) -> None:
    here = await start_worker(silence_seconds=0.6)
    port = free_port()
    there = Process(
        "worker",
        [sys.executable, "-m", "tests.server.engine.worker", str(port), redis_server.url, channel],
        cwd=ROOT,
        log_path=temporary_folder("worker") / "worker.log",
        ready=lambda: _listens(port),
    )
    there.start()
    try:
        client = await connect(port)
        asked = asyncio.Event()

        async def hesitate() -> None:
            asked.set()
            await asyncio.Event().wait()

        client.io.on("ask", hesitate)
        answer = Answer()
        await here.sio.emit("ask", to=client.sid, callback=answer)
        await asked.wait()
        if end == "killed":
            there.kill()
        else:
            there.pause()
        with pytest.raises(ClientGone):
            await asyncio.wait_for(answer, 10)
    finally:
        there.kill()
        await client.io.disconnect()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


async def test_a_worker_that_lives_keeps_a_call_open(start_worker: StartWorker) -> None:
    here, there = await start_worker(silence_seconds=0.3, take_seconds=0.2), await start_worker()
    client = await there.connect()
    go = asyncio.Event()

    async def answer_later() -> str:
        await go.wait()
        return "late"

    client.io.on("ask", answer_later)
    answer = Answer()
    await here.sio.emit("ask", to=client.sid, callback=answer)
    # Calls to nobody fail one after the other, so that the other worker is asked many times whether it lives.
    for _ in range(5):
        nobody = Answer()
        await here.sio.emit("ask", to="nobody", callback=nobody)
        with pytest.raises(ClientGone):
            await nobody
    go.set()
    assert await asyncio.wait_for(answer, 10) == ("late",)


async def test_callbacks_that_nobody_answers_are_bounded_and_freed(start_worker: StartWorker) -> None:
    here, there = await start_worker(max_remote_callbacks=100), await start_worker(max_callbacks=50)
    client = await there.connect()
    client.io.on("ask", asyncio.Event().wait)
    answers = [Answer() for _ in range(300)]
    for answer in answers:
        await here.sio.emit("ask", to=client.sid, callback=answer)
    await eventually(lambda: len(here.manager._calls) == 50, "the oldest to be let go")
    await eventually(lambda: len(there.manager.callbacks[client.sid]) == 50, "the oldest to be let go")
    with pytest.raises(ClientGone, match="oldest"):
        await answers[0]
    await client.io.disconnect()
    await eventually(lambda: not len(here.manager._calls), "the rest to be freed")
    with pytest.raises(ClientGone):
        await answers[-1]
