"""Deadlines of one delay on one timer."""

import asyncio
from typing import Any

from server.engine.deadlines import BATCH, Deadlines


async def test_each_key_is_due_once_in_order_and_not_too_early() -> None:
    loop = asyncio.get_running_loop()
    due: list[tuple[Any, int]] = []
    over = asyncio.Event()

    def fell_due(key: Any, mark: int, when: float) -> None:
        assert loop.time() >= when
        due.append((key, mark))
        if len(due) == 3 * BATCH:
            over.set()

    deadlines = Deadlines(0.01, fell_due)
    for number in range(3 * BATCH):
        deadlines.add(f"key {number}", number)
    await asyncio.wait_for(over.wait(), 10)
    assert due == [(f"key {number}", number) for number in range(3 * BATCH)]


async def test_a_deadline_may_start_in_the_past_and_another_when_it_falls_due() -> None:
    loop = asyncio.get_running_loop()
    due: list[Any] = []
    over = asyncio.Event()

    def fell_due(key: Any, mark: int, when: float) -> None:
        due.append(key)
        if mark:
            deadlines.add(f"{key} again", mark - 1, since=when)
        else:
            over.set()

    deadlines = Deadlines(0.01, fell_due)
    deadlines.add("first", 2, since=loop.time() - 1)
    await asyncio.wait_for(over.wait(), 10)
    assert due == ["first", "first again", "first again again"]


async def test_cleared_deadlines_never_fall_due() -> None:
    due: list[Any] = []
    forgotten = Deadlines(0, lambda key, mark, when: due.append(key))
    forgotten.add("key")
    forgotten.clear()
    over = asyncio.Event()
    other = Deadlines(0, lambda key, mark, when: over.set())
    other.add("key")
    await asyncio.wait_for(over.wait(), 10)
    assert due == []
