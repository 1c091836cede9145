"""People who come, or come back, while something happens in their room."""

import asyncio
from typing import Any

import pytest

from tests.acceptance.people import Gathering, Person, open_room, say

# They come back when the test lets them, not by themselves.
OPTIONS = {"reconnection": False}


async def is_lost(person: Person) -> None:
    """Cut somebody's connection."""
    person.socket.drop()
    await person.socket.wait_for("disconnect")


async def texts_heard(person: Person, room: dict[str, Any], witness: Person, last: str) -> list[str]:
    """What somebody has heard of a room by the time at which a witness on the same worker has heard the last text."""
    await witness.hears("message:created", lambda message: message["message"] == last)
    await person.is_up_to_date()
    return [message["message"] for message in person.heard("message:created", f"room:{room['id']}")]


async def test_who_comes_back_hears_what_was_said_meanwhile(arrive: Gathering) -> None:
    ada, bo, cy = [await arrive(name, at=arrive.cluster.b, options=OPTIONS) for name in ("Ada", "Bo", "Cy")]
    room = await open_room(ada, bo, cy)
    await say(ada, room, "One")
    await bo.hears("message:created")
    await is_lost(bo)
    await say(ada, room, "Two", "Three")
    await bo.socket.open()
    assert bo.socket.recovered
    await say(ada, room, "Four")
    assert await texts_heard(bo, room, cy, "Four") == ["One", "Two", "Three", "Four"]


@pytest.mark.parametrize("action", ["room:join", "channel:subscribe"])
async def test_who_is_removed_while_subscribing_hears_nothing_more(arrive: Gathering, action: str) -> None:
    ada = await arrive("Ada", at=arrive.cluster.a)
    bo, cy = [await arrive(name, at=arrive.cluster.b) for name in ("Bo", "Cy")]
    # Some of these rounds fall between the look at who Bo is and the beginning of his subscription.
    for _ in range(12):
        room = await open_room(ada, bo, cy, visibility="private")
        place = {"roomId": room["id"]} if action == "room:join" else {"channel": f"room:{room['id']}"}
        asked = [asyncio.create_task(bo.call(action, **place)) for _ in range(30)]
        await asked[3]
        await ada.does("room:remove", roomId=room["id"], userId=bo.id)
        outcomes = [body["ok"] for body, _ in await asyncio.gather(*asked)]
        assert outcomes == sorted(outcomes, reverse=True)
        await say(ada, room, "Between us")
        assert await texts_heard(bo, room, cy, "Between us") == []
