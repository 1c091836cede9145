"""Who may do what in which room: the whole matrix, through both doors."""

from dataclasses import dataclass
from typing import Any

import pytest

from tests.acceptance.people import DOORS, Gathering, Person, open_room, say

pytestmark = pytest.mark.parametrize("door", DOORS)

UNAUTHENTICATED, FORBIDDEN, NOT_FOUND, OK = "unauthenticated", "forbidden", "not_found", "ok"
KINDS = ("visitor", "backend", "stranger", "member", "moderator", "owner", "application moderator", "admin")
# In a public room, what each of KINDS may do; the message is another member's, and so is the place in the room.
READ = (UNAUTHENTICATED, FORBIDDEN, OK, OK, OK, OK, OK, OK)
WRITE = (UNAUTHENTICATED, FORBIDDEN, FORBIDDEN, OK, OK, OK, FORBIDDEN, FORBIDDEN)
MODERATE = (UNAUTHENTICATED, FORBIDDEN, FORBIDDEN, FORBIDDEN, OK, OK, OK, OK)
OWN = (UNAUTHENTICATED, FORBIDDEN, FORBIDDEN, FORBIDDEN, FORBIDDEN, OK, OK, OK)
NEVER = (UNAUTHENTICATED, *[FORBIDDEN] * 7)
MATRIX = {
    "room:members": READ,
    "message:history": READ,
    "message:search": READ,
    "room:join": READ,
    "message:send": WRITE,
    "message:react": WRITE,
    "message:unreact": WRITE,
    "message:read": WRITE,
    "typing:start": WRITE,
    "room:update": MODERATE,
    "room:invite": MODERATE,
    "room:remove": MODERATE,
    "message:delete": MODERATE,
    "room:role": OWN,
    "room:archive": OWN,
    "message:edit": NEVER,
}


@dataclass
class Scene:
    """A room with somebody in each role, a message of somebody else's, and somebody outside."""

    room: dict[str, Any]
    people: dict[str, Person]
    author: Person
    outsider: Person
    message: dict[str, Any]

    def payload(self, action: str) -> dict[str, Any]:
        """The payload with which anybody would call an action here."""
        room, message = {"roomId": self.room["id"]}, {"messageId": self.message["id"]}
        return {
            "message:send": room | {"message": "Hello"},
            "message:react": message | {"emoji": "👍"},
            "message:unreact": message | {"emoji": "👍"},
            "message:read": room | {"seq": 1},
            "message:search": room | {"q": "hello"},
            "message:edit": message | {"message": "Other words"},
            "message:delete": message,
            "typing:start": {"channel": f"room:{self.room['id']}"},
            "room:update": room | {"description": "Changed"},
            "room:invite": room | {"userId": self.outsider.id},
            "room:remove": room | {"userId": self.author.id},
            "room:role": room | {"userId": self.author.id, "role": "moderator"},
        }.get(action, room)


async def set_up(arrive: Gathering, visibility: str) -> Scene:
    """A new scene; nobody subscribes."""
    people = {
        "visitor": await arrive.visitor(),
        "backend": await arrive.backend(),
        "application moderator": await arrive("Mo", role="moderator"),
        "admin": await arrive("Root", role="admin"),
    }
    for name in ("stranger", "member", "moderator", "owner"):
        people[name] = await arrive(name.title())
    author, outsider = await arrive("Author"), await arrive("Outsider")
    return await renew(Scene({}, people, author, outsider, {}), visibility)


async def renew(scene: Scene, visibility: str) -> Scene:
    """The same people with another room and another message."""
    owner, moderator = scene.people["owner"], scene.people["moderator"]
    room = await open_room(owner, scene.people["member"], moderator, scene.author, visibility=visibility)
    await owner.does("room:role", roomId=room["id"], userId=moderator.id, role="moderator")
    (message,) = await say(scene.author, room, "hello")
    return Scene(room, scene.people, scene.author, scene.outsider, message)


async def outcome(person: Person, action: str, scene: Scene) -> str:
    """`ok`, or the code of the error."""
    body, _ = await person.call(action, **scene.payload(action))
    return OK if body["ok"] else body["error"]["code"]


async def state(scene: Scene) -> dict[str, Any]:
    """Everything about the room that an action could have changed."""
    owner = scene.people["owner"]
    members = (await owner.does("room:members", roomId=scene.room["id"]))["members"]
    (listed,) = [each for each in (await owner.does("room:list"))["rooms"] if each["id"] == scene.room["id"]]
    replay = await owner.subscribes(f"room:{scene.room['id']}", after=0)
    return {
        "history": await owner.does("message:history", roomId=scene.room["id"]),
        "members": {each["userId"]: (each["role"], each["lastReadSeq"]) for each in members},
        "room": listed,
        "seq": replay["seq"],
        "events": replay["events"],
    }


def expectations(visibility: str) -> dict[tuple[str, str], str]:
    """What each kind of person gets for each action."""
    expected = {(kind, action): what for action, row in MATRIX.items() for kind, what in zip(KINDS, row, strict=True)}
    if visibility == "private":
        # Who is not in a private room does not even learn that it exists.
        for (kind, action), what in expected.items():
            if kind in {"stranger", "application moderator", "admin"}:
                expected[kind, action] = NOT_FOUND
            assert what in {OK, UNAUTHENTICATED, FORBIDDEN}
    return expected


@pytest.mark.parametrize("visibility", ["public", "private"])
async def test_what_is_refused_changes_nothing(arrive: Gathering, visibility: str) -> None:
    scene = await set_up(arrive, visibility)
    before = await state(scene)
    refusals = {pair: what for pair, what in expectations(visibility).items() if what != OK}
    found = {(kind, action): await outcome(scene.people[kind], action, scene) for kind, action in refusals}
    assert found == refusals
    assert await state(scene) == before


@pytest.mark.parametrize("visibility", ["public", "private"])
async def test_what_is_allowed_succeeds(arrive: Gathering, visibility: str) -> None:
    scene = await set_up(arrive, visibility)
    allowed = {pair: what for pair, what in expectations(visibility).items() if what == OK}
    found = {}
    for kind, action in allowed:
        scene = await renew(scene, visibility)
        found[kind, action] = await outcome(scene.people[kind], action, scene)
    assert found == allowed


async def test_a_direct_room_belongs_to_its_people_alike(arrive: Gathering) -> None:
    scene = await set_up(arrive, "private")
    ada, bo = scene.people["member"], scene.author
    scene.people |= {"owner": ada}
    scene.room = await ada.creates("room:create", visibility="direct", memberIds=[bo.id])
    (scene.message,) = await say(bo, scene.room, "hello")
    before = await state(scene)
    for action in MATRIX:
        for kind in ("stranger", "application moderator", "admin"):
            assert await outcome(scene.people[kind], action, scene) == NOT_FOUND, (kind, action)
    for action in ("room:update", "room:invite", "room:remove", "room:role", "room:archive", "message:delete"):
        assert await outcome(ada, action, scene) == FORBIDDEN, action
    assert await state(scene) == before
    for action in ("room:members", "message:history", "message:send", "message:react", "message:read", "typing:start"):
        assert await outcome(ada, action, scene) == OK, action


async def test_everything_takes_a_room_that_is_there(arrive: Gathering) -> None:
    scene = await set_up(arrive, "public")
    scene.room, scene.message = {"id": "no-such-room"}, {"id": "no-such-message"}
    for kind in ("member", "admin"):
        for action in [*MATRIX, "room:leave"]:
            assert await outcome(scene.people[kind], action, scene) == NOT_FOUND, (kind, action)
    for action in [*MATRIX, "room:leave", "room:list", "room:create", "typing:stop"]:
        assert await outcome(scene.people["visitor"], action, scene) == UNAUTHENTICATED, action
