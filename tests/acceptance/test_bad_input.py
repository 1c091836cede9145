"""What bad input gets through Socket.IO: one error reply each; the connection stays, and nothing is stored."""

from collections.abc import Iterator
from typing import Any

import pytest
import pytest_asyncio

from tests.acceptance import contract
from tests.acceptance.people import Gathering, Person, open_room, say

IDS = (7, 1.5, True, [], {}, ["x"], "", "x" * 256, "a\x01b", "a\nb")
# As long as an id and the kind of channel before it may be.
CHANNELS = (7, 1.5, True, [], {}, ["x"], "", "x" * 300, "room:a\x01b", "room:a\nb")
TEXTS = (7, 1.5, True, [], {}, ["x"])
NUMBERS = ("1", "", 1.5, True, [], {}, -1)
LISTS_OF_IDS = ("x", 7, True, {}, [7], [None], [[]], [{}], [""], ["x" * 256], ["x"] * 1001)
CHOICES = ("other", "", 7, True, [], {})

# Of each action: a payload that would be taken, the fields that may not be missing, and what its fields do not take.
ACTIONS: dict[str, tuple[dict[str, Any], set[str], dict[str, tuple[Any, ...]]]] = {
    "room:create": (
        {"name": "Made by mistake"},
        {"name"},
        {
            "name": (*TEXTS, "", " ", "x" * 101),
            "description": (*TEXTS, "x" * 1001),
            "visibility": CHOICES,
            "memberIds": LISTS_OF_IDS,
            "clientId": (*IDS, "x" * 65),
        },
    ),
    "room:list": ({}, set(), {"scope": CHOICES, "limit": (*NUMBERS, 0, 101), "before": IDS}),
    "room:join": ({"roomId": "$room"}, {"roomId"}, {"roomId": IDS}),
    "room:leave": ({"roomId": "$room"}, {"roomId"}, {"roomId": IDS}),
    "room:invite": ({"roomId": "$room", "userId": "$other"}, {"roomId", "userId"}, {"roomId": IDS, "userId": IDS}),
    "room:remove": ({"roomId": "$room", "userId": "$member"}, {"roomId", "userId"}, {"roomId": IDS, "userId": IDS}),
    "room:role": (
        {"roomId": "$room", "userId": "$member", "role": "moderator"},
        {"roomId", "userId", "role"},
        {"roomId": IDS, "userId": IDS, "role": CHOICES},
    ),
    "room:members": ({"roomId": "$room"}, {"roomId"}, {"roomId": IDS, "limit": (*NUMBERS, 0, 1001), "after": IDS}),
    "room:update": (
        {"roomId": "$room", "description": "Changed"},
        {"roomId"},
        {
            "roomId": IDS,
            "name": (*TEXTS, ""),
            "description": TEXTS,
            "visibility": (*CHOICES, "direct"),
            "slowMode": (*NUMBERS, 121),
        },
    ),
    "room:archive": ({"roomId": "$room"}, {"roomId"}, {"roomId": IDS}),
    "message:send": (
        {"roomId": "$room", "message": "Sent by mistake"},
        {"roomId", "message"},
        {
            "roomId": IDS,
            "message": (*TEXTS, "", " ", "x" * 4001, "🎉" * 4001),
            "clientId": (*IDS, "x" * 65),
            "replyToId": IDS,
            "mentions": (*LISTS_OF_IDS, ["x"] * 101),
            "attachments": ("x", 7, True, {}, [7], ["x"], [[]], [{}], [{"url": 7}], [{"url": "javascript:x"}]),
        },
    ),
    "message:history": (
        {"roomId": "$room"},
        {"roomId"},
        {"roomId": IDS, "before": NUMBERS, "after": NUMBERS, "limit": (*NUMBERS, 0, 101)},
    ),
    "message:edit": (
        {"messageId": "$message", "message": "Edited by mistake"},
        {"messageId", "message"},
        {"messageId": IDS, "message": (*TEXTS, "", "x" * 4001), "mentions": LISTS_OF_IDS},
    ),
    "message:delete": ({"messageId": "$message"}, {"messageId"}, {"messageId": IDS}),
    "message:react": (
        {"messageId": "$message", "emoji": "👍"},
        {"messageId", "emoji"},
        {"messageId": IDS, "emoji": (*TEXTS, "", " ", "a b", "x" * 33)},
    ),
    "message:unreact": (
        {"messageId": "$message", "emoji": "🎉"},
        {"messageId", "emoji"},
        {"messageId": IDS, "emoji": (*TEXTS, "", " ", "a b", "x" * 33)},
    ),
    "message:read": ({"roomId": "$room", "seq": 1}, {"roomId", "seq"}, {"roomId": IDS, "seq": NUMBERS}),
    "message:search": ({"q": "mistake"}, {"q"}, {"q": (*TEXTS, "", " ", "x" * 201), "limit": (*NUMBERS, 0, 101)}),
    "typing:start": ({"channel": "room:$room"}, {"channel"}, {"channel": CHANNELS}),
    "typing:stop": ({"channel": "room:$room"}, {"channel"}, {"channel": CHANNELS}),
    "channel:subscribe": (
        {"channel": "room:$room"},
        {"channel"},
        {"channel": CHANNELS, "after": NUMBERS, "snapshot": ("true", 1, [], {})},
    ),
    "channel:unsubscribe": ({"channel": "room:$room"}, {"channel"}, {"channel": CHANNELS}),
}


class Scene:
    """A room with an owner, a member and a message, and all that there is to see of it."""

    def __init__(self, ada: Person, bo: Person, eve: Person, room: dict[str, Any], message: dict[str, Any]) -> None:
        self.ada = ada
        self.room = room
        self._names = {"$room": room["id"], "$member": bo.id, "$other": eve.id, "$message": message["id"]}

    def filled(self, value: Any) -> Any:
        """A payload with the ids of this scene in it."""
        if isinstance(value, str):
            for name, id in self._names.items():
                value = value.replace(name, id)
            return value
        return {name: self.filled(each) for name, each in value.items()} if isinstance(value, dict) else value

    async def state(self) -> Any:
        """Everything that is stored about Ada and her room."""
        channel = await self.ada.subscribes(f"room:{self.room['id']}", after=0)
        own = await self.ada.subscribes(self.ada.own_channel, after=0)
        members = await self.ada.does("room:members", roomId=self.room["id"])
        history = await self.ada.does("message:history", roomId=self.room["id"])
        return await self.ada.does("room:list"), members, history, channel, own

    async def is_refused(self, action: str, *payload: Any) -> dict[str, Any]:
        """Send an event as it stands; the one error that is answered."""
        body = await self.ada.socket.emit(action, *payload)
        contract.reply(body)
        assert not body["ok"], (action, payload, body)
        return body["error"]


@pytest_asyncio.fixture(loop_scope="module")
async def scene(arrive: Gathering) -> Scene:
    ada, bo, eve = [await arrive(name) for name in ("Ada", "Bo", "Eve")]
    room = await open_room(ada, bo)
    (message,) = await say(ada, room, "Before")
    await ada.does("message:react", messageId=message["id"], emoji="🎉")
    return Scene(ada, bo, eve, room, message)


def spoiled(action: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Payloads of an action with one thing wrong, each with the name of the field that is to blame."""
    good, required, wrong = ACTIONS[action]
    for field in sorted(required):
        yield field, {name: value for name, value in good.items() if name != field}
        yield field, good | {field: None}
    for field, values in wrong.items():
        for value in values:
            yield field, good | {field: value}


@pytest.mark.parametrize("action", ACTIONS)
async def test_each_wrong_field_is_named(scene: Scene, action: str) -> None:
    before, connected = await scene.state(), scene.ada.socket.id
    for field, payload in spoiled(action):
        error = await scene.is_refused(action, scene.filled(payload))
        assert error["code"] == "invalid", (payload, error)
        assert list(error["fields"]) == [field], (payload, error)
    assert await scene.state() == before
    assert (scene.ada.socket.id, len(scene.ada.socket.lifecycle)) == (connected, 1)


@pytest.mark.parametrize("payload", ["text", "", 7, 0, 1.5, True, False, [], [{}], [1, 2]], ids=repr)
async def test_a_payload_that_is_no_object_is_invalid(scene: Scene, payload: Any) -> None:
    before = await scene.state()
    for action in [*ACTIONS, "session:get"]:
        assert (await scene.is_refused(action, payload))["code"] == "invalid", action
    assert await scene.state() == before


async def test_no_payload_counts_as_an_empty_object(scene: Scene) -> None:
    before = await scene.state()
    for action, (_, required, _) in ACTIONS.items():
        for nothing in ((), (None,), ({},)):
            if required:
                error = await scene.is_refused(action, *nothing)
                assert (error["code"], set(error["fields"])) == ("invalid", required)
            else:
                assert (await scene.ada.socket.emit(action, *nothing))["ok"]
    assert await scene.state() == before


async def test_unknown_fields_and_further_arguments_are_ignored(scene: Scene) -> None:
    body = await scene.ada.socket.emit("room:list", {"limit": 1, "colour": "red", "__proto__": {}}, "more", 7)
    assert (body["ok"], len(body["data"]["rooms"])) == (True, 1)


async def test_an_unknown_action_is_not_found(scene: Scene) -> None:
    names = ("no:such", "message", "message:", ":send", "message:send ", "MESSAGE:SEND", "x" * 10_000, "", " ", "*")
    for name in (*names, "constructor", "__class__", "toString", "run", "日本語", "channel:publish-all"):
        assert (await scene.is_refused(name, {"roomId": scene.room["id"]}))["code"] == "not_found", name
    assert (await scene.is_refused(7, {}))["code"] == "not_found"  # type: ignore[arg-type]


async def test_binary_where_text_is_due_is_invalid(scene: Scene) -> None:
    before, room = await scene.state(), scene.room["id"]
    for payload in (
        b"binary",
        {"roomId": room, "message": b"binary"},
        {"roomId": b"binary", "message": "Hm"},
        {"roomId": room, "message": "Hm", "attachments": [b"binary"]},
        {"roomId": room, "message": "Hm", "attachments": [{"url": "/x", "deep": [{"er": b""}]}]},
        [b"binary"],
    ):
        assert (await scene.is_refused("message:send", payload))["code"] == "invalid", payload
        assert (await scene.is_refused("no:such", payload))["code"] == "not_found", payload
    assert await scene.state() == before


def nested(depth: int, inside: Any = None) -> Any:
    """That many lists and objects in turn, one in the other."""
    for level in range(depth):
        inside = [inside] if level % 2 else {"in": inside}
    return inside


async def test_nesting_has_32_levels_at_most(scene: Scene) -> None:
    before = await scene.state()
    payload = {"roomId": scene.room["id"], "message": "Hm"}
    for depth in (30, 40, 60, 90, 120):
        attachment = {"url": "/x", "in": nested(depth)}
        error = await scene.is_refused("message:send", payload | {"attachments": [attachment]})
        assert error["code"] == "invalid", depth
    assert await scene.state() == before
    # The payload itself, the list and the attachment are the first three.
    body = await scene.ada.socket.emit("message:send", payload | {"attachments": [{"url": "/x", "in": nested(29)}]})
    assert body["ok"], body


async def test_a_payload_has_1000_keys_at_most(scene: Scene) -> None:
    before = await scene.state()
    good = {"roomId": scene.room["id"], "message": "Hm"}
    for extra in (
        {f"key{number}": 0 for number in range(999)},
        {"attachments": [{"url": "/x"} | {f"key{number}": 0 for number in range(997)}]},
        {"extra": [{"key": 0}] * 998},
    ):
        assert (await scene.is_refused("message:send", good | extra))["code"] == "invalid"
    assert await scene.state() == before
    body = await scene.ada.socket.emit("message:send", good | {f"key{number}": 0 for number in range(998)})
    assert body["ok"], body


async def test_control_characters_are_removed_from_text_and_refused_in_ids(scene: Scene) -> None:
    noise = "".join(map(chr, [*range(32), *range(0x7F, 0xA0)]))
    body = await scene.ada.socket.emit("message:send", {"roomId": scene.room["id"], "message": f"a{noise}b"})
    assert body["data"]["message"] == "a\t\n\rb"
    error = await scene.is_refused("message:send", {"roomId": scene.room["id"], "message": "\x00\x01\x7f\x85"})
    assert list(error["fields"]) == ["message"]
    # NUL is no exception: what remains of the id without it is another id.
    assert (await scene.is_refused("message:history", {"roomId": f"{scene.room['id']}\x01"}))["code"] == "invalid"


async def test_an_event_without_an_acknowledgement_is_handled_all_the_same(scene: Scene) -> None:
    scene.ada.socket.send("message:send", {"roomId": scene.room["id"], "message": 7})
    scene.ada.socket.send("no:such")
    scene.ada.socket.send("message:send", {"roomId": scene.room["id"], "message": "No answer, please"})
    told = await scene.ada.hears("message:created", lambda message: message["seq"] == 2)
    assert told["data"]["message"] == "No answer, please"
    assert len(scene.ada.socket.lifecycle) == 1
