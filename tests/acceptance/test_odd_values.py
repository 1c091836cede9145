"""What a JavaScript client may say without meaning to gets its reply, and the connection stays."""

from typing import Any

import pytest

from tests.acceptance.people import Gathering, open_room


@pytest.mark.parametrize("value", ["half an emoji \ud83c", 2**53, 10**20, 10**30, 1e300])
@pytest.mark.parametrize("field", ["message", "seq", "clientId", "attachments"])
async def test_what_javascript_can_say_gets_a_reply(arrive: Gathering, value: Any, field: str) -> None:
    ada = await arrive("Ada")
    room = await open_room(ada)
    if field == "seq":
        body = await ada.socket.emit("message:read", {"roomId": room["id"], "seq": value}, timeout=3)
    else:
        if field == "attachments":
            value = [{"url": "/x", "n": value}]
        body = await ada.socket.emit("message:send", {"roomId": room["id"], "message": "Hm", field: value}, timeout=3)
    assert body["ok"] in {True, False}
    assert len(ada.socket.lifecycle) == 1


@pytest.mark.parametrize("depth", [125, 130, 200])
async def test_deep_nesting_is_invalid(arrive: Gathering, depth: int) -> None:
    ada = await arrive("Ada")
    inside: Any = None
    for _ in range(depth):
        inside = [inside]
    body = await ada.socket.emit("room:list", {"x": inside}, timeout=3)
    assert body["error"]["code"] == "invalid"
    assert len(ada.socket.lifecycle) == 1
