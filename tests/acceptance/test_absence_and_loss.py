"""Who comes back hears nothing of what was deleted, or said after they lost access."""

import pytest

from tests.acceptance.people import Gathering, open_room, say
from tests.acceptance.test_absence import OPTIONS, is_lost, texts_heard


async def test_what_was_deleted_meanwhile_is_not_told(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo", options=OPTIONS)
    room = await open_room(ada, bo)
    await is_lost(bo)
    (message,) = await say(ada, room, "The password is swordfish")
    await ada.does("message:delete", messageId=message["id"])
    await bo.socket.open()
    await bo.hears("message:deleted")
    assert "swordfish" not in str(bo.socket.events)


@pytest.mark.parametrize("loss", ["is removed", "leaves", "room becomes private"])
async def test_who_lost_access_meanwhile_comes_back_to_nothing(arrive: Gathering, loss: str) -> None:
    ada = await arrive("Ada", at=arrive.cluster.a)
    bo, cy = [await arrive(name, at=arrive.cluster.b, options=OPTIONS) for name in ("Bo", "Cy")]
    if loss == "room becomes private":
        room = await open_room(ada, cy)
        await bo.subscribes(f"room:{room['id']}")
    else:
        room = await open_room(ada, bo, cy, visibility="private")
    await say(ada, room, "Before")
    await bo.hears("message:created")
    await is_lost(bo)
    if loss == "is removed":
        await ada.does("room:remove", roomId=room["id"], userId=bo.id)
    elif loss == "leaves":
        path = f"/api/chat/rooms/{room['id']}/members/me"
        assert (await bo.worker.rest("DELETE", path, token=bo.credential)).status == 200
    else:
        await ada.does("room:update", roomId=room["id"], visibility="private")
    await say(ada, room, "Meanwhile")
    await bo.socket.open()
    await say(ada, room, "Afterwards")
    assert await texts_heard(bo, room, cy, "Afterwards") == ["Before"]
    await bo.refused("not_found", "channel:subscribe", channel=f"room:{room['id']}")


async def test_what_was_deleted_meanwhile_is_quoted_in_no_notification(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo", options=OPTIONS)
    room = await open_room(ada, bo)
    await is_lost(bo)
    await say(ada, room, f"Harmless, @{bo.id}")
    (message,) = await say(ada, room, f"@{bo.id}, the password is swordfish")
    await ada.does("message:delete", messageId=message["id"])
    await bo.socket.open()
    await bo.hears("message:deleted")
    told = [each["notification"] for each in bo.heard("notification:created")]
    assert "swordfish" not in str(bo.socket.events)
    # Recovered, or begun anew: either way nobody quotes it.
    assert [each["message"] for each in told] in ([], [f"Harmless, @{bo.id}", ""])
