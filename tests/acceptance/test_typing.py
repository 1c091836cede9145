"""Typing: who is writing at this moment, on all workers."""

import secrets

import pytest

from tests.acceptance.people import Gathering, open_room, say
from tests.acceptance.typists import PLACES, channel_of, sees, start


@pytest.fixture(scope="module")
def cluster_variables(cluster_variables: dict[str, str | None]) -> dict[str, str | None]:
    """Typing that does not end by itself within these tests; test_typing_expiry.py has the default."""
    return cluster_variables | {"HUBBUB_TYPING_SECONDS": "600"}


@pytest.mark.parametrize("place", PLACES)
async def test_everyone_who_types_is_told_to_everyone(arrive: Gathering, place: str) -> None:
    ada, bo, cy = [await arrive(name) for name in ("Ada", "Bo", "Cy")]
    channel = await channel_of(place, ada, bo, cy)
    everyone = (ada, bo, cy)
    await start(ada, channel)
    for each in everyone:
        await sees(each, channel, ada)
    await start(bo, channel)
    for each in everyone:
        await sees(each, channel, ada, bo)
    await start(cy, channel)
    for each in everyone:
        await sees(each, channel, ada, bo, cy)
    for typist, left in ((bo, (ada, cy)), (ada, (cy,)), (cy, ())):
        await typist.does("typing:stop", channel=channel)
        for each in everyone:
            await sees(each, channel, *left)


async def test_typing_ends_with_what_was_typed(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    room = await open_room(ada, bo)
    channel = f"room:{room['id']}"
    await start(ada, channel)
    await sees(bo, channel, ada)
    (message,) = await say(ada, room, "Done")
    await sees(bo, channel)
    assert (await bo.hears("message:created"))["data"] == message
    names = [received.event for received in bo.socket.events]
    assert [name for name in names if name in {"typing:changed", "message:created"}] == [
        "typing:changed",
        "message:created",
        "typing:changed",
    ]


async def test_typing_ends_with_the_connection(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    channel = await channel_of("room", ada, bo)
    await start(ada, channel)
    await sees(bo, channel, ada)
    await ada.socket.disconnect()
    await sees(bo, channel)


async def test_typing_ends_with_membership(arrive: Gathering) -> None:
    ada, bo, cy = [await arrive(name) for name in ("Ada", "Bo", "Cy")]
    room = await open_room(ada, bo, cy)
    channel = f"room:{room['id']}"
    await start(bo, channel)
    await sees(cy, channel, bo)
    await ada.does("room:remove", roomId=room["id"], userId=bo.id)
    await sees(cy, channel)
    await start(cy, channel)
    await sees(ada, channel, cy)
    await cy.does("room:leave", roomId=room["id"])
    await sees(ada, channel)


async def test_typing_in_one_place_is_not_seen_in_another(arrive: Gathering) -> None:
    ada, bo, cy = [await arrive(name) for name in ("Ada", "Bo", "Cy")]
    here, there = await channel_of("room", ada, bo), await channel_of("room", ada, cy)
    await start(ada, here)
    await sees(bo, here, ada)
    await start(ada, there)
    await sees(cy, there, ada)
    assert {event["channel"] for event in cy.socket.received("typing:changed")} == {there}
    assert {event["channel"] for event in bo.socket.received("typing:changed")} == {here}


async def test_who_subscribes_later_sees_who_types(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada", at=arrive.cluster.a), await arrive("Bo", at=arrive.cluster.a)
    channel = f"trip:{secrets.token_hex(5)}:comments"
    await start(ada, channel)
    reply = await bo.subscribes(channel, snapshot=True)
    assert reply["snapshot"]["typing"] == [{"id": ada.id, "name": "Ada"}]


async def test_who_is_the_first_of_a_worker_to_hear_a_channel_sees_who_types_already(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada", at=arrive.cluster.a), await arrive("Bo", at=arrive.cluster.b)
    channel = f"trip:{secrets.token_hex(5)}:comments"
    await ada.subscribes(channel)
    await start(ada, channel)
    reply = await bo.subscribes(channel, snapshot=True)
    if reply["snapshot"]["typing"] != [{"id": ada.id, "name": "Ada"}]:
        await sees(bo, channel, ada)
    await ada.does("typing:stop", channel=channel)
    await sees(bo, channel)


async def test_starting_and_stopping_are_never_stored(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    channel = await channel_of("room", ada, bo)
    before = await bo.subscribes(channel)
    await start(ada, channel)
    await sees(bo, channel, ada)
    await ada.does("typing:stop", channel=channel)
    await sees(bo, channel)
    replay = await bo.subscribes(channel, after=before["seq"])
    assert (replay["events"], replay["seq"]) == ([], before["seq"])


async def test_nobody_types_where_they_may_not_write(arrive: Gathering) -> None:
    ada, eve, visitor = await arrive("Ada"), await arrive("Eve"), await arrive.visitor()
    public, private = await open_room(ada), await open_room(ada, visibility="private")
    await eve.refused("forbidden", "typing:start", channel=f"room:{public['id']}")
    await eve.refused("not_found", "typing:start", channel=f"room:{private['id']}")
    await eve.refused("not_found", "typing:start", channel="room:no-such-room")
    await eve.refused("not_found", "typing:start", channel="nonsense")
    for channel in (f"trip:{secrets.token_hex(5)}:likes", "presence", f"user:{eve.id}", "app:news", "admin"):
        await eve.refused("invalid", "typing:start", channel=channel)
    for channel in (f"room:{public['id']}", "community", "trip:1:comments"):
        await visitor.refused("unauthenticated", "typing:start", channel=channel)
    for bad in ({}, {"channel": None}, {"channel": 7}, {"channel": ""}, {"channel": ["community"]}):
        for action in ("typing:start", "typing:stop"):
            error = await ada.refused("invalid", action, **bad)
            assert list(error["fields"]) == ["channel"]
    await ada.does("typing:stop", channel=f"room:{public['id']}")
    await ada.is_up_to_date()
    assert ada.heard("typing:changed") == []
