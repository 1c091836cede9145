"""A storm is let in bit by bit."""

import asyncio

from server.engine.turnstile import Turnstile


async def test_so_many_a_turn_in_order_of_arrival() -> None:
    turnstile = Turnstile(3)
    inside: list[list[int]] = [[]]

    async def visitor(number: int) -> None:
        await turnstile.enter()
        inside[-1].append(number)

    visitors = [asyncio.ensure_future(visitor(number)) for number in range(10)]
    while not all(visitor.done() for visitor in visitors):
        await asyncio.sleep(0)
        inside.append([])
    assert [number for turn in inside for number in turn] == list(range(10))
    assert max(map(len, inside)) == 3


async def test_who_gives_up_holds_up_nobody() -> None:
    turnstile = Turnstile(1)
    first, second, third = (asyncio.ensure_future(turnstile.enter()) for _ in range(3))
    await asyncio.sleep(0)
    second.cancel()
    await asyncio.wait_for(asyncio.gather(first, third), 10)
    await asyncio.wait_for(turnstile.enter(), 10)
