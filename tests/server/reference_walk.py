"""A walk through every action: what is sent, answered and heard on the way is held against the reference."""

import secrets
import time
from collections.abc import Awaitable, Callable
from io import BytesIO
from typing import Any

import aiohttp
from PIL import Image

from handlers.events import EVENTS
from server.engine.recovery import READY_EVENT
from tests.server.reference import Reference
from tests.support.hubbub import Cluster, Hubbub
from tests.support.js import JsClients, JsSocket
from tests.support.push_service import Browser
from tests.support.updates import Pad, awareness
from tests.support.waiting import eventually

PUBLISHED = "order:paid"
"""What a backend publishes on the walk; every other event is the server's own."""


class Person:
    """Somebody at a worker, connected; `credential` is a token, or a backend's API key."""

    def __init__(self, worker: Hubbub, id: str, credential: str | None, socket: JsSocket) -> None:
        self.worker = worker
        self.id = id
        self.credential = credential
        self.socket = socket


class Walk:
    """Calls actions through one door, or over Socket.IO where they have but that."""

    def __init__(self, reference: Reference, cluster: Cluster, js: JsClients, door: str) -> None:
        self.reference = reference
        self.cluster = cluster
        self.door = door
        self.called: set[str] = set()
        self._js = js
        self._people: list[Person] = []

    async def user(self, name: str, worker: Hubbub, **claims: Any) -> Person:
        """Somebody new who is signed in."""
        id = f"{name}-{secrets.token_hex(4)}"
        token = self.cluster.token(id, **claims)
        return await self._enter(worker, id, token, {"token": token})

    async def backend(self) -> Person:
        """A backend."""
        return await self._enter(self.cluster.a, "", self.cluster.api_key, {"apiKey": self.cluster.api_key})

    async def visitor(self) -> Person:
        """Somebody without a token."""
        return await self._enter(self.cluster.a, "", None, None)

    async def call(self, person: Person, action: str, /, **payload: Any) -> tuple[Any, int | None]:
        """Call an action: the body of its reply and, over HTTP, the status."""
        self.called.add(action)
        if self.door == "rest" and self.reference.has_route(action):
            request = self.reference.request(action, payload)
            reply = await person.worker.rest(request.method, request.path, request.body, token=person.credential)
            self.reference.check_response(action, reply)
            return reply.body, reply.status
        body = await person.socket.emit(action, payload)
        self.reference.check_acknowledgement(action, body)
        return body, None

    async def uploads(self, person: Person, at: dict[str, str], file: bytes, **parts: str) -> Any:
        """Upload a picture, which over HTTP is no JSON; the image."""
        if self.door == "socket":
            return await self.creates(person, "image:upload", **at, file=file, **parts)
        form = aiohttp.FormData({**parts})
        form.add_field("file", file, filename="picture.png")
        path = f"/api/{at['type']}/{at['id']}/images"
        reply = await person.worker.rest("POST", path, token=person.credential, data=form)
        assert reply.status == 201, reply
        self.reference.check_response("image:upload", reply)
        self.called.add("image:upload")
        return reply.body["data"]

    async def does(self, person: Person, action: str, /, **payload: Any) -> Any:
        """Call an action that succeeds and creates nothing; its data."""
        return await self._succeed(200, person, action, payload)

    async def creates(self, person: Person, action: str, /, **payload: Any) -> Any:
        """Call an action that succeeds and creates something; its data."""
        return await self._succeed(201, person, action, payload)

    async def refused(self, code: str, person: Person, action: str, /, **payload: Any) -> None:
        """Call an action that fails with that code."""
        body, _ = await self.call(person, action, **payload)
        assert not body["ok"], body
        assert body["error"]["code"] == code, body

    async def heard(self, names: set[str]) -> None:
        """Wait until these events were heard, hold everything heard against the reference, and let everybody go."""
        await eventually(lambda: names <= self._names(), f"{sorted(names)}, of which some were not heard")
        for person in self._people:
            for received in person.socket.events:
                if received.event == READY_EVENT:
                    # No event of the contract: the engine's first offset, for connection state recovery.
                    continue
                assert received.event in {*EVENTS, PUBLISHED}, f"nobody told of {received.event}"
                self.reference.check_event(received.event, received.data)
            await person.socket.disconnect()

    def _names(self) -> set[str]:
        return {received.event for person in self._people for received in person.socket.events}

    async def _succeed(self, expected: int, person: Person, action: str, payload: dict[str, Any]) -> Any:
        self.reference.check_payload(action, payload)
        body, status = await self.call(person, action, **payload)
        assert body["ok"], body
        assert status in {None, expected}, (action, status)
        return body["data"]

    async def _enter(self, worker: Hubbub, id: str, credential: str | None, auth: Any) -> Person:
        socket = await self._js.connect(worker.url, auth, transports=["websocket"])
        person = Person(worker, id, credential, socket)
        self._people.append(person)
        return person


async def channels(walk: Walk) -> None:
    """Backends publish, and everybody subscribes."""
    backend, ada = await walk.backend(), await walk.user("ada", walk.cluster.b)
    channel = f"app:{secrets.token_hex(6)}"
    await walk.does(ada, "channel:subscribe", channel=channel, snapshot=True)
    order = {"channel": channel, "event": PUBLISHED, "data": {"total": 12.5}}
    await walk.creates(backend, "channel:publish", **order, clientId=channel)
    await walk.does(backend, "channel:publish", **order, clientId=channel)
    await walk.creates(backend, "channel:publish-batch", events=[order, order | {"data": None}])
    visitor = await walk.visitor()
    await walk.does(visitor, "channel:subscribe", channel="community")
    await walk.does(ada, "channel:subscribe", channel=channel, after=0)
    await ada.socket.wait_for(PUBLISHED, lambda event: event["seq"] == 3)
    await walk.does(ada, "channel:unsubscribe", channel=channel)


async def rooms(walk: Walk) -> None:
    """A room is opened, peopled, changed, left and archived."""
    ada, bo, cy = [await walk.user(name, walk.cluster.a) for name in ("ada", "bo", "cy")]
    wanted = {"name": f"Room {secrets.token_hex(6)}", "description": "Where we meet", "clientId": "room"}
    room = await walk.creates(ada, "room:create", **wanted)
    assert await walk.does(ada, "room:create", **wanted) == room
    await walk.creates(ada, "room:create", visibility="direct", memberIds=[bo.id])
    await walk.does(ada, "room:list")
    await walk.does(bo, "room:list", scope="public", q=wanted["name"], limit=10)
    await walk.does(ada, "channel:subscribe", channel=f"room:{room['id']}", after=0, snapshot=True)
    await walk.creates(ada, "room:invite", roomId=room["id"], userId=bo.id)
    await walk.creates(cy, "room:join", roomId=room["id"])
    await walk.does(cy, "room:join", roomId=room["id"])
    await walk.does(ada, "room:role", roomId=room["id"], userId=bo.id, role="moderator")
    await walk.does(cy, "room:members", roomId=room["id"], limit=2)
    await walk.does(bo, "room:update", roomId=room["id"], description="Where we still meet", slowMode=1)
    await walk.does(cy, "room:leave", roomId=room["id"])
    await walk.does(ada, "room:remove", roomId=room["id"], userId=bo.id)
    await walk.does(ada, "room:archive", roomId=room["id"])


async def messages(walk: Walk) -> None:
    """Messages are sent, answered, read, changed, found and deleted, while somebody types."""
    ada, bo = await walk.user("ada", walk.cluster.a), await walk.user("bo", walk.cluster.b)
    room = (await walk.creates(ada, "room:create", name=f"Talk {secrets.token_hex(6)}", memberIds=[bo.id]))["id"]
    await walk.does(ada, "channel:subscribe", channel=f"room:{room}")
    await walk.does(bo, "typing:start", channel=f"room:{room}")
    await walk.does(bo, "channel:subscribe", channel=f"room:{room}", snapshot=True)
    await walk.does(bo, "typing:stop", channel=f"room:{room}")
    hello = {"roomId": room, "message": f"Hello @{bo.id}", "clientId": "hello"}
    first = await walk.creates(ada, "message:send", **hello)
    assert await walk.does(ada, "message:send", **hello) == first
    picture = {"url": "https://pictures.example/1.png", "alt": "A mountain"}
    answer = {"message": "Look at this", "replyToId": first["id"], "mentions": [ada.id], "attachments": [picture]}
    second = await walk.creates(bo, "message:send", roomId=room, **answer)
    await walk.does(bo, "message:react", messageId=first["id"], emoji="🎉")
    await walk.does(ada, "message:history", roomId=room, limit=1)
    await walk.does(bo, "message:unreact", messageId=first["id"], emoji="🎉")
    await walk.does(ada, "message:edit", messageId=first["id"], message="Good morning")
    await walk.does(ada, "message:read", roomId=room, seq=second["seq"])
    await walk.does(bo, "message:search", q="morning", roomId=room)
    await walk.does(bo, "message:delete", messageId=second["id"])
    await walk.does(ada, "message:history", roomId=room, before=3)
    await walk.does(ada, "room:list")


async def engagement(walk: Walk) -> None:
    """A trip is rated, liked and saved, while a visitor watches the numbers."""
    ada, bo, visitor = (
        await walk.user("ada", walk.cluster.a),
        await walk.user("bo", walk.cluster.b),
        await walk.visitor(),
    )
    trip = {"type": "trip", "id": secrets.token_hex(6)}
    for topic in ("rating", "likes", "saves"):
        await walk.does(visitor, "channel:subscribe", channel=f"trip:{trip['id']}:{topic}", snapshot=True)
    await walk.does(visitor, "rating:get", **trip)
    await walk.does(ada, "rating:set", **trip, value=4)
    await walk.does(bo, "rating:set", **trip, value=5)
    await walk.does(ada, "rating:get", **trip)
    await walk.does(ada, "like:toggle", **trip)
    await walk.does(ada, "like:set", **trip, liked=False)
    await walk.does(visitor, "like:get", **trip)
    await walk.does(bo, "save:set", **trip, saved=True)
    await walk.does(bo, "save:list", type="trip", limit=10)
    await walk.does(bo, "save:toggle", **trip)
    await walk.does(visitor, "save:get", **trip)


async def notifications(walk: Walk) -> None:
    """People say what they want, are notified, and read and delete what they were told."""
    backend, admin = await walk.backend(), await walk.user("admin", walk.cluster.a, role="admin")
    ada = await walk.user("ada", walk.cluster.b)
    await walk.does(ada, "notification:preferences")
    quiet = {"start": "22:00", "end": "07:00", "timeZone": "Europe/Berlin"}
    wishes = {"types": {"PROMOTION": {"inApp": False}}, "quietHours": quiet, "mutedRooms": ["room"]}
    await walk.does(ada, "notification:preferences", **wishes)
    await walk.does(ada, "notification:preferences", quietHours=None)
    paid = {"title": "Paid", "message": "Thank you", "type": "PAYMENT", "level": "success", "link": "/orders/1"}
    sending = {"userIds": [ada.id], **paid, "data": {"order": 1}, "collapseKey": "order:1", "clientId": ada.id}
    sent = await walk.creates(backend, "notification:send", **sending)
    assert await walk.does(backend, "notification:send", **sending) == sent
    await walk.creates(admin, "notification:send", roles=["admin"], title="Up", message="All is well", type="SYSTEM")
    await walk.creates(admin, "notification:send", everyone=True, title="Hi", message="All", type="TOUR", critical=True)
    found = await walk.does(ada, "notification:list", unread=True, type="PAYMENT", limit=1)
    [only] = found["notifications"]
    await walk.does(ada, "notification:list", before=only["id"])
    await walk.does(ada, "notification:read", ids=[only["id"]])
    await walk.does(ada, "notification:read", ids=[only["id"]], isRead=False)
    await walk.does(ada, "notification:read", all=True)
    await walk.does(ada, "notification:delete", ids=[only["id"]])
    await walk.does(ada, "notification:delete", all=True)
    await ada.socket.wait_for("notification:created", lambda event: event["data"]["notification"]["type"] == "TOUR")


async def push(walk: Walk) -> None:
    """A browser is subscribed to what is pushed, and no more."""
    ada = await walk.user("ada", walk.cluster.b)
    await walk.does(ada, "push:key")
    endpoint = f"https://127.0.0.1/{secrets.token_hex(8)}"
    browser = {"endpoint": endpoint, "expirationTime": None, "keys": Browser(endpoint).keys}
    await walk.creates(ada, "push:subscribe", **browser)
    await walk.does(ada, "push:subscribe", **browser)
    await walk.does(ada, "push:unsubscribe", endpoint=endpoint)


async def presence(walk: Walk) -> None:
    """People come, say how they are, are looked for, and look at something."""
    ada, bo = await walk.user("ada", walk.cluster.a), await walk.user("bo", walk.cluster.b)
    for channel in ("presence", f"presence:{bo.id}"):
        await walk.does(ada, "channel:subscribe", channel=channel, snapshot=True)
    await walk.does(bo, "presence:update", status="away", currentPage="/trips/1", activity="editing")
    await walk.does(bo, "presence:update", status="online", currentPage=None)
    await walk.does(bo, "presence:heartbeat")
    await walk.does(ada, "presence:get", userId=bo.id)
    await walk.does(ada, "presence:get", ids=[bo.id, ada.id, "nobody"])
    await walk.does(ada, "presence:get", status="online", limit=1)
    await ada.socket.wait_for("presence:changed", lambda event: event["channel"] == "presence")
    await ada.socket.wait_for("presence:changed", lambda event: event["channel"] != "presence")
    trip = {"type": "trip", "id": secrets.token_hex(6)}
    await walk.does(ada, "channel:subscribe", channel=f"trip:{trip['id']}:viewers", snapshot=True)
    await walk.does(bo, "viewers:track", **trip)
    await walk.does(bo, "viewers:get", **trip)
    await walk.does(bo, "viewers:untrack", **trip)
    await ada.socket.wait_for("viewers:changed")


async def comments(walk: Walk) -> None:
    """A trip is commented on; a moderator lets one comment stay and takes another away."""
    ada, bo = await walk.user("ada", walk.cluster.a), await walk.user("bo", walk.cluster.b)
    mo = await walk.user("mo", walk.cluster.b, role="moderator")
    trip = {"type": "trip", "id": secrets.token_hex(6)}
    await walk.does(ada, "channel:subscribe", channel=f"trip:{trip['id']}:comments", snapshot=True)
    await walk.does(mo, "channel:subscribe", channel="admin")
    lovely = trip | {"body": "Lovely!", "clientId": "lovely"}
    first = await walk.creates(ada, "comment:create", **lovely)
    assert await walk.does(ada, "comment:create", **lovely) == first
    answer = await walk.creates(bo, "comment:create", **trip, body="Was it?", parentId=first["id"])
    await walk.does(bo, "comment:edit", commentId=answer["id"], body="It was!")
    await walk.does(bo, "comment:list", **trip, limit=1)
    await walk.does(bo, "comment:list", **trip, parentId=first["id"], before=answer["id"])
    for comment, decision in ((first, "approve"), (answer, "reject")):
        await walk.does(bo, "comment:flag", commentId=comment["id"], reason="Spam")
        await walk.does(mo, "comment:flag", commentId=comment["id"])
        (item,) = (await walk.does(mo, "moderation:list", kind="comment", limit=1))["items"]
        assert item["subjectId"] == comment["id"]
        await walk.does(mo, "moderation:decide", itemId=item["id"], decision=decision, reason="Rules")
    await walk.does(mo, "moderation:list", status="rejected")
    await walk.does(ada, "comment:delete", commentId=first["id"])


async def images(walk: Walk) -> None:
    """Pictures are added to a trip, let appear or not, chosen and deleted."""
    ada, visitor = await walk.user("ada", walk.cluster.a), await walk.visitor()
    mo = await walk.user("mo", walk.cluster.b, role="moderator")
    trip = {"type": "trip", "id": secrets.token_hex(6)}
    await walk.does(visitor, "channel:subscribe", channel=f"trip:{trip['id']}:images", snapshot=True)
    await walk.does(mo, "channel:subscribe", channel="admin")
    file = BytesIO()
    Image.new("RGB", (8, 6), "teal").save(file, "PNG")
    for decision in ("approve", "reject"):
        image = await walk.uploads(ada, trip, file.getvalue(), caption="The lake", clientId=decision)
        items = (await walk.does(mo, "moderation:list", kind="image"))["items"]
        (item,) = [each for each in items if each["subjectId"] == image["id"]]
        await walk.does(mo, "moderation:decide", itemId=item["id"], decision=decision)
    (shown,) = (await walk.does(visitor, "image:list", **trip, limit=10))["images"]
    await walk.does(visitor, "image:list", **trip, before=shown["id"])
    await walk.does(mo, "image:feature", **trip, imageId=shown["id"])
    await walk.does(ada, "image:delete", imageId=shown["id"])
    await walk.refused("not_found", ada, "image:delete", imageId=shown["id"])


async def sanctions(walk: Walk) -> None:
    """Somebody is kept from speaking, sent away and let in again."""
    ada, mo = await walk.user("ada", walk.cluster.a), await walk.user("mo", walk.cluster.b, role="moderator")
    backend = await walk.backend()
    await walk.does(mo, "user:mute", userId=ada.id, seconds=60, reason="Shouting")
    await walk.does(backend, "user:ban", userId=ada.id)
    await walk.does(mo, "user:pardon", userId=ada.id)
    await walk.does(mo, "user:revoke", userId=ada.id, reason="A lost phone")


async def stories(walk: Walk) -> None:
    """A story is written, shown, talked about, hidden and deleted."""
    ada, bo = await walk.user("ada", walk.cluster.a), await walk.user("bo", walk.cluster.b)
    visitor = await walk.visitor()
    await walk.does(visitor, "channel:subscribe", channel="community")
    await walk.does(ada, "channel:subscribe", channel="community")
    wanted = {"title": "The lighthouse", "genre": "mystery", "body": "It was dark.", "clientId": "lighthouse"}
    story = await walk.creates(ada, "story:create", **wanted)
    assert await walk.does(ada, "story:create", **wanted) == story
    mine = {"storyId": story["id"]}
    await walk.does(ada, "story:update", **mine, title="The dark lighthouse", genre=None)
    await walk.refused("not_found", bo, "story:get", **mine)
    await walk.does(ada, "story:visibility", **mine, visibility="public")
    await walk.does(visitor, "story:get", **mine)
    await walk.does(bo, "story:list", limit=1)
    await walk.does(ada, "story:list", authorId=ada.id, before=story["id"])
    await walk.refused("forbidden", bo, "post:create", **mine, title="Read this", type="announcement")
    said = {"title": "Why dark?", "body": "I wonder.", "type": "question", "clientId": "why"}
    post = await walk.creates(bo, "post:create", **mine, **said)
    assert await walk.does(bo, "post:create", **mine, **said) == post
    await walk.does(bo, "post:update", postId=post["id"], title="Why so dark?")
    await walk.does(visitor, "post:list", **mine, limit=1)
    await walk.does(bo, "post:delete", postId=post["id"])
    await walk.does(ada, "story:visibility", **mine, visibility="unlisted")
    await walk.does(ada, "story:delete", **mine)


async def documents(walk: Walk) -> None:
    """A document is begun, shared, edited together, sent whole, named, restored and deleted."""
    ada, bo = await walk.user("ada", walk.cluster.a), await walk.user("bo", walk.cluster.b)
    wanted = {"title": "Notes", "content": "Hello", "clientId": "notes"}
    document = await walk.creates(ada, "document:create", **wanted)
    assert await walk.does(ada, "document:create", **wanted) == document
    mine = {"documentId": document["id"]}
    await walk.does(ada, "document:share", **mine, everyone="read", users={bo.id: "write"})
    await walk.does(bo, "document:list", limit=1)
    await walk.does(ada, "channel:subscribe", channel=f"document:{document['id']}", snapshot=True)
    opened = await walk.does(ada, "document:open", **mine)
    await walk.does(bo, "document:open", **mine, stateVector=opened["stateVector"])
    pad = Pad(opened["update"])
    await walk.does(bo, "document:update", **mine, update=pad.write(", world", 5))
    await ada.socket.wait_for("document:updated", lambda event: event["data"]["n"] == 1)
    await walk.does(bo, "document:awareness", **mine, update=awareness(7, {"cursor": {"anchor": 1}}))
    named = await walk.creates(bo, "document:snapshot", **mine, name="First")
    await walk.does(ada, "document:save", **mine, content="Hello, you", baseVersion=1)
    await walk.does(ada, "document:history", **mine, limit=1)
    await walk.does(ada, "document:restore", **mine, versionId=named["id"])
    assert (await walk.does(bo, "document:get", **mine))["content"] == "Hello, world"
    await walk.does(bo, "document:close", **mine)
    await ada.socket.wait_for("document:saved")
    await walk.does(ada, "document:delete", **mine)


async def records(walk: Walk) -> None:
    """Records are kept, changed on both sides, settled, parked, resolved and deleted."""
    ada, bo = await walk.user("ada", walk.cluster.a), await walk.user("bo", walk.cluster.b)
    await walk.does(bo, "channel:subscribe", channel="collection:tasks", snapshot=True, filter="title=like.%")
    task = {"collection": "tasks", "id": f"task-{secrets.token_hex(6)}"}
    wanted = {**task, "data": {"title": "Write"}, "clientId": task["id"]}
    first = await walk.creates(ada, "record:upsert", **wanted)
    assert await walk.does(ada, "record:upsert", **wanted) == first
    await walk.does(bo, "record:upsert", **task, data={"title": "Write it"}, baseVersion=1)
    await walk.does(ada, "record:upsert", **task, data={"title": "Read"}, baseVersion=1, strategy="merge")
    await walk.does(bo, "record:get", **task)
    await walk.does(bo, "record:list", collection="tasks", filter="title=eq.Read", limit=1)
    await walk.does(bo, "record:list", collection="tasks", before=task["id"])
    stale = {**task, "baseVersion": 1, "strategy": "manual"}
    await walk.refused("conflict", ada, "record:upsert", **stale, data={"title": "Mine"})
    change = {"op": "upsert", "data": {"title": "Mine too"}, "mutationId": secrets.token_hex(6)}
    mutations = [{**stale, **change}, {**task, "op": "delete", "mutationId": secrets.token_hex(6)}]
    await walk.does(ada, "record:sync", mutations=mutations)
    resolutions: list[dict[str, Any]] = [{"resolution": "custom", "data": {"title": "Ours"}}, {"resolution": "remote"}]
    mine = (await walk.does(ada, "conflict:list", status="open", limit=10))["conflicts"]
    for conflict, resolution in zip(mine, resolutions, strict=True):
        await walk.does(ada, "conflict:resolve", conflictId=conflict["id"], **resolution)
    await walk.does(ada, "conflict:list", status="resolved", before=mine[0]["id"])
    await walk.does(bo, "record:delete", **task)


async def sessions(walk: Walk) -> None:
    """A session is looked at, extended and ended."""
    ada = await walk.user("ada", walk.cluster.a)
    await walk.does(ada, "session:get")
    await walk.does(ada, "session:refresh", token=walk.cluster.token(ada.id, exp=None))
    await walk.does(ada, "session:refresh", token=walk.cluster.token(ada.id))
    bo = await walk.user("bo", walk.cluster.a, exp=int(time.time()) + 5)
    await bo.socket.wait_for("session:expired")


STAGES: tuple[Callable[[Walk], Awaitable[None]], ...] = (
    channels,
    rooms,
    messages,
    notifications,
    push,
    presence,
    engagement,
    comments,
    images,
    sanctions,
    stories,
    documents,
    records,
    sessions,
)
"""A function for each noun; new actions are called in one of these, or in a new one."""
