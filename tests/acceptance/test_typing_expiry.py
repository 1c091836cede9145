"""Typing ends by itself two seconds after the last start, and not before."""

import asyncio
import secrets

import pytest

from tests.acceptance.people import Gathering
from tests.acceptance.typists import PLACES, channel_of, sees, start
from tests.support.waiting import eventually


@pytest.mark.parametrize("place", PLACES)
async def test_typing_ends_by_itself(arrive: Gathering, place: str) -> None:
    ada, bo, cy = [await arrive(name) for name in ("Ada", "Bo", "Cy")]
    channel = await channel_of(place, ada, bo, cy)
    await start(ada, channel)
    for each in (bo, cy):
        await sees(each, channel, ada)
    for each in (ada, bo, cy):
        await sees(each, channel)


async def test_typing_goes_on_as_long_as_it_is_repeated(arrive: Gathering) -> None:
    ada, bo, clock = [await arrive(name) for name in ("Ada", "Bo", "Clock")]
    channel, elsewhere = await channel_of("room", ada, bo), f"trip:{secrets.token_hex(5)}:comments"
    await clock.subscribes(elsewhere)
    await start(clock, elsewhere)
    await start(ada, channel)
    await sees(bo, channel, ada)
    over = asyncio.create_task(sees(clock, elsewhere))

    async def repeat() -> bool:
        await start(ada, channel)
        return over.done()

    # Somebody who began before her and did not repeat it ends: her own two seconds are over twice.
    await eventually(repeat, "the other's end")
    await start(clock, elsewhere)
    over = asyncio.create_task(sees(clock, elsewhere))
    await eventually(repeat, "the other's end")
    await bo.is_up_to_date()
    assert [[user["id"] for user in data["users"]] for data in bo.heard("typing:changed")] == [[ada.id]]
    await sees(bo, channel)
