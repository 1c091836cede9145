"""Group work: what arrives while a run is under way shares the next one."""

import asyncio

import pytest

from server.batcher import Batcher


async def test_what_arrives_meanwhile_shares_the_next_run() -> None:
    """The first run has what came in one turn, the second all that came while it ran, each in its order."""
    runs: list[list[int]] = []
    gate = asyncio.Event()

    async def run(items: list[int]) -> None:
        runs.append(items)
        await gate.wait()

    batcher = Batcher(run, 100)
    first = [asyncio.create_task(batcher.submit(number)) for number in range(3)]
    while not runs:
        await asyncio.sleep(0)
    second = [asyncio.create_task(batcher.submit(number)) for number in range(3, 8)]
    await asyncio.sleep(0)
    gate.set()
    await asyncio.gather(*first, *second)
    assert runs == [[0, 1, 2], [3, 4, 5, 6, 7]]


async def test_a_batch_has_a_size() -> None:
    """What is over it waits for the next."""
    runs: list[int] = []

    async def run(items: list[int]) -> None:
        runs.append(len(items))

    batcher = Batcher(run, 4)
    await asyncio.gather(*(batcher.submit(number) for number in range(10)))
    assert runs == [4, 4, 2]


async def test_an_error_reaches_everybody_in_the_run_and_nobody_else() -> None:
    """The next run starts afresh."""

    async def run(items: list[int]) -> None:
        if 1 in items:
            raise LookupError("one")

    batcher = Batcher(run, 2)
    found = await asyncio.gather(*(batcher.submit(number) for number in range(4)), return_exceptions=True)
    assert [type(each) for each in found] == [LookupError, LookupError, type(None), type(None)]


async def test_somebody_who_stops_waiting_disturbs_nobody() -> None:
    """The run goes on, and the others get their answer."""
    gate = asyncio.Event()

    async def run(items: list[int]) -> None:
        await gate.wait()

    batcher = Batcher(run, 10)
    impatient, patient = (asyncio.create_task(batcher.submit(number)) for number in range(2))
    await asyncio.sleep(0)
    impatient.cancel()
    with pytest.raises(asyncio.CancelledError):
        await impatient
    gate.set()
    await patient
