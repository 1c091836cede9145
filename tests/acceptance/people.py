"""The people of a test: each is connected with the official client, and acts through one of the two doors."""

import itertools
import secrets
from collections.abc import Callable, Mapping
from string import Formatter
from typing import Any
from urllib.parse import quote, urlencode

from tests.acceptance import contract
from tests.support.hubbub import Cluster, Hubbub, Reply
from tests.support.js import JsClients, JsSocket

DOORS = ("socket", "rest")


async def connect(js: JsClients, worker: Hubbub, auth: Mapping[str, Any] | None, **options: Any) -> JsSocket:
    """A socket of the official client; over WebSocket from the start, which is quicker, unless `options` differ."""
    return await js.connect(worker.url, auth, **{"transports": ["websocket"]} | options)


async def call_rest(worker: Hubbub, token: str | None, action: str, payload: Mapping[str, Any]) -> Reply:
    """Call an action through its route: path, then query (of a GET) or body."""
    by_field = [
        route for (name, field), route in contract.ROUTES_BY_FIELD.items() if name == action and field in payload
    ]
    method, template = by_field[0] if by_field else contract.ROUTES[action]
    names = [name for _, name, _, _ in Formatter().parse(template) if name]
    path = template.format(**{name: quote(str(payload[name]), safe="") for name in names})
    rest = {name: value for name, value in payload.items() if name not in names}
    if method == "GET":
        query = {name: _in_query(value) for name, value in rest.items()}
        return await worker.rest(method, f"{path}?{urlencode(query)}", token=token)
    return await worker.rest(method, path, rest or None, token=token)


def _in_query(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(value) if isinstance(value, list) else value


class Person:
    """Somebody signed in (or, without a token, a visitor), at one worker."""

    def __init__(self, worker: Hubbub, id: str, name: str, credential: str | None, door: str) -> None:
        self.worker = worker
        self.id = id
        self.name = name
        self.credential = credential
        """The token, or a backend's API key."""
        self.door = door
        self.socket: JsSocket

    @property
    def own_channel(self) -> str:
        """The channel that every connection of this person hears."""
        return f"user:{self.id}"

    async def call(self, action: str, /, **payload: Any) -> tuple[dict[str, Any], int | None]:
        """Call an action through this person's door; the reply, and through the REST door its status."""
        if self.door == "socket" or action in contract.WITHOUT_ROUTE:
            body, status = await self.socket.emit(action, payload), None
        else:
            answer = await call_rest(self.worker, self.credential, action, payload)
            body, status = answer.body, answer.status
        contract.reply(body)
        if status is not None and not body["ok"]:
            assert status == contract.STATUSES[body["error"]["code"]], (status, body)
        return body, status

    async def does(self, action: str, /, **payload: Any) -> Any:
        """Call an action that succeeds and creates nothing (REST: 200); its data."""
        return await self._succeed(200, action, payload)

    async def creates(self, action: str, /, **payload: Any) -> Any:
        """Call an action that succeeds and creates something (REST: 201); its data."""
        return await self._succeed(201, action, payload)

    async def refused(self, code: str, action: str, /, **payload: Any) -> dict[str, Any]:
        """Call an action that fails with that code; the error."""
        body, _ = await self.call(action, **payload)
        assert not body["ok"], body
        assert body["error"]["code"] == code, body
        return body["error"]

    async def subscribes(self, channel: str, **options: Any) -> dict[str, Any]:
        """Hear a channel from now on; the reply's data."""
        body, _ = await self.call("channel:subscribe", channel=channel, **options)
        assert body["ok"], body
        return body["data"]

    async def hears(
        self, event: str, predicate: Callable[[Any], Any] | None = None, *, channel: str | None = None
    ) -> dict[str, Any]:
        """The earliest event of this name, come or to come, whose data satisfies `predicate`: its envelope, once."""

        def is_it(envelope: Any) -> bool:
            return (channel is None or envelope["channel"] == channel) and (
                predicate is None or predicate(envelope["data"])
            )

        received = await self.socket.wait_for(event, is_it)
        envelope, *offset = received.args
        # What connection state recovery adds, and a client does not look at.
        assert len(offset) <= 1
        assert all(isinstance(each, str) for each in offset)
        contract.event(envelope, event, signal=event in contract.SIGNALS)
        return envelope

    def heard(self, event: str, channel: str | None = None) -> list[Any]:
        """The data of all events of this name so far."""
        return [each["data"] for each in self.socket.received(event) if channel in (None, each["channel"])]

    async def is_up_to_date(self) -> None:
        """Wait for a marker: what this person's worker had sent them before has arrived by then."""
        mark = secrets.token_hex(8)
        answer = await self.worker.rest(
            "POST",
            "/api/publish",
            {"channel": self.own_channel, "event": "test:marker", "data": mark},
            token=self.worker.api_key,
        )
        assert answer.status == 201, answer
        await self.socket.wait_for("test:marker", lambda envelope: envelope["data"] == mark)

    async def _succeed(self, expected: int, action: str, payload: dict[str, Any]) -> Any:
        body, status = await self.call(action, **payload)
        assert body["ok"], body
        assert status in {None, expected}, (status, body)
        return body["data"]


class Gathering:
    """Brings people to a cluster: one after the other to its two workers in turn, unless told where."""

    def __init__(self, cluster: Cluster, js: JsClients, door: str) -> None:
        self.cluster = cluster
        self.door = door
        self.js = js
        self._turn = itertools.cycle((cluster.a, cluster.b))
        self._people: list[Person] = []

    async def __call__(
        self,
        name: str,
        *,
        at: Hubbub | None = None,
        door: str | None = None,
        role: str = "user",
        options: Mapping[str, Any] | None = None,
        **claims: Any,
    ) -> Person:
        """A new person of that name, connected; `options` are the client's, `claims` the token's."""
        id = f"{name.lower()}-{secrets.token_hex(5)}"
        token = self.cluster.token(id, name=name, role=role, **claims)
        person = Person(at or next(self._turn), id, name, token, door or self.door)
        return await self._bring(person, {"token": token}, **(options or {}))

    async def again(self, person: Person, *, at: Hubbub | None = None) -> Person:
        """Another connection of the same person."""
        assert person.credential is not None
        same = Person(at or person.worker, person.id, person.name, person.credential, person.door)
        return await self._bring(same, {"token": person.credential})

    async def visitor(self, *, at: Hubbub | None = None) -> Person:
        """Somebody without a token."""
        return await self._bring(Person(at or self.cluster.a, "", "", None, self.door), None)

    async def backend(self, *, at: Hubbub | None = None) -> Person:
        """A backend with an API key."""
        key = self.cluster.api_key
        return await self._bring(Person(at or self.cluster.a, "", "", key, self.door), {"apiKey": key})

    async def _bring(self, person: Person, auth: Mapping[str, Any] | None, **options: Any) -> Person:
        person.socket = await connect(self.js, person.worker, auth, **options)
        self._people.append(person)
        return person

    async def disperse(self) -> None:
        """Let everybody disconnect."""
        for each in self._people:
            await each.socket.disconnect()


async def open_room(owner: Person, *members: Person, visibility: str = "public", **fields: Any) -> dict[str, Any]:
    """A new room of that owner with these members, all of whom hear it; the room."""
    name = fields.pop("name", f"{owner.name}'s room {secrets.token_hex(5)}")
    room = await owner.creates("room:create", name=name, visibility=visibility, **fields)
    for each in members:
        await owner.creates("room:invite", roomId=room["id"], userId=each.id)
    for each in (owner, *members):
        await each.subscribes(f"room:{room['id']}")
    return room | {"memberCount": 1 + len(members)}


async def say(author: Person, room: Mapping[str, Any], *texts: str, **fields: Any) -> list[dict[str, Any]]:
    """Send these messages one after the other; the messages."""
    replies = [await author.call("message:send", roomId=room["id"], message=text, **fields) for text in texts]
    assert all(body["ok"] for body, _ in replies), replies
    return [body["data"] for body, _ in replies]
